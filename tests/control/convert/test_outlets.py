"""Outlets and limits."""

from __future__ import annotations

from decimal import Decimal

import pytest

from control.convert.outlets import FIELDS, limit, outlet, read_limit, read_outlet
from control.v1 import outlets_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.domain.limits import ChargeLimit, Used
from csms.domain.outlet import ExternalId, Outlet, OutletMode
from csms.services.limits import LimitView
from csms.services.outlets import EDITABLE
from tests.kit.service_world import NOW


def test_what_can_be_edited_has_a_path_and_the_reverse() -> None:
    assert set(FIELDS.values()) == set(EDITABLE)
    assert set(FIELDS) <= set(pb.Outlet.DESCRIPTOR.fields_by_name)


def test_an_outlet_comes_back_but_for_what_the_server_gives() -> None:
    kept = Outlet(7, 2, 1, 1, "u", "A", "CHADEMO", "p", OutletMode.OPEN, (ExternalId("maps", "M"),), 3, NOW, NOW, "CP")
    message = outlet(kept)
    assert (message.name, message.station, message.etag) == ("outlets/7", "stations/2", "3")
    assert read_outlet(message) == Outlet(
        0, 0, 0, 0, "u", "A", "CHADEMO", "p", OutletMode.OPEN, (ExternalId("maps", "M"),)
    )


def test_no_limit_stays_none_and_nought_stays_nought() -> None:
    for wanted in (
        ChargeLimit("users/1"),
        ChargeLimit("users/1", 0.0),
        ChargeLimit("users/1", None, Decimal(0), "EUR"),
    ):
        assert read_limit(limit(LimitView(wanted, Used(1.0, Decimal("2.50")), NOW))) == wanted
    with pytest.raises(InvalidArgument):
        read_limit(pb.ChargeLimit(target="users/1", amount="x"))
