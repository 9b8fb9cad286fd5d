"""Reservations as messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from control.convert import reservations as convert
from control.v1 import reservations_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.domain.reservation import Reservation, ReservationState
from csms.ports.reservations import ReservationFilter
from csms.services.reservations import ReservationOrder

NOW = datetime(2026, 5, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_every_state_has_its_number() -> None:
    assert len(set(convert.STATES.values())) == len(ReservationState)


def test_what_is_not_given_stays_empty() -> None:
    made = convert.reservation(Reservation(7, 3, ReservationState.REQUESTED, "A", NOW, NOW + HOUR, NOW, NOW))
    assert (made.name, made.station, made.evse_id, made.group_id_token) == ("reservations/7", "stations/3", 0, "")
    assert not made.HasField("end_time")
    assert made.expire_time.ToDatetime(tzinfo=UTC) == NOW + HOUR


def test_an_order_needs_its_end() -> None:
    request = pb.CreateReservationRequest(id_token="a", connector_type=" cCCS2 ")
    with pytest.raises(InvalidArgument):
        convert.order(request)
    request.expire_time.FromDatetime(NOW)
    assert convert.order(request) == ReservationOrder("a", NOW, 0, "cCCS2", None)


def test_an_empty_filter_admits_all() -> None:
    assert convert.reservation_filter(pb.ReservationFilter()) == ReservationFilter()
    with pytest.raises(InvalidArgument):
        convert.reservation_filter(pb.ReservationFilter(states=[pb.RESERVATION_STATE_UNSPECIFIED]))
