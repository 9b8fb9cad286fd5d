"""The settings of one station: read from it, compared with what is wanted, sent to it. For people and for the server
alike: `caller` None is the server itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.access import Principal
from csms.domain.commands import SetVariable
from csms.domain.configuration import (
    Desired,
    DesiredState,
    Reported,
    Setting,
    StationKind,
    judged,
    merge,
    state_of,
)
from csms.domain.device_model import ReportBase, VariableCharacteristics
from csms.domain.errors import DomainError, FailedPrecondition
from csms.domain.facts import StationBooted
from csms.domain.known_variables import holds_secret
from csms.domain.records import JobState
from csms.ports.configuration import ConfigurationStore, StationNow
from csms.ports.inventory import Inventory, Job, VariableFilter, VariableView
from csms.services.device_model import DeviceModel, place_of_key
from csms.services.remote import NOT_SENT, Remote, Target, VariableOutcome

_log = structlog.get_logger("csms.configuration")

PAGE: Final = 1000
AT_A_TIME: Final = 100
"""In one go (csms.services.remote.MAX_VARIABLES); the station's own limits split it further."""
LOOK_SECONDS: Final = 0.5
"""How often to see whether a report has come."""
NAMES_TOLD: Final = 10
UNANSWERED: Final = frozenset({NOT_SENT, "STATION_OFFLINE", "MAILBOX_FULL", "DRAINING"})


class StationSettings:
    """Methods raise what `Remote` raises, NotFound, and Unavailable while the database is away."""

    def __init__(
        self,
        store: ConfigurationStore,
        inventory: Inventory,
        remote: Remote,
        model: DeviceModel,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._inventory = inventory
        self._remote = remote
        self._model = model
        self._now = now

    async def all(self, station_id: int) -> list[Setting]:
        """Both sides, in the order of their names."""
        return merge(await self._reported(station_id), await self._store.desired(station_id))

    # -- reading -------------------------------------------------------------------------------------------------------

    async def read(self, caller: Principal, target: Target) -> bool:
        """Have the station tell everything, and wait for it. False: it is still coming (2.x)."""
        station = await self._store.now(target.station_id)
        if kind_of(station).has_keys:
            await self.read_keys(caller, target)
            whole = True
        else:
            ends_at = trio.current_time() + target.timeout_s
            ordered = await self._model.get_base_report(caller, target, ReportBase.FULL)
            whole = await self._awaited(ordered.job, ends_at)
        await self.compare(target.station_id)
        return whole

    async def read_keys(self, caller: Principal | None, target: Target) -> None:
        """All configuration keys of a 1.6 station; those that it does not tell are gone.

        Raises also FailedPrecondition/READ_FAILED when it answers with an error."""
        started_at = self._now()
        answer = (await self._remote.get_variables(caller, target, [])).answer
        if answer.error_code:
            raise FailedPrecondition(
                f"The station answered GetConfiguration with {answer.error_code}: {answer.error_description}"[:500],
                reason="READ_FAILED",
            )
        if answer.variables:  # written by DeviceModel.after_get_variables, before we get the answer
            await self._inventory.drop_variables(target.station_id, before=started_at)

    async def read_some(self, target: Target, names: Sequence[str]) -> None:
        """Ask again for these; what comes is kept."""
        if names:
            await self._remote.get_variables(None, target, names)

    async def begin_inventory(self, station: StationNow) -> Job:
        """The report of a 2.x station for its present firmware, asked for once."""
        boot = StationBooted(station.vendor, station.model, firmware_version=station.firmware_version)
        return await self._model.inventory_of(station.station_id, boot)

    async def _awaited(self, job: Job, ends_at: float) -> bool:
        known: Job | None = job
        while known is not None and known.finished_at is None and trio.current_time() < ends_at:
            await trio.sleep(LOOK_SECONDS)
            known = await self._inventory.find_job(job.id)
        if known is None or known.finished_at is None:
            return False
        if known.state is not JobState.SUCCEEDED:
            raise FailedPrecondition(
                f"The station did not bring its report to an end: {known.status} {known.detail}".strip()[:500],
                reason="READ_FAILED",
            )
        return True

    # -- comparing -----------------------------------------------------------------------------------------------------

    async def compare(self, station_id: int) -> Sequence[str]:
        """Note what the station has otherwise than it took; the names. The alarm is told when they are others than
        before."""
        now = self._now()
        station = await self._store.now(station_id)
        settings = await self.all(station_id)
        wishes, drifted = [], []
        for each in settings:
            new = judged(each, station.booted_at, now)
            if new is not None:
                wishes.append(new)
            wish = new or each.desired
            if wish is not None and wish.drifted_at is not None:
                drifted.append(each.name)
        before = station.status.drifted
        names = drifted[:NAMES_TOLD]
        alarm = None
        if tuple(names) != before:
            alarm = msgspec.json.encode({"names": drifted})
            _log.info("drift of a configuration changed", station_id=station_id, drifted=len(drifted))
        if alarm is not None or any(each.desired is not None for each in settings):
            await self._store.note_comparison(station_id, wishes, names, now, alarm)
        return drifted

    # -- sending -------------------------------------------------------------------------------------------------------

    async def send(
        self, caller: Principal | None, target: Target, *, only: Collection[str] = (), unasked: bool = False
    ) -> list[Setting]:
        """Send what differs, and note the answers. What the station has already is ACCEPTED without being sent.
        `only`: names, case does not matter. `unasked`: only what it has given no answer to yet.

        Returns those that were sent, as they are then. Raises when nothing could be sent at all.
        """
        await self.compare(target.station_id)
        wanted = {name.casefold() for name in only}
        chosen = [
            (each.name, each.desired)
            for each in await self.all(target.station_id)
            if each.desired is not None
            and each.to_send
            and (not wanted or each.name.casefold() in wanted)
            and (not unasked or each.desired.state in (DesiredState.PENDING, DesiredState.SENT))
        ]
        sent: set[str] = set()
        ends_at = trio.current_time() + target.timeout_s
        while chosen:
            part, chosen = chosen[:AT_A_TIME], chosen[AT_A_TIME:]
            left = Target(target.station_id, max(ends_at - trio.current_time(), 0.1), target.wait_for_station)
            try:
                await self._send(caller, left, part)
            except DomainError:
                if not sent:
                    raise
                break
            sent.update(name for name, _ in part)
        await self.compare(target.station_id)
        return [each for each in await self.all(target.station_id) if each.name in sent]

    async def _send(self, caller: Principal | None, target: Target, part: Sequence[tuple[str, Desired]]) -> None:
        told = [_told(wish, self._now()) for _, wish in part]
        await self._store.note(target.station_id, told)
        variables = [SetVariable(name, wish.value) for name, wish in part]
        try:
            outcomes = await self._remote.set_variables(caller, target, variables)
        except DomainError as error:
            failed = [
                _failed(old, wish, error.reason, error.message) for (_, old), wish in zip(part, told, strict=True)
            ]
            await self._store.note(target.station_id, failed)
            raise
        now = self._now()
        answered = [
            _answered(old, wish, outcome, now) for (_, old), wish, outcome in zip(part, told, outcomes, strict=True)
        ]
        await self._store.note(target.station_id, answered)

    async def _reported(self, station_id: int) -> list[Reported]:
        found: list[Reported] = []
        after = None
        while True:
            page, _ = await self._inventory.page_variables(station_id, VariableFilter(), size=PAGE, after=after)
            found += [reported(view) for view in page]
            if len(page) < PAGE:
                return found
            after = page[-1].key


def kind_of(station: StationNow) -> StationKind:
    """For templates."""
    return StationKind(station.vendor, station.model, station.firmware_version, station.protocol)


def reported(view: VariableView) -> Reported:
    """As the station told it; without values that nobody may read."""
    place = place_of_key(view.key)
    hidden = view.mutability == "WriteOnly" or holds_secret(place)
    told = Reported(place, None if hidden else view.value, view.at, view.mutability)
    if view.characteristics in (b"", b"{}"):
        return told
    try:
        more = msgspec.json.decode(view.characteristics, type=VariableCharacteristics)
    except msgspec.ValidationError:
        return told
    values = tuple(part.strip() for part in (more.values_list or "").split(",") if part.strip())
    return msgspec.structs.replace(
        told,
        data_type=more.data_type,
        unit=more.unit or "",
        min_limit=more.min_limit,
        max_limit=more.max_limit,
        values=values,
    )


def _told(wish: Desired, now: datetime) -> Desired:
    return msgspec.structs.replace(wish, state=DesiredState.SENT, sent_at=now, answer="", detail="", answered_at=None)


def _failed(old: Desired, wish: Desired, reason: str, message: str) -> Desired:
    """No answer: as before if nothing was sent."""
    if reason in UNANSWERED:
        state = DesiredState.PENDING if old.state is DesiredState.SENT else old.state
        return msgspec.structs.replace(old, state=state, detail=message)
    return msgspec.structs.replace(wish, detail=message)


def _answered(old: Desired, wish: Desired, outcome: VariableOutcome, now: datetime) -> Desired:
    if outcome.outcome is None:
        return _failed(old, wish, outcome.failure_reason, f"No answer came: {outcome.failure_reason}.")
    answer = outcome.outcome.answer
    state = state_of(answer)
    said = ": ".join(filter(None, (answer.error_description or answer.reason_code, answer.additional_info)))
    if state is DesiredState.REBOOT_REQUIRED:
        said = said or "It counts from the station's next start on."
    return msgspec.structs.replace(
        wish,
        state=state,
        answer=answer.error_code or answer.status,
        detail=said[:500],
        answered_at=now,
        drifted_at=None,
    )
