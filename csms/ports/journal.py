"""The journal: what must be on disk before a station is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from csms.domain.errors import DomainError
from csms.domain.records import Record


class RecordConflict(DomainError):
    """The records contradict what another node has written (or cannot be stored at all); the others of the batch
    were not harmed.

    The actor's memory is then wrong: it must be dropped and loaded anew, and the station will send again.
    """

    default_reason = "RECORD_CONFLICT"


class Fenced(RecordConflict):
    """Another node has the station now. Nothing is wrong but that these records came too late."""

    default_reason = "FENCED"


class Fence(NamedTuple):
    """By which right records are written: as long as no other node has taken the station with a higher epoch."""

    station_id: int
    epoch: int


class Ticket(Protocol):
    """A receipt for records that were put."""

    @property
    def kept(self) -> bool:
        """True when the records are known to be on disk."""

    def when_done(self, then: Callable[[], None]) -> bool:
        """Call `then` once, sync, when it is known what became of the records, or that it takes longer than the bound:
        then `kept` or `durable` says what. False when it is known already: `then` is not called. `then` must not
        raise."""

    async def durable(self) -> None:
        """Return when the records are on disk.

        Raises Unavailable when that took longer than the journal's bound (they may still get there: records are
        idempotent), and
        RecordConflict when they were refused (Fenced: because another node has the station).
        """


class Journal(Protocol):
    """Keeps records in the order in which they were put, many actors' in one commit."""

    @property
    def has_room(self) -> bool:
        """Whether `wait_room` would return at once."""

    async def wait_room(self) -> None:
        """Back-pressure: return at once while there is room, wait while there is none. Raises Unavailable after
        the bound."""

    def put(self, records: Sequence[Record], fence: Fence | None = None) -> Ticket:
        """Take the records in; sync, so that memory and journal cannot disagree. Never blocks. With a fence, they are
        refused if another node has the station when they are written."""
