"""What taking in a fact needs and gives: the context, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from csms.domain.facts import ACK, IdTokenInfo, Reply, StatusChanged
from csms.domain.ids import StationId
from csms.domain.metering import MeterValue
from csms.domain.records import EventRecord, Record
from csms.domain.transaction import Transaction


class Reckoner(Protocol):
    """What a transaction of OCPP 2.x costs, from memory. Money with VAT, in the tariff's currency. It never raises."""

    def read(self, transaction: Transaction, values: Sequence[MeterValue]) -> None:
        """These were taken into the transaction."""

    def running(self, transaction: Transaction, now: datetime) -> float | None:
        """So far; None: no tariff holds, or it is not known yet."""

    def final(self, transaction: Transaction, now: datetime) -> float | None:
        """In all, once it has ended."""


class NoCosts:
    """A `Reckoner` where nothing costs anything."""

    def read(self, transaction: Transaction, values: Sequence[MeterValue]) -> None:
        """See `Reckoner.read`."""

    def running(self, transaction: Transaction, now: datetime) -> float | None:
        """See `Reckoner.running`."""
        return None

    def final(self, transaction: Transaction, now: datetime) -> float | None:
        """See `Reckoner.final`."""
        return None


NO_COSTS: Final = NoCosts()


class Context(msgspec.Struct):
    """What `apply` must know of the world."""

    now: datetime
    authorize: Callable[[str, int | None], IdTokenInfo]
    """(tag, session about to start or None) → decision."""
    new_session_id: Callable[[], int]
    heartbeat_s: int = 300
    retry_s: int = 30
    """Interval told to stations that are not accepted yet."""
    found: Transaction | None = None
    """The answer to `lookup`."""
    orphan: Transaction | None = None
    """For a start: an end that came before it and fits."""
    consulted: Reply | None = None
    """What the world outside says to this fact (`csms.ports.consultant`); None: not asked, or no answer."""
    anyone_may: Callable[[int | None, int | None], bool] = lambda _evse_id, _connector_id: False
    """(EVSE, connector) → may anyone charge there? Unknown ones are None: then, may anyone at any outlet of the station
    (or of the EVSE)?"""
    kept_from: Callable[[int, str, str | None, datetime], bool] = lambda _evse_id, _tag, _group, _at: False
    """(EVSE, tag, its group, when) → is the EVSE reserved for somebody else?"""
    reckoner: Reckoner = NO_COSTS


class Applied(msgspec.Struct):
    """What came of a fact. `changed_sessions` and `changed` are for the feed, after the records are on disk."""

    reply: Reply = ACK
    records: list[Record] = msgspec.field(default_factory=list)
    wait: bool = True
    """The reply leaves after the disk. False: nothing in it must be kept."""
    changed: bool = False
    changed_sessions: list[int] = msgspec.field(default_factory=list)
    opened: list[tuple[str, int]] = msgspec.field(default_factory=list)
    ended: list[tuple[str, int]] = msgspec.field(default_factory=list)
    connectors: list[StatusChanged] = msgspec.field(default_factory=list)
    """What a chapter has learnt of connectors (`csms.domain.occupancy.availability`): taken in as StatusNotifications
    are."""


Handler = Callable[[Any, StationId, Context], Applied]
"""(fact, station, context) → what came of it. For facts that need nothing of the station's memory; `Any` is the fact
that the table names beside it."""

_encode = msgspec.json.Encoder(enc_hook=str).encode


def event(
    station_id: StationId,
    context: Context,
    kind: str,
    summary: str,
    *,
    at: datetime | None = None,
    evse_id: int | None = None,
    severity: int | None = None,
    body: object = None,
) -> EventRecord:
    """An entry for the station's event log. `kind` is the OCPP action, `summary` a sentence for people, `severity`
    OCPP's 0 (danger) to 9 (debug), `body` what it is told in detail (kept as JSON)."""
    return EventRecord(
        station_id=station_id,
        at=at or context.now,
        received_at=context.now,
        kind=kind,
        summary=summary[:1000],
        evse_id=evse_id,
        severity=severity,
        body=b"{}" if body is None else _encode(body),
    )
