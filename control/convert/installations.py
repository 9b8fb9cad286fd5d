"""Installations and the inventory."""

from __future__ import annotations

from datetime import date
from typing import Final

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.convert.stations import station
from control.v1 import installations_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.domain.installation import Installation
from csms.ports.installations import InventoryFilter, InventoryRow

FIELDS: Final = {
    "manufacture_time": "manufactured_at",
    "part_number": "part_number",
    "material_number": "material_number",
    "mes_serial_number": "mes_serial_number",
    "vendor_code": "vendor_code",
    "installation_date": "installed_on",
    "installer": "installer",
    "warranty_date": "warranty_until",
    "grid_connection": "grid_connection",
    "fuse_amperes": "fuse_amperes",
    "phases": "phases",
    "note": "note",
}
"""Paths of an update mask → fields of an Installation."""


def installation(kept: Installation) -> pb.Installation:
    """All of it."""
    return pb.Installation(
        station=print_name("stations", kept.station_id),
        manufacture_time=timestamp(kept.manufactured_at),
        part_number=kept.part_number,
        material_number=kept.material_number,
        mes_serial_number=kept.mes_serial_number,
        vendor_code=kept.vendor_code,
        installation_date=_print_date(kept.installed_on),
        installer=kept.installer,
        warranty_date=_print_date(kept.warranty_until),
        grid_connection=kept.grid_connection,
        fuse_amperes=kept.fuse_amperes or 0,
        phases=kept.phases or 0,
        note=kept.note,
        has_master_password=kept.has_master_password,
        has_access_code=kept.has_access_code,
        update_time=timestamp(kept.updated_at),
        etag=str(kept.version),
    )


def read_installation(message: pb.Installation) -> Installation:
    """What people may write of it. Raises InvalidArgument."""
    return Installation(
        read_name(message.station, "stations"),
        moment(message.manufacture_time) if message.HasField("manufacture_time") else None,
        message.part_number,
        message.material_number,
        message.mes_serial_number,
        message.vendor_code,
        _read_date(message.installation_date),
        message.installer,
        _read_date(message.warranty_date),
        message.grid_connection,
        message.fuse_amperes or None,
        message.phases or None,
        message.note,
    )


def inventory_filter(message: pb.InventoryFilter) -> InventoryFilter:
    """Without place and group."""
    return InventoryFilter(
        message.identity, message.serial_number, message.model, message.material_number, message.query
    )


def inventory_item(row: InventoryRow) -> pb.InventoryItem:
    """A line."""
    return pb.InventoryItem(station=station(row.station), installation=installation(row.installation))


def _print_date(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidArgument(f"{text[:40]!r} is no date; write it as 2026-11-21.", reason="INVALID_DATE") from error
