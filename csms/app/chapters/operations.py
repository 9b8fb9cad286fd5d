"""Operations on many stations, rollouts and schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from control.server import Servicer
from control.servicers.operations import OperationServicer
from csms.app.parts import Parts
from csms.domain.errors import NotFound
from csms.services.audit import AuditLog
from csms.services.local_lists import LocalLists
from csms.services.maintenance import Maintenance
from csms.services.operation_drive import Tools
from csms.services.operation_runner import OperationRunner
from csms.services.operation_schedules import OperationSchedules
from csms.services.operations import Operations
from csms.services.order_work import OrderWork
from csms.services.rights import Rights
from csms.services.stations import Stations
from csms.storage.audit import PostgresAudit
from csms.storage.local_lists import PostgresLocalLists
from csms.storage.operations import PostgresOperations
from csms.transport.security import generate_password, hash_password

LEASE: Final = "operations"


def build(parts: Parts) -> list[Servicer]:
    """Its use cases and its task, wired."""
    store, stores = PostgresOperations(parts.database), parts.stores
    rights = Rights(stores.access, now=parts.now)
    operations = Operations(store, parts.scopes, parts.files.images, rights.of, now=parts.now)
    schedules = OperationSchedules(store, operations, parts.scopes, now=parts.now)
    tools = Tools(store, _work(parts), rights.of, _zones(parts), operations.changed, parts.now)
    runner = OperationRunner(
        operations,
        tools,
        parts.lease(LEASE),
        notifier=parts.notifier,
        audit=AuditLog(PostgresAudit(parts.database), now=parts.now),
        now=parts.now,
    )
    parts.work.start_soon(runner.run)
    return [OperationServicer(operations, schedules)]


def _work(parts: Parts) -> OrderWork:
    """The use cases for a single station."""
    stores = parts.stores
    maintenance = Maintenance(
        parts.remote,
        parts.inventory,
        stores.station_queries,
        parts.files.transfers,
        parts.files.images,
        now=parts.now,
    )
    local_lists = LocalLists(
        PostgresLocalLists(parts.database),
        stores.tokens,
        parts.remote,
        parts.inventory,
        stores.stations,
        stores.station_queries,
        now=parts.now,
    )
    stations = Stations(
        stores.stations,
        stores.station_queries,
        parts.directory,
        parts.feed,
        parts.scopes,
        hash_password=hash_password,
        generate_password=generate_password,
    )
    return OrderWork(parts.remote, maintenance, local_lists, stations, parts.inventory, now=parts.now)


def _zones(parts: Parts) -> Callable[[int], str]:
    """The time zone of a place; UTC for one that is gone."""

    def zone_of(place_id: int) -> str:
        try:
            return parts.places.tree.time_zone_of(place_id)
        except NotFound:
            return "UTC"

    return zone_of
