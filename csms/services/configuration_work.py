"""What the server does with settings by itself: reads them at the first connection and after an update of the firmware,
applies templates, uploads what waits, and looks for drift.

All of it is found by looking into the database, so nothing is lost when a process ends. Few stations are busy at a
time, however many come at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
import structlog
import trio

from csms.actors.supervise import contain
from csms.domain.commands import Answer, Command
from csms.domain.configuration import DesiredState
from csms.domain.device_model import ReportReceived
from csms.domain.errors import DomainError, FailedPrecondition, Unavailable
from csms.domain.facts import Reply
from csms.domain.records import JobState
from csms.ports.configuration import ConfigurationStatus, ConfigurationStore, StationNow
from csms.ports.lease import Lease
from csms.services.configuration_templates import ConfigurationTemplates
from csms.services.remote import Target
from csms.services.station_settings import StationSettings, kind_of

_log = structlog.get_logger("csms.configuration")

AT_ONCE: Final = 8
LOOK_S: Final = 2.0
TURN_S: Final = 0.2
"""Between two looks at the least: what ends meanwhile makes room for the next, and stations come a few at a time."""
COMPARE_S: Final = 60.0
COMPARE_SIZE: Final = 500
OUR_SECONDS: Final = 60.0
REPORT_LOOK_S: Final = 3.0
MAX_ATTEMPTS: Final = 5
FIRST_PAUSE_S: Final = 60.0
_FINAL: Final = frozenset({"READ_FAILED", "NOT_SUPPORTED"})
"""Asking again would bring the same."""


class _NotYet(Exception):
    """A report is on its way."""


class ConfigurationWork:
    """`run` is a task for the nursery of the application. `delay_s`: so long after its boot a station is left alone."""

    def __init__(
        self,
        store: ConfigurationStore,
        settings: StationSettings,
        templates: Callable[[], ConfigurationTemplates],
        lease: Lease,
        *,
        delay_s: float,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._settings = settings
        self._templates = templates
        self._lease = lease
        self._delay = timedelta(seconds=delay_s)
        self._now = now
        self._wake = trio.Event()
        self._busy: set[int] = set()
        self._compared_at = -COMPARE_S

    # -- told by others ------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def on_report(self, station_id: int, fact: ReportReceived, reply: Reply) -> None:
        """Compare what it told with what is wanted."""
        del fact, reply
        await self._settings.compare(station_id)

    async def after_get_variables(self, station_id: int, command: Command, answer: Answer) -> None:
        """The same."""
        del command
        if answer.variables:
            await self._settings.compare(station_id)

    # -- the task ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever; in one process at a time."""
        async with trio.open_nursery() as nursery:
            while True:
                self._wake = trio.Event()
                try:
                    if await self._lease.holds():
                        await self.turn(nursery)
                except Unavailable:
                    _log.info("configurations wait for the database")
                with trio.move_on_after(LOOK_S):
                    await self._wake.wait()
                await trio.sleep(TURN_S)

    async def turn(self, nursery: trio.Nursery) -> None:
        """Begin with as many stations as there is room for. Raises Unavailable."""
        room = AT_ONCE - len(self._busy)
        if room > 0:
            now = self._now()
            for station in await self._store.due(now, now - self._delay, size=room, but=self._busy):
                self._busy.add(station.station_id)
                nursery.start_soon(self._one, station)
        if trio.current_time() - self._compared_at >= COMPARE_S:
            self._compared_at = trio.current_time()
            for station_id in await self._store.uncompared(COMPARE_SIZE):
                await contain(partial(self._compare, station_id), partial(_report, station_id))

    async def _one(self, station: StationNow) -> None:
        errors: list[Exception] = []
        try:
            await contain(partial(self.attend, station), errors.append)
            for error in list(errors):
                _report(station.station_id, error)
                await contain(partial(self._rest, station.station_id, error), errors.append)
            if len(errors) > 1:  # not even that: the database is away
                await trio.sleep(LOOK_S)
        finally:
            self._busy.discard(station.station_id)
            self.wake()

    async def _rest(self, station_id: int, error: Exception) -> None:
        """Whatever it was must not be tried again at once, and before all others."""
        status = (await self._store.now(station_id)).status
        await self._store.put_status(self._later(status, error))

    async def _compare(self, station_id: int) -> None:
        await self._settings.compare(station_id)

    # -- one station ---------------------------------------------------------------------------------------------------

    async def attend(self, station: StationNow) -> None:
        """Everything that is due at it; what was done before something fails is in the database. Raises DomainError."""
        status = station.status
        if status.attempts:  # what failed is tried again now
            status = msgspec.structs.replace(status, failure="")
        try:
            if station.online:
                status = await self._read(station, status)
            status = await self._apply(station, status)
            if station.online and status.upload_due:
                await self._settings.send(None, Target(station.station_id, OUR_SECONDS), unasked=True)
                status = msgspec.structs.replace(status, upload_due=False)
            await self._settings.compare(station.station_id)
        except _NotYet:
            later = self._now() + timedelta(seconds=REPORT_LOOK_S)
            await self._store.put_status(msgspec.structs.replace(status, not_before=later))
            return
        await self._store.put_status(msgspec.structs.replace(status, attempts=0, not_before=None))

    async def _read(self, station: StationNow, status: ConfigurationStatus) -> ConfigurationStatus:
        known = (status.vendor, status.model, status.firmware_version)
        present = (station.vendor, station.model, station.firmware_version)
        target = Target(station.station_id, OUR_SECONDS)
        failure = ""
        if status.read_at is not None and known == present:
            if station.booted_at is None or status.read_at >= station.booted_at:
                return status
            waiting = [wish for wish in await self._settings.all(station.station_id) if _waits(wish.desired)]
            if not waiting:
                return status
            await self._settings.read_some(target, [each.name for each in waiting])
        else:
            try:
                await self._read_all(station, target)
            except DomainError as error:
                if error.reason not in _FINAL and status.attempts + 1 < MAX_ATTEMPTS:
                    raise
                failure = error.message
        vendor, model, firmware = present
        status = msgspec.structs.replace(
            status,
            vendor=vendor,
            model=model,
            firmware_version=firmware,
            read_at=self._now(),
            failure=failure,
            attempts=0,
            not_before=None,
        )
        await self._store.put_status(status)
        return status

    async def _read_all(self, station: StationNow, target: Target) -> None:
        if kind_of(station).has_keys:
            await self._settings.read_keys(None, target)
            return
        job = await self._settings.begin_inventory(station)
        if job.finished_at is None:
            raise _NotYet
        if job.state is not JobState.SUCCEEDED:
            raise FailedPrecondition(
                f"The station did not bring its report to an end: {job.status} {job.detail}".strip()[:500],
                reason="READ_FAILED",
            )

    async def _apply(self, station: StationNow, status: ConfigurationStatus) -> ConfigurationStatus:
        first = status.read_at is not None and status.templated_at is None
        if not first and not status.apply_due:
            return status
        made = await self._templates().carry_out(station, None, "") if first else 0
        if status.apply_due:
            await self._templates().carry_out(station, status.apply_template_id, status.apply_by)
        status = msgspec.structs.replace(
            status,
            templated_at=self._now() if first else status.templated_at,
            apply_due=False,
            apply_template_id=None,
            apply_by="",
            upload_due=status.upload_due or made > 0,
        )
        await self._store.put_status(status)
        return status

    def _later(self, status: ConfigurationStatus, error: Exception) -> ConfigurationStatus:
        said = error.message if isinstance(error, DomainError) else "The server failed on this; its log says why."
        if isinstance(error, Unavailable) or (isinstance(error, DomainError) and error.reason == "STATION_OFFLINE"):
            pause, attempts = LOOK_S, status.attempts
        else:
            pause, attempts = FIRST_PAUSE_S * 2 ** min(status.attempts, 6), status.attempts + 1
        return msgspec.structs.replace(
            status,
            attempts=attempts,
            not_before=self._now() + timedelta(seconds=pause),
            failure=said,
        )


def _waits(wish: object) -> bool:
    return getattr(wish, "state", None) is DesiredState.REBOOT_REQUIRED


def _report(station_id: int, error: Exception) -> None:
    if isinstance(error, DomainError):
        _log.info("a configuration waits", station_id=station_id, reason=error.message)
    else:
        _log.error("a configuration could not be looked after", station_id=station_id, exc_info=error)
