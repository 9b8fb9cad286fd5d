"""Orders for firmware and logs: each is a job, which what the station tells afterwards leads to its end."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal
from csms.domain.commands import Answer, Command
from csms.domain.errors import DomainError, InvalidArgument, NotFound
from csms.domain.firmware_image import FirmwareImage
from csms.domain.maintenance import GetLog, LogNamed, LogType, PublishFirmware, UnpublishFirmware, UpdateFirmware
from csms.domain.records import JobKind, JobState
from csms.ports.firmware_images import FirmwareImages
from csms.ports.inventory import Inventory, Job
from csms.ports.queries import StationQueries
from csms.services.remote import CommandOutcome, Remote, Target
from csms.services.transfers import FileProtocol, Transfers

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
    """What to install: from a location, or the image of that number, which brings its own signature. `protocol`: how
    the station fetches an image. `signing_certificate` (PEM) and `signature` (base64) go together."""

    location: str = ""
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    signing_certificate: str = ""
    signature: str = ""
    retrying: Retrying = Retrying()
    image_id: int | None = None
    protocol: FileProtocol | None = None


class LogOrder(msgspec.Struct, frozen=True):
    """What to upload, and to which folder; without one to our file server, by that protocol."""

    log_type: LogType
    location: str = ""
    oldest: datetime | None = None
    latest: datetime | None = None
    retrying: Retrying = Retrying()
    protocol: FileProtocol | None = None


class JobOutcome(msgspec.Struct, frozen=True):
    """The station's answer, and the job as it is then. `filename`: of the log, where the station told."""

    outcome: CommandOutcome
    job: Job
    filename: str = ""


class Maintenance:
    """Use cases of people. Beside what `Remote` raises: InvalidArgument, NotFound, PermissionDenied, Unavailable."""

    def __init__(
        self,
        remote: Remote,
        inventory: Inventory,
        stations: StationQueries,
        transfers: Transfers,
        images: FirmwareImages,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._inventory = inventory
        self._stations = stations
        self._transfers = transfers
        self._images = images
        self._now = now

    async def update_firmware(self, caller: Principal, target: Target, order: FirmwareOrder) -> JobOutcome:
        """Fetch firmware and install it."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        image = None
        if order.image_id is not None:
            image, order = await self._of_image(order, order.image_id)
        else:
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
        protocol = None if image is None else await self._transfers.protocol_for(target.station_id, order.protocol)
        wanted = {
            "location": _without_password(order.location) if protocol is None else self._transfers.shown(protocol),
            "firmwareImage": order.image_id,
            "version": None if image is None else image.version,
            "retrieveDateTime": retrieve_at.isoformat(),
            "installDateTime": None if order.install_at is None else order.install_at.isoformat(),
            "signed": bool(order.signature),
            "orderedBy": caller.name,
        }

        async def command(number: int) -> UpdateFirmware:
            location = order.location
            if image is not None and protocol is not None:
                offer = await self._transfers.offer_download(
                    target.station_id, number, image.file, protocol, at=retrieve_at
                )
                location = offer.url
            return UpdateFirmware(
                number,
                location,
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

        async def command(number: int) -> PublishFirmware:
            await trio.lowlevel.checkpoint()
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
        protocol = None
        if order.location:
            _check_location(order.location)
        else:
            protocol = await self._transfers.protocol_for(target.station_id, order.protocol)
        _check_retrying(order.retrying)
        if order.oldest is not None and order.latest is not None and order.latest <= order.oldest:
            raise InvalidArgument("The latest entry must be later than the oldest.", reason="INVALID_TIME")
        wanted = {
            "logType": order.log_type.value,
            "location": _without_password(order.location) if protocol is None else self._transfers.shown(protocol),
            "oldestTimestamp": None if order.oldest is None else order.oldest.isoformat(),
            "latestTimestamp": None if order.latest is None else order.latest.isoformat(),
        }

        async def command(number: int) -> GetLog:
            location = order.location
            if protocol is not None:
                location = (await self._transfers.offer_upload(target.station_id, number, protocol)).url
            return GetLog(
                number,
                order.log_type,
                location,
                order.oldest,
                order.latest,
                order.retrying.retries,
                order.retrying.interval_s,
            )

        return await self._order(caller, target, JobKind.LOG_UPLOAD, {**wanted, **_told(order.retrying)}, command)

    async def _of_image(self, order: FirmwareOrder, image_id: int) -> tuple[FirmwareImage, FirmwareOrder]:
        """The image, and the order with its signature. Raises InvalidArgument, NotFound."""
        if order.location or order.signature or order.signing_certificate:
            raise InvalidArgument(
                "Name an image or a location. An image brings its own signature.", reason="INVALID_LOCATION"
            )
        image = await self._images.find(image_id)
        if image is None:
            raise NotFound(f"There is no firmware image {image_id} (any more).", reason="FIRMWARE_IMAGE_NOT_FOUND")
        signed = {"signature": image.signature, "signing_certificate": image.signing_certificate}
        return image, msgspec.structs.replace(order, **signed)

    async def _order(
        self,
        caller: Principal,
        target: Target,
        kind: JobKind,
        wanted: dict[str, object],
        make: Callable[[int], Awaitable[Command]],
    ) -> JobOutcome:
        """Begin the job, tell the station, note its answer."""
        request = json.dumps({name: value for name, value in wanted.items() if value is not None}).encode()
        job = await self._inventory.begin_job(target.station_id, kind, request, self._now())
        try:
            outcome = await self._tell(caller, target, await make(job.id))
        except DomainError as error:
            if error.reason != MAYBE_HAPPENED:  # else the station may yet tell of it
                await self._transfers.close(job.id)
                await self._end(job.id, JobState.FAILED, error.reason, error.message)
            raise
        answer = outcome.answer
        filename = answer.result.filename if isinstance(answer.result, LogNamed) else ""
        if answer.accepted:
            await self._cancel_older(job, answer)
            detail = f"{filename}\n" if filename else ""
            changed = await self._end(job.id, JobState.RUNNING, answer.status, detail)
        else:
            await self._transfers.close(job.id)
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
            await self._transfers.close(each.id)
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
