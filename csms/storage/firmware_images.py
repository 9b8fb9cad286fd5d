"""Firmware images (`csms.ports.firmware_images`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound
from csms.domain.firmware_image import FirmwareImage, newest_first, newest_for
from csms.storage.files import INSERT_FILE_SQL, file_of, file_values
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresFirmwareImages"]

_SELECT = """
SELECT image.id AS image_id, vendor, models, version, min_version, notes, signature, signing_certificate, file.*
FROM firmware_image AS image JOIN stored_file AS file ON file.id = image.file_id
"""
FIND_IMAGE_SQL = f"{_SELECT} WHERE image.id = $1"
LIST_IMAGES_SQL = f"""
{_SELECT} WHERE $1::text = '' OR lower(vendor) = lower($1) ORDER BY lower(vendor), image.id DESC LIMIT 1000
"""
CREATE_IMAGE_SQL = """
INSERT INTO firmware_image (file_id, vendor, models, version, min_version, notes, signature, signing_certificate)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
"""
IN_USE_SQL = """
SELECT count(*) FROM file_transfer JOIN station_job AS job ON job.id = file_transfer.job_id
WHERE file_transfer.file_id = $1 AND file_transfer.state = 'OPEN' AND expires_at > $2
  AND job.state IN ('REQUESTED', 'RUNNING')
"""


class PostgresFirmwareImages:
    """csms.ports.firmware_images.FirmwareImages on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, image_id: int) -> FirmwareImage | None:
        """See the port."""
        if not fits_bigint(image_id):
            return None
        row = await self._database.fetchrow(FIND_IMAGE_SQL, image_id)
        return None if row is None else _image(row)

    async def list(self, vendor: str = "", model: str = "") -> Sequence[FirmwareImage]:
        """See the port."""
        found = [_image(row) for row in await self._database.fetch(LIST_IMAGES_SQL, clean(vendor.strip()))]
        if model:
            found = [image for image in found if image.suits(image.vendor, model)]
        return sorted(newest_first(found), key=lambda image: image.vendor.casefold())

    async def newest_for(self, vendor: str, model: str, current: str | None = None) -> FirmwareImage | None:
        """See the port."""
        return newest_for(await self.list(vendor), vendor, model, current) if vendor.strip() else None

    async def create(self, image: FirmwareImage) -> FirmwareImage:
        """See the port."""
        try:
            image_id = await self._database.transaction(_create, image)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                f"There is already an image {image.version} of {image.vendor} for these models. Delete that one first.",
                reason="FIRMWARE_IMAGE_EXISTS",
            ) from error
        found = await self.find(image_id)
        if found is None:
            raise no_image(image_id)
        return found

    async def delete(self, image_id: int, now: datetime) -> FirmwareImage:
        """See the port."""
        image = await self.find(image_id)
        if image is None:
            raise no_image(image_id)
        try:
            if not await self._database.transaction(_delete, image, now):
                raise in_use()
        except (asyncpg.ForeignKeyViolationError, asyncpg.RestrictViolationError) as error:
            raise in_use() from error
        return image


def no_image(image_id: int) -> NotFound:
    """The sentence."""
    return NotFound(f"There is no firmware image {image_id} (any more).", reason="FIRMWARE_IMAGE_NOT_FOUND")


def in_use() -> FailedPrecondition:
    """The sentence."""
    return FailedPrecondition(
        "A station may still be fetching this image. Wait for its job to end, or cancel it.",
        reason="FIRMWARE_IMAGE_IN_USE",
    )


async def _create(connection: asyncpg.Connection, image: FirmwareImage) -> int:
    file = file_of(await connection.fetchrow(INSERT_FILE_SQL, *file_values(image.file)))
    return int(
        await connection.fetchval(
            CREATE_IMAGE_SQL,
            file.id,
            clean(image.vendor),
            sorted(clean(model) for model in image.models),
            clean(image.version),
            clean(image.min_version),
            clean(image.notes),
            clean(image.signature),
            clean(image.signing_certificate),
        )
    )


async def _delete(connection: asyncpg.Connection, image: FirmwareImage, now: datetime) -> bool:
    # The row is locked, so that no transfer of it begins meanwhile.
    await connection.fetchrow("SELECT 1 FROM stored_file WHERE id = $1 FOR UPDATE", image.file.id)
    if await connection.fetchval(IN_USE_SQL, image.file.id, now):
        return False
    await connection.execute("DELETE FROM firmware_image WHERE id = $1", image.id)
    await connection.execute("DELETE FROM stored_file WHERE id = $1", image.file.id)
    return True


def _image(row: asyncpg.Record) -> FirmwareImage:
    return FirmwareImage(
        row["image_id"],
        file_of(row),
        row["vendor"],
        tuple(row["models"]),
        row["version"],
        row["min_version"],
        row["notes"],
        row["signature"],
        row["signing_certificate"],
    )
