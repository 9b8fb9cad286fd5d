"""Firmware images: taken in piece by piece, listed, removed; and which is the next for a station."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.firmware_image import FirmwareImage
from csms.domain.transfers import FileKind, clean_filename
from csms.ports.files import FileStore, Vault
from csms.ports.firmware_images import FirmwareImages as Store
from csms.ports.queries import StationQueries
from csms.services.audit import note_change
from csms.services.scopes import Scopes
from csms.services.transfers import Transfers, keep_file

MAX_WORD: Final = 50
MAX_MODELS: Final = 100
MAX_NOTES: Final = 10_000
MAX_SIGNATURE: Final = 2_000
MAX_CERTIFICATE: Final = 10_000
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class FirmwareImages:
    """Use cases of people. Who may have stations updated may see the images; who may manage files changes them."""

    def __init__(
        self,
        store: Store,
        files: FileStore,
        vault: Vault,
        transfers: Transfers,
        stations: StationQueries,
        scopes: Scopes,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._files = files
        self._vault = vault
        self._transfers = transfers
        self._stations = stations
        self._scopes = scopes
        self._now = now

    async def list(self, caller: Principal, vendor: str, model: str) -> Sequence[FirmwareImage]:
        """By vendor, newest first. Raises PermissionDenied."""
        await self._scopes.of(caller, Action.CONFIGURE_STATIONS)
        return await self._store.list(vendor, model)

    async def get(self, caller: Principal, image_id: int) -> FirmwareImage:
        """Raises NotFound, PermissionDenied."""
        await self._scopes.of(caller, Action.CONFIGURE_STATIONS)
        found = await self._store.find(image_id)
        if found is None:
            raise NotFound(f"There is no firmware image {image_id} (any more).", reason="FIRMWARE_IMAGE_NOT_FOUND")
        return found

    async def upload(
        self, caller: Principal, image: FirmwareImage, pieces: AsyncIterator[bytes], *, sha256: str
    ) -> FirmwareImage:
        """Take one in. Of `image.file` only the name counts; `sha256` is checked when it is not empty. Raises
        InvalidArgument, AlreadyExists, Exhausted, PermissionDenied."""
        check(caller, Action.MANAGE_FILES)
        image = _checked(image)
        wanted = sha256.strip().lower()
        if wanted and not _SHA256.fullmatch(wanted):
            raise InvalidArgument("A SHA-256 sum has 64 hexadecimal digits.", reason="INVALID_SHA256")
        limits = await self._files.limits()
        incoming = await self._transfers.room_for(limits.firmware_max_bytes)

        async def keep(vault_name: str, size: int, digest: str) -> FirmwareImage:
            _check_arrived(size, digest, wanted)
            file = msgspec.structs.replace(
                image.file, vault_name=vault_name, size_bytes=size, sha256=digest, created_by=caller.name
            )
            file = msgspec.structs.replace(file, kind=FileKind.FIRMWARE, created_at=self._now())
            return await self._store.create(msgspec.structs.replace(image, file=file))

        try:
            async for piece in pieces:
                await trio.to_thread.run_sync(incoming.write, piece)
        except BaseException:
            incoming.discard()
            raise
        made = await keep_file(incoming, keep)
        note_change(f"firmwareImages/{made.id}", None, made)
        return made

    async def delete(self, caller: Principal, image_id: int) -> None:
        """Raises NotFound, FailedPrecondition/FIRMWARE_IMAGE_IN_USE, PermissionDenied."""
        check(caller, Action.MANAGE_FILES)
        gone = await self._store.delete(image_id, self._now())
        await trio.to_thread.run_sync(self._vault.remove, gone.file.vault_name)
        note_change(f"firmwareImages/{image_id}", gone)

    async def check_for(self, caller: Principal, station_id: int) -> tuple[FirmwareImage | None, str]:
        """The newest that the station can be given, if it is newer than what it runs; and what it runs, as it told.
        Raises NotFound, PermissionDenied."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, station_id)
        views = await self._stations.get_stations([station_id])
        if not views:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        boot = views[0].boot
        if boot is None:
            return None, ""
        current = boot.firmware_version or ""
        return await self._store.newest_for(boot.vendor, boot.model, current), current


def _check_arrived(size: int, digest: str, wanted: str) -> None:
    """Raises InvalidArgument."""
    if not size:
        raise InvalidArgument("The image is empty.", reason="EMPTY_FILE")
    if wanted and digest != wanted:
        raise InvalidArgument(
            f"What arrived has the SHA-256 sum {digest}, not the one given. Upload it again.", reason="WRONG_SHA256"
        )


def _checked(image: FirmwareImage) -> FirmwareImage:
    """Trimmed. Raises InvalidArgument."""
    models = tuple(dict.fromkeys(model.strip() for model in image.models if model.strip()))
    trimmed = msgspec.structs.replace(
        image,
        vendor=image.vendor.strip(),
        models=models,
        version=image.version.strip(),
        min_version=image.min_version.strip(),
        signature="".join(image.signature.split()),
        signing_certificate=image.signing_certificate.strip(),
        file=msgspec.structs.replace(image.file, filename=clean_filename(image.file.filename, "firmware.bin")),
    )
    if not trimmed.vendor or not trimmed.version:
        raise InvalidArgument("An image needs its vendor and its version.", reason="INCOMPLETE_IMAGE")
    words = (trimmed.vendor, trimmed.version, trimmed.min_version, *models)
    if any(len(word) > MAX_WORD for word in words) or len(models) > MAX_MODELS:
        raise InvalidArgument(
            f"Vendor, models and versions have at most {MAX_WORD} characters, and there are at most {MAX_MODELS}"
            " models.",
            reason="TOO_LONG",
        )
    if len(trimmed.notes) > MAX_NOTES:
        raise InvalidArgument(f"Notes have at most {MAX_NOTES} characters.", reason="TOO_LONG")
    _check_signature(trimmed)
    return trimmed


def _check_signature(image: FirmwareImage) -> None:
    if bool(image.signature) != bool(image.signing_certificate):
        raise InvalidArgument(
            "A signature and the certificate that it was made with go together: give both or none.",
            reason="INVALID_SIGNATURE",
        )
    if len(image.signature) > MAX_SIGNATURE or len(image.signing_certificate) > MAX_CERTIFICATE:
        raise InvalidArgument("The signature or its certificate is too long.", reason="INVALID_SIGNATURE")
    try:
        base64.b64decode(image.signature, validate=True)
    except binascii.Error as error:
        raise InvalidArgument("The signature is not base64.", reason="INVALID_SIGNATURE") from error
    if image.signing_certificate and "-----BEGIN CERTIFICATE-----" not in image.signing_certificate:
        raise InvalidArgument("The signing certificate is not PEM.", reason="INVALID_SIGNATURE")
