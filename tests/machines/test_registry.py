"""A registry among takeovers, crashes, drains, outages, commands and facts in any order.

What must hold whatever happens: every delivery ends in exactly one outcome; every acknowledged fact is in the journal
exactly once; a connection that was replaced gets nothing applied; nothing is left running.
"""

from __future__ import annotations

import contextlib
from collections import Counter

import hypothesis.strategies as st
import trio
import trio.testing
from hypothesis import given

from csms.actors.supervise import RestartLimits
from csms.domain import station
from csms.domain.commands import ClearCache, Outcome
from csms.domain.errors import Unavailable
from csms.domain.records import LinkRecord, MeterRecord
from csms.ports.directory import Settled
from tests.kit.actor_world import Node, meter_values
from tests.kit.fake_wire import MemoryWire

STATIONS = (1, 2)

_station = st.sampled_from(STATIONS)
_step = st.one_of(
    st.tuples(st.just("connect"), _station),
    st.tuples(st.just("hang up"), _station),
    st.tuples(st.just("fact"), _station),
    st.tuples(st.just("fact"), _station),
    st.tuples(st.just("takeover"), _station),
    st.tuples(st.just("takeover"), _station),
    st.tuples(st.just("poison"), _station),
    st.tuples(st.just("send"), _station, st.booleans(), st.sampled_from((0.0, 1.0, 30.0))),
    st.tuples(st.just("answer"), _station),
    st.tuples(st.just("refresh"), _station),
    st.tuples(st.just("disconnect"), _station),
    st.tuples(st.just("away")),
    st.tuples(st.just("back")),
    st.tuples(st.just("pass"), st.sampled_from((0.001, 0.01, 0.5, 5.0, 100.0))),
)

POISON = 666.0
_sampled = station.StationState._sampled


def _sampled_or_bug(
    self: station.StationState, fact: station.MeterSampled, context: station.Context
) -> station.Applied:
    if any(sample.value == POISON for value in fact.meter_values for sample in value.sampled_values):
        raise ZeroDivisionError("poison")
    return _sampled(self, fact, context)


class Play:
    """One example: a node, its stations' connections, and what was promised to whom."""

    def __init__(self, node: Node, nursery: trio.Nursery) -> None:
        self.node = node
        self.nursery = nursery
        self.wires: dict[int, MemoryWire] = {}
        self.stale: list[MemoryWire] = []
        self.numbers = 0
        self.promised: list[int] = []  # facts whose CALLRESULT came
        self.said: dict[str, int] = {}
        self.said_on: dict[int, str] = {}
        self.sent = 0
        self.ends: list[Settled] = []

    async def do(self, step: tuple[object, ...]) -> None:
        what, station_id = step[0], step[1] if len(step) > 1 else 0
        if what == "pass":
            await trio.sleep(float(str(step[1])))
        elif what in ("away", "back"):
            self.node.journal.away = what == "away"
        elif what == "send":
            self.nursery.start_soon(self._send, station_id, step[2], step[3])
        else:
            assert isinstance(station_id, int)
            getattr(self, "_" + str(what).replace(" ", "_"))(station_id)
        await trio.testing.wait_all_tasks_blocked()

    async def _send(self, station_id: int, wait: bool, timeout: float) -> None:
        self.sent += 1
        self.ends.append(
            await self.node.directory.send(station_id, ClearCache(), timeout=timeout, wait_for_station=wait)
        )

    def _connect(self, station_id: int) -> None:
        older = self.wires.get(station_id)
        if older is not None:
            self.stale.append(older)
        self.wires[station_id] = self.node.connect(station_id)

    def _hang_up(self, station_id: int) -> None:
        if station_id in self.wires:
            self.wires[station_id].hang_up()

    def _fact(self, station_id: int) -> None:
        if station_id in self.wires:
            self._say(self.wires[station_id])

    def _takeover(self, station_id: int) -> None:
        """A fact on the old connection races with the new connection."""
        self._fact(station_id)
        self._connect(station_id)
        self._fact(station_id)

    def _poison(self, station_id: int) -> None:
        wire = self.wires.get(station_id)
        if wire is not None and wire.closed is None:
            wire.start_call("MeterValues", meter_values(POISON, seconds=0))

    def _say(self, wire: MemoryWire) -> None:
        self.numbers += 1
        number = self.numbers
        if wire.closed is None:
            self.said[f"f{number}"] = number
            self.said_on[number] = wire.remote_address
            # Every other one has an id that must be looked up: a takeover may come meanwhile.
            payload = meter_values(1000 + number, seconds=number, transaction_id=4711 if number % 2 else None)
            wire.start_call("MeterValues", payload, f"f{number}")

    def _answer(self, station_id: int) -> None:
        wire = self.wires.get(station_id)
        if wire is not None:
            self.listen(wire, answering=True)

    def _refresh(self, station_id: int) -> None:
        self.nursery.start_soon(self._do_refresh, station_id)

    async def _do_refresh(self, station_id: int) -> None:
        with contextlib.suppress(Unavailable):
            await self.node.directory.refresh(station_id)

    def _disconnect(self, station_id: int) -> None:
        self.nursery.start_soon(self.node.directory.disconnect, station_id, "test")

    def listen(self, wire: MemoryWire, *, answering: bool = False) -> None:
        for frame in wire.hear_nowait():
            if frame[0] == 3 and frame[1] in self.said:
                self.promised.append(self.said[frame[1]])
            elif frame[0] == 2 and answering and wire.closed is None:
                wire.say(f'[3,"{frame[1]}",{{"status":"Accepted"}}]')

    def check(self) -> None:
        for wire in (*self.wires.values(), *self.stale):
            self.listen(wire)
        kept: Counter[int] = Counter()
        current: dict[int, str] = {}
        for record in self.node.journal.disk:
            if isinstance(record, LinkRecord):
                current[record.station_id] = record.remote_address if record.online else ""
            elif isinstance(record, MeterRecord) and record.energy_wh is not None:
                number = int(record.energy_wh) - 1000
                kept[number] += 1
                assert self.said_on[number] == current[record.station_id], "a stale link's fact was applied"
        assert all(count == 1 for count in kept.values()), kept
        assert len(set(self.promised)) == len(self.promised)
        assert set(self.promised) <= set(kept)
        assert len(self.ends) == self.sent
        assert all(isinstance(end.outcome, Outcome) for end in self.ends)


async def _play(steps: list[tuple[object, ...]], drain: bool) -> Play:
    async with trio.open_nursery() as nursery:
        node = Node(nursery, restarts=RestartLimits(crashes=3, cool_down=30.0))
        for station_id in STATIONS:
            node.stores.add(station_id)
        nursery.start_soon(node.journal.run)
        async with trio.open_nursery() as inner:
            node.nursery = inner
            registry_done = trio.Event()

            async def run(task_status: trio.TaskStatus[None]) -> None:
                await node.registry.run(task_status=task_status)
                registry_done.set()

            await nursery.start(run)
            play = Play(node, inner)
            for step in steps:
                await play.do(step)
            if drain:
                inner.start_soon(node.registry.drain)
                await trio.testing.wait_all_tasks_blocked()
                inner.start_soon(node.registry.drain)
            node.journal.away = False
            await trio.sleep(60)
            for wire in play.wires.values():
                play.listen(wire, answering=True)
            await trio.sleep(60)
            if not drain:
                with trio.move_on_after(30):
                    await node.registry.drain()
            await trio.sleep(60)
            assert registry_done.is_set()
            assert all(wire.closed is not None for wire in (*play.wires.values(), *play.stale))
            play.check()
            # `inner` ends by itself: no link is left running.
        assert node.registry.counts().actors == 0
        nursery.cancel_scope.cancel()
    return play


@given(steps=st.lists(_step, max_size=40), drain=st.booleans())
def test_promises_hold_whatever_happens(steps: list[tuple[object, ...]], drain: bool) -> None:
    station.StationState._sampled = _sampled_or_bug  # type: ignore[method-assign]
    try:
        trio.run(_play, steps, drain, clock=trio.testing.MockClock(autojump_threshold=0))
    finally:
        station.StationState._sampled = _sampled  # type: ignore[method-assign]


def test_the_play_itself_sees_answers_and_poison() -> None:
    steps: list[tuple[object, ...]] = [
        ("connect", 1),
        ("fact", 1),
        ("pass", 0.5),
        ("send", 1, False, 30.0),
        ("pass", 5.0),
        ("answer", 1),
        ("poison", 1),
        ("pass", 5.0),
        ("connect", 1),
        ("fact", 1),
        ("pass", 5.0),
    ]
    station.StationState._sampled = _sampled_or_bug  # type: ignore[method-assign]
    try:
        play = trio.run(_play, steps, True, clock=trio.testing.MockClock(autojump_threshold=0))
    finally:
        station.StationState._sampled = _sampled  # type: ignore[method-assign]
    assert play.promised == [1, 2]
    assert [end.outcome for end in play.ends] == [Outcome.ANSWERED]
    assert [type(error) for _, error in play.node.crashes] == [ZeroDivisionError]
