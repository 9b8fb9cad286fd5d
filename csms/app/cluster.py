"""One process among others: what it has on the bus, and how its parts differ from those of a process that is alone."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final, Protocol

import trio

from csms.actors.registry import Registry
from csms.aio import Door
from csms.app.metrics import BusFigures
from csms.app.work import LeaseOfWork, Work
from csms.cluster.bus import Bus, BusSettings, BusUnavailable
from csms.cluster.changes import TAGS_IN_USE, Changes, SharedUse
from csms.cluster.guesses import Counting, SharedGuesses
from csms.cluster.inspection import Inspection
from csms.cluster.membership import Membership, Undertaker
from csms.cluster.nats_directory import NatsDirectory, NodeDesk, NodeOwnership, StationKeys
from csms.cluster.nats_feed import NatsFeed
from csms.cluster.nats_lease import NatsLease
from csms.cluster.retelling import Retelling
from csms.config import Settings
from csms.domain.errors import FailedPrecondition
from csms.domain.facts import IdTokenInfo
from csms.ports.directory import Missed
from csms.ports.feed import Subject
from csms.ports.lease import Lease
from csms.ports.stores import TokenIndex
from csms.storage.claims import Claims, NodeMark
from csms.storage.lease import Lease as DatabaseLease
from csms.storage.lease_epochs import LeaseEpochs
from csms.storage.missed import PostgresMissed
from csms.storage.pool import Database

TAG_KINDS: Final = ("IdTokenService", "OutletService", "UserService", "ImportService", "GroupService")
PLACE_KINDS: Final = ("PlaceService", "SharingService", "StationService", "ImportService")
SESSION_ENDED: Final = "session-ended"
"""Kinds of changes (`Rereading`): a service of the control API some of whose calls change things, or a word of ours."""
CONNECT_SECONDS: Final = 60.0
"""How long a start waits for NATS."""
BUS_GRACE_SECONDS: Final = 5.0
"""So long a process may be without the bus before it says that it is not ready."""


class Role(StrEnum):
    """What a process is for."""

    ALL = "serve"
    """Everything, and no other process."""
    NODE = "node"
    """Stations."""
    CONTROL = "control"
    """The control API, files, and the work that is done once."""

    @property
    def has_stations(self) -> bool:
        """Do stations connect to it?"""
        return self is not Role.CONTROL

    @property
    def has_control(self) -> bool:
        """Is it asked by people and other systems?"""
        return self is not Role.NODE


class Rereading(Protocol):
    """Hears of what other processes changed."""

    def on(self, kinds: Iterable[str], reread: Callable[[], Awaitable[None]]) -> None:
        """Call this when something of these kinds changed elsewhere."""

    def tell(self, kind: str) -> None:
        """Something of this kind changed here."""


class NobodyElse:
    """`Rereading` of a process that is alone."""

    def on(self, kinds: Iterable[str], reread: Callable[[], Awaitable[None]]) -> None:
        """Nothing will ever be heard."""

    def tell(self, kind: str) -> None:
        """Nobody hears it."""


class ToldTokens:
    """A `TokenIndex` that decides from this process's memory, and tells the others which tags are in use."""

    def __init__(self, index: TokenIndex, use: SharedUse) -> None:
        self._index = index
        self._use = use
        self.anyone_may = index.anyone_may
        self.kept_from = index.kept_from

    def decide(
        self, id_token: str, now: datetime, *, starting: int | None = None, station_id: int | None = None
    ) -> IdTokenInfo:
        """See `TokenIndex.decide`."""
        return self._index.decide(id_token, now, starting=starting, station_id=station_id)

    def session_opened(self, id_token: str, session_id: int) -> None:
        """See `TokenIndex.session_opened`."""
        self._index.session_opened(id_token, session_id)
        self._use.tell(True, id_token, session_id)

    def session_ended(self, id_token: str, session_id: int) -> None:
        """See `TokenIndex.session_ended`."""
        self._index.session_ended(id_token, session_id)
        self._use.tell(False, id_token, session_id)


@dataclass(slots=True)
class Cluster:
    """What a process among others has. Made, then wired to the parts, then run."""

    role: Role
    bus: Bus
    feed: NatsFeed
    mark: NodeMark
    claims: Claims
    keys: StationKeys
    changes: Changes
    use: SharedUse
    work: Work
    missed: Missed
    retelling: Retelling
    membership: Membership | None = None
    inspection: Inspection | None = None
    guesses: list[SharedGuesses] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        role: Role,
        settings: Settings,
        door: Door,
        database: Database,
        index: TokenIndex,
        now: Callable[[], datetime],
    ) -> Cluster:
        """Not yet connected."""
        bus = Bus(door, bus_settings(settings), settings.node_name or f"{role.value}-{secrets.token_hex(5)}")
        mark = NodeMark(0)
        changes = Changes(bus)
        feed, claims = NatsFeed(bus, now, reads=role.has_control), Claims(database, mark)
        use = SharedUse(bus, index.session_opened, index.session_ended, partial(changes.tell, TAGS_IN_USE))
        retelling = Retelling(claims.late_sessions, feed, ToldTokens(index, use).session_ended)
        claims.abandoned = retelling.add
        return cls(
            role,
            bus,
            feed,
            mark,
            claims,
            StationKeys(bus, bus.name),
            changes,
            use,
            Work(NatsLease(bus, "work"), LeaseEpochs(database, "work", bus.name), here=role.has_control),
            PostgresMissed(database),
            retelling,
        )

    @property
    def ownership(self) -> NodeOwnership:
        """For the registry."""
        return NodeOwnership(self.claims.claim, self.keys)

    def directory(self, registry: Registry) -> NatsDirectory:
        """Before `run`."""
        if self.role.has_stations:
            self.keys.serve(registry)
            self.membership = Membership(
                self.bus, self.bus.name, partial(setattr, self.mark, "number"), registry.disconnect_all
            )
            NodeDesk(self.bus, registry, self.bus.name)
            self.inspection = Inspection(self.bus, lambda: self.keys.links, self.claims.lost, registry.fence)
        else:
            self.work.start_soon(Undertaker(self.bus, self.claims.release, self.claims.release_all_but, self._gone).run)
        return NatsDirectory(self.bus, registry, self.missed)

    def share_guesses(self, door: str, limiter: Counting) -> None:
        """Have wrong passwords at this kind of door count for all processes. Before `run`."""
        self.guesses.append(SharedGuesses(self.bus, door, limiter))

    def lease(self, name: str) -> Lease:
        """For one task of the work that is done once."""
        del name  # all of them go together
        return LeaseOfWork(self.work)

    async def run(self, ground: trio.Nursery) -> None:
        """Connect, and start what runs; returns when other processes see this one."""
        with trio.move_on_after(CONNECT_SECONDS) as patience:
            await ground.start(self.bus.run)
            await ground.start(self.feed.run)
        if patience.cancelled_caught:
            raise FailedPrecondition(
                "NATS does not answer. Check --nats-urls, and user and password or credentials.", reason="NATS_AWAY"
            )
        if self.membership is not None:
            await ground.start(self.claims.run)
            await ground.start(self.keys.run)
            await ground.start(self.membership.run)
        if self.inspection is not None:
            ground.start_soon(self.inspection.run)
        ground.start_soon(self.retelling.run)
        ground.start_soon(self.changes.run)
        ground.start_soon(self.use.run)
        for each in self.guesses:
            ground.start_soon(each.run)

    @property
    def leases(self) -> tuple[str, ...]:
        """Work of all that is done here."""
        return ("work",) if self.work.ours else ()

    @property
    def figures(self) -> BusFigures:
        """For metrics."""
        bus = self.bus
        return BusFigures(bus.connected, bus.outages, self.keys.behind, self.feed.untold, self.work.ours)

    def troubles(self) -> list[str]:
        """Why a balancer should send newcomers elsewhere. A connection that is made anew at once is no trouble."""
        away_s = self.bus.away_s
        if away_s < BUS_GRACE_SECONDS:
            return []
        return [f"NATS, the bus between the nodes, has not been reached for {away_s:.0f} s."]

    async def say_goodbye(self) -> None:
        """The last step of a drain: stations are found nowhere, and what happened is told."""
        with contextlib.suppress(BusUnavailable):
            await self.keys.clear()
            await self.feed.flush()

    def _gone(self, station_id: int) -> None:
        self.feed.publish(Subject.STATION, station_id)
        self.retelling.add(station_id)


def lease_in(database: Database, name: str) -> Lease:
    """Of a process that is alone, but for another one that is being replaced."""
    return DatabaseLease(database, name)


def bus_settings(settings: Settings) -> BusSettings:
    """What the settings say of NATS."""
    return BusSettings(
        tuple(url.strip() for url in settings.nats_urls.split(",") if url.strip()),
        settings.nats_user,
        settings.nats_password,
        settings.nats_credentials,
        settings.nats_ca,
        settings.nats_cert,
        settings.nats_key,
        settings.nats_prefix,
        settings.nats_replicas,
    )
