"""Addresses of stations that speak SOAP."""

from __future__ import annotations

from control.convert.common import timestamp
from control.convert.names import print_name
from control.v1 import soap_pb2
from csms.ports.soap import SoapAddress


def soap_address(value: SoapAddress) -> soap_pb2.SoapAddress:
    """All of it."""
    return soap_pb2.SoapAddress(
        station=print_name("stations", value.station_id),
        address=value.address,
        seen_address=value.seen_address,
        seen_time=timestamp(value.seen_at),
    )
