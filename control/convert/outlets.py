"""Outlets and limits."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name, read_name
from control.v1 import outlets_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.domain.limits import ChargeLimit
from csms.domain.outlet import ExternalId, Outlet, OutletMode
from csms.ports.outlets import OutletFilter
from csms.services.limits import LimitView

FIELDS: Final = {name: name for name in ("uuid", "outlet_id", "connector_type", "parking", "mode", "external_ids")}
"""Paths of an update mask → fields of an Outlet."""

_MODES: Final = {mode: pb.OutletMode.Value(f"OUTLET_MODE_{mode.name}") for mode in OutletMode}
_READ_MODES: Final = {number: mode for mode, number in _MODES.items()}


def outlet(found: Outlet) -> pb.Outlet:
    """All of it."""
    return pb.Outlet(
        name=print_name("outlets", found.id),
        station=print_name("stations", found.station_id),
        station_identity=found.station_identity,
        evse_id=found.evse_id,
        connector_id=found.connector_id,
        uuid=found.uuid,
        outlet_id=found.outlet_id,
        connector_type=found.connector_type,
        parking=found.parking,
        mode=_MODES[found.mode],
        external_ids=[
            pb.OutletExternalId(service=each.service, external_id=each.external_id) for each in found.external_ids
        ],
        free_vend=found.free_vend,
        create_time=timestamp(found.created_at),
        update_time=timestamp(found.updated_at),
        etag=str(found.version),
    )


def read_outlet(message: pb.Outlet) -> Outlet:
    """What people may write of it."""
    return Outlet(
        0,
        0,
        0,
        0,
        message.uuid,
        message.outlet_id,
        message.connector_type,
        message.parking,
        _READ_MODES.get(message.mode, OutletMode.RFID),
        tuple(ExternalId(each.service, each.external_id) for each in message.external_ids),
    )


def outlet_filter(request: pb.ListOutletsRequest) -> OutletFilter:
    """Which outlets; the place is the service's to look at. Raises InvalidArgument."""
    return OutletFilter(
        station_id=read_name(request.station, "stations") if request.station else None,
        mode=_READ_MODES.get(request.mode),
        query=request.query.strip(),
        service=request.service.strip(),
        external_id=request.external_id.strip(),
    )


def limit(view: LimitView) -> pb.ChargeLimit:
    """All of it."""
    found = view.limit
    return pb.ChargeLimit(
        target=found.target,
        energy_wh=found.energy_wh,
        amount="" if found.amount is None else f"{found.amount:f}",
        currency=found.currency,
        used_energy_wh=view.used.energy_wh,
        used_amount="" if found.amount is None else f"{view.used.amount:f}",
        month_begin_time=timestamp(view.month_begin),
        etag=str(found.version) if found.version else "",
    )


def read_limit(message: pb.ChargeLimit) -> ChargeLimit:
    """What people may write of it. Raises InvalidArgument."""
    try:
        amount = Decimal(message.amount.strip()) if message.amount.strip() else None
    except InvalidOperation as error:
        raise InvalidArgument('An amount is a decimal number, for example "25.50".', reason="INVALID_LIMIT") from error
    return ChargeLimit(
        message.target, message.energy_wh if message.HasField("energy_wh") else None, amount, message.currency
    )
