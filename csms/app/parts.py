"""What a node is made of, for those who build its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import trio

from csms.aio import Door
from csms.app.cluster import NobodyElse, Rereading, Role, lease_in
from csms.app.file_parts import FileParts
from csms.app.work import Work
from csms.config import Settings
from csms.ports.alarms import EventLog
from csms.ports.directory import Directory
from csms.ports.feed import Feed
from csms.ports.inventory import Inventory
from csms.ports.lease import Lease
from csms.services.consulting import Consulting
from csms.services.cost_memory import CostMemory
from csms.services.mails import Mails
from csms.services.notifications import Notifications
from csms.services.places import Places
from csms.services.reacting import Reacting
from csms.services.remote import Remote
from csms.services.scopes import Scopes
from csms.services.system import ServerAddress
from csms.services.token_index import MemoryTokenIndex
from csms.services.tolerance import ToleranceIndex
from csms.services.traffic import Traffic
from csms.storage.access import PostgresAccess
from csms.storage.alarms import PostgresAlarms
from csms.storage.certificates import PostgresCertificates
from csms.storage.claims import NodeMark
from csms.storage.inventory import PostgresInventory
from csms.storage.journal import PostgresJournal
from csms.storage.message_log import PostgresMessageLog
from csms.storage.notifications import PostgresNotifications
from csms.storage.partitions import PartitionKeeper
from csms.storage.pool import Database
from csms.storage.requests import PostgresRequests
from csms.storage.session_lists import PostgresSessionQueries
from csms.storage.sessions import PostgresTransactions
from csms.storage.station_lists import PostgresStationQueries
from csms.storage.stations import PostgresStations
from csms.storage.tokens import PostgresTokens
from csms.storage.tolerance import PostgresTolerance
from csms.transport.authority import LocalAuthority
from csms.transport.security import AttemptLimiter


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that lives in PostgreSQL."""

    stations: PostgresStations
    station_queries: PostgresStationQueries
    transactions: PostgresTransactions
    session_queries: PostgresSessionQueries
    tokens: PostgresTokens
    access: PostgresAccess
    requests: PostgresRequests
    journal: PostgresJournal
    message_log: PostgresMessageLog
    partitions: PartitionKeeper
    inventory: PostgresInventory
    certificates: PostgresCertificates
    tolerance: PostgresTolerance

    @classmethod
    def on(cls, database: Database, settings: Settings, mark: NodeMark | None = None) -> Stores:
        """All of them on one database. `mark`: of this node, where there are several."""
        return cls(
            PostgresStations(database),
            PostgresStationQueries(database),
            PostgresTransactions(database),
            PostgresSessionQueries(database),
            PostgresTokens(database),
            PostgresAccess(database),
            PostgresRequests(database),
            PostgresJournal(database, wait_bound=settings.durable_timeout, mark=mark),
            PostgresMessageLog(database, enabled=settings.message_log),
            PartitionKeeper(
                database,
                meter_value_days=settings.meter_value_days or None,
                message_log_days=settings.message_log_days or None,
                station_event_days=settings.station_event_days or None,
            ),
            PostgresInventory(database),
            PostgresCertificates(database),
            PostgresTolerance(database),
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """What the chapters of the application build on."""

    settings: Settings
    now: Callable[[], datetime]
    door: Door
    database: Database
    ground: trio.Nursery
    """For tasks that live as long as the node."""
    stores: Stores
    inventory: Inventory
    feed: Feed
    directory: Directory
    remote: Remote
    reacting: Reacting
    consulting: Consulting
    authority: LocalAuthority
    places: Places
    """Loaded."""
    scopes: Scopes
    tolerance: ToleranceIndex
    """Loaded."""
    mails: Mails
    """Letters to people; `put` one, and it leaves when the mail server takes it."""
    addresses: list[ServerAddress] = field(default_factory=list)
    """Where stations reach us; who opens a door adds it."""
    traffic: Traffic = field(default_factory=Traffic)
    """Counts the messages of stations."""
    index: MemoryTokenIndex = field(default_factory=MemoryTokenIndex)
    """Decides about tags. Loaded."""
    costs: CostMemory | None = None
    """Tells stations what sessions cost."""
    role: Role = Role.ALL
    """What this process is for."""
    work: Work = field(default_factory=Work)
    """What one process of all does; it runs when all of it is known."""
    changes: Rereading = field(default_factory=NobodyElse)
    """What other processes change of what this one has in memory."""
    make_lease: Callable[[str], Lease] | None = None
    share_guesses: Callable[[str, AttemptLimiter], None] | None = None
    """Has wrong passwords at a kind of door count for all processes, where there are others."""
    files: FileParts = field(init=False)

    def __post_init__(self) -> None:
        files = FileParts.on(self.settings, self.database, self.stores.station_queries, self.inventory, self.now)
        object.__setattr__(self, "files", files)

    def lease(self, name: str) -> Lease:
        """For one task of the work that is done once."""
        return lease_in(self.database, name) if self.make_lease is None else self.make_lease(name)

    @property
    def notifier(self) -> Notifications:
        """Tells users something: `notify` (csms.ports.notifications.Notifier)."""
        return Notifications(PostgresNotifications(self.database), now=self.now)

    @property
    def event_log(self) -> EventLog:
        """For what is notable and no station told: `note`."""
        return PostgresAlarms(self.database)
