"""What every store of tariffs, costs and reports promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.access import Role
from csms.domain.cost_report import Seller, Subscription, read_subject
from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.ids import SessionId, StationId
from csms.domain.records import SessionRecord
from csms.domain.tariff import Cost, Element, Line, LineKind, PriceKind, Tariff, Window
from csms.domain.tariff_book import SessionCost, cost_of_session, read_target
from csms.domain.transaction import Transaction
from csms.ports.cost_reports import ReportFilter, ReportStore
from csms.ports.outbox import MailKind, MailQueue
from csms.ports.tariffs import SessionCostStore, TariffStore
from csms.storage.cost_reports import PostgresReports
from csms.storage.mail_queue import PostgresMailQueue
from csms.storage.pool import open_database
from csms.storage.session_costs import PostgresSessionCosts
from csms.storage.tariffs import PostgresTariffs
from tests.kit.cost_reports import a_line, a_report
from tests.kit.fake_journal import FakeJournal
from tests.kit.fake_people import FakeMailQueue
from tests.kit.fake_tables import FakeTables
from tests.kit.fake_tariffs import FakeReports, FakeSessionCosts, FakeTariffs
from tests.kit.records import a_meter_record
from tests.kit.storage_world import Storage, fake_storage, postgres_storage, storage_url

__all__ = ["storage_url"]

pytestmark = pytest.mark.feature("F-SES-6")
NOW = datetime(2026, 10, 25, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
TERMS = Tariff(
    "EUR",
    (
        Element(PriceKind.ENERGY, Decimal("0.30"), window=Window(480, 1200, frozenset({0, 1, 2}))),
        Element(PriceKind.PARKING_TIME, Decimal("0.05"), step=60, grace_s=600),
    ),
    Decimal(21),
    minimum=Decimal("0.50"),
)
OTHER = Tariff("SEK", (Element(PriceKind.ENERGY, Decimal(3)),), Decimal(25), prices_include_vat=False)
SYSTEM = read_target("places/1")
NOWHERE = 10**30


@dataclass
class Stores:
    tariffs: TariffStore
    costs: SessionCostStore
    reports: ReportStore
    mails: MailQueue
    storage: Storage


@pytest.fixture
async def stores(storage_url: str) -> AsyncIterator[Stores]:
    if not storage_url:
        storage = fake_storage()
        assert isinstance(storage.journal, FakeJournal)
        tables: FakeTables = storage.journal.tables
        tariffs, queue = FakeTariffs(tables), FakeMailQueue()
        yield Stores(tariffs, FakeSessionCosts(tables, tariffs), FakeReports(tables, queue), queue, storage)
        return
    async with (
        postgres_storage(storage_url) as storage,
        open_door() as door,
        open_database(door, storage_url, max_size=2) as database,
    ):
        yield Stores(
            PostgresTariffs(database),
            PostgresSessionCosts(database),
            PostgresReports(database),
            PostgresMailQueue(database),
            storage,
        )


async def a_session(stores: Stores, *, ended: bool = True) -> Transaction:
    """From 10 to 11, 7 kWh."""
    number = await stores.storage.session_id()
    station = await stores.storage.station(f"CP-{number}")
    began = NOW - timedelta(hours=2)
    session = Transaction(SessionId(number), StationId(station), "CP-1", began, began, evse_id=1, transaction_id="1")
    session.start(began, 1_000.0, began)
    session.id_token = "TAG"
    if ended:
        session.end(began + timedelta(hours=1), 8_000.0, "Local", began + timedelta(hours=1))
    values = [a_meter_record(station, began + timedelta(minutes=30), 5_000.0, session_id=number, evse_id=1)]
    await stores.storage.journal.put([SessionRecord(session), *values]).durable()
    return session


def a_cost(session_id: int, version: object = None, reason: str = "") -> SessionCost:
    if version is None:
        return cost_of_session(session_id, None, None, basis="b")
    line = Line(LineKind.ENERGY, Decimal(7), Decimal(7), Decimal("0.30"), Decimal("2.10"), Window(480, 1200))
    cost = Cost("EUR", (line,), Decimal("1.74"), Decimal("0.36"), Decimal("2.10"))
    return cost_of_session(session_id, version, cost, basis="b", reason=reason)  # type: ignore[arg-type]


# -- tariffs -----------------------------------------------------------------------------------------------------------


async def test_what_was_made_is_read_back(stores: Stores) -> None:
    made = await stores.tariffs.create("Day", "By day", TERMS, NOW)
    assert (made.name, made.description, made.retired, made.version) == ("Day", "By day", False, 1)
    assert [(each.number, each.valid_from, each.terms) for each in made.versions] == [(1, NOW, TERMS)]
    assert await stores.tariffs.get([made.id, NOWHERE]) == {made.id: made}
    assert await stores.tariffs.version(made.versions[0].id) == made.versions[0]
    assert await stores.tariffs.version(NOWHERE) is None


async def test_a_change_of_prices_is_a_version_more(stores: Stores) -> None:
    made = await stores.tariffs.create("Day", "", TERMS, NOW)
    changed = await stores.tariffs.update(
        msgspec.structs.replace(made, name="Night"), terms=OTHER, valid_from=NOW + timedelta(days=1), version=1
    )
    assert (changed.name, changed.version) == ("Night", 2)
    assert changed.versions[0] == made.versions[0]
    assert (changed.versions[1].number, changed.versions[1].terms) == (2, OTHER)
    with pytest.raises(StaleVersion):
        await stores.tariffs.update(made, terms=None, valid_from=NOW, version=1)
    with pytest.raises(NotFound):
        await stores.tariffs.update(msgspec.structs.replace(made, id=99_999), terms=None, valid_from=NOW, version=None)


async def test_a_name_is_taken_until_its_tariff_retires(stores: Stores) -> None:
    made = await stores.tariffs.create("Day", "", TERMS, NOW)
    with pytest.raises(AlreadyExists):
        await stores.tariffs.create("dAY", "", TERMS, NOW)
    await stores.tariffs.update(msgspec.structs.replace(made, retired=True), terms=None, valid_from=NOW, version=None)
    again = await stores.tariffs.create("Day", "", TERMS, NOW)
    with pytest.raises(FailedPrecondition):
        await stores.tariffs.assign(SYSTEM, made.id, NOW)
    assert [each.id for each in (await stores.tariffs.page(query="", retired=False, size=9, after=None))[0]] == [
        again.id
    ]


async def test_pages_follow_the_names(stores: Stores) -> None:
    for name in ("beta", "Alpha", "gamma"):
        await stores.tariffs.create(name, "of the %", TERMS, NOW)
    page, total = await stores.tariffs.page(query="", retired=False, size=2, after=None)
    assert ([each.name for each in page], total) == (["Alpha", "beta"], 3)
    rest, _ = await stores.tariffs.page(query="", retired=False, size=2, after=("beta", page[1].id))
    assert [each.name for each in rest] == ["gamma"]
    assert [each.name for each in (await stores.tariffs.page(query=" AMM ", retired=False, size=9, after=None))[0]] == [
        "gamma"
    ]
    assert (await stores.tariffs.page(query="%", retired=False, size=9, after=None))[1] == 3
    assert (await stores.tariffs.page(query="_", retired=False, size=9, after=None))[1] == 0


async def test_what_held_once_still_holds_for_then(stores: Stores) -> None:
    one = await stores.tariffs.create("One", "", TERMS, LONG_AGO)
    two = await stores.tariffs.create("Two", "", OTHER, LONG_AGO)
    await stores.tariffs.assign(SYSTEM, one.id, NOW - timedelta(days=10))
    await stores.tariffs.assign(SYSTEM, two.id, NOW - timedelta(days=5))
    await stores.tariffs.assign(SYSTEM, None, NOW)

    async def held(days: float) -> list[str]:
        found = await stores.tariffs.in_force([SYSTEM, read_target("places/2")], NOW - timedelta(days=days))
        return [each.name for each in found]

    assert [await held(days) for days in (11, 7, 3, -1)] == [[], ["One"], ["Two"], []]
    assert await stores.tariffs.assignments() == []


async def test_the_version_in_force_is_the_last_that_began(stores: Stores) -> None:
    made = await stores.tariffs.create("Day", "", TERMS, NOW)
    await stores.tariffs.update(made, terms=OTHER, valid_from=NOW + timedelta(days=1), version=None)
    assignment = await stores.tariffs.assign(SYSTEM, made.id, LONG_AGO)
    assert assignment is not None
    assert await stores.tariffs.assignments(tariff_id=made.id) == [assignment]
    assert await stores.tariffs.assignments(target=read_target("users/3")) == []
    found = [await stores.tariffs.in_force([SYSTEM], NOW + timedelta(days=days)) for days in (-1, 0, 1)]
    assert [[each.version.number for each in some] for some in found] == [[], [1], [2]]


async def test_a_tariff_that_was_used_stays(stores: Stores) -> None:
    free, assigned, priced = [await stores.tariffs.create(name, "", TERMS, NOW) for name in ("a", "b", "c")]
    await stores.tariffs.assign(SYSTEM, assigned.id, NOW)
    await stores.tariffs.assign(SYSTEM, None, NOW + timedelta(days=1))
    session = await a_session(stores)
    assert await stores.costs.keep(a_cost(session.id, priced.versions[0]), after=0, at=NOW)
    await stores.tariffs.delete(free.id)
    for used in (assigned, priced):
        with pytest.raises(FailedPrecondition):
            await stores.tariffs.delete(used.id)
    for gone in (free.id, NOWHERE):
        with pytest.raises(NotFound):
            await stores.tariffs.delete(gone)
        with pytest.raises(NotFound):
            await stores.tariffs.assign(SYSTEM, gone, NOW)


async def test_a_tag_has_a_group(stores: Stores) -> None:
    assert await stores.tariffs.driver("TAG") == (None, "")


# -- costs -------------------------------------------------------------------------------------------------------------


async def test_an_ended_session_is_due_once_and_an_open_one_is_not(stores: Stores) -> None:
    await a_session(stores, ended=False)
    assert await stores.costs.due(10) == []
    session = await a_session(stores)
    orders = await stores.costs.due(10)
    assert [number for _, number in orders] == [session.id]
    await stores.costs.settled([number for number, _ in orders])
    assert await stores.costs.due(10) == []


async def test_a_session_and_its_curve(stores: Stores) -> None:
    session = await a_session(stores)
    found = await stores.costs.session(session.id)
    assert found is not None
    assert (found.started_at, found.stopped_at, found.ended) == (session.started_at, session.stopped_at, True)
    assert (found.energy_wh, found.meter_start_wh, found.evse_id, found.place_id) == (7_000.0, 1_000.0, 1, 1)
    (reading,) = await stores.costs.readings(session.id)
    assert (reading.at, reading.energy_wh) == (NOW - timedelta(minutes=90), 5_000.0)
    assert await stores.costs.session(NOWHERE) is None


async def test_a_cost_is_kept_and_so_are_those_before(stores: Stores) -> None:
    version = (await stores.tariffs.create("Day", "", TERMS, NOW)).versions[0]
    session = await a_session(stores)
    first = await stores.costs.keep(a_cost(session.id), after=0, at=NOW)
    assert first is not None
    assert (first.revision, first.priced, first.currency) == (1, False, "")
    assert await stores.costs.keep(a_cost(session.id), after=0, at=NOW) is None, "somebody else was faster"
    second = await stores.costs.keep(a_cost(session.id, version, "why"), after=1, at=NOW + timedelta(hours=1))
    assert second is not None
    wanted = msgspec.structs.replace(a_cost(session.id, version, "why"), revision=2, computed_at=second.computed_at)
    assert second == wanted
    assert await stores.costs.costs([session.id, NOWHERE]) == {session.id: second}
    assert await stores.costs.earlier(session.id) == [first]
    assert await stores.costs.keep(a_cost(session.id), after=1, at=NOW) is None
    assert await stores.costs.keep(a_cost(99_999), after=0, at=NOW) is None, "there is no such session"


async def test_what_was_spent_is_added_up(stores: Stores) -> None:
    version = (await stores.tariffs.create("Day", "", TERMS, NOW)).versions[0]
    session = await a_session(stores)
    await stores.costs.keep(a_cost(session.id, version), after=0, at=NOW)
    span = {"since": NOW - timedelta(days=1), "until": NOW}
    (found,) = await stores.costs.spent(**span)
    assert (found.currency, found.gross, found.energy_wh) == ("EUR", Decimal("2.10"), 7_000.0)
    assert await stores.costs.spent(group="FLEET", **span) == []
    assert await stores.costs.spent(since=NOW, until=NOW + timedelta(days=1)) == []


# -- reports -----------------------------------------------------------------------------------------------------------

FLEET = read_subject("tagGroups/FLEET")
OCTOBER = date(2026, 10, 1)


@pytest.mark.feature("F-SES-9")
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


@pytest.mark.feature("F-SES-9")
async def test_a_subscription_keeps_its_beginning_while_it_is_on(stores: Stores) -> None:
    wanted = Subscription(FLEET, True, ("a@example.org",), "sv", "Europe/Stockholm", OCTOBER)
    assert await stores.reports.subscribe(wanted) == wanted
    later = msgspec.structs.replace(wanted, recipients=(), since=date(2026, 12, 1))
    assert (await stores.reports.subscribe(later)).since == OCTOBER
    await stores.reports.subscribe(msgspec.structs.replace(later, active=False))
    assert await stores.reports.subscriptions(active=True) == []
    assert (await stores.reports.subscribe(later)).since == date(2026, 12, 1)
    assert [each.subject for each in await stores.reports.subscriptions(subject=FLEET)] == [FLEET]


@pytest.mark.feature("F-SES-9")
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
@pytest.mark.feature("F-SES-9")
async def test_sessions_of_a_group_and_a_user_are_charged(database_url: str) -> None:
    async with (
        open_door() as door,
        open_database(door, database_url, max_size=2) as database,
        postgres_storage(database_url) as storage,
    ):
        tariffs, costs, reports = PostgresTariffs(database), PostgresSessionCosts(database), PostgresReports(database)
        user = (await storage.access.create_user("a@example.org", "A", "x", Role.EV_USER)).id
        sql = "INSERT INTO id_token (id_token, parent_id_token, user_id) VALUES ('TAG', 'FLEET', $1)"
        await database.execute(sql, user)
        session = await a_session(Stores(tariffs, costs, reports, PostgresMailQueue(database), storage))
        since = NOW - timedelta(days=1)
        assert (await reports.charged(FLEET, since, NOW)).pending == 1
        version = (await tariffs.create("Day", "", TERMS, NOW)).versions[0]
        await costs.keep(a_cost(session.id, version), after=0, at=NOW)
        await costs.settled([number for number, _ in await costs.due(10)])
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
        assert [number for _, number in await costs.due(10)] == [session.id]
