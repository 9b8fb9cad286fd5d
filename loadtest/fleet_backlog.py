"""Hours that a station of a calm fleet has lived through without a connection, told one message after the other.

`loadtest.backlog` is the same for stations that live in full. Here the power never changes, and a message is made when
its turn comes, so that thousands of queues take no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from loadtest.fleet_station import MILLI_WATT_HOURS, Call, Resident, note_reading
from loadtest.saturate_words import Book
from loadtest.scenario import SessionPlan

Values = Callable[[int, bytes, int], bytes]


def queue_of(resident: Resident, visits: Sequence[SessionPlan], began: datetime, interval: float) -> Iterator[Call]:
    """What waits in the station: of each visit the start, meter values each `interval` seconds, and the stop.

    Times of the visits count from `began`, the begin of the run. Take the next call only when the one before is
    answered: a session of OCPP 1.6 gets its number with the answer to its start.
    """

    def stamp(offset: float) -> str:
        return f"{began + timedelta(seconds=offset):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"

    def printing(values: Values, at: str, energy_wh: int) -> Callable[[int], bytes]:
        return lambda serial: values(serial, at.encode(), energy_wh)

    for visit in visits:
        started, first = stamp(visit.tag_shown), resident.register
        name = f"{resident.identity[-5:]}/{started}"
        book = Book(resident.identity, visit.id_tag, first, started, name, last_wh=first, offline=True)
        yield resident.start_of(book)
        values = resident.words.meter_values(book)
        due = visit.tag_shown + interval
        while due < visit.stopped:
            book.sent += 1
            book.last_wh = first + _charged(due - visit.tag_shown)
            note_reading(book, stamp(due))
            yield resident.values_of(book, None, printing(values, stamp(due), book.last_wh))
            due += interval
        resident.register = book.last_wh = first + _charged(visit.stopped - visit.tag_shown)
        yield resident.stop_of(book, None, stamp(visit.stopped))


def _charged(seconds: float) -> int:
    """Wh."""
    return int(seconds * MILLI_WATT_HOURS / 1000)
