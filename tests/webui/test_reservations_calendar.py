"""The calendar of reservations, as rows and cells."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from webui.reservations_calendar import DAY_QUARTERS, by_day, by_week, week_of
from webui.values import Connection, Evse
from webui.values_reservations import Reservation, ReservationState, StationBrief

DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def a_station(*evses: int) -> StationBrief:
    return StationBrief(
        name="stations/1",
        identity="CP-1",
        display_name="",
        address="",
        place="",
        connection_state=Connection.ONLINE,
        evses=tuple(
            Evse(name=f"stations/1/evses/{n}", evse_id=n, connectors=(), session="", power_w=0, energy_wh=0)
            for n in evses
        ),
    )


def a_reservation(number: int, begin: datetime, hours: float, evse_id: int = 1, **more: object) -> Reservation:
    values = {"state": ReservationState.ACTIVE, **more}
    return Reservation(
        name=f"reservations/{number}",
        station="stations/1",
        id_token="TAG",
        evse_id=evse_id,
        start_time=begin,
        expire_time=begin + timedelta(hours=hours),
        **values,  # type: ignore[arg-type]
    )


def test_every_lane_of_a_day_is_whole():
    found = [a_reservation(1, NOON, 1.4), a_reservation(2, NOON + timedelta(hours=1), 1)]
    (block,) = by_day([a_station(1, 2)], found, DAY, NOON)
    lanes = [lane for row in block.rows for lane in row.lanes]
    assert [sum(cell.span for cell in lane) for lane in lanes] == [DAY_QUARTERS] * 3
    assert block.lines == 3


def test_what_overlaps_stands_below_each_other_and_what_follows_beside():
    found = [
        a_reservation(1, NOON, 1),
        a_reservation(2, NOON + timedelta(minutes=30), 1),
        a_reservation(3, NOON + timedelta(hours=1), 1),
    ]
    (block,) = by_day([a_station(1)], found, DAY, NOON)
    shown = [[cell.reservation.key for cell in lane if cell.reservation] for lane in block.rows[0].lanes]
    assert shown == [["1", "3"], ["2"]]


def test_a_short_one_is_seen_and_a_long_one_ends_with_the_day():
    found = [a_reservation(1, NOON, 0.05), a_reservation(2, NOON + timedelta(hours=11), 30)]
    (block,) = by_day([a_station(1)], found, DAY, NOON)
    spans = {cell.reservation.key: cell.span for cell in block.rows[0].lanes[0] if cell.reservation}
    assert spans == {"1": 1, "2": 4}


def test_hours_that_are_over_cannot_be_reserved():
    (block,) = by_day([a_station(1)], [], DAY, NOON)
    cells = block.rows[0].lanes[0]
    assert [cell.past for cell in cells] == [True] * 12 + [False] * 12
    (tomorrow,) = by_day([a_station(1)], [], DAY + timedelta(days=1), NOON)
    assert not any(cell.past for cell in tomorrow.rows[0].lanes[0])


def test_one_that_was_cancelled_takes_no_room_and_one_of_any_outlet_has_a_row():
    found = [
        a_reservation(1, NOON, 1, state=ReservationState.CANCELED, end_time=NOON),
        a_reservation(2, NOON, 1, evse_id=0),
    ]
    (block,) = by_day([a_station(1)], found, DAY, NOON)
    assert [row.evse_id for row in block.rows] == [1, 0]
    assert not any(cell.reservation for cell in block.rows[0].lanes[0])


def test_the_day_is_that_of_the_readers_wall():
    stockholm = NOON.astimezone(ZoneInfo("Europe/Stockholm"))
    late = a_reservation(1, datetime(2026, 11, 20, 23, 30, tzinfo=UTC), 1)
    (block,) = by_day([a_station(1)], [late], DAY, stockholm)
    first = next(cell for cell in block.rows[0].lanes[0] if cell.reservation)
    assert (first.start.hour, first.start.minute, first.span) == (0, 30, 4)


def test_over_midnight_it_stands_in_both_days_of_the_week():
    days = week_of(DAY)
    assert (days[0].weekday(), len(days)) == (0, 7)
    (block,) = by_week([a_station(1)], [a_reservation(1, NOON, 18)], days, UTC)
    assert [len(day) for day in block.rows[0].days] == [0, 0, 0, 0, 0, 1, 1]
