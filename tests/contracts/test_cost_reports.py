"""What every store of monthly reports promises."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.access import Role
from csms.domain.cost_report import Seller, Subscription, read_subject
from csms.domain.errors import AlreadyExists, StaleVersion
from csms.ports.cost_reports import ReportFilter
from csms.ports.outbox import MailKind
from csms.storage.cost_reports import PostgresReports
from csms.storage.mail_queue import PostgresMailQueue
from csms.storage.pool import open_database
from csms.storage.session_changes import PostgresSessionChanges
from csms.storage.session_costs import PostgresSessionCosts
from csms.storage.tariffs import PostgresTariffs
from tests.kit.cost_reports import a_line, a_report
from tests.kit.storage_world import postgres_storage, storage_url
from tests.kit.tariff_stores import NOW, NOWHERE, TERMS, Stores, a_cost, a_session, stores

__all__ = ["storage_url", "stores"]

pytestmark = pytest.mark.feature("F-SES-9")
FLEET = read_subject("tagGroups/FLEET")
OCTOBER = date(2026, 10, 1)


async def test_numbers_have_no_gaps(stores: Stores) -> None:
    seller = await stores.reports.update_seller(Seller("Firm", number_prefix="F-"), version=None)
    assert (seller.name, seller.next_number) == ("Firm", 1)
    with pytest.raises(StaleVersion):
        await stores.reports.update_seller(seller, version=seller.version + 1)
    draft = msgspec.structs.replace(a_report(a_line()).draft, subject=str(FLEET))
    first = await stores.reports.create(draft, NOW, replace=False)
    with pytest.raises(AlreadyExists):
        await stores.reports.create(draft, NOW, replace=False)
    second = await stores.reports.create(draft, NOW, replace=True)
    assert (first.number, second.number) == ("F-000001", "F-000002")
    assert second.draft == draft
    old = await stores.reports.get(first.id)
    assert old is not None
    assert old.replaced_by == second.id
    assert await stores.reports.find(FLEET, OCTOBER) == second
    assert await stores.reports.find(FLEET, date(2026, 9, 1)) is None
    assert await stores.reports.page(ReportFilter(), size=9, before=None) == [second]
    assert await stores.reports.page(ReportFilter(replaced=True), size=1, before=second.id) == [old]
    assert await stores.reports.page(ReportFilter(user_id=77), size=9, before=None) == []
    assert await stores.reports.get(NOWHERE) is None


async def test_a_subscription_keeps_its_beginning_while_it_is_on(stores: Stores) -> None:
    wanted = Subscription(FLEET, True, ("a@example.org",), "sv", "Europe/Stockholm", OCTOBER)
    assert await stores.reports.subscribe(wanted) == wanted
    later = msgspec.structs.replace(wanted, recipients=(), since=date(2026, 12, 1))
    assert (await stores.reports.subscribe(later)).since == OCTOBER
    await stores.reports.subscribe(msgspec.structs.replace(later, active=False))
    assert await stores.reports.subscriptions(active=True) == []
    assert (await stores.reports.subscribe(later)).since == date(2026, 12, 1)
    assert [each.subject for each in await stores.reports.subscriptions(subject=FLEET)] == [FLEET]


async def test_a_month_is_sent_once(stores: Stores) -> None:
    draft = msgspec.structs.replace(a_report(a_line()).draft, subject=str(FLEET))
    report = await stores.reports.create(draft, NOW, replace=False)
    assert not await stores.reports.dispatched(FLEET, OCTOBER)
    people = ["a@example.org", "b@example.org"]
    assert await stores.reports.dispatch(FLEET, OCTOBER, report.id, people)
    assert not await stores.reports.dispatch(FLEET, OCTOBER, report.id, people)
    assert await stores.reports.dispatched(FLEET, OCTOBER)
    far = datetime.now(UTC) + timedelta(hours=1)
    waiting = await stores.mails.take(far, size=9, lease_until=far)
    assert [(mail.kind, mail.recipient, mail.body) for mail in waiting] == [
        (MailKind.REPORT, address, str(report.id)) for address in people
    ]


@pytest.mark.postgres
async def test_sessions_of_a_group_and_a_user_are_charged(database_url: str) -> None:
    async with (
        open_door() as door,
        open_database(door, database_url, max_size=2) as database,
        postgres_storage(database_url) as storage,
    ):
        tariffs, costs, reports = PostgresTariffs(database), PostgresSessionCosts(database), PostgresReports(database)
        changes = PostgresSessionChanges(database)
        user = (await storage.access.create_user("a@example.org", "A", "x", Role.EV_USER)).id
        sql = "INSERT INTO id_token (id_token, parent_id_token, user_id) VALUES ('TAG', 'FLEET', $1)"
        await database.execute(sql, user)
        session = await a_session(Stores(tariffs, costs, changes, reports, PostgresMailQueue(database), storage))
        since = NOW - timedelta(days=1)
        assert (await reports.charged(FLEET, since, NOW)).pending == 1
        version = (await tariffs.create("Day", "", TERMS, NOW)).versions[0]
        await costs.keep(a_cost(session.id, version), after=0, at=NOW)
        await costs.settled([due.number for due in await costs.due(10)])
        for subject in (FLEET, read_subject(f"users/{user}")):
            found = await reports.charged(subject, since, NOW)
            assert found.pending == 0
            (line,) = found.lines
            assert (line.session_id, line.gross, line.energy_wh) == (session.id, Decimal("2.10"), Decimal(7_000))
        assert (await reports.charged(FLEET, NOW, NOW + timedelta(days=1))).lines == ()
        costed = await costs.session(session.id)
        assert costed is not None
        assert (costed.user_id, costed.group) == (user, "FLEET")
        (spent,) = await costs.spent(user_id=user, since=since, until=NOW)
        assert spent.gross == Decimal("2.10")
        await database.execute("UPDATE session SET corrected_energy_wh = 5000 WHERE id = $1", session.id)
        assert [due.session_id for due in await costs.due(10)] == [session.id]
