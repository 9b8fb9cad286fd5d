"""What use cases with files are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from csms.app.database import data_folder
from csms.config import Settings
from csms.ports.inventory import Inventory
from csms.ports.queries import StationQueries
from csms.services.transfers import Transfers
from csms.storage.files import PostgresFiles
from csms.storage.firmware_images import PostgresFirmwareImages
from csms.storage.pool import Database
from csms.storage.vault import FolderVault


@dataclass(frozen=True, slots=True)
class FileParts:
    """Rows, bytes, and what stations do with them."""

    store: PostgresFiles
    vault: FolderVault
    transfers: Transfers
    """It learns its addresses when the doors are open."""
    images: PostgresFirmwareImages

    @classmethod
    def on(
        cls,
        settings: Settings,
        database: Database,
        stations: StationQueries,
        inventory: Inventory,
        now: Callable[[], datetime],
    ) -> FileParts:
        """Wired."""
        store, vault = PostgresFiles(database), FolderVault(folder_of(settings))
        transfers = Transfers(store, vault, stations, inventory, now=now)
        return cls(store, vault, transfers, PostgresFirmwareImages(database))


def folder_of(settings: Settings) -> Path:
    """Where the bytes are."""
    return data_folder(settings) / "files"
