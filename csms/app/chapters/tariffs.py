"""Tariffs, the cost of sessions, monthly reports."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.cost_reports import CostReportServicer
from control.servicers.tariffs import TariffServicer
from csms.app.cluster import SESSION_ENDED
from csms.app.parts import Parts
from csms.domain.facts import TransactionEventSeen, TransactionEventType
from csms.domain.topology import Tree
from csms.outbox.report_files import ReportFiles
from csms.ports.outbox import MailKind
from csms.services.cost_memory import CostMemory
from csms.services.cost_reports import CostReports
from csms.services.running_costs import RunningCosts
from csms.services.session_costs import SessionCosts
from csms.services.tariffs import Tariffs
from csms.storage.cost_reports import PostgresReports
from csms.storage.people import PostgresPeople
from csms.storage.session_costs import PostgresSessionCosts
from csms.storage.tariffs import PostgresTariffs


def build(parts: Parts) -> list[Servicer]:
    """Their use cases, wired."""
    store, people = PostgresTariffs(parts.database), PostgresPeople(parts.database)

    def tree() -> Tree:
        return parts.places.tree

    cost_store = PostgresSessionCosts(parts.database)
    memory = parts.costs or CostMemory(parts.index)
    tariffs = Tariffs(
        store, parts.stores.station_queries, people, parts.scopes, tree, now=parts.now, changed=memory.hasten
    )
    costs = SessionCosts(cost_store, store, parts.scopes, tree, now=parts.now)
    reports = CostReports(
        PostgresReports(parts.database),
        people,
        ReportFiles(),
        tree,
        now=parts.now,
        wake_mails=parts.mails.hasten,
        notifier=parts.notifier,
    )

    async def ended(_station_id: int, _fact: TransactionEventSeen, _reply: object) -> None:
        costs.hasten()

    async def ended_elsewhere() -> None:
        costs.hasten()

    parts.changes.on([SESSION_ENDED], ended_elsewhere)
    parts.mails.written_by(MailKind.REPORT, reports.write)
    parts.reacting.on(TransactionEventSeen, ended, when=lambda fact: fact.event_type is TransactionEventType.ENDED)

    async def tariffs_changed_elsewhere() -> None:
        memory.hasten()

    parts.changes.on(["TariffService"], tariffs_changed_elsewhere)
    parts.ground.start_soon(memory.run, store, cost_store, tree, parts.now)
    parts.work.start_soon(costs.run)
    parts.work.start_soon(RunningCosts(cost_store, costs, parts.remote).run)
    parts.work.start_soon(reports.run)
    return [TariffServicer(tariffs, costs, parts.now), CostReportServicer(reports)]
