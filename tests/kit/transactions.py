"""A station of OCPP 2.x in memory: its events, and the state with the little database behind it that they go into."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from csms.domain.applying import NO_COSTS, Applied, Context, Reckoner
from csms.domain.authorization import Token, decide
from csms.domain.facts import (
    ConnectorStatus,
    Fact,
    IdTokenInfo,
    RegistrationStatus,
    StatusChanged,
    TransactionEventSeen,
    TransactionEventType,
)
from csms.domain.metering import ENERGY_REGISTER, MeterValue, SampledValue
from csms.domain.occupancy import availability
from csms.domain.records import EventRecord, MeterRecord, SessionRecord, StatusRecord
from csms.domain.station import FindTransaction, StationState
from csms.domain.transaction import Transaction

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
STARTED, UPDATED, ENDED = (
    TransactionEventType.STARTED,
    TransactionEventType.UPDATED,
    TransactionEventType.ENDED,
)


def at(seconds: float) -> datetime:
    """A moment of the station's clock."""
    return T0 + timedelta(seconds=seconds)


def reading(seconds: float, wh: float, context: str = "Sample.Periodic") -> MeterValue:
    """The energy register."""
    return MeterValue(at(seconds), (SampledValue(ENERGY_REGISTER, wh, "Wh", context=context),))


def told(
    kind: TransactionEventType,
    seq_no: int,
    seconds: float,
    wh: float | None = None,
    *,
    transaction_id: str = "tx-1",
    **more: Any,
) -> TransactionEventSeen:
    """A TransactionEvent, with the register's reading at its moment."""
    values = () if wh is None else (reading(seconds, wh),)
    more.setdefault("evse_id", 1)
    more.setdefault("connector_id", 1)
    more.setdefault("meter_values", values)
    return TransactionEventSeen(kind, at(seconds), transaction_id=transaction_id, seq_no=seq_no, **more)


class Desk:
    """The state of station 1, three tags (two of one group), and what was written."""

    def __init__(self) -> None:
        self.state = StationState(1, "CP-1", RegistrationStatus.ACCEPTED)
        self.sessions: dict[int, Transaction] = {}
        self.statuses: dict[tuple[int, int], ConnectorStatus] = {}
        self.values: set[tuple[datetime, int]] = set()
        self.events: list[EventRecord] = []
        self.in_use: set[tuple[str, int]] = set()
        self.tokens = {
            "AA": Token(1, "AA", parent_id_token="FAMILY"),
            "BB": Token(2, "BB", parent_id_token="FAMILY"),
            "BAD": Token(3, "BAD", blocked=True),
        }
        self._ids = count(100)
        self.now = T0 + timedelta(hours=3)
        self.reckoner: Reckoner = NO_COSTS

    def authorize(self, token: str, starting: int | None) -> IdTokenInfo:
        return decide(self.tokens.get(token.upper()), T0)

    def tell(self, fact: Fact, *, later: float = 1.0) -> Applied:
        """Look up, apply, write: as an actor does."""
        self.now += timedelta(seconds=later)
        wanted = self.state.lookup(fact)
        found = None
        if isinstance(wanted, FindTransaction):
            known = [s for s in self.sessions.values() if s.transaction_id == wanted.transaction_id]
            found = max(known, key=lambda s: s.id).snapshot() if known else None
        new_id = (lambda: next(self._ids)) if self.state.opens(fact, wanted, found) else _nothing_reserved
        applied = self.state.apply(fact, Context(self.now, self.authorize, new_id, found=found, reckoner=self.reckoner))
        for record in applied.records:
            if isinstance(record, SessionRecord):
                self.sessions[record.transaction.id] = record.transaction
            elif isinstance(record, StatusRecord):
                self.statuses[record.evse_id, record.connector_id] = record.status
            elif isinstance(record, MeterRecord):
                self.values.add((record.measured_at, record.digest))
            elif isinstance(record, EventRecord):
                self.events.append(record)
        self.in_use -= set(applied.ended)
        self.in_use |= {entry for entry in applied.opened if entry[0]}
        self.in_use -= {entry for entry in applied.ended if entry[1] not in self.state.open}
        return applied

    def occupy(self, word: str = "Occupied", *, evse_id: int = 1) -> ConnectorStatus:
        """StatusNotification; what the connector is then."""
        status = availability(evse_id, 1, word, self.now)
        assert isinstance(status, StatusChanged)
        self.tell(status)
        return self.statuses[evse_id, 1]

    @property
    def session(self) -> Transaction:
        """The only one, as written; what is behind is written first."""
        (session,) = self.settled()
        return session

    def settled(self) -> list[Transaction]:
        """All sessions, as written."""
        applied = self.state.progress(self.now)
        for record in [] if applied is None else applied.records:
            assert isinstance(record, SessionRecord)
            self.sessions[record.transaction.id] = record.transaction
        return list(self.sessions.values())


def _nothing_reserved() -> int:
    raise AssertionError("no session id was reserved for this fact")
