"""A calm fleet: thousands of stations that stay, on plain sockets, so cheap that the server is what is measured.

The model is open: when each station connects, beats, samples and stops was decided before, and latency counts from
then. How late this process itself was with each is counted apart. One thread, one epoll, one heap of what is due, no
task per station. `loadtest.swarm` has stations that live in full; these have one connector and one session each.
"""

from __future__ import annotations

import gc
import heapq
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from loadtest.fleet_backlog import queue_of
from loadtest.fleet_station import Resident
from loadtest.saturate_wire import Closed, Opening
from loadtest.saturate_words import SUBPROTOCOLS, Book, Moment, words_of
from loadtest.scenario import Scenario, identity, plan_backlog, version_of
from loadtest.tally import Tally
from loadtest.target import Target

_ROUND: Final = 512  # answers per look at epoll
_AT_ONCE: Final = 64  # of what is due, before answers have their turn again
_SWEEP: Final = 1.0  # seconds between looks for what takes too long
_LAST_WORDS: Final = 5.0  # seconds that an interrupted run waits for answers
_CHARGING_STEP: Final = 0.7548776662466927  # modulo 1 it falls evenly, and not in step with the versions
_PHASE_STEP: Final = 0.5698402909980532

Task = Callable[[float], None]


def charges_there(scenario: Scenario, number: int) -> bool:
    """Whether station `number` of a fleet, from 0, has a session in the run."""
    return number * _CHARGING_STEP % 1 < scenario.charging_share


def has_sessions(scenario: Scenario, number: int) -> bool:
    """Whether it has any: in the run, or in the hours before."""
    return bool(scenario.backlog_hours) or charges_there(scenario, number)


class Fleet:
    """The stations `numbers` of a scenario. `now` is the clock of the tally, in seconds; times count from its begin."""

    def __init__(
        self,
        scenario: Scenario,
        target: Target,
        numbers: Sequence[int],
        tally: Tally,
        now: Callable[[], float],
        *,
        passwords: Mapping[str, str],
        sources: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
        date: datetime | None = None,
    ) -> None:
        """`date` is when the run begins, for what stations tell of the hours before; now when left out.

        Raises OSError when the target's name is not known.
        """
        self._scenario = scenario
        self._date = date or datetime.now(UTC)
        self._target = target
        self._tally = tally
        self._now = now
        self._passwords = passwords
        self._sources = sources
        self._tls = (tls or ssl.create_default_context()) if target.tls else None
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        self._address = (found[0][0], found[0][4])
        self._moment = Moment()
        self._poll = select.epoll()
        self._openings: dict[int, tuple[Opening, Resident, float]] = {}
        self._online: dict[int, Resident] = {}
        self._due: list[tuple[float, int, Task]] = []
        self._serial = 0
        self._end = tally.began + scenario.run_seconds
        self._over = False
        self._dark_until = float("-inf")
        self.residents: list[Resident] = []
        for number in numbers:
            self._plan(number)
        for share in scenario.storms:
            self._at(tally.began + share * scenario.run_seconds, self._storm)

    @property
    def books(self) -> list[Book]:
        """All sessions that began."""
        return [book for resident in self.residents for book in resident.books]

    def run(self, stop: threading.Event) -> None:
        """Until all is over: the time, and the last answers, for which there is the scenario's grace."""
        self._look_at_the_clock()
        last = self._end + self._scenario.grace
        sweep = self._now()
        try:
            while True:
                now = self._now()
                if stop.is_set() and not self._over:
                    self._end, last = now, min(last, now + _LAST_WORDS)
                if now >= self._end and not self._over:
                    self._over = True
                    for resident in self.residents:
                        self._stop(resident, now)
                if self._over and (now >= last or all(resident.settled for resident in self.residents)):
                    return
                if now >= sweep:
                    sweep = now + _SWEEP
                    self._sweep(now)
                self._turn()
        finally:
            self._close()
            for resident in self.residents:
                if resident.replayed is not None:
                    self._tally.replays.record(resident.replayed)

    # What is planned.

    def _plan(self, number: int) -> None:
        scenario, began = self._scenario, self._tally.began
        name = identity(scenario, number)
        charges = charges_there(scenario, number)
        tag = scenario.id_tag or f"{name}-1"
        resident = Resident(number, name, tag, words_of(version_of(scenario, number)), self._moment, charges)
        self.residents.append(resident)
        if scenario.backlog_hours:
            visits = plan_backlog(scenario, number, tag)
            resident.past = queue_of(resident, visits, self._date, scenario.backlog_meter_interval)
        start = began + scenario.ramp * number / scenario.stations
        self._reopen(resident, start)
        phase = number * _PHASE_STEP % 1
        interval = scenario.heartbeat_interval or 300.0
        self._every(start + phase * interval, interval, resident.beat, resident)
        if charges:
            every = scenario.meter_interval
            self._every(start + phase * every, every, lambda due: resident.sample(due, every), resident)
            self._at(self._end - scenario.tail_seconds * phase, lambda due: self._stop(resident, due))

    def _at(self, due: float, task: Task) -> None:
        self._serial += 1
        heapq.heappush(self._due, (due, self._serial, task))

    def _every(self, first: float, interval: float, task: Task, resident: Resident) -> None:
        def again(due: float) -> None:
            task(due)
            self._send(resident)
            if due + interval < self._end:
                self._at(due + interval, again)

        self._at(first, again)

    def _stop(self, resident: Resident, due: float) -> None:
        resident.stop(due)
        self._send(resident)

    def _storm(self, due: float) -> None:
        """The power fails everywhere, and comes back everywhere at the same moment."""
        back = self._dark_until = due + self._scenario.storm_seconds
        for fd, resident in list(self._online.items()):
            self._hang_up(fd, resident)
            resident.accepted = False
            self._reopen(resident, back)
        for fd in list(self._openings):
            opening, resident, _ = self._openings.pop(fd)
            opening.close()
            resident.opening = False
            self._reopen(resident, back)

    def _reopen(self, resident: Resident, due: float) -> None:
        self._at(due, lambda due: self._open(resident, due))

    # The loop.

    def _turn(self) -> None:
        """Hear what has come, then do what is due."""
        now = self._now()
        patience = min(0.1, self._due[0][0] - now) if self._due else 0.1
        ready = self._poll.poll(max(0.0, patience), _ROUND)
        self._look_at_the_clock()
        now = self._now()
        for fd, _ in ready:
            if fd in self._online:
                self._hear(fd, self._online[fd], now)
            elif fd in self._openings:
                self._go_on(fd)
        for _ in range(_AT_ONCE):
            now = self._now()
            if not self._due or self._due[0][0] > now:
                return
            due, _, task = heapq.heappop(self._due)
            self._tally.late(now - due, now)
            task(due)

    def _look_at_the_clock(self) -> None:
        seconds = time.time()
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        self._moment.stamp = f"{text}.{int(seconds % 1 * 1000):03d}Z".encode()

    def _open(self, resident: Resident, due: float) -> None:
        if resident.opening or resident.wire is not None or (self._over and resident.settled):
            return
        if due < self._dark_until:
            self._reopen(resident, self._dark_until)
            return
        number, address = resident.number, self._target.address(resident.identity, None)
        try:
            opening = Opening(
                self._address,
                address.host,
                address.resource,
                resident.identity,
                password=self._passwords.get(resident.identity),
                subprotocol=SUBPROTOCOLS[version_of(self._scenario, number)],
                source=self._sources[number % len(self._sources)] if self._sources else None,
                tls=self._tls,
            )
        except Closed as closed:
            self._failed(resident, str(closed))
            return
        resident.opening = True
        fd = opening.sock.fileno()
        self._openings[fd] = (opening, resident, due)
        self._poll.register(fd, opening.wants)

    def _go_on(self, fd: int) -> None:
        opening, resident, due = self._openings[fd]
        wanted = opening.wants
        try:
            wire = opening.step()
        except Closed as closed:
            self._give_up(fd, str(closed))
            return
        if wire is None:
            if opening.wants != wanted:
                self._poll.modify(fd, opening.wants)
            return
        del self._openings[fd]
        resident.opening = False
        now = self._now()
        self._tally.connected(now - due, now)
        self._tally.online += 1
        self._poll.modify(fd, select.EPOLLIN)
        resident.wire, resident.failures = wire, 0
        self._online[fd] = resident
        if not resident.accepted:
            resident.boot(now)
        self._send(resident)

    def _give_up(self, fd: int, kind: str) -> None:
        opening, resident, _ = self._openings.pop(fd)
        opening.close()
        resident.opening = False
        self._failed(resident, kind)

    def _failed(self, resident: Resident, kind: str) -> None:
        now = self._now()
        self._tally.error(kind, now)
        resident.failures += 1
        pause = min(self._scenario.longest_back_off, self._scenario.back_off * 2 ** min(resident.failures, 8))
        self._reopen(resident, now + pause * (0.5 + resident.number * _PHASE_STEP % 0.5))

    def _hear(self, fd: int, resident: Resident, now: float) -> None:
        wire = resident.wire
        if wire is None:
            return
        try:
            for text in wire.take_in():
                self._received(resident, text, now)
        except Closed as closed:
            self._lost(fd, resident, str(closed))

    def _received(self, resident: Resident, text: bytes, now: float) -> None:
        call = resident.calls[0] if resident.waiting else None
        if call is None or not text.startswith(call.expected):
            message = json.loads(text)
            if message[0] == 2:
                self._tally.commanded(str(message[2]), now)
                if resident.wire is not None:
                    resident.wire.send(resident.answer(message, now))
                self._send(resident)
                return
            if call is None or message[1] != json.loads(call.expected + b"]")[1]:
                self._tally.error("answer that nobody waits for", now)
                return
            if message[0] == 4:
                self._refused(resident, f"CALLERROR {message[2]} to {call.action}", durable=call.durable)
                return
        resident.calls.popleft()
        resident.waiting = False
        due = call.sent_at if call.due is None else call.due
        self._tally.answered(call.action, intended=due, sent=call.sent_at, now=now)
        if call.answered is not None:
            call.answered(text)
        if call.action == "BootNotification":
            self._booted(resident, now)
        self._send(resident)

    def _booted(self, resident: Resident, now: float) -> None:
        if resident.accepted:
            resident.settle_in()
        else:
            self._at(now + 10.0, lambda due: self._boot_again(resident, due))

    def _boot_again(self, resident: Resident, due: float) -> None:
        if resident.wire is not None and not resident.accepted:
            resident.boot(due)
            self._send(resident)

    def _refused(self, resident: Resident, kind: str, *, durable: bool) -> None:
        self._tally.error(kind, self._now())
        resident.calls.popleft()
        resident.waiting = False
        if durable:
            resident.give_up()
        self._send(resident)

    def _send(self, resident: Resident) -> None:
        wire = resident.wire
        if wire is None or (data := resident.next(self._now())) is None:
            return
        try:
            wire.send(data)
        except Closed as closed:
            self._lost(wire.fileno(), resident, str(closed))

    def _lost(self, fd: int, resident: Resident, kind: str) -> None:
        if self._hang_up(fd, resident):
            self._failed(resident, kind)

    def _hang_up(self, fd: int, resident: Resident) -> bool:
        """Drop the link, without a goodbye; false when there was none."""
        wire = resident.wire
        if self._online.pop(fd, None) is None or wire is None:
            return False
        wire.close()  # which takes it out of the epoll as well
        self._tally.online -= 1
        for call in resident.calls:
            self._tally.retries[call.action] += call.durable and bool(call.data)
        resident.lose()
        return True

    def _sweep(self, now: float) -> None:
        """What takes too long."""
        for fd, (_, _, due) in list(self._openings.items()):
            if now - due > self._scenario.connect_timeout:
                self._give_up(fd, "connect: time-out")
        for fd, resident in list(self._online.items()):
            if resident.waiting and now - resident.calls[0].sent_at > self._scenario.call_timeout:
                self._lost(fd, resident, f"time-out of {resident.calls[0].action}")

    def _close(self) -> None:
        """Hang up on everybody."""
        self._tally.online -= len(self._online)
        for resident in self._online.values():
            if resident.wire is not None:
                resident.wire.close()
        for opening, *_ in self._openings.values():
            opening.close()
        self._poll.close()


def run_fleet(fleet: Fleet, stop: threading.Event) -> None:
    """Run it with the garbage collector told that all of it stays; blocking."""
    gc.collect()
    gc.freeze()
    try:
        fleet.run(stop)
    finally:
        gc.unfreeze()
