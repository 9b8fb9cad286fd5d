"""Which node holds which station, and how to reach it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from csms.domain.commands import Answer, Command, Outcome


class Settled(msgspec.Struct, frozen=True):
    """The end of a delivery. `answer` and `latency_s` are there when the outcome is ANSWERED; `reason` says more
    on REFUSED
    (MAILBOX_FULL, DRAINING, NOT_SUPPORTED)."""

    outcome: Outcome
    answer: Answer | None = None
    latency_s: float | None = None
    reason: str = ""
    message: str = ""
    """On REFUSED: why, in a sentence, where whoever refused had one (a dialect that cannot say the command)."""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A station is ours from now on. `epoch` orders its links over all nodes. `moved`: another node had it last, so
    what is in memory here may be old."""

    epoch: int
    moved: bool = False


class LateSession(msgspec.Struct, frozen=True, gc=False):
    """Something happened to it lately that perhaps nobody was told."""

    session_id: int
    station_id: int
    id_token: str
    ended: bool


class Ownership(Protocol):
    """Which node has which station. In one process there is nobody to ask."""

    @property
    def fenced(self) -> bool:
        """Whether records say with their epoch that they are still ours to write."""

    async def claim(self, station_id: int) -> Claim:
        """Take the station, before its new link is attached. What the node that had it writes later is refused.

        Raises Unavailable.
        """

    def held(self, station_id: int, epoch: int) -> None:
        """A link of ours is attached; sync, never fails."""

    def let_go(self, station_id: int, epoch: int) -> None:
        """It has ended; sync, never fails."""


class Directory(Protocol):
    """Forwards to whoever holds the station; in one process that is the registry of actors."""

    async def send(
        self, station_id: int, command: Command, *, timeout: float, wait_for_station: bool = False
    ) -> Settled:
        """Deliver one command and wait for its one outcome, at most `timeout` seconds. Never raises for what the
        station does."""

    async def disconnect(self, station_id: int, reason: str) -> bool:
        """Close the station's link. False when there was none."""

    async def forget_session(self, station_id: int, session_id: int, id_token: str) -> None:
        """The session was ended in the database without the station's word: it is not open any more."""

    async def refresh(self, station_id: int) -> None:
        """What people keep of the station changed (accepted, rejected, deleted, password): its actor must read it
        again."""


class Missed(Protocol):
    """What changed in the database while nobody could tell this process. Both raise Unavailable."""

    async def stations_changed(self, station_ids: Sequence[int], *, within_s: float) -> Sequence[int]:
        """Those of them that people changed in so many seconds until now, or deleted."""

    async def sessions_ended(self, session_ids: Sequence[int]) -> Sequence[int]:
        """Those of them that are not active (any more)."""
