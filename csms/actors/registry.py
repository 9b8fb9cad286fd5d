"""Station id → actor: started on demand, supervised one by one, put to sleep when nobody needs it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

import trio

from csms.actors import mailbox as reasons
from csms.actors.drain import spread
from csms.actors.link import Link, LinkLimits
from csms.actors.mailbox import Delivery
from csms.actors.session_ids import SessionIds
from csms.actors.station import StationActor
from csms.actors.supervise import RestartLimits, contain, supervise
from csms.actors.world import (
    GOING_AWAY,
    INTERNAL_ERROR,
    NORMAL_CLOSURE,
    TRY_AGAIN_LATER,
    ActorSettings,
    KeptLink,
    LinkLost,
    Nobody,
    OneNode,
    World,
)
from csms.domain.applying import NO_COSTS, Reckoner
from csms.domain.commands import Outcome
from csms.domain.errors import Unavailable
from csms.ocpp.dialect import Dialect
from csms.ocpp.tolerance import Tolerance, TolerantDialect
from csms.ports.consultant import Consultant
from csms.ports.directory import Claim, Ownership
from csms.ports.feed import Feed
from csms.ports.journal import Journal
from csms.ports.message_log import Direction, MessageLog
from csms.ports.reactions import Reactions
from csms.ports.stores import StateLoader, StationStore, TokenIndex, TransactionStore
from csms.ports.wire import Wire

_STOPPING: Final = "the central system is stopping; connect again in a moment"
SPREAD_SECONDS: Final = 3.0

K = TypeVar("K", bound=KeptLink)


@dataclass(frozen=True, slots=True)
class RegistryCounts:
    """For metrics. `crashes` since the start; `bugs`: contained in a link, nothing was lost."""

    actors: int
    online: int
    down: int
    crashes: int
    bugs: int


def _random_message_id() -> str:
    return uuid.uuid4().hex


def _ignore(_station_id: int, _error: Exception) -> None:
    return None


class Registry:
    """All actors of this process. `run` owns their tasks; everything else needs it to be running."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        journal: Journal,
        feed: Feed,
        tokens: TokenIndex,
        loader: StateLoader,
        stations: StationStore,
        transactions: TransactionStore,
        message_log: MessageLog,
        consultant: Consultant | None = None,
        reactions: Reactions | None = None,
        tolerance: Tolerance | None = None,
        ownership: Ownership | None = None,
        reckoner: Reckoner = NO_COSTS,
        on_crash: Callable[[int, Exception], None] = _ignore,
        new_message_id: Callable[[], str] = _random_message_id,
        settings: ActorSettings | None = None,
        link_limits: LinkLimits | None = None,
        restarts: RestartLimits | None = None,
    ) -> None:
        alone = OneNode()
        self._world = World(
            now=now,
            journal=journal,
            feed=feed,
            tokens=tokens,
            loader=loader,
            stations=stations,
            transactions=transactions,
            session_ids=SessionIds(transactions),
            next_epoch=alone.next,
            ownership=ownership or alone,
            consultant=consultant or Nobody(),
            reactions=reactions or Nobody(),
            reckoner=reckoner,
        )
        self._message_log = message_log
        self._tolerance = tolerance
        self._on_crash = on_crash
        self._new_message_id = new_message_id
        self._settings = settings or ActorSettings()
        self._link_limits = link_limits or LinkLimits()
        self._restarts = restarts or RestartLimits()
        self._actors: dict[int, StationActor] = {}
        self._nursery: trio.Nursery | None = None
        self._drained = trio.Event()
        self._crashes = 0
        self._bugs = 0
        self.draining = False

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the actors until `drain` is through, or until cancelled: then every delivery is settled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._write_progress)
            task_status.started()
            try:
                await self._drained.wait()
                nursery.cancel_scope.cancel()
            finally:  # from here on nobody may begin anything in it
                self.draining = True
                self._nursery = None

    async def drain(self, *, spread_s: float = SPREAD_SECONDS) -> None:
        """Refuse new links and deliveries, carry out what is queued, close the links over `spread_s` seconds.

        Idempotent. Cancelled (its time is up), it cuts off what is left: sent commands end UNKNOWN, the others REFUSED.
        """
        self.draining = True
        actors = list(self._actors.values())
        try:
            for actor in actors:
                actor.close(reasons.DRAINING)
            for actor in actors:
                actor.finish(GOING_AWAY, _STOPPING)
                if actor.online:
                    await spread(len(actors), spread_s)
            while self._actors:
                await trio.sleep(0.05)
        finally:
            self._drained.set()

    # -- links -------------------------------------------------------------------------------------------------

    async def serve_link(self, wire: Wire, station_id: int, dialect: Dialect) -> None:
        """Run one connection of a station to its end. Never raises but Cancelled; the caller closes the socket."""
        try:
            claim = await self.claim(station_id)
        except Unavailable:
            return wire.close_soon(TRY_AGAIN_LATER, "the database is away; try again later")
        if self.draining or self._nursery is None:
            return wire.close_soon(GOING_AWAY, _STOPPING)
        actor = self._actor(station_id)
        if actor.down:
            self._remark(station_id, "A connection was refused: handling this station failed too often just now.")
            return wire.close_soon(TRY_AGAIN_LATER, "this station's handling failed too often; try again later")
        link = Link(
            wire,
            self._tolerant(dialect, station_id),
            actor,
            message_log=self._message_log,
            new_message_id=self._new_message_id,
            limits=self._link_limits,
            on_bug=partial(self._note_bug, station_id),
            claim=claim,
        )
        self._remark(station_id, f"Connected from {wire.remote_address} with {dialect.subprotocol}.")
        try:
            await contain(partial(self._run_link, link, station_id), partial(self._link_crashed, actor, wire))
        finally:
            wire.close_soon(NORMAL_CLOSURE, "")
            self._start(partial(self._tell, actor))
        return None

    async def claim(self, station_id: int) -> Claim | None:
        """By which right a new link is attached; None where there are no other nodes. Raises Unavailable."""
        ownership = self._world.ownership
        return await ownership.claim(station_id) if ownership.fenced and not self.draining else None

    def open_link(
        self,
        station_id: int,
        make: Callable[[StationActor, Callable[[Exception], None]], K],
        on_end: Callable[[int, K], None],
    ) -> K:
        """A link without a socket of its own, attached to the station and kept until it ends; sync.

        `make` gets the actor and whom to tell of bugs that were contained. Raises Unavailable.
        """
        if self.draining or self._nursery is None:
            raise Unavailable(_STOPPING, reason=reasons.DRAINING)
        actor = self._actor(station_id)
        if actor.down:
            self._remark(station_id, "A message was refused: handling this station failed too often just now.")
            raise Unavailable("This station's handling failed too often. Try again later.", reason=reasons.STATION_DOWN)
        link = make(actor, partial(self._note_bug, station_id))
        link.open()
        self._start(partial(self._keep, actor, link, on_end))
        return link

    async def _keep(self, actor: StationActor, link: K, on_end: Callable[[int, K], None]) -> None:
        end = await link.run()
        on_end(actor.station_id, link)
        self._remark(actor.station_id, f"Offline: {end}.")
        await self._tell(actor)

    def fence(self, station_id: int, epoch: int) -> None:
        """Another node has the station since `epoch`: an older link of ours is over."""
        actor = self._actors.get(station_id)
        if actor is not None and actor.online and actor.epoch < epoch:
            actor.disconnect(NORMAL_CLOSURE, "this station is connected to another node")

    def epoch_of(self, station_id: int) -> int:
        """Of its link here; 0 when there is none."""
        actor = self._actors.get(station_id)
        return actor.epoch if actor is not None and actor.online else 0

    def disconnect_all(self, reason: str) -> None:
        """Close all links: this node may have lost its right to them."""
        for actor in tuple(self._actors.values()):
            actor.disconnect(TRY_AGAIN_LATER, reason)

    def crash(self, station_id: int, error: Exception) -> None:
        """What the station's actor has in memory can no longer be trusted."""
        actor = self._actors.get(station_id)
        if actor is not None:
            actor.crash(error)

    def _tolerant(self, dialect: Dialect, station_id: int) -> Dialect:
        """The dialect as the station needs it, if there are rules for stations that deviate."""
        if self._tolerance is None:
            return dialect
        remark = partial(self._remark, station_id)
        return TolerantDialect(dialect, self._tolerance, station_id, remark=remark, now=self._world.now)

    async def _run_link(self, link: Link, station_id: int) -> None:
        end = await link.run()
        self._remark(station_id, f"Disconnected: {end}.")

    def _link_crashed(self, actor: StationActor, wire: Wire, error: Exception) -> None:
        actor.crash(error)
        wire.close_soon(INTERNAL_ERROR, "internal error; please connect again")

    async def _tell(self, actor: StationActor) -> None:
        with contextlib.suppress(Unavailable, LinkLost):  # then it is told with whatever is written next
            await actor.told()

    # -- commands ----------------------------------------------------------------------------------------------

    def post(self, station_id: int, delivery: Delivery) -> None:
        """Give a delivery to its station; sync. Who posts must wait for it (`Delivery.wait_settled`)."""
        if self.draining or self._nursery is None:
            return delivery.settle(Outcome.REFUSED, reason=reasons.DRAINING)
        actor = self._actors.get(station_id)
        if actor is None:
            if not delivery.wait_for_link:
                return delivery.settle(Outcome.OFFLINE)
            actor = self._actor(station_id)
        return actor.post(delivery)

    def disconnect(self, station_id: int, reason: str) -> bool:
        """Close the station's link. False when there is none."""
        actor = self._actors.get(station_id)
        return actor is not None and actor.disconnect(NORMAL_CLOSURE, reason)

    def forget_session(self, station_id: int, session_id: int, id_token: str) -> None:
        """The session was ended in the database: nobody has it open any more."""
        actor = self._actors.get(station_id)
        if actor is not None and actor.change(lambda state: state.forget(session_id)):
            self._start(partial(self._tell, actor))
        elif id_token:
            self._world.tokens.session_ended(id_token, session_id)

    async def refresh(self, station_id: int) -> None:
        """What people keep of the station has changed. Raises Unavailable."""
        actor = self._actors.get(station_id)
        if actor is None:
            return await trio.lowlevel.checkpoint()
        delivery = await actor.refresh()
        if delivery is not None:
            self._start(partial(self._wait_for, delivery))
        return None

    # -- for metrics and health ----------------------------------------------------------------------------------

    def counts(self) -> RegistryCounts:
        """Looks at every actor: for scrapes, not for loops."""
        return RegistryCounts(
            actors=len(self._actors),
            online=sum(actor.online for actor in self._actors.values()),
            down=sum(actor.down for actor in self._actors.values()),
            crashes=self._crashes,
            bugs=self._bugs,
        )

    def known(self) -> list[int]:
        """The stations whose actors are in memory."""
        return list(self._actors)

    def open_sessions(self) -> dict[int, tuple[int, str]]:
        """Sessions that go on, as far as their actors know: id → (station, tag)."""
        return {
            transaction.id: (actor.station_id, transaction.id_token)
            for actor in self._actors.values()
            for transaction in actor.open_transactions
        }

    def is_online(self, station_id: int) -> bool:
        """Whether the station has a link here."""
        actor = self._actors.get(station_id)
        return actor is not None and actor.online

    # -- inside ------------------------------------------------------------------------------------------------

    async def _write_progress(self) -> None:
        """See to stations whose sessions' rows lag behind; a failure is the actor's own."""
        behind = self._world.behind
        while True:
            await trio.sleep(self._settings.progress)
            for station_id in tuple(behind):
                behind.discard(station_id)
                actor = self._actors.get(station_id)
                if actor is not None and actor.change(lambda state: state.progress(self._world.now())):
                    self._start(partial(self._tell, actor))

    def _start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Something small on the side, unless it is over."""
        if self._nursery is not None and not self.draining:
            self._nursery.start_soon(work)

    async def _wait_for(self, delivery: Delivery) -> None:
        await delivery.wait_settled()

    def _actor(self, station_id: int) -> StationActor:
        """Sync, so two connections of one identity cannot race."""
        found = self._actors.get(station_id)
        if found is None:
            assert self._nursery is not None  # noqa: S101  callers have looked
            found = self._actors[station_id] = StationActor(station_id, self._world, self._settings)
            self._nursery.start_soon(self._live, found, name=f"station {station_id}")
        return found

    async def _live(self, actor: StationActor) -> None:
        try:
            await supervise(
                actor.run,
                on_crash=partial(self._note_crash, actor.station_id),
                limits=self._restarts,
                on_down=actor.go_down,
                on_up=actor.come_up,
                rest=actor.rest,
            )
        finally:
            # No await since it decided to end: nobody can have given it anything meanwhile.
            if self._actors.get(actor.station_id) is actor:
                del self._actors[actor.station_id]
            actor.abandon()

    def _note_crash(self, station_id: int, error: Exception) -> None:
        self._crashes += 1
        self._remark(station_id, "The handling of this station failed and was started again.")
        self._on_crash(station_id, error)

    def _note_bug(self, station_id: int, error: Exception) -> None:
        self._bugs += 1
        self._on_crash(station_id, error)

    def _remark(self, station_id: int, sentence: str) -> None:
        self._message_log.record(station_id, Direction.REMARK, sentence)
