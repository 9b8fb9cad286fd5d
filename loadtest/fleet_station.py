"""What a station of a calm fleet has to say: boot, status, what it kept while it was offline, heartbeats, and one
session with meter values by the clock.

It is a queue of calls, each with the time at which it was due; `loadtest.fleet` sends them, one in flight at a time.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from loadtest.saturate_wire import Json, Wire, frame
from loadtest.saturate_words import FIRST_REGISTER, Book, Moment, Words, Words16

MILLI_WATT_HOURS: Final = 2_000  # of a second: 7.2 kW, as the meter values say
_NOT_HERE: Final = "These stations only stay and charge."


@dataclass(slots=True, eq=False)
class Call:
    """A CALL that was `due` then; None: when its turn comes, since it follows from the answer to another.

    `print` gives its frame for a serial number; what is `durable` outlives the link.
    """

    due: float | None
    action: str
    print: Callable[[int], bytes]
    answered: Callable[[bytes], None] | None = None
    durable: bool = False
    data: bytes = b""
    expected: bytes = b""
    sent_at: float = 0.0


@dataclass(slots=True, eq=False)
class Resident:
    """Station `number` (from 0). `wire` is None while it has no connection, `opening` while it gets one; `calls[0]` is
    in flight when `waiting`. `past` is what it kept while it was offline (`loadtest.fleet_backlog`), None when all of
    it is told; `replayed` how many seconds that took. `register` is its meter, in Wh.
    """

    number: int
    identity: str
    id_tag: str
    words: Words
    moment: Moment
    charges: bool
    calls: deque[Call] = field(default_factory=deque)
    wire: Wire | None = None
    opening: bool = False
    waiting: bool = False
    accepted: bool = False
    failures: int = 0
    book: Book | None = None
    books: list[Book] = field(default_factory=list)
    past: Iterator[Call] | None = None
    replayed: float | None = None
    register: int = FIRST_REGISTER
    stopping: bool = False
    serial: int = 0
    _replaying_since: float = 0.0
    _print_values: Callable[[int, bytes, int], bytes] = lambda *_: b""

    @property
    def settled(self) -> bool:
        """True when nothing of a session is still to be told."""
        return self.past is None and all(book.finished for book in self.books)

    def boot(self, due: float) -> None:
        """The first words on a connection."""
        self.calls.appendleft(self._call(due, self.words.boot(), self._booted))

    def _booted(self, answer: bytes) -> None:
        self.accepted = _payload(answer).get("status") == "Accepted"

    def settle_in(self) -> None:
        """What follows a boot: status, and for those who charge the tag and the start; after what was kept, if any."""
        self.calls.append(self._call(None, self.words.status(self.moment.stamp.decode())))
        if self.past is None:
            self._plug_in()

    def _plug_in(self) -> None:
        if not self.charges or self.book is not None or self.stopping:
            return
        stamp = self.moment.stamp.decode()
        self.calls.append(self._call(None, self.words.authorize(self.id_tag)))
        # No two stations of a fleet end alike; and it is at most 30 of the 36 characters of 2.0.1.
        name = f"{self.identity[-5:]}/{stamp}"
        book = self.book = Book(self.identity, self.id_tag, self.register, stamp, name, last_wh=self.register)

        def started(answer: bytes) -> None:
            self._learn(book, answer)
            self._print_values = self.words.meter_values(book)

        self.calls.append(self.start_of(book, started))

    def start_of(self, book: Book, answered: Callable[[bytes], None] | None = None) -> Call:
        """The start of a session, which is then among the books; `answered` takes the place of learning its name."""
        self.books.append(book)
        book.readings = {}
        book.sent += self.words.values_at_the_ends
        learn = answered or (lambda answer: self._learn(book, answer))
        return self._call(None, self.words.start(book), learn, durable=True)

    def _learn(self, book: Book, answer: bytes) -> None:
        book.transaction_id = self.words.transaction_id(_payload(answer)) or book.transaction_id
        book.acknowledged += self.words.values_at_the_ends

    def values_of(self, book: Book, due: float | None, print_values: Callable[[int], bytes]) -> Call:
        """Meter values of a session, as `print_values` makes them of a serial number."""

        def answered(_: bytes) -> None:
            book.acknowledged += 1

        action = "MeterValues" if isinstance(self.words, Words16) else "TransactionEvent"
        return Call(due, action, print_values, answered, durable=True)

    def stop_of(self, book: Book, due: float | None, stopped: str = "") -> Call:
        """The end of a session; without a time, whenever it is told."""

        def print_stop(serial: int) -> bytes:
            book.stopped = stopped or self.moment.stamp.decode()
            book.sent += self.words.values_at_the_ends
            return _printed(serial, self.words.stop(book))

        def answered(_: bytes) -> None:
            book.acknowledged += self.words.values_at_the_ends
            book.finished = True

        action = "StopTransaction" if isinstance(self.words, Words16) else "TransactionEvent"
        return Call(due, action, print_stop, answered, durable=True)

    def beat(self, due: float) -> None:
        """A heartbeat; without a connection it is left out."""
        if self.wire is not None and self.accepted:
            self.calls.append(self._call(due, ("Heartbeat", {})))

    def sample(self, due: float, seconds: float) -> None:
        """Meter values of a session that goes on, so many seconds after the last ones."""
        book = self.book
        if book is None or self.stopping:
            return

        def print_values(serial: int) -> bytes:
            book.sent += 1
            book.last_wh += max(1, int(seconds * MILLI_WATT_HOURS / 1000))
            note_reading(book, self.moment.stamp.decode())
            return self._print_values(serial, self.moment.stamp, book.last_wh)

        self.calls.append(self.values_of(book, due, print_values))

    def stop(self, due: float) -> None:
        """End the session, or never begin it: what was kept may be still under way."""
        if not self.stopping and self.book is not None:
            self.calls.append(self.stop_of(self.book, due))
        self.stopping = True

    def lose(self) -> None:
        """The link is gone: keep what is durable, with what was in flight first."""
        self.wire, self.waiting = None, False
        self.calls = deque(call for call in self.calls if call.durable)

    def give_up(self) -> None:
        """The server refused something of the session: what would follow makes no sense."""
        self.calls = deque(call for call in self.calls if not call.durable)
        self.stopping, self.past = True, None

    def next(self, now: float) -> bytes | None:
        """The frame of the next call, which is then in flight; None when there is none, or one is in flight."""
        if not self.calls and self.past is not None and self.accepted:
            self._remember(now)
        if self.waiting or not self.calls:
            return None
        call = self.calls[0]
        if not call.data:
            self.serial += 1
            call.due = now if call.due is None else call.due
            call.data, call.expected = call.print(self.serial), b'[3,"m%d"' % self.serial
        call.sent_at = now
        self.waiting = True
        return call.data

    def _remember(self, now: float) -> None:
        """Take what was kept next; when there is no more, go on with the day."""
        self._replaying_since = self._replaying_since or now
        call = None if self.past is None else next(self.past, None)
        if call is not None:
            self.calls.append(call)
            return
        self.past, self.replayed = None, now - self._replaying_since
        self._plug_in()

    def _call(
        self,
        due: float | None,
        said: tuple[str, Json],
        answered: Callable[[bytes], None] | None = None,
        *,
        durable: bool = False,
    ) -> Call:
        return Call(due, said[0], lambda serial: _printed(serial, said), answered, durable=durable)

    def obey(self, action: str, payload: Json, now: float) -> Json | None:
        """The answer to a command of the server; None: not supported."""
        match action:
            case "TriggerMessage" if payload.get("requestedMessage") == "Heartbeat":
                self.beat(now)
                return {"status": "Accepted"}
            case "TriggerMessage":
                return {"status": "NotImplemented"}
            case "GetConfiguration":
                asked = payload.get("key")
                keys = asked if isinstance(asked, list) else ["HeartbeatInterval"]
                return {"configurationKey": [{"key": key, "readonly": True, "value": "300"} for key in keys]}
            case "GetVariables":
                asked = payload.get("getVariableData")
                wanted = asked if isinstance(asked, list) else []
                return {"getVariableResult": [_told(one) for one in wanted]}
            case "Reset" | "RemoteStartTransaction" | "RemoteStopTransaction" | "RequestStartTransaction":
                return {"status": "Rejected"}
            case "RequestStopTransaction" | "ChangeConfiguration" | "ChangeAvailability":
                return {"status": "Rejected"}
        return None

    def answer(self, message: list[object], now: float) -> bytes:
        """The frame that answers the server's CALL."""
        payload = message[3] if isinstance(message[3], dict) else {}
        said = self.obey(str(message[2]), payload, now)
        answer = [4, message[1], "NotSupported", _NOT_HERE, {}] if said is None else [3, message[1], said]
        return frame(json.dumps(answer).encode())


def note_reading(book: Book, at: str) -> None:
    """What the register says then is in the books; two within a millisecond cannot be told apart."""
    if book.readings is not None:
        if at in book.readings:
            book.readings = None
        else:
            book.readings[at] = book.last_wh


def _printed(serial: int, said: tuple[str, Json]) -> bytes:
    action, payload = said
    return frame(json.dumps([2, f"m{serial}", action, payload]).encode())


def _payload(answer: bytes) -> Json:
    payload = json.loads(answer)[2]
    return payload if isinstance(payload, dict) else {}


def _told(asked: object) -> Json:
    known = asked if isinstance(asked, dict) else {}
    place = {"component": known.get("component"), "variable": known.get("variable")}
    return {"attributeStatus": "Accepted", "attributeValue": "300", **place}
