"""The actor of one station: outlives its connections and is the only one that changes its state.

    task              does
    ----------------  -------------------------------------------------------------------------------
    `run`             loads the state, then carries out commands one at a time; restarted when it crashes
    a link's reader   brings facts in through `handle`, one at a time per link

Links are numbered (epochs). A newer link wins; what an older one still brings is refused with LinkLost and never
applied. Everything between two awaits is one critical section, so nothing here needs a lock. The state is changed and
its records are put in the journal in one such section: memory and journal cannot disagree. What may be told to the
world (feed, tags in use) waits in the ledger until its records are on disk, and leaves in that order.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import trio

from csms.actors import mailbox as reasons
from csms.actors.carrying import Carrier
from csms.actors.intake import Intake
from csms.actors.mailbox import Delivery, Mailbox
from csms.actors.recall import recall
from csms.actors.world import (
    GOING_AWAY,
    INTERNAL_ERROR,
    NORMAL_CLOSURE,
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    ActorSettings,
    LinkLost,
    LinkPort,
    World,
)
from csms.domain.applying import Applied
from csms.domain.commands import Outcome, TriggerMessage
from csms.domain.errors import NotFound, Unavailable
from csms.domain.facts import (
    Fact,
    RegistrationStatus,
    Reply,
)
from csms.domain.records import LinkRecord
from csms.domain.station import NotAccepted, StationState
from csms.domain.transaction import Transaction
from csms.ports.directory import Claim
from csms.ports.journal import Fence, Fenced, RecordConflict
from csms.ports.stores import StationRow

_TRIGGER_SECONDS: Final = 30.0
_LOAD_AGAIN_SECONDS: Final = 5.0


class StationActor(Intake):
    """The one place where a station's live state changes. See the module."""

    __slots__ = (
        "_carrier",
        "_changed",
        "_current",
        "_failure",
        "_finishing",
        "_link",
        "_mailbox",
        "_moves",
        "_newest",
        "_row",
        "_settles_at",
        "down",
    )

    def __init__(self, station_id: int, world: World, settings: ActorSettings) -> None:
        super().__init__(station_id, world, settings)
        self.down = False
        """Crashed too often: its supervisor lets it cool down."""
        self._mailbox = Mailbox(settings.mailbox_size)
        self._link: LinkPort | None = None
        self._settles_at = 0.0  # trio's clock; 0: the link has settled
        self._changed = trio.Event()
        self._current: Delivery | None = None
        self._failure: Exception | None = None
        self._finishing: tuple[int, str] | None = None
        self._row: StationRow | None = None  # news that came while the state was being loaded
        self._newest = 0  # of all epochs that links came with
        self._moves = 0  # how often another node may have changed what is on disk
        self._carrier = Carrier(world, settings, lambda: self._state)

    # -- the link side -----------------------------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether it has a link."""
        return self._link is not None

    @property
    def epoch(self) -> int:
        """The number of its newest link."""
        return self._epoch

    @property
    def open_transactions(self) -> tuple[Transaction, ...]:
        """Those that go on, as far as it knows."""
        return () if self._state is None else tuple(self._state.open.values())

    def attach(
        self, link: LinkPort, *, protocol: str = "", remote_address: str = "", claim: Claim | None = None
    ) -> int:
        """Make `link` the current one; the older is told to go. Returns its epoch. `told` says when that is known.

        `claim`: by which right, where there are several nodes. Raises LinkLost when a newer link was here already.
        """
        epoch = self._world.next_epoch() if claim is None else claim.epoch
        if epoch < self._newest:
            raise LinkLost("a newer connection of this station is here already")
        older = self._link
        self._link = link
        self._epoch = self._newest = epoch
        if claim is not None and claim.moved:
            self._forget()
        if self._world.ownership.fenced:
            self._ledger.fence = Fence(self.station_id, epoch)
        self._world.ownership.held(self.station_id, epoch)
        self._settles_at = trio.current_time() + self._settings.settle
        if older is not None:
            older.close_soon(NORMAL_CLOSURE, "replaced by a newer connection of this station")
        now = self._world.now()
        self._ledger.keep_link(LinkRecord(self.station_id, True, now, self._epoch, protocol, remote_address))
        self._wake()
        return self._epoch

    def settled(self, epoch: int) -> None:
        """The link has answered its first message: the station is ready for commands."""
        if epoch == self._epoch and self._settles_at:
            self._settles_at = 0.0
            self._wake()

    def detach(self, epoch: int) -> None:
        """This link has ended. Idempotent; a stale link cannot detach its successor."""
        if epoch != self._epoch or epoch == 0:
            return
        self._epoch = 0  # nothing that this link still holds may come in
        self._link = None
        self._mailbox.go_offline()
        self._ledger.keep_link(LinkRecord(self.station_id, False, self._world.now(), epoch))
        self._world.ownership.let_go(self.station_id, epoch)
        self._wake()

    def when_durable(self, then: Callable[[], None]) -> bool:
        """See `Ledger.when_durable`."""
        return self._ledger.when_durable(then)

    def concluded(self) -> bool:
        """See `Ledger.concluded`; if not, `told` waits or raises."""
        return self._ledger.concluded()

    async def told(self) -> None:
        """Until all that was put so far is on disk and has been told. Raises Unavailable and LinkLost."""
        await self._durable()

    async def handle(self, epoch: int, fact: Fact) -> Reply:
        """Take in a fact; when this returns, it is on disk and may be answered.

        Raises LinkLost (never applied), NotAccepted, Unavailable (the database is away: do not answer, the station
        will send again), and whatever a bug raises: then the caller tells `crash`.
        """
        applied = self.begin(epoch, fact) or await self._begin_slowly(epoch, fact)
        if applied.wait:
            await self._durable()
        return applied.reply

    async def _begin_slowly(self, epoch: int, fact: Fact) -> Applied:
        state = self._state
        if state is None:
            state = await self._loaded(epoch)
        wanted = state.lookup(fact)
        asks = type(fact) in self._world.consultant.kinds
        if (wanted is not None or asks) and not state.admits(fact):
            raise NotAccepted
        found = orphan = None
        if wanted is not None:
            await self._durable()  # the database must know what we know, or it would be asked too early
            found, orphan = await recall(self._world.transactions, self.station_id, wanted)
        consulted = await self._world.consultant.consult(self.station_id, fact) if asks else None
        reserved: int | None = None
        try:
            if state.opens(fact, wanted, found or orphan):
                reserved = await self._world.session_ids.take()
            await self._world.journal.wait_room()
            # From here to the ticket: one critical section.
            if epoch != self._epoch or state is not self._state:
                raise LinkLost("this link is no longer the station's")
            self._reserved, reserved = reserved, None
            return self._apply(state, fact, found, orphan, consulted)
        finally:
            for unused in (reserved, self._reserved):
                if unused is not None:
                    self._world.session_ids.give_back(unused)
            self._reserved = None

    def answered(self, fact: Fact, reply: Reply) -> None:
        """The station has its reply: tell those who act on what it told."""
        if type(fact) in self._world.reactions.kinds:
            self._world.reactions.saw(self.station_id, fact, reply)

    def change(self, make: Callable[[StationState], Applied | None]) -> bool:
        """Change the state without a fact. `told` says when what came of it is known; False: nothing did."""
        applied = None if self._state is None else make(self._state)
        if applied is not None:
            self._ledger.keep(applied)
        return applied is not None

    def crash(self, error: Exception) -> None:
        """What is in memory can no longer be trusted: drop the link and let the supervisor start anew."""
        if self._failure is None:
            self._failure = error
        self._state = None
        self._drop_link(INTERNAL_ERROR, "internal error; please connect again")
        self._wake()

    def disconnect(self, code: int, reason: str) -> bool:
        """Close the link. False when there is none."""
        was_online = self._link is not None
        self._drop_link(code, reason)
        return was_online

    # -- the people's side -------------------------------------------------------------------------------------

    def post(self, delivery: Delivery) -> None:
        """Take a delivery in. Never blocks: offline, full and closed are outcomes too."""
        if self._link is None and not delivery.wait_for_link and not self._mailbox.closed:
            delivery.settle(Outcome.OFFLINE)
        elif self._mailbox.post(delivery):
            self._wake()

    async def refresh(self) -> Delivery | None:
        """Read again what people keep of the station. Raises Unavailable.

        Returns the delivery that asks a station that was just accepted to boot; somebody has to wait for it.
        """
        row = await self._world.stations.find(self.station_id)
        if row is None:
            self._end_deleted()
            return None
        if self._state is None:
            self._row = row
            return None
        return self._adopt(self._state, row)

    # -- its own task ------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Load, then carry out commands until it is idle for long, told to finish, or its station is deleted."""
        failed = True
        try:
            self._failure = None
            if self._finishing is None and await self._load():
                await self._serve_mailbox()
            failed = False
        except trio.Cancelled:
            failed = False
            raise
        finally:
            if self._current is not None:
                outcome = Outcome.UNKNOWN if self._current.sent else Outcome.REFUSED
                self._current.settle(outcome, reason="" if self._current.sent else reasons.INTERNAL_ERROR)
                self._current = None
            if failed and self._failure is None:  # `crash` has done it already, and a new link may be here
                self._state = None
                self._drop_link(INTERNAL_ERROR, "internal error; please connect again")

    def finish(self, code: int, reason: str) -> None:
        """Carry out what can be, then close the link and end. Idempotent."""
        self.close(reasons.DRAINING)
        if self._finishing is None:
            self._finishing = (code, reason)
            if self._link is None:
                self._mailbox.refuse_all(reasons.DRAINING)
            self._wake()

    def close(self, reason: str) -> None:
        """Refuse further deliveries. Idempotent."""
        self._mailbox.close(reason)

    def go_down(self) -> None:
        """Its supervisor lets it rest: nobody is let in."""
        self.down = True
        self._mailbox.close(reasons.STATION_DOWN)
        self._mailbox.refuse_all(reasons.STATION_DOWN)
        self._drop_link(TRY_AGAIN_LATER, "this station's handling failed too often; try again later")

    def come_up(self) -> None:
        """It is tried once more."""
        self.down = False
        if self._finishing is None:
            self._mailbox.reopen()

    async def rest(self, seconds: float) -> None:
        """Sleep, but not when it is told to finish."""
        with trio.CancelScope(deadline=trio.current_time() + seconds):
            while self._finishing is None:
                await self._changed.wait()

    def abandon(self) -> None:
        """It ended: settle what is left, let go of the link. Idempotent."""
        self.close(reasons.DRAINING)
        self._mailbox.refuse_all(reasons.DRAINING)
        self._drop_link(GOING_AWAY, "the central system is stopping")

    # -- inside: facts -----------------------------------------------------------------------------------------

    async def _loaded(self, epoch: int) -> StationState:
        while True:
            if epoch != self._epoch:
                raise LinkLost("this link is no longer the station's")
            if self._state is not None:
                return self._state
            await self._changed.wait()

    async def _durable(self) -> None:
        """Wait for the disk. Raises Unavailable; refused records crash the actor and are LinkLost here."""
        try:
            await self._ledger.durable()
        except Fenced as error:
            self._forget()
            self._drop_link(NORMAL_CLOSURE, "this station is connected to another node")
            raise LinkLost("another node has this station") from error
        except RecordConflict as error:
            self.crash(error)
            raise LinkLost("its records were refused; the state is loaded anew") from error

    # -- inside: loading ---------------------------------------------------------------------------------------

    async def _load(self) -> bool:
        """Fill the memory; False when there is no such station any more. While the database is away, links are sent
        away (stations keep their own queues) and it is tried again."""
        while True:
            try:
                await self._ledger.flush()
                moves = self._moves
                state = await self._world.loader.load_state(self.station_id)
                if moves != self._moves:
                    continue
            except NotFound:
                self._end_deleted()
                return False
            except Unavailable:
                if self._finishing is not None:
                    return False
                self._drop_link(TRY_AGAIN_LATER, "the database is away; try again later")
                await self.rest(_LOAD_AGAIN_SECONDS * (0.5 + random.random()))  # noqa: S311  spreads, hides nothing
                continue
            break
        self._state = state
        self._ledger.tell_reloaded(state)
        row, self._row = self._row, None
        if row is not None:
            self._adopt(state, row)
        self._wake()
        return True

    def _forget(self) -> None:
        """Another node has, or had, this station: what is in memory is loaded anew when the station is here."""
        self._moves += 1
        self._state = None
        self._wake()

    def _adopt(self, state: StationState, row: StationRow) -> Delivery | None:
        before, state.registration, state.identity = state.registration, row.registration, row.identity
        if row.registration is before:
            return None
        if row.registration is RegistrationStatus.REJECTED:
            self._drop_link(POLICY_VIOLATION, "this station was rejected")
        if row.registration is not RegistrationStatus.ACCEPTED or self._link is None:
            return None
        delivery = Delivery(TriggerMessage("BootNotification"), trio.current_time() + _TRIGGER_SECONDS)
        self.post(delivery)
        return delivery

    def _end_deleted(self) -> None:
        self.close(reasons.STATION_DELETED)
        self._mailbox.refuse_all(reasons.STATION_DELETED)
        self._drop_link(POLICY_VIOLATION, "this station was deleted")
        self._finishing = (POLICY_VIOLATION, "this station was deleted")
        self._wake()

    # -- inside: commands --------------------------------------------------------------------------------------

    async def _serve_mailbox(self) -> None:
        while True:
            if self._failure is not None:
                raise self._failure
            link = self._link
            if self._state is None and link is not None:
                if not await self._load():
                    return
                continue
            if link is not None and len(self._mailbox):
                if await self._settling():
                    continue
                delivery = self._mailbox.take()
                if delivery is not None:
                    self._current = delivery
                    await self._carrier.carry_out(link, delivery)
                    self._current = None
                continue
            if self._finishing is not None:
                if link is None:
                    return
                link.finish_soon(*self._finishing)
                await self._changed.wait()
            elif link is not None:
                await self._changed.wait()
            elif await self._idle():
                return

    async def _settling(self) -> bool:
        """Give a new link a moment; True when something changed meanwhile."""
        if self._settles_at <= trio.current_time():
            return False
        changed = self._changed
        with trio.CancelScope(deadline=self._settles_at):
            await changed.wait()
        return changed.is_set()

    async def _idle(self) -> bool:
        """Offline: True when there was nothing to do for long and all is on disk."""
        with trio.CancelScope(deadline=trio.current_time() + self._settings.idle) as nap:
            await self._changed.wait()
        if not nap.cancelled_caught or self._ledger.settled:
            return self._may_sleep(nap.cancelled_caught)
        try:
            await self._ledger.flush()
        except Unavailable:
            return False
        return self._may_sleep(True)

    def _may_sleep(self, waited: bool) -> bool:
        return waited and self._link is None and not len(self._mailbox) and self._failure is None

    # -- inside: links -----------------------------------------------------------------------------------------

    def _drop_link(self, code: int, reason: str) -> None:
        """Tell the link to go. It stays attached until it has detached itself, but brings nothing in any more."""
        if (link := self._link) is not None:
            epoch = self._epoch
            link.close_soon(code, reason)
            self.detach(epoch)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
