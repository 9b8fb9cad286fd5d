"""The part of a station's actor that takes facts in: the state changes, and what came of it is put in the journal."""

from __future__ import annotations

from functools import partial

from csms.actors.ledger import Ledger
from csms.actors.world import ActorSettings, World
from csms.domain.applying import Applied, Context
from csms.domain.facts import Fact, IdTokenInfo, Reply
from csms.domain.station import StationState
from csms.domain.transaction import Transaction


class Intake:
    """See `csms.actors.station`. Everything here is sync: one critical section."""

    __slots__ = (
        "_authorize",
        "_epoch",
        "_ledger",
        "_moment",
        "_outlets",
        "_reserved",
        "_settings",
        "_state",
        "_take_session_id",
        "_world",
        "station_id",
    )

    def __init__(self, station_id: int, world: World, settings: ActorSettings) -> None:
        self.station_id = station_id
        self._world = world
        self._settings = settings
        self._ledger = Ledger(station_id, world)
        self._state: StationState | None = None  # None: not loaded
        self._epoch = 0  # of the link that is here
        self._moment = world.now()
        self._reserved: int | None = None
        self._outlets = (partial(world.tokens.anyone_may, station_id), partial(world.tokens.kept_from, station_id))
        self._authorize = self._decide
        self._take_session_id = self._use_reserved

    def begin(self, epoch: int, fact: Fact) -> Applied | None:
        """Take in a fact that needs nothing of the outside world; None when `handle` has to, which may wait. Its
        records are put, but not yet on disk: see `Applied.wait`. Raises NotAccepted, and whatever a bug raises."""
        state = self._state
        if (
            state is None
            or epoch != self._epoch
            or not self._world.journal.has_room
            or type(fact) in self._world.consultant.kinds
            or state.lookup(fact) is not None
            or state.opens(fact, None, None)
        ):
            return None
        return self._apply(state, fact, None, None, None)

    def _apply(
        self,
        state: StationState,
        fact: Fact,
        found: Transaction | None,
        orphan: Transaction | None,
        consulted: Reply | None,
    ) -> Applied:
        """Change the state and put its records; sync."""
        self._moment = self._world.now()
        context = Context(
            self._moment,
            self._authorize,
            self._take_session_id,
            self._settings.heartbeat_s,
            self._settings.retry_s,
            found,
            orphan,
            consulted,
            *self._outlets,
            self._world.reckoner,
        )
        applied = state.apply(fact, context)
        self._ledger.keep(applied)
        if state.unwritten:
            self._world.behind.add(self.station_id)
        return applied

    def _decide(self, id_token: str, starting: int | None) -> IdTokenInfo:
        return self._world.tokens.decide(id_token, self._moment, starting=starting, station_id=self.station_id)

    def _use_reserved(self) -> int:
        if self._reserved is None:
            raise AssertionError("no session id was reserved for this fact")
        reserved, self._reserved = self._reserved, None
        return reserved
