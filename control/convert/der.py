"""DER controls."""

from __future__ import annotations

from control.convert.common import timestamp
from control.convert.ocpp_values import print_value, read_value
from control.v1 import der_pb2
from csms.domain import der as domain
from csms.services.der import StoredControl


def setting(message: der_pb2.DerControl) -> domain.SetDerControl:
    """Raises InvalidArgument."""
    control = read_value(message, domain.DerControl, "DER control")
    return domain.SetDerControl(control.control_id, control.control_type, control.is_default, control.setting)


def reporting(request: der_pb2.GetDerControlRequest) -> domain.GetDerControl:
    """Without its request id."""
    return domain.GetDerControl(
        0,
        request.control_id or None,
        request.control_type or None,
        request.is_default if request.HasField("is_default") else None,
    )


def clearing(request: der_pb2.ClearDerControlRequest) -> domain.ClearDerControl:
    """What to clear."""
    return domain.ClearDerControl(request.is_default, request.control_id or None, request.control_type or None)


def stored(known: StoredControl) -> der_pb2.StationDerControl:
    """What a station has."""
    return der_pb2.StationDerControl(
        control=print_value(known.control, der_pb2.DerControl()),
        update_time=timestamp(known.at),
        started=known.started,
    )
