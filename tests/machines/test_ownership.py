"""One station, three nodes, one database: whatever is paused, lost or late, nobody serves it from an old memory.

The station moves to another node whenever an answer stays away, and sends the same message again. Nodes are paused
(nothing of theirs gets to disk, or it gets there late), news of takeovers are lost or come late. In the end each start
that was answered is one session, ended once, with the energy that the station told.
"""

from __future__ import annotations

from typing import Any

import trio
from hypothesis import example, given
from hypothesis import strategies as st
from trio.testing import MockClock

from csms.ports.directory import Claim
from tests.kit.actor_world import Node, meter_values, start_transaction, stop_transaction
from tests.kit.cluster_world import SharedDatabase
from tests.kit.fake_wire import MemoryWire

NODES = 3
PATIENCE = 3.0

Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        *[st.tuples(st.just("charge"), st.just(0))] * 4,
        st.tuples(st.just("move"), st.integers(0, NODES - 1)),
        st.tuples(st.just("pause"), st.integers(0, NODES - 1)),
        st.tuples(st.just("resume"), st.integers(0, NODES - 1)),
        st.tuples(st.just("lose news"), st.integers(0, 1)),
    ),
    min_size=3,
    max_size=40,
)


class Ownership:
    """Epochs from the shared database; news of takeovers by way of the world."""

    fenced = True

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self._number = number

    async def claim(self, station_id: int) -> Claim:
        await trio.lowlevel.checkpoint()
        return self._world.database.draw(station_id, self._number)

    def held(self, station_id: int, epoch: int) -> None:
        self._world.tell(self._number, station_id, epoch)

    def let_go(self, station_id: int, epoch: int) -> None:
        pass


class World:
    """The nodes, and the station that goes from one to the other."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.database = SharedDatabase()
        self.database.stores.add(1)
        self.nodes: list[Node] = []
        self.news_lost = False
        self.wire: MemoryWire | None = None
        self.at = 0
        self.answered: dict[int, float] = {}
        self.serial = 0
        self.session: int | None = None
        self.told = 0

    async def start(self) -> None:
        for number in range(1, NODES + 1):
            node = Node(self.nursery, ownership=Ownership(self, number), stores=self.database.stores)
            node.journal.lost = lambda fence, number=number: self.database.lost(fence, number)  # type: ignore[misc]
            self.nursery.start_soon(node.journal.run)
            await self.nursery.start(node.registry.run)
            self.nodes.append(node)

    def tell(self, number: int, station_id: int, epoch: int) -> None:
        """To the others, late or not at all."""
        for other, node in enumerate(self.nodes, 1):
            if other != number and not self.news_lost:
                self.nursery.start_soon(self._hear, node, station_id, epoch)

    async def _hear(self, node: Node, station_id: int, epoch: int) -> None:
        await trio.sleep(0.2)
        node.registry.fence(station_id, epoch)

    async def take(self, step: Step) -> None:
        kind, number = step
        if kind == "charge":
            await self.charge()
        elif kind == "move":
            self.at, self.wire = number, None
        elif kind == "lose news":
            self.news_lost = bool(number)
        else:
            self.nodes[number].journal.away = kind == "pause"
            if all(node.journal.away for node in self.nodes):
                self.nodes[(number + 1) % NODES].journal.away = False

    async def charge(self) -> None:
        """The next message of a session, however often it has to be sent: start, value, end."""
        if self.session is None:
            self.serial += 1
            start = await self.ask("StartTransaction", start_transaction(meter=0, seconds=self.serial * 100.0))
            self.session, self.told = start["transactionId"], 0
            assert self.session not in self.answered, "two starts got the same session"
            return
        self.told += 1
        seconds, session = self.serial * 100.0 + self.told, self.session
        if self.told < 3:
            value = meter_values(100.0 * self.told, seconds=seconds, transaction_id=session)
            await self.ask("MeterValues", value)
            return
        energy = 1000 + self.serial
        await self.ask("StopTransaction", stop_transaction(session, meter=energy, seconds=seconds))
        self.session, self.answered[session] = None, energy

    async def ask(self, action: str, payload: Any) -> Any:
        while True:
            if self.wire is None:
                self.wire = self.nodes[self.at].connect()
            with trio.move_on_after(PATIENCE):
                reply = await self._call(self.wire, action, payload)
                if reply is not None:
                    return reply
            self.at, self.wire = (self.at + 1) % NODES, None

    async def _call(self, wire: MemoryWire, action: str, payload: Any) -> Any:
        """None: it is closed."""
        wire.start_call(action, payload)
        while wire.closed is None:
            with trio.move_on_after(0.05):
                frame = await wire.hear()
                assert frame[0] == 3, frame
                return frame[2]
        return None


async def _live(steps: list[Step]) -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        await world.start()
        for step in steps:
            await world.take(step)
            await trio.sleep(0.1)
        for node in world.nodes:
            node.journal.away = False
        while world.session is not None:
            await world.charge()
        await trio.sleep(60)
        stores = world.database.stores
        assert set(world.answered) == set(stores.sessions)
        for number, energy in world.answered.items():
            session = stores.sessions[number]
            assert session.stopped_at is not None
            assert session.flags == (), "its end was taken in by a node that did not know its start"
            assert session.register.energy_wh == energy
        assert all(node.crashes == [] for node in world.nodes)
        nursery.cancel_scope.cancel()


CHARGE: Step = ("charge", 0)
BACK_AGAIN: list[Step] = [("lose news", 1), CHARGE, ("move", 1), *[CHARGE] * 4, ("move", 0), *[CHARGE] * 4]


@given(STEPS)
@example(BACK_AGAIN)
def test_no_node_serves_a_station_from_an_old_memory(steps: list[Step]) -> None:
    trio.run(_live, steps, clock=MockClock(autojump_threshold=0))
