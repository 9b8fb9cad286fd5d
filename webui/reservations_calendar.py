"""Reservations → the calendar: rows of outlets, days or quarters of an hour across. All pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from babel import dates

from webui.values_reservations import OPEN, Reservation, ReservationState, StationBrief
from webui.words import current

QUARTER: Final = timedelta(minutes=15)
DAY_QUARTERS: Final = 96
WEEK_DAYS: Final = 7
SHOWN: Final = OPEN | {ReservationState.USED}
"""What took up an outlet, or will; the list has the others."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of a row, `span` quarters long: a reservation, or nothing yet. `start` is when it begins."""

    start: datetime
    span: int
    reservation: Reservation | None = None
    past: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """An outlet; EVSE 0 is any of the station's. By day: lanes of cells. By week: the reservations of each day."""

    evse_id: int
    lanes: tuple[tuple[Cell, ...], ...] = ()
    days: tuple[tuple[Reservation, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A station with its outlets."""

    station: StationBrief
    rows: tuple[Row, ...]

    @property
    def lines(self) -> int:
        """How many lines of a table it takes."""
        return sum(max(1, len(row.lanes)) for row in self.rows)


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins on the reader's wall."""
    return datetime.combine(day, time(), zone)


def long_day(day: date) -> str:
    """In the reader's language: Saturday, 21 November 2026."""
    return str(dates.format_date(day, "full", locale=current.get().locale))


def short_day(day: date) -> str:
    """In the reader's language: Sat 21 Nov."""
    return str(dates.format_skeleton("MMMEd", day, locale=current.get().locale))


def week_of(day: date) -> tuple[date, ...]:
    """Its days, from Monday."""
    monday = day - timedelta(days=day.weekday())
    return tuple(monday + timedelta(days=number) for number in range(WEEK_DAYS))


def by_day(stations: Iterable[StationBrief], found: Iterable[Reservation], day: date, now: datetime) -> list[Block]:
    """One day in quarters of an hour, in the zone of `now`. A day on which clocks change is shown with 24 hours by the
    wall."""
    zone = now.tzinfo
    if zone is None:
        raise ValueError("the present needs a zone")
    start = midnight(day, zone)
    spans: dict[tuple[str, int], list[tuple[int, int, Reservation]]] = defaultdict(list)
    for one in _shown(found):
        begin, end = _quarters(one, day, zone)
        if end > begin:
            spans[one.station, one.evse_id].append((begin, end, one))
    present = _quarter_of(now, day, zone)

    def row(station: StationBrief, evse_id: int) -> Row:
        lanes = _lanes(spans.get((station.name, evse_id), []))
        return Row(evse_id, tuple(_cells(lane, start, present) for lane in lanes))

    return [Block(s, tuple(row(s, number) for number in _evses(s, spans))) for s in stations]


def by_week(
    stations: Iterable[StationBrief], found: Iterable[Reservation], days: Sequence[date], zone: tzinfo
) -> list[Block]:
    """The reservations of each day, in the order of their beginning; a long one stands in each of its days."""
    of_days: dict[tuple[str, int], list[list[Reservation]]] = defaultdict(lambda: [[] for _ in days])
    for one in sorted(
        _shown(found), key=lambda each: (each.start_time.timestamp() if each.start_time else 0.0, each.key)
    ):
        for index, day in enumerate(days):
            begin, end = _quarters(one, day, zone)
            if end > begin:
                of_days[one.station, one.evse_id][index].append(one)
    empty: list[list[Reservation]] = [[] for _ in days]

    def row(station: StationBrief, evse_id: int) -> Row:
        return Row(evse_id, days=tuple(tuple(day) for day in of_days.get((station.name, evse_id), empty)))

    return [Block(s, tuple(row(s, number) for number in _evses(s, of_days))) for s in stations]


def _shown(found: Iterable[Reservation]) -> list[Reservation]:
    return [one for one in found if one.state in SHOWN and one.start_time is not None and one.until is not None]


def _evses(station: StationBrief, taken: Iterable[tuple[str, int]]) -> list[int]:
    """Its outlets, and `any` where a reservation is of any, or nothing is known of its outlets."""
    known = {evse.evse_id for evse in station.evses if evse.evse_id > 0}
    known |= {evse_id for name, evse_id in taken if name == station.name}
    return sorted(known or {0}, key=lambda number: (number == 0, number))


def _quarter_of(moment: datetime, day: date, zone: tzinfo) -> float:
    """Quarters after midnight of a day by the wall; below 0 before it, above 96 after it."""
    wall = moment.astimezone(zone).replace(tzinfo=None)
    return (wall - datetime.combine(day, time())) / QUARTER


def _quarters(one: Reservation, day: date, zone: tzinfo) -> tuple[int, int]:
    """From which quarter until which one of the day it takes; the same twice when it is on another day."""
    if one.start_time is None or one.until is None:
        return 0, 0
    begin, end = _quarter_of(one.start_time, day, zone), _quarter_of(one.until, day, zone)
    if end <= 0 or begin >= DAY_QUARTERS:
        return 0, 0
    first = max(0, int(begin))
    return first, min(DAY_QUARTERS, max(first + 1, -int(-end // 1)))


def _lanes(spans: list[tuple[int, int, Reservation]]) -> list[list[tuple[int, int, Reservation]]]:
    """What overlaps goes below each other; at least one lane."""
    lanes: list[list[tuple[int, int, Reservation]]] = [[]]
    for span in sorted(spans, key=lambda each: (each[0], each[1], each[2].key)):
        for lane in lanes:
            if not lane or lane[-1][1] <= span[0]:
                lane.append(span)
                break
        else:
            lanes.append([span])
    return lanes


def _cells(lane: list[tuple[int, int, Reservation]], start: datetime, present: float) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    at = 0

    def fill(until: int) -> None:
        nonlocal at
        while at < until:
            edge = min(until, at - at % 4 + 4)
            cells.append(Cell(start + at * QUARTER, edge - at, past=edge <= present))
            at = edge

    for begin, end, one in lane:
        fill(begin)
        cells.append(Cell(start + begin * QUARTER, end - begin, one))
        at = end
    fill(DAY_QUARTERS)
    return tuple(cells)
