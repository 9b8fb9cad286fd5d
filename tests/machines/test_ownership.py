"""Stations, four nodes, one database and a bad bus: whatever is paused, cut off, lost or late, nobody serves a station
from an old memory, and no command is carried out twice.

A station moves to another node whenever an answer stays away, and sends the same message again; its old connection
stays open, with what it had said unread. Nodes are paused in the middle of things (they read nothing, nothing of theirs
gets to disk; later they go on), cut off the bus, and given up while they live. News are late, overtake each other, and
get lost. `csms.actors`, and the directory, keys and desk of `csms.cluster`, are the real ones.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from csms.cluster.codec import decode_holder
from csms.cluster.inspection import Inspection
from csms.cluster.nats_directory import NatsDirectory, NodeDesk, NodeOwnership
from csms.domain.commands import GetVariables, Outcome
from csms.domain.records import Record, SessionRecord
from csms.ports.directory import Claim
from csms.ports.journal import Fence
from csms.ports.wire import BinaryMessage, ConnectionClosed
from tests.kit.actor_world import DIALECT, NOW, START, Node, meter_values, start_transaction, stop_transaction
from tests.kit.cluster_world import NODES as SHARE
from tests.kit.cluster_world import SharedDatabase
from tests.kit.fake_wire import MemoryWire
from tests.kit.sim_bus import SimBucket, SimBus, SimNats, SimStationKeys

NODES = 4
STATION = 1
PATIENCE = 3.0
COMMAND_SECONDS = 5.0
CLOCK_SECONDS = (NOW - START).total_seconds()
"""The nodes' clocks when all begins, as `at` counts."""

Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        *[st.tuples(st.just("charge"), st.just(0))] * 5,
        *[st.tuples(st.just("move"), st.integers(0, NODES - 1))] * 2,
        *[st.tuples(st.just("command"), st.integers(0, NODES - 1))] * 2,
        st.tuples(st.sampled_from(["pause", "resume", "cut", "mend", "give up"]), st.integers(0, NODES - 1)),
        st.tuples(st.sampled_from(["pause where it is", "lose", "slow"]), st.integers(0, 1)),
        st.tuples(st.just("wait"), st.integers(1, 8)),
    ),
    min_size=10,
    max_size=60,
)


class Gated(MemoryWire):
    """A wire at a node that may be paused: then nothing is read, and nothing sent."""

    def __init__(self, node: SimNode) -> None:
        super().__init__(f"wire-{node.number}")
        self._node = node

    async def receive(self) -> bytes | BinaryMessage:
        data = await super().receive()
        await self._node.bus.running.wait()
        return data

    async def send(self, data: bytes) -> None:
        await self._node.bus.running.wait()
        await super().send(data)


class SimNode(Node):
    """A node as `csms.app` wires it, on the bad bus."""

    def __init__(self, world: World, number: int) -> None:
        self.number = number
        self.world = world
        self.bus = SimBus(world.nats, f"node-{number}")
        self.keys = SimStationKeys(self.bus, self.bus.name)
        super().__init__(world.nursery, ownership=NodeOwnership(self._claim, self.keys), stores=world.database.stores)
        self.journal.lost = lambda fence: world.database.lost(fence, number)
        write, self.journal.on_disk = self.journal.on_disk, lambda record: world.wrote(self, record)
        self.write = write
        self.keys.serve(self.registry)
        NodeDesk(self.bus, self.registry, self.bus.name)  # type: ignore[arg-type]
        self.directory = NatsDirectory(self.bus, self.registry)  # type: ignore[arg-type,assignment]
        self.directory._bucket = SimBucket(self.bus)  # type: ignore[attr-defined]
        self.inspection = Inspection(self.bus, lambda: self.keys.links, self._lost, self.registry.fence)  # type: ignore[arg-type]

    async def _lost(self, links: Sequence[Fence]) -> set[Fence]:
        await self.bus.running.wait()
        return {each for each in links if self.world.database.lost(each, self.number)}

    async def _claim(self, station_id: int) -> Claim:
        await trio.sleep(0.002)
        await self.bus.running.wait()
        return self.world.database.draw(station_id, self.number)

    def pause(self, paused: bool) -> None:
        self.journal.away = paused
        if not paused:
            self.bus.running.set()
        elif self.bus.running.is_set():
            self.bus.running = trio.Event()

    def accept(self) -> MemoryWire:
        wire = Gated(self)
        self.nursery.start_soon(self.registry.serve_link, wire, STATION, DIALECT)
        return wire


class World:
    """The nodes, and the station that goes from one to the other."""

    def __init__(self, nursery: trio.Nursery, seed: int) -> None:
        self.nursery = nursery
        self.chance = random.Random(seed)
        self.nats = SimNats(nursery, random.Random(seed))
        self.database = SharedDatabase()
        self.database.stores.add(STATION)
        self.nodes: list[SimNode] = []
        self.wire: MemoryWire | None = None
        self.left: list[MemoryWire] = []
        self.news_lost = False
        self.at = 0
        self.answers: dict[str, Any] = {}
        self.news = trio.Event()
        self.answered: dict[int, float] = {}
        self.serial = 0
        self.session: int | None = None
        self.told = 0
        self.commands: dict[str, Outcome] = {}
        self.carried_out: list[str] = []

    async def start(self) -> None:
        for number in range(1, NODES + 1):
            node = SimNode(self, number)
            self.nursery.start_soon(node.journal.run)
            await self.nursery.start(node.registry.run)
            await self.nursery.start(node.keys.run)
            self.nursery.start_soon(node.inspection.run)
            self.nodes.append(node)

    def wrote(self, node: SimNode, record: Record) -> None:
        """Something gets to disk: the station must be this node's, and must not have been another's meanwhile."""
        station_id = record.transaction.station_id if isinstance(record, SessionRecord) else record.station_id
        owner = self.database.epochs[station_id] % SHARE
        assert owner == node.number, f"node {node.number} writes {record} for a station of node {owner}"
        node.write(record)

    # -- what happens ------------------------------------------------------------------------------------------------

    async def take(self, step: Step) -> None:
        kind, number = step
        if kind == "charge":
            await self.charge()
        elif kind == "move":
            self.leave(number)
        elif kind == "command":
            self.nursery.start_soon(self.command, self.nodes[number])
            await trio.sleep(0.01)
        elif kind == "wait":
            await trio.sleep(number)
        elif kind == "lose":
            self.nats.losing = bool(number)
            self.news_lost |= self.nats.losing
        elif kind == "slow":
            self.nats.slowest = (0.05, 2.0)[number]
        elif kind == "give up":
            self.give_up(number + 1)
        elif kind in ("cut", "mend"):
            bus = self.nodes[number].bus
            bus.cut() if kind == "cut" else bus.mend()
            self.news_lost = True
        else:
            victim = self.at if kind == "pause where it is" else number
            self.nodes[victim].pause(kind != "resume")
            if not any(node.bus.running.is_set() for node in self.nodes):
                self.nodes[(victim + 1) % NODES].pause(False)

    def give_up(self, number: int) -> None:
        """As the undertaker does, rightly or not: the stations of that node are nobody's."""
        if self.database.epochs.get(STATION, 0) % SHARE == number:
            self.database.draw(STATION, 0)

    def heal(self) -> None:
        self.nats.losing, self.nats.slowest = False, 0.05
        for node in self.nodes:
            node.pause(False)
            node.bus.mend()

    async def command(self, node: SimNode) -> None:
        mark = f"mark-{len(self.commands)}"
        self.commands[mark] = Outcome.UNKNOWN
        settled = await node.directory.send(STATION, GetVariables((mark,)), timeout=COMMAND_SECONDS)
        self.commands[mark] = settled.outcome

    # -- the station -------------------------------------------------------------------------------------------------

    def leave(self, number: int) -> None:
        """The old connection stays as it is: nobody tells its node."""
        if self.wire is not None:
            self.left.append(self.wire)
        self.at, self.wire = number, None

    def wired(self) -> MemoryWire:
        if self.wire is None or self.wire.closed is not None:
            self.wire = self.nodes[self.at].accept()
            self.nursery.start_soon(self.listen, self.wire)
        return self.wire

    async def listen(self, wire: MemoryWire) -> None:
        """A station reads what comes on its newest connection, and knows no other."""
        with suppress(ConnectionClosed):
            while wire is self.wire:
                frame = await wire.hear()
                if wire is not self.wire or wire.closed is not None:
                    return
                if frame[0] == 2:
                    self.carried_out += frame[3]["key"]
                    wire.say(json.dumps([3, frame[1], {"unknownKey": frame[3]["key"]}]))
                else:
                    assert frame[0] == 3, frame
                    self.answers[frame[1]] = frame[2]
                    self.news.set()
                    self.news = trio.Event()

    async def charge(self) -> None:
        """The next message of a session, however often it has to be sent: start, value, end."""
        seconds = CLOCK_SECONDS + trio.current_time()
        if self.session is None:
            self.serial += 1
            start = await self.ask("StartTransaction", start_transaction(meter=0, seconds=seconds))
            self.session, self.told = start["transactionId"], 0
            assert self.session not in self.answered, "two starts got the same session"
            return
        self.told += 1
        session = self.session
        if self.told < 3:
            await self.ask("MeterValues", meter_values(100.0 * self.told, seconds=seconds, transaction_id=session))
            return
        energy = 1000 + self.serial
        await self.ask("StopTransaction", stop_transaction(session, meter=energy, seconds=seconds))
        self.session, self.answered[session] = None, energy

    async def ask(self, action: str, payload: Any) -> Any:
        began = trio.current_time()
        while True:
            assert trio.current_time() < began + 120, f"{action} is never answered"
            assert not any(node.crashes for node in self.nodes), [node.crashes for node in self.nodes]
            wire = self.wired()
            message_id = wire.start_call(action, payload, f"m{self.chance.getrandbits(64)}")
            with trio.move_on_after(PATIENCE):
                while wire.closed is None and message_id not in self.answers:
                    with trio.move_on_after(0.05):
                        await self.news.wait()
            if message_id in self.answers:
                return self.answers.pop(message_id)
            self.leave((self.at + 1) % NODES)
            await trio.sleep(self.chance.uniform(0.1, 0.5))

    # -- in the end --------------------------------------------------------------------------------------------------

    def check_books(self) -> None:
        stores = self.database.stores
        assert set(self.answered) == set(stores.sessions)
        for number, energy in self.answered.items():
            session = stores.sessions[number]
            assert session.stopped_at is not None
            assert session.flags == (), "its end was taken in by a node that did not know its start"
            assert session.register.energy_wh == energy
        assert all(node.crashes == [] for node in self.nodes)

    def check_commands(self) -> None:
        seen = self.carried_out
        assert len(set(seen)) == len(seen), "a command was carried out twice"
        for mark, outcome in self.commands.items():
            if outcome is Outcome.ANSWERED:
                assert mark in seen
            elif outcome is not Outcome.UNKNOWN:
                assert mark not in seen, f"{mark} was carried out, and its caller heard {outcome}"

    async def check_one_owner(self) -> None:
        """When all is well again, one node has the station, all find it there, and the older ones have let go."""
        with trio.fail_after(60):
            while [node.number for node in self.nodes if node.registry.is_online(STATION)] != [self.at + 1]:
                await trio.sleep(0.1)
        holder = decode_holder(self.nats.entries[str(STATION)][0])
        epoch = self.nodes[self.at].registry.epoch_of(STATION)
        assert (holder.node, holder.epoch) == (f"node-{self.at + 1}", epoch)
        for node in self.nodes:
            mark = f"last-{node.number}"
            settled = await node.directory.send(STATION, GetVariables((mark,)), timeout=COMMAND_SECONDS)
            assert settled.outcome is Outcome.ANSWERED
            assert mark in self.carried_out


async def _live(steps: list[Step], seed: int) -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery, seed)
        await world.start()
        for step in steps:
            await world.take(step)
            await trio.sleep(0.1)
        world.heal()
        while world.session is not None or world.wire is None or world.wire.closed is not None:
            await world.charge()
        if world.news_lost:  # then it is the keepalive that finds half-open links
            for wire in world.left:
                wire.hang_up()
        await trio.sleep(60)
        await world.ask("Heartbeat", {})
        await trio.sleep(5)
        world.check_books()
        world.check_commands()
        await world.check_one_owner()
        world.check_commands()
        nursery.cancel_scope.cancel()


CHARGE: Step = ("charge", 0)
BACK_AGAIN: list[Step] = [("lose", 1), CHARGE, ("move", 1), *[CHARGE] * 4, ("move", 0), *[CHARGE] * 4]
MOVED: list[Step] = [CHARGE, ("move", 1), CHARGE]
ZOMBIE: list[Step] = [
    *[CHARGE] * 4,
    ("pause where it is", 0),
    ("lose", 1),
    CHARGE,
    ("resume", 0),
    ("wait", 3),
    *[CHARGE] * 3,
]
RACE: list[Step] = [("slow", 1), *[step for turn in range(8) for step in (("move", turn % NODES), CHARGE)]]


@pytest.mark.timeout(400)  # many small worlds, perhaps on a busy machine
@settings(max_examples=2 * settings().max_examples)
@given(STEPS, st.integers(0, 2**16))
@example(BACK_AGAIN, 1)
@example(MOVED, 1)
@example(ZOMBIE, 1)
@example(RACE, 12)
@example(RACE, 13)
def test_no_two_nodes_serve_a_station_and_no_command_is_carried_out_twice(steps: list[Step], seed: int) -> None:
    trio.run(_live, steps, seed, clock=MockClock(autojump_threshold=0))
