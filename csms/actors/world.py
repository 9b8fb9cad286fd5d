"""What actors and links know of each other and of the node around them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from csms.actors.mailbox import MAILBOX_SIZE
from csms.actors.session_ids import SessionIds
from csms.domain.applying import NO_COSTS, Reckoner
from csms.domain.commands import Answer, Command
from csms.domain.facts import Fact, Reply
from csms.ports.consultant import Consultant
from csms.ports.directory import Claim, Ownership
from csms.ports.feed import Feed
from csms.ports.journal import Journal
from csms.ports.reactions import Reactions
from csms.ports.stores import StateLoader, StationStore, TokenIndex, TransactionStore

NORMAL_CLOSURE: Final = 1000
GOING_AWAY: Final = 1001
UNSUPPORTED_DATA: Final = 1003
POLICY_VIOLATION: Final = 1008
INTERNAL_ERROR: Final = 1011
TRY_AGAIN_LATER: Final = 1013
"""WebSocket close codes (RFC 6455 §7.4.1; 1013 is registered with IANA)."""


class LinkLost(Exception):
    """The link went away, or a newer one took over, before the answer came."""


class NotSent(Exception):
    """The link could not send the call: it has not happened. `reason` is a word for the caller, `message` says why."""

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason
        self.message = message


class PreparedCall(Protocol):
    """A command in the words of a version: encoded, not yet sent."""

    @property
    def command(self) -> Command:
        """What it was made of."""


class LinkPort(Protocol):
    """What an actor may ask of its link."""

    def close_soon(self, code: int, reason: str) -> None:
        """Go, at once; sync and idempotent."""

    def finish_soon(self, code: int, reason: str) -> None:
        """Go when the message being worked on is answered; sync and idempotent."""

    def prepare(self, command: Command) -> PreparedCall:
        """Encode. Raises NotSupported or InvalidArgument."""

    async def call(self, prepared: PreparedCall, deadline: float) -> tuple[Answer, float]:
        """The answer and its latency in seconds. Raises NotSent, LinkLost and trio.TooSlowError."""


class KeptLink(LinkPort, Protocol):
    """A link without a socket of its own: the registry keeps it while it lives."""

    def open(self) -> None:
        """Attach to the actor; sync."""

    async def run(self) -> str:
        """Until it has ended and is detached; says why. Never raises but Cancelled."""


@dataclass(frozen=True, slots=True)
class ActorSettings:
    """Seconds, but for `mailbox_size`.

    `settle`: how long commands wait for a new link's first message to be answered. `idle`: how long an actor without
    link and deliveries stays in memory. `progress`: how long a
    session's own row may lag behind its meter values. `remote_start_valid`: how long after an accepted remote
    start a start on its
    tag counts as remote. `retry_s`: the boot interval told to stations that are not accepted.
    """

    heartbeat_s: int = 300
    retry_s: int = 30
    mailbox_size: int = MAILBOX_SIZE
    settle: float = 1.0
    idle: float = 60.0
    progress: float = 2.0
    remote_start_valid: float = 120.0


class Nobody:
    """A `Consultant` that is never asked, and `Reactions` that there are none of."""

    kinds: Final[frozenset[type[Fact]]] = frozenset()

    async def consult(self, station_id: int, fact: Fact) -> Reply | None:
        """See `Consultant.consult`."""
        raise AssertionError(f"nobody is to be asked about {fact!r} of station {station_id}")

    def saw(self, station_id: int, fact: Fact, reply: Reply) -> None:
        """See `Reactions.saw`."""
        raise AssertionError(f"nobody wants to know {fact!r} of station {station_id} and {reply!r}")


class OneNode:
    """An `Ownership` without others."""

    fenced: Final = False

    def __init__(self) -> None:
        self._epochs = itertools.count(1)

    def next(self) -> int:
        """The next epoch."""
        return next(self._epochs)

    async def claim(self, station_id: int) -> Claim:
        """See `Ownership.claim`."""
        return Claim(self.next())

    def held(self, station_id: int, epoch: int) -> None:
        """See `Ownership.held`."""

    def let_go(self, station_id: int, epoch: int) -> None:
        """See `Ownership.let_go`."""


@dataclass(frozen=True, slots=True)
class World:
    """What all actors of a node share."""

    now: Callable[[], datetime]
    journal: Journal
    feed: Feed
    tokens: TokenIndex
    loader: StateLoader
    stations: StationStore
    transactions: TransactionStore
    session_ids: SessionIds
    next_epoch: Callable[[], int]
    """For links that were not claimed."""
    consultant: Consultant
    reactions: Reactions
    ownership: Ownership = field(default_factory=OneNode)
    reckoner: Reckoner = NO_COSTS
    behind: set[int] = field(default_factory=set)
    """Stations with sessions whose rows lag behind their meter values; the registry sees to them."""
