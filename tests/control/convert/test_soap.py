"""Addresses of stations that speak SOAP, as messages."""

from __future__ import annotations

from datetime import UTC, datetime

from control.convert.soap import soap_address
from csms.ports.soap import SoapAddress


def test_all_of_it_is_told() -> None:
    seen_at = datetime(2026, 3, 1, tzinfo=UTC)
    message = soap_address(SoapAddress(7, "http://a/", "http://b/", seen_at))
    assert (message.station, message.address, message.seen_address) == ("stations/7", "http://a/", "http://b/")
    assert message.seen_time.ToDatetime(UTC) == seen_at


def test_a_station_that_told_none_has_no_time() -> None:
    assert not soap_address(SoapAddress(7)).HasField("seen_time")
