"""Orders for firmware and logs: each is a job, which what the station tells afterwards leads to its end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal
from csms.domain.commands import Answer, Command
from csms.domain.errors import DomainError, InvalidArgument
from csms.domain.maintenance import GetLog, LogNamed, LogType, PublishFirmware, UnpublishFirmware, UpdateFirmware
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import Inventory, Job
from csms.ports.queries import StationQueries
from csms.services.remote import CommandOutcome, Remote, Target

MAX_RETRIES: Final = 1_000
MAX_RETRY_INTERVAL_S: Final = 7 * 24 * 3600
_LOCATION: Final = re.compile(r"(?:ftps?|sftp|https?)://[^\s/]+\S*", re.IGNORECASE)
_SECRET: Final = re.compile(r"(://[^/@:]*):[^/@]*@")
_CHECKSUM: Final = re.compile(r"[0-9a-fA-F]{32}")
_UNKNOWN_ACTION: Final = frozenset({"NotImplemented", "NotSupported"})
MAYBE_HAPPENED: Final = "NO_ANSWER"


class Retrying(msgspec.Struct, frozen=True):
    """How often a station should try, and how long it waits between (seconds). None: it decides."""

    retries: int | None = None
    interval_s: int | None = None


class FirmwareOrder(msgspec.Struct, frozen=True):
    """What to install. `signing_certificate` (PEM) and `signature` (base64) go together."""

    location: str
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    signing_certificate: str = ""
    signature: str = ""
    retrying: Retrying = Retrying()


class LogOrder(msgspec.Struct, frozen=True):
    """What to upload, and to which folder."""

    log_type: LogType
    location: str
    oldest: datetime | None = None
    latest: datetime | None = None
    retrying: Retrying = Retrying()


class JobOutcome(msgspec.Struct, frozen=True):
    """The station's answer, and the job as it is then. `filename`: of the log, where the station told."""

    outcome: CommandOutcome
    job: Job
    filename: str = ""


class Maintenance:
    """Use cases of people. Beside what `Remote` raises: InvalidArgument, NotFound, PermissionDenied, Unavailable."""

    def __init__(
        self, remote: Remote, inventory: Inventory, stations: StationQueries, *, now: Callable[[], datetime]
    ) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._inventory = inventory
        self._stations = stations
        self._now = now

    async def update_firmware(self, caller: Principal, target: Target, order: FirmwareOrder) -> JobOutcome:
        """Fetch firmware and install it."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        _check_location(order.location)
        _check_retrying(order.retrying)
        if bool(order.signing_certificate) != bool(order.signature):
            raise InvalidArgument(
                "A signature and the certificate that it was made with go together: give both or none.",
                reason="INVALID_SIGNATURE",
            )
        retrieve_at = order.retrieve_at or self._now()
        if order.install_at is not None and order.install_at < retrieve_at:
            raise InvalidArgument("Firmware cannot be installed before it is fetched.", reason="INVALID_TIME")
        wanted = {
            "location": _without_password(order.location),
            "retrieveDateTime": retrieve_at.isoformat(),
            "installDateTime": None if order.install_at is None else order.install_at.isoformat(),
            "signed": bool(order.signature),
        }

        def command(number: int) -> UpdateFirmware:
            return UpdateFirmware(
                number,
                order.location,
                retrieve_at,
                order.install_at,
                order.signing_certificate,
                order.signature,
                order.retrying.retries,
                order.retrying.interval_s,
            )

        return await self._order(caller, target, JobKind.FIRMWARE_UPDATE, {**wanted, **_told(order.retrying)}, command)

    async def publish_firmware(
        self, caller: Principal, target: Target, location: str, checksum: str, retrying: Retrying
    ) -> JobOutcome:
        """Fetch firmware and offer it to others on the site."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        _check_location(location)
        _check_checksum(checksum)
        _check_retrying(retrying)
        wanted = {"location": _without_password(location), "checksum": checksum, **_told(retrying)}

        def command(number: int) -> PublishFirmware:
            return PublishFirmware(number, location, checksum, retrying.retries, retrying.interval_s)

        return await self._order(caller, target, JobKind.FIRMWARE_PUBLISHING, wanted, command)

    async def unpublish_firmware(self, caller: Principal, target: Target, checksum: str) -> CommandOutcome:
        """End the offer."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        _check_checksum(checksum)
        return await self._remote.command(caller, target, UnpublishFirmware(checksum))

    async def get_log(self, caller: Principal, target: Target, order: LogOrder) -> JobOutcome:
        """Upload a log."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        _check_location(order.location)
        _check_retrying(order.retrying)
        if order.oldest is not None and order.latest is not None and order.latest <= order.oldest:
            raise InvalidArgument("The latest entry must be later than the oldest.", reason="INVALID_TIME")
        wanted = {
            "logType": order.log_type.value,
            "location": _without_password(order.location),
            "oldestTimestamp": None if order.oldest is None else order.oldest.isoformat(),
            "latestTimestamp": None if order.latest is None else order.latest.isoformat(),
        }

        def command(number: int) -> GetLog:
            return GetLog(
                number,
                order.log_type,
                order.location,
                order.oldest,
                order.latest,
                order.retrying.retries,
                order.retrying.interval_s,
            )

        return await self._order(caller, target, JobKind.LOG_UPLOAD, {**wanted, **_told(order.retrying)}, command)

    async def _order(
        self,
        caller: Principal,
        target: Target,
        kind: JobKind,
        wanted: dict[str, object],
        make: Callable[[int], Command],
    ) -> JobOutcome:
        """Begin the job, tell the station, note its answer."""
        request = json.dumps({name: value for name, value in wanted.items() if value is not None}).encode()
        job = await self._inventory.begin_job(target.station_id, kind, request, self._now())
        try:
            outcome = await self._tell(caller, target, make(job.id))
        except DomainError as error:
            if error.reason != MAYBE_HAPPENED:  # else the station may yet tell of it
                await self._end(job.id, JobState.FAILED, error.reason, error.message)
            raise
        answer = outcome.answer
        filename = answer.result.filename if isinstance(answer.result, LogNamed) else ""
        if answer.accepted:
            await self._cancel_older(job, answer)
            detail = f"{filename}\n" if filename else ""
            changed = await self._end(job.id, JobState.RUNNING, answer.status, detail)
        else:
            changed = await self._end(job.id, JobState.FAILED, answer.error_code or answer.status, _why(answer))
        return JobOutcome(outcome, changed, filename)

    async def _tell(self, caller: Principal, target: Target, command: Command) -> CommandOutcome:
        outcome = await self._remote.command(caller, target, command)
        if (
            isinstance(command, GetLog)
            and command.log_type is LogType.DIAGNOSTICS
            and outcome.answer.error_code in _UNKNOWN_ACTION
            and await self._speaks_1_6(target.station_id)
        ):
            again = msgspec.structs.replace(command, security_extension=True)
            return await self._remote.command(caller, target, again)
        return outcome

    async def _speaks_1_6(self, station_id: int) -> bool:
        return any(view.protocol == "ocpp1.6" for view in await self._stations.get_stations([station_id]))

    async def _cancel_older(self, job: Job, answer: Answer) -> None:
        """A station does one thing of a kind at a time: what it accepts takes the place of what went before."""
        older = await self._inventory.page_jobs(job.station_id, [job.kind], unfinished=True, size=100, before=job.id)
        for each in older:
            await self._end(each.id, JobState.CANCELED, answer.status, f"Order {job.id} took its place.\n")

    async def _end(self, job_id: int, state: JobState, status: str, detail: str) -> Job:
        return await self._inventory.change_job(job_id, state, self._now(), status=status, detail=detail)


def _check_location(location: str) -> None:
    if not _LOCATION.fullmatch(location):
        raise InvalidArgument(
            "Give a whole address that begins with ftp://, ftps://, sftp://, http:// or https://.",
            reason="INVALID_LOCATION",
        )


def _check_checksum(checksum: str) -> None:
    if not _CHECKSUM.fullmatch(checksum):
        raise InvalidArgument("The checksum is MD5 in 32 hexadecimal digits.", reason="INVALID_CHECKSUM")


def _check_retrying(retrying: Retrying) -> None:
    if retrying.retries is not None and not 0 <= retrying.retries <= MAX_RETRIES:
        raise InvalidArgument(f"A station can try 0 to {MAX_RETRIES} times.", reason="INVALID_RETRIES")
    if retrying.interval_s is not None and not 0 <= retrying.interval_s <= MAX_RETRY_INTERVAL_S:
        raise InvalidArgument("Between two tries there is at most a week.", reason="INVALID_RETRY_INTERVAL")


def _told(retrying: Retrying) -> dict[str, object]:
    return {"retries": retrying.retries, "retryInterval": retrying.interval_s}


def _without_password(location: str) -> str:
    """For the job, which more people may read than may order."""
    return _SECRET.sub(r"\1:***@", location)


def _why(answer: Answer) -> str:
    parts = (answer.error_description, answer.reason_code, answer.additional_info)
    return ": ".join(part for part in parts if part)
