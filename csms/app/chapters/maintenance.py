"""Firmware and logs."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.maintenance import MaintenanceServicer
from csms.app.parts import Parts
from csms.domain.maintenance import FirmwareProgressed
from csms.services.firmware_news import FirmwareNews
from csms.services.maintenance import Maintenance


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    maintenance = Maintenance(
        parts.remote,
        parts.inventory,
        parts.stores.station_queries,
        parts.files.transfers,
        parts.files.images,
        now=parts.now,
    )
    news = FirmwareNews(parts.inventory, parts.notifier, parts.stores.stations)
    parts.reacting.on(FirmwareProgressed, news.saw)
    return [MaintenanceServicer(maintenance)]
