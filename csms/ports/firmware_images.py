"""Where firmware images are kept. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from csms.domain.firmware_image import FirmwareImage


class FirmwareImages(Protocol):
    """Images by number, and what is newest. The file of a new one is in the vault already."""

    async def find(self, image_id: int) -> FirmwareImage | None:
        """By number."""

    async def list(self, vendor: str = "", model: str = "") -> Sequence[FirmwareImage]:
        """By vendor, newest version first; of one vendor, and for one model, when they are named."""

    async def newest_for(self, vendor: str, model: str, current: str | None = None) -> FirmwareImage | None:
        """The newest image for such a station. With `current`, the version that it runs: only one that is newer and
        can be installed on it (`csms.domain.firmware_image.newest_for`)."""

    async def create(self, image: FirmwareImage) -> FirmwareImage:
        """`image.id` and `image.file.id` are ignored. Raises AlreadyExists/FIRMWARE_IMAGE_EXISTS for the same vendor,
        models and version."""

    async def delete(self, image_id: int, now: datetime) -> FirmwareImage:
        """With its row of the file; the bytes are for the caller to remove. Raises NotFound, and
        FailedPrecondition/FIRMWARE_IMAGE_IN_USE while a transfer of it is open whose job is not at its end."""
