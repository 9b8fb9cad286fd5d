"""A node's surroundings in memory: journal, stores, log, tags, clock; and a registry among them."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import trio

from csms.actors.link import LinkLimits
from csms.actors.registry import Registry
from csms.actors.supervise import RestartLimits
from csms.actors.world import ActorSettings
from csms.cluster.local import LocalDirectory, LocalFeed
from csms.domain.authorization import Token, decide
from csms.domain.errors import NotFound, Unavailable
from csms.domain.facts import IdTokenInfo, RegistrationStatus, StatusChanged
from csms.domain.records import LinkRecord, MeterRecord, Record, SessionRecord, StatusRecord
from csms.domain.station import StationState
from csms.domain.transaction import SessionState, StartKey, Transaction
from csms.ocpp.dialect import Dialect
from csms.ocpp.tolerance import Tolerance
from csms.ocpp.v16.routes import Dialect16
from csms.ports.directory import Ownership
from csms.ports.journal import Fence, Fenced, RecordConflict, Ticket
from csms.ports.message_log import Direction
from csms.ports.stores import StationRow
from tests.kit.fake_wire import MemoryWire

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""The moment that `at` counts from. The node's clock begins an hour later: what tests report has happened."""
NOW = START + timedelta(minutes=65)
DIALECT = Dialect16()


class Clock:
    """Wall time that follows trio's clock."""

    def __init__(self) -> None:
        self._began = trio.current_time()
        self.shift = timedelta()

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=trio.current_time() - self._began) + self.shift


@dataclass(eq=False)
class _Batch:
    records: list[Record]
    fence: Fence | None = None
    done: trio.Event = field(default_factory=trio.Event)
    refused: bool = False
    fenced: bool = False
    written: bool = False
    then: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def tell(self, now: float = math.inf) -> None:
        """All who wait, or those who have waited too long by now."""
        told = [then for give_up_at, then in self.then if give_up_at <= now]
        self.then = [each for each in self.then if each[0] > now]
        for then in told:
            then()


class FakeJournal:
    """Keeps what was put, in order. `away`: nothing is written; `refuse`: says which records cannot be stored."""

    def __init__(self, *, delay: float = 0.003, bound: float = 20.0) -> None:
        self.disk: list[Record] = []
        self.away = False
        self.full = False
        self.fenced = False
        self.lost: Callable[[Fence], bool] = lambda _fence: self.fenced
        self.refuse: Callable[[Record], bool] = lambda _record: False
        self.on_disk: Callable[[Record], None] = lambda _record: None
        self._waiting: list[_Batch] = []
        self._work = trio.Event()
        self._delay = delay
        self._bound = bound

    async def run(self) -> None:
        while True:
            await self._work.wait()
            await trio.sleep(0.1 if self.away else self._delay)
            self.flush()
            for batch in list(self._waiting):
                batch.tell(trio.current_time())

    def flush(self) -> None:
        if self.away:
            return
        self._work = trio.Event()
        batches, self._waiting = self._waiting, []
        for batch in batches:
            batch.refused = any(self.refuse(record) for record in batch.records)
            batch.fenced = self.fenced or (batch.fence is not None and self.lost(batch.fence))
            if not batch.refused and not batch.fenced:
                self.disk.extend(batch.records)
                for record in batch.records:
                    self.on_disk(record)
            batch.written = True
            batch.done.set()
            batch.tell()

    @property
    def has_room(self) -> bool:
        return not self.full

    async def wait_room(self) -> None:
        with trio.move_on_after(self._bound):
            while self.full:
                await trio.sleep(0.1)
            return
        raise Unavailable("full", reason="JOURNAL_FULL")

    def put(self, records: Sequence[Record], fence: Fence | None = None) -> Ticket:
        batch = _Batch(list(records), fence)
        self._waiting.append(batch)
        self._work.set()
        return _Ticket(batch, self._bound)

    def of(self, kind: type[Any]) -> list[Any]:
        """Records of one kind that are on disk."""
        return [record for record in self.disk if isinstance(record, kind)]


class _Ticket:
    def __init__(self, batch: _Batch, bound: float) -> None:
        self._batch = batch
        self._give_up_at = trio.current_time() + bound
        self._bound = bound

    @property
    def kept(self) -> bool:
        return self._batch.written and not self._batch.fenced and not self._batch.refused

    def when_done(self, then: Callable[[], None]) -> bool:
        if self._batch.written or trio.current_time() >= self._give_up_at:
            return False
        self._batch.then.append((self._give_up_at, then))
        return True

    async def durable(self) -> None:
        with trio.move_on_after(self._bound):
            await self._batch.done.wait()
        if not self._batch.written:
            raise Unavailable("the database takes too long", reason="DATABASE_UNAVAILABLE")
        if self._batch.fenced:
            raise Fenced("another node has it")
        if self._batch.refused:
            raise RecordConflict("refused")


class FakeStores:
    """StationStore (what actors use of it), StateLoader and TransactionStore over what the journal has written."""

    def __init__(self, journal: FakeJournal) -> None:
        self.rows: dict[int, StationRow] = {}
        self.sessions: dict[int, Transaction] = {}
        self.meter_values: dict[tuple[int, int, datetime, int], MeterRecord] = {}
        self.statuses: dict[tuple[int, int, int], StatusRecord] = {}
        self.links: dict[int, LinkRecord] = {}
        self.loads = 0
        self.broken: Exception | None = None
        self._next_session = 1000
        self._journal = journal
        journal.on_disk = self.write

    def add(self, station_id: int, registration: RegistrationStatus = RegistrationStatus.ACCEPTED) -> StationRow:
        row = StationRow(station_id, f"CP-{station_id}", "", "", "", registration, None, 1)
        self.rows[station_id] = row
        return row

    def write(self, record: Record) -> None:
        if isinstance(record, SessionRecord):
            self.sessions[record.transaction.id] = record.transaction
        elif isinstance(record, MeterRecord):
            key = (record.station_id, record.evse_id, record.measured_at, record.digest)
            self.meter_values.setdefault(key, record)
        elif isinstance(record, StatusRecord):
            self.statuses[record.station_id, record.evse_id, record.connector_id] = record
        elif isinstance(record, LinkRecord):
            self.links[record.station_id] = record

    def session_of(self, station_id: int) -> Transaction:
        """The only session of a station."""
        (session,) = [s for s in self.sessions.values() if s.station_id == station_id]
        return session

    # -- the ports -----------------------------------------------------------------------------------------------

    async def _reach(self) -> None:
        await trio.sleep(0.001)
        if self._journal.away:
            raise Unavailable("the database is away", reason="DATABASE_UNAVAILABLE")
        if self.broken is not None:
            raise self.broken

    async def find(self, station_id: int) -> StationRow | None:
        await self._reach()
        return self.rows.get(station_id)

    async def load_state(self, station_id: int) -> StationState:
        await self._reach()
        self.loads += 1
        row = self.rows.get(station_id)
        if row is None:
            raise NotFound("no such station")
        state = StationState(
            station_id,
            row.identity,
            row.registration,
            open_transactions=[
                s.snapshot()
                for s in self.sessions.values()
                if s.station_id == station_id and s.state is SessionState.ACTIVE
            ],
        )
        for (owner, evse, connector), record in self.statuses.items():
            if owner == station_id:
                state.statuses[evse, connector] = StatusChanged(evse, connector, record.status)
        return state

    async def find_start(self, key: StartKey) -> Transaction | None:
        await self._reach()
        return next((s.snapshot() for s in self.sessions.values() if s.start_key == key), None)

    async def find_transaction(self, station_id: int, transaction_id: str) -> Transaction | None:
        await self._reach()
        wanted = (station_id, transaction_id)
        found = [s for s in self.sessions.values() if (s.station_id, s.transaction_id) == wanted]
        return max(found, key=lambda s: s.id).snapshot() if found else None

    async def find_end(
        self, station_id: int, transaction_id: str, stopped_at: datetime, meter_wh: float | None
    ) -> Transaction | None:
        await self._reach()
        wanted = (station_id, transaction_id, stopped_at, meter_wh)
        for s in self.sessions.values():
            if (s.station_id, s.transaction_id, s.stopped_at, s.meter_stop_wh) == wanted:
                return s.snapshot()
        return None

    async def find_orphan_end(
        self, station_id: int, id_token: str, after: datetime, meter_wh: float | None
    ) -> Transaction | None:
        await self._reach()
        fitting = [
            s
            for s in self.sessions.values()
            if s.station_id == station_id
            and s.started_at is None
            and s.sequence is None
            and s.stopped_at is not None
            and s.stopped_at >= after
            and (meter_wh is None or s.meter_stop_wh is None or s.meter_stop_wh >= meter_wh)
            and s.id_token in ("", id_token)
        ]
        return min(fitting, key=lambda s: s.stopped_at or after).snapshot() if fitting else None

    async def reserve_session_ids(self, count: int) -> Sequence[int]:
        await self._reach()
        first = self._next_session
        self._next_session += count
        return range(first, first + count)

    async def open_tokens(self) -> Sequence[tuple[str, int]]:
        return [(s.id_token, s.id) for s in self.sessions.values() if s.state is SessionState.ACTIVE]


class FakeTokens:
    """TokenIndex."""

    def __init__(self) -> None:
        self.tokens = {"TAG1": Token(1, "TAG1"), "TAG2": Token(2, "TAG2"), "BAD": Token(3, "BAD", blocked=True)}
        self.in_use: set[tuple[str, int]] = set()
        self.free: set[int] = set()
        self.kept: dict[tuple[int, int], str] = {}

    def anyone_may(self, station_id: int, evse_id: int | None, connector_id: int | None) -> bool:
        return station_id in self.free

    def kept_from(self, station_id: int, evse_id: int, id_token: str, group: str | None, at: datetime) -> bool:
        return (station_id, evse_id) in self.kept and self.kept[station_id, evse_id] not in (id_token, group)

    def decide(
        self, id_token: str, now: datetime, *, starting: int | None = None, station_id: int | None = None
    ) -> IdTokenInfo:
        tag = id_token.upper()
        elsewhere = starting is not None and any(t == tag and s != starting for t, s in self.in_use)
        return decide(self.tokens.get(tag), now, in_use_elsewhere=elsewhere)

    def session_opened(self, id_token: str, session_id: int) -> None:
        self.in_use.add((id_token, session_id))

    def session_ended(self, id_token: str, session_id: int) -> None:
        self.in_use.discard((id_token, session_id))


@dataclass(frozen=True)
class Noted:
    """An entry of the message log."""

    station_id: int
    direction: Direction
    content: str
    message_type: str
    action: str
    message_id: str
    latency_s: float | None


class FakeMessageLog:
    """What was recorded."""

    def __init__(self) -> None:
        self.entries: list[Noted] = []

    def record(
        self,
        station_id: int,
        direction: Direction,
        content: bytes | str,
        *,
        message_type: str = "",
        action: str = "",
        message_id: str = "",
        latency_s: float | None = None,
    ) -> None:
        text = content.decode(errors="replace") if isinstance(content, bytes) else content
        self.entries.append(Noted(station_id, direction, text, message_type, action, message_id, latency_s))

    def remarks(self) -> list[str]:
        return [entry.content for entry in self.entries if entry.direction is Direction.REMARK]


class Node:
    """A registry with all that it needs, and stations that knock."""

    def __init__(
        self,
        nursery: trio.Nursery,
        *,
        settings: ActorSettings | None = None,
        link_limits: LinkLimits | None = None,
        restarts: RestartLimits | None = None,
        tolerance: Tolerance | None = None,
        ownership: Ownership | None = None,
        stores: FakeStores | None = None,
    ) -> None:
        self.nursery = nursery
        self.now = Clock()
        self.journal = FakeJournal()
        self.stores = stores or FakeStores(self.journal)
        self.journal.on_disk = self.stores.write
        self.tokens = FakeTokens()
        self.log = FakeMessageLog()
        self.feed = LocalFeed(self.now)
        self.crashes: list[tuple[int, Exception]] = []
        self._ids = self._wires = 0
        self.registry = Registry(
            now=self.now,
            journal=self.journal,
            feed=self.feed,
            tokens=self.tokens,
            loader=self.stores,
            stations=self.stores,  # type: ignore[arg-type]  # actors use `find` alone
            transactions=self.stores,
            message_log=self.log,  # type: ignore[arg-type]  # links use `record` alone
            on_crash=lambda station_id, error: self.crashes.append((station_id, error)),
            new_message_id=self._new_id,
            settings=settings,
            link_limits=link_limits,
            restarts=restarts,
            tolerance=tolerance,
            ownership=ownership,
        )
        self.directory = LocalDirectory(self.registry)

    def _new_id(self) -> str:
        self._ids += 1
        return f"c{self._ids}"

    def connect(self, station_id: int = 1, dialect: Dialect = DIALECT, *, capacity: float = float("inf")) -> MemoryWire:
        """A station's new connection, from an address of its own."""
        self._wires += 1
        wire = MemoryWire(f"wire-{self._wires}", capacity=capacity)
        self.nursery.start_soon(self.registry.serve_link, wire, station_id, dialect)
        return wire

    async def booted(self, station_id: int = 1) -> MemoryWire:
        """A connection that has booted."""
        wire = self.connect(station_id)
        await wire.ask("BootNotification", BOOT)
        return wire

    async def rest(self) -> None:
        """Let everything come to rest (but no longer than a second)."""
        await trio.sleep(0.5)


@asynccontextmanager
async def running_node(
    *,
    settings: ActorSettings | None = None,
    link_limits: LinkLimits | None = None,
    restarts: RestartLimits | None = None,
    tolerance: Tolerance | None = None,
) -> AsyncIterator[Node]:
    """A node with one accepted station (1)."""
    async with trio.open_nursery() as nursery:
        node = Node(nursery, settings=settings, link_limits=link_limits, restarts=restarts, tolerance=tolerance)
        node.stores.add(1)
        nursery.start_soon(node.journal.run)
        await nursery.start(node.registry.run)
        yield node
        nursery.cancel_scope.cancel()


BOOT = {"chargePointVendor": "Volt", "chargePointModel": "One"}


def at(seconds: float) -> str:
    """A moment after START, as a 1.6 station writes it."""
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def start_transaction(*, tag: str = "TAG1", meter: int = 1000, connector: int = 1, seconds: float = 0.0) -> Any:
    """A StartTransaction's payload."""
    return {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": at(seconds)}


def stop_transaction(transaction_id: int, *, meter: int = 5000, seconds: float = 3600.0, **more: Any) -> Any:
    """A StopTransaction's payload."""
    return {"transactionId": transaction_id, "meterStop": meter, "timestamp": at(seconds), **more}


def meter_values(wh: float, *, seconds: float, transaction_id: int | None = None, connector: int = 1) -> Any:
    """A MeterValues' payload."""
    payload: dict[str, Any] = {
        "connectorId": connector,
        "meterValue": [{"timestamp": at(seconds), "sampledValue": [{"value": str(wh)}]}],
    }
    if transaction_id is not None:
        payload["transactionId"] = transaction_id
    return payload
