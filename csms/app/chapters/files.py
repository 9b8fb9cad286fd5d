"""Files: the doors of the file server, firmware images, logs, pictures and plans."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.files import FileServicer
from control.servicers.firmware_images import FirmwareImageServicer
from control.servicers.pictures import PictureServicer
from csms.app.parts import Parts
from csms.services.files import Files
from csms.services.firmware_images import FirmwareImages
from csms.services.pictures import Pictures
from csms.storage.imaging import PictureProcess
from csms.storage.pictures import PostgresPictures


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired. The doors are opened by the node (`csms.app.file_door`)."""
    store, vault, transfers, images = (
        parts.files.store,
        parts.files.vault,
        parts.files.transfers,
        parts.files.images,
    )
    parts.work.start_soon(transfers.sweep_for_ever)
    firmware = FirmwareImages(
        images, store, vault, transfers, parts.stores.station_queries, parts.scopes, now=parts.now
    )
    pictures = Pictures(
        PostgresPictures(parts.database),
        store,
        vault,
        transfers,
        PictureProcess(),
        parts.places,
        parts.feed,
        now=parts.now,
    )
    return [
        FileServicer(Files(store, vault, transfers, parts.scopes)),
        FirmwareImageServicer(firmware),
        PictureServicer(pictures),
    ]
