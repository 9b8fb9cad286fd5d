"""Saturation: a closed loop over many connections, so cheap that the server is the limit.

Every station has one CALL in flight (OCPP-J 1.6, 4.1.1) and sends the next one when it has its answer. One
thread, one epoll, no task per station. `saturate_now` is a plain function that a child process can run;
`saturate` runs it from trio.

What it acknowledged is in its books, and `check` compares them with what the server kept.
"""

from __future__ import annotations

import json
import select
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import trio

from loadtest.ledger import Discrepancy, SeenSession
from loadtest.saturate_wire import Closed, Wire, frame
from loadtest.saturate_words import STOP_REASON, SUBPROTOCOLS, Book, Moment, Refused, Saturating, Script, live, words_of
from loadtest.tally import Tally
from loadtest.target import Target

KINDS: Final = ("meter-values", "story")
_OPENERS: Final = 16
_ROUND: Final = 512  # answers per look at epoll
_PATIENCE: Final = 30.0  # seconds for the way to the first meter value, and for the last answers


@dataclass(slots=True)
class Saturated:
    """What a saturation leaves behind. `messages`, `seconds` and `cpu_seconds` (of this tester) are of the
    measured time alone; the books hold all that was ever said.
    """

    kind: str
    version: str
    stations: int
    began: datetime
    seconds: float
    messages: int
    errors: int
    cpu_seconds: float
    books: list[Book] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Acknowledged messages per second."""
        return self.messages / self.seconds if self.seconds else 0.0

    @property
    def cpu_us_per_message(self) -> float:
        """What the tester itself spent, in microseconds."""
        return self.cpu_seconds * 1e6 / self.messages if self.messages else 0.0

    @property
    def stories(self) -> int:
        """Sessions whose stop was acknowledged."""
        return sum(book.finished for book in self.books)


@dataclass(slots=True)
class Seat:
    """A station at the table: its connection, its script, and the answer that it waits for."""

    wire: Wire
    station: Saturating
    script: Script
    action: str = ""
    expected: bytes = b""
    sent_at: float = 0.0


class Loop:
    """The closed loop over connected stations. `now` is the clock of the tally, in seconds."""

    def __init__(self, seats: Iterable[Seat], moment: Moment, tally: Tally, now: Callable[[], float]) -> None:
        self.messages = 0
        self.errors = 0
        self.measuring = False
        self._tally = tally
        self._moment = moment
        self._now = now
        self._poll = select.epoll()
        self._seats: dict[int, Seat] = {}
        for seat in seats:
            seat.wire.unblock()
            self._seats[seat.wire.fileno()] = seat
            self._poll.register(seat.wire.fileno(), select.EPOLLIN)

    @property
    def left(self) -> int:
        """Stations that are not done."""
        return len(self._seats)

    @property
    def all_charge(self) -> bool:
        """True when each is past its first meter value."""
        return all(seat.station.charging for seat in self._seats.values())

    def begin(self) -> None:
        """Send everybody's first message."""
        self._look_at_the_clock()
        for seat in list(self._seats.values()):
            self._step(seat, None, first=True)

    def end(self) -> None:
        """Stop the transactions when it is their turn."""
        for seat in self._seats.values():
            seat.station.ending = True

    def turn(self) -> None:
        """Answer what has come, or wait for it a tenth of a second."""
        ready = self._poll.poll(0.1, _ROUND)
        self._look_at_the_clock()
        for fd, _ in ready:
            seat = self._seats.get(fd)
            if seat is None:
                continue
            try:
                for text in seat.wire.take_in():
                    self._received(seat, text)
            except Closed as closed:
                self._drop(seat, str(closed))

    def close(self) -> None:
        """Hang up on everybody."""
        for seat in list(self._seats.values()):
            self._leave(seat)
        self._poll.close()

    def release(self) -> None:
        """Let go of everybody and hang up on nobody."""
        for seat in self._seats.values():
            self._poll.unregister(seat.wire.fileno())
            seat.wire.sock.setblocking(True)
        self._poll.close()

    def _look_at_the_clock(self) -> None:
        seconds = time.time()
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        self._moment.stamp = f"{text}.{int(seconds % 1 * 1000):03d}Z".encode()

    def _received(self, seat: Seat, text: bytes) -> None:
        if text.startswith(seat.expected):
            self._answered(seat, text)
            return
        message = json.loads(text)
        if message[0] == 2:  # of the server's own will; silence would make it wait
            refusal = [4, message[1], "NotSupported", "This station only makes load.", {}]
            seat.wire.send(frame(json.dumps(refusal).encode()))
        elif seat.expected != b'[3,"%b"' % str(message[1]).encode():
            self._wrong("answer that nobody waits for")
        elif message[0] == 3:  # printed in another way than ours
            self._answered(seat, text)
        else:
            self._wrong(f"CALLERROR {message[2]} to {seat.action}")
            self._step(seat, None)

    def _answered(self, seat: Seat, text: bytes) -> None:
        if self.measuring:
            self.messages += 1
            self._tally.answered(seat.action, intended=seat.sent_at, sent=seat.sent_at, now=self._now())
        self._step(seat, text)

    def _step(self, seat: Seat, answer: bytes | None, *, first: bool = False) -> None:
        try:
            seat.action, seat.expected, request = next(seat.script) if first else seat.script.send(answer)
            seat.sent_at = self._now()
            seat.wire.send(request)
        except StopIteration:
            self._leave(seat)
        except (Refused, Closed) as error:
            self._drop(seat, str(error))

    def _drop(self, seat: Seat, kind: str) -> None:
        self._wrong(kind)
        self._leave(seat)

    def _wrong(self, kind: str) -> None:
        self.errors += 1
        self._tally.error(kind, self._now())

    def _leave(self, seat: Seat) -> None:
        fd = seat.wire.fileno()
        if self._seats.pop(fd, None) is not None:
            self._poll.unregister(fd)
            seat.wire.close()


def saturate_now(
    target: Target,
    *,
    stations: int,
    seconds: float,
    kind: str = "meter-values",
    version: str = "1.6",
    tally: Tally | None = None,
    warm_up: float = 0.0,
    first: int = 0,
    prefix: str = "LT-",
    passwords: Mapping[str, str] | None = None,
    sources: Sequence[str] = (),
    tls: ssl.SSLContext | None = None,
    now: Callable[[], float] = time.perf_counter,
    stop: threading.Event | None = None,
) -> Saturated:
    """Load the target for `seconds` after all stations charge and the warm-up is over; blocking.

    Stations are `prefix` and a number from `first` + 1 on, with a tag named after each. `tls` is for
    wss targets, the system's authorities when left out. A set `stop` ends it early.
    Raises ValueError for an unknown kind or version, and Closed when nobody could connect.
    """
    if kind not in KINDS:
        raise ValueError(f"saturation is {' or '.join(KINDS)}, not {kind}")
    words_of(version)
    counted = Tally(now()) if tally is None else tally
    began = datetime.now(UTC)
    moment = Moment()
    names = [f"{prefix}{index + 1:05d}" for index in range(first, first + stations)]
    context = (tls or ssl.create_default_context()) if target.tls else None
    wires = _open_all(target, names, version, passwords or {}, sources, context, counted, now)
    people = [Saturating(wire.identity, f"{wire.identity}-1", moment, story=kind == "story") for wire in wires]
    seats = [Seat(wire, each, live(each, words_of(version))) for wire, each in zip(wires, people, strict=True)]
    loop = Loop(seats, moment, counted, now)
    counted.online += len(seats)
    try:
        took, cpu = _conduct(loop, seconds, warm_up, now, stop or threading.Event())
    finally:
        counted.online -= len(seats)
        loop.close()
    books = [book for each in people for book in each.books]
    return Saturated(kind, version, len(seats), began, took, loop.messages, loop.errors, cpu, books)


def _conduct(
    loop: Loop, seconds: float, warm_up: float, now: Callable[[], float], stop: threading.Event
) -> tuple[float, float]:
    """Begin, warm up, measure, end: how long was measured, and what it cost in CPU."""

    def turn_until(deadline: float, enough: Callable[[], bool]) -> None:
        while loop.left and now() < deadline and not stop.is_set() and not enough():
            loop.turn()

    loop.begin()
    turn_until(now() + _PATIENCE, lambda: loop.all_charge)
    turn_until(now() + warm_up, bool)
    loop.measuring, began, cpu = True, now(), time.thread_time()
    turn_until(began + seconds, bool)
    loop.measuring, took, cpu = False, now() - began, time.thread_time() - cpu
    loop.end()
    turn_until(now() + _PATIENCE, bool)
    return took, cpu


def _open_all(
    target: Target,
    names: Sequence[str],
    version: str,
    passwords: Mapping[str, str],
    sources: Sequence[str],
    tls: ssl.SSLContext | None,
    tally: Tally,
    now: Callable[[], float],
) -> list[Wire]:
    """Connect them all, some at a time. Raises Closed when none could."""

    def dial(numbered: tuple[int, str]) -> tuple[Wire | Closed, float]:
        number, name = numbered
        began = now()
        resource = target.address(name, None).resource
        source = sources[number % len(sources)] if sources else None
        try:
            wire: Wire | Closed = Wire(
                target.host,
                target.port,
                resource,
                name,
                password=passwords.get(name),
                subprotocol=SUBPROTOCOLS[version],
                source=source,
                tls=tls,
            )
        except Closed as closed:
            wire = closed
        return wire, now() - began

    wires: list[Wire] = []
    failure = Closed("no station was to connect")
    with ThreadPoolExecutor(_OPENERS, thread_name_prefix="dial") as pool:
        for made, took in pool.map(dial, enumerate(names)):
            if isinstance(made, Closed):
                tally.error(str(made), now())
                failure = made
            else:
                tally.connected(took, now())
                wires.append(made)
    if not wires:
        raise failure
    return wires


async def saturate(
    target: Target,
    *,
    stations: int,
    seconds: float,
    kind: str = "meter-values",
    version: str = "1.6",
    tally: Tally,
    warm_up: float = 0.0,
    first: int = 0,
    prefix: str = "LT-",
    passwords: Mapping[str, str] | None = None,
    sources: Sequence[str] = (),
    tls: ssl.SSLContext | None = None,
) -> Saturated:
    """`saturate_now` in a thread beside trio; cancelling it stops the transactions and hangs up.

    Whoever shows progress reads the tally meanwhile. Raises what `saturate_now` does.
    """
    behind = trio.current_time() - time.perf_counter()  # the tally's clock is trio's
    stop = threading.Event()

    def run() -> Saturated:
        return saturate_now(
            target,
            stations=stations,
            seconds=seconds,
            kind=kind,
            version=version,
            tally=tally,
            warm_up=warm_up,
            first=first,
            prefix=prefix,
            passwords=passwords,
            sources=sources,
            tls=tls,
            now=lambda: time.perf_counter() + behind,
            stop=stop,
        )

    failure: Exception
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_set_at_the_end, stop)
        try:
            return await trio.to_thread.run_sync(run)
        except (ValueError, Closed) as error:  # raised below, not in the nursery's group
            failure = error
        finally:
            nursery.cancel_scope.cancel()
    raise failure


async def _set_at_the_end(stop: threading.Event) -> None:
    try:
        await trio.sleep_forever()
    finally:
        stop.set()


def check(books: Iterable[Book], seen: Iterable[SeenSession]) -> list[Discrepancy]:
    """Compare the books with what the server lists (`Probe.sessions`), value by value where it has samples.

    Owed is every finished session: once, with all acknowledged meter values, the register at its stop, its tag
    and its times. Unfinished ones may be there or not, but not twice: one whose start was never answered is known by
    its time. What is in nobody's books is wrong.
    """
    listed: dict[tuple[str, str], list[SeenSession]] = {}
    for session in seen:
        listed.setdefault((session.station, str(session.transaction_id)), []).append(session)
    wrong: list[Discrepancy] = []
    unanswered: set[tuple[str, str]] = set()
    for book in books:
        found = listed.pop((book.station, book.transaction_id), [])
        if len(found) > 1:
            wrong.append(_discrepancy("doubled", book, f"listed {len(found)} times"))
        if book.finished and not found:
            wrong.append(_discrepancy("missing", book, f"from {book.started}, {book.acknowledged} meter values"))
        if book.finished and found:
            wrong += [_discrepancy("altered", book, text) for text in _differences(book, found[0])]
        if not found and not book.finished:
            unanswered.add((book.station, book.started))
    for session in (session for found in listed.values() for session in found):
        started = f"{session.start_time:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" if session.start_time else ""
        if (session.station, started) in unanswered:
            unanswered.remove((session.station, started))
        else:
            detail = f"the server lists a session from {session.start_time} that the station never had"
            wrong.append(Discrepancy("unknown", session.station, session.transaction_id, detail))
    return wrong


def _discrepancy(kind: str, book: Book, detail: str) -> Discrepancy:
    number = int(book.transaction_id) if book.transaction_id.isdigit() else None
    return Discrepancy(kind, book.station, number, detail)


def _differences(book: Book, session: SeenSession) -> list[str]:
    pairs: list[tuple[str, object, object]] = [
        ("tag", book.id_tag.upper(), session.id_tag.upper()),
        ("energy in Wh", book.last_wh - book.meter_start_wh, session.energy_wh),
        ("start", datetime.fromisoformat(book.started), session.start_time),
        ("stop", datetime.fromisoformat(book.stopped), session.stop_time),
    ]
    wrong = [f"{what} is {theirs} instead of {mine}" for what, mine, theirs in pairs if mine != theirs]
    kept = session.meter_values
    if kept is not None and not book.acknowledged <= kept <= book.sent:
        wrong.append(f"{kept} meter values instead of {book.acknowledged}")
    if session.stop_reason not in (None, STOP_REASON):
        wrong.append(f"stop reason is {session.stop_reason or 'none'} instead of {STOP_REASON}")
    if session.samples is not None and book.readings is not None:
        wrong += _reading_differences(book.readings, session.samples, complete=book.acknowledged == book.sent)
    if session.flags:
        wrong.append(f"flagged {', '.join(session.flags)} though nothing was odd about it")
    return wrong


def _reading_differences(
    said: Mapping[str, int], seen: Sequence[tuple[datetime, float]], *, complete: bool
) -> list[str]:
    """Readings of the register by time; `complete`: all that were said were acknowledged."""
    mine = {datetime.fromisoformat(at): energy for at, energy in said.items()}
    theirs = dict(seen)
    odd = (
        ("missing", [at for at in mine if at not in theirs] if complete else []),
        ("doubled", [at for at, _ in seen if len(seen) != len(theirs)]),
        ("altered", [at for at, energy in theirs.items() if at in mine and mine[at] != energy]),
        ("never sent", [at for at in theirs if at not in mine]),
    )
    return [f"{len(found)} meter values {what}, first at {min(found).isoformat()}" for what, found in odd if found]
