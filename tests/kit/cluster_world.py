"""Several nodes with one database, in memory; the bus between them is a real NATS, or one of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from csms.aio import Door
from csms.cluster.bus import Bus
from csms.cluster.nats_directory import NatsDirectory, NodeDesk, NodeOwnership, StationKeys
from csms.cluster.nats_server import EmbeddedNats
from csms.ports.directory import Claim
from csms.ports.journal import Fence
from tests.kit.actor_world import FakeJournal, FakeStores, Node
from tests.kit.nats import settings_of

NODES = 4096


@dataclass
class SharedDatabase:
    """What all nodes share: rows, and the epochs as `csms.storage.claims` draws them."""

    stores: FakeStores = field(default_factory=lambda: FakeStores(FakeJournal()))
    epochs: dict[int, int] = field(default_factory=dict)
    floors: dict[tuple[int, int], int] = field(default_factory=dict)
    """(node, station) → what is older is from before the station was elsewhere."""

    def draw(self, station_id: int, number: int) -> Claim:
        before = self.epochs.get(station_id, 0)
        epoch = self.epochs[station_id] = (before // NODES + 1) * NODES + number
        moved = before != 0 and before % NODES != number
        if moved:
            self.floors[number, station_id] = epoch
        return Claim(epoch, moved)

    def lost(self, fence: Fence, number: int) -> bool:
        now = self.epochs.get(fence.station_id, 0)
        if fence.epoch < self.floors.get((number, fence.station_id), 0):
            return True
        return now > fence.epoch and now % NODES != number


class ClusterNode(Node):
    """A node among others, on NATS."""

    def __init__(
        self,
        nursery: trio.Nursery,
        door: Door,
        server: EmbeddedNats,
        prefix: str,
        database: SharedDatabase,
        number: int,
    ) -> None:
        self.number = number
        self.name = f"node-{number}"
        self.bus = Bus(door, settings_of(server, prefix), self.name)
        self.keys = StationKeys(self.bus, self.name)
        super().__init__(nursery, ownership=NodeOwnership(self._claim, self.keys), stores=database.stores)
        self.journal.lost = lambda fence: database.lost(fence, number)
        self.keys.serve(self.registry)
        self._database = database
        NodeDesk(self.bus, self.registry, self.name)
        self.shared = NatsDirectory(self.bus, self.registry)

    async def _claim(self, station_id: int) -> Claim:
        await trio.lowlevel.checkpoint()
        return self._database.draw(station_id, self.number)

    async def start(self) -> None:
        self.nursery.start_soon(self.journal.run)
        await self.nursery.start(self.registry.run)
        await self.nursery.start(self.bus.run)
        await self.nursery.start(self.keys.run)

    async def told(self) -> None:
        """Until its keys are written."""
        with trio.fail_after(10):
            while self.keys.behind:
                await trio.sleep(0.005)
            await trio.sleep(0.02)
