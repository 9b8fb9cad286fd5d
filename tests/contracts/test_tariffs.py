"""What every store of tariffs and of costs promises."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.session_changes import Change, Corrections
from csms.domain.tariff_book import read_target
from csms.storage.cost_reports import PostgresReports
from csms.storage.mail_queue import PostgresMailQueue
from csms.storage.pool import open_database
from csms.storage.session_changes import PostgresSessionChanges
from csms.storage.session_costs import PostgresSessionCosts
from csms.storage.tariffs import PostgresTariffs
from tests.kit.storage_world import postgres_storage, storage_url
from tests.kit.tariff_stores import LONG_AGO, NOW, NOWHERE, OTHER, SYSTEM, TERMS, Stores, a_cost, a_session, stores

__all__ = ["storage_url", "stores"]

pytestmark = pytest.mark.feature("F-SES-6")


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


async def test_what_held_lately_is_remembered_and_what_held_long_ago_is_not(stores: Stores) -> None:
    tariff = await stores.tariffs.create("Day", "", TERMS, LONG_AGO)
    for target, ended in (
        ("users/3", NOW - timedelta(days=9)),
        ("users/4", NOW - timedelta(days=1)),
        ("users/5", None),
    ):
        await stores.tariffs.assign(read_target(target), tariff.id, LONG_AGO)
        if ended is not None:
            await stores.tariffs.assign(read_target(target), None, ended)
    found = await stores.tariffs.assigned_since(NOW - timedelta(days=7))
    assert [(str(each.target), each.valid_to) for each in found] == [
        ("users/4", NOW - timedelta(days=1)),
        ("users/5", None),
    ]


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
    assert [(order.session_id, order.driver_changed) for order in orders] == [(session.id, False)]
    await stores.costs.settled([order.number for order in orders])
    assert await stores.costs.due(10) == []


@pytest.mark.feature("F-SES-8")
async def test_a_corrected_driver_makes_a_session_due_and_another_correction_does_not(stores: Stores) -> None:
    session = await a_session(stores)
    await stores.costs.settled([order.number for order in await stores.costs.due(10)])

    def change(field: str) -> Change:
        return Change(field, "", "x", "users/1", "Ada", NOW, "wrong")

    note, card = Corrections(), Corrections(id_token="OTHER")
    assert await stores.changes.correct(session.id, note, None, [change("note")], Corrections())
    assert await stores.costs.due(10) == []
    assert await stores.changes.correct(session.id, card, None, [change("id_token")], Corrections())
    (order,) = await stores.costs.due(10)
    assert (order.session_id, order.driver_changed) == (session.id, True)
    assert not await stores.changes.correct(session.id, card, None, [change("user")], Corrections()), "it was stale"
    assert await stores.costs.due(10) == [order]


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


@pytest.mark.postgres
async def test_stations_that_said_so_show_costs(database_url: str) -> None:
    async with (
        open_door() as door,
        open_database(door, database_url, max_size=2) as database,
        postgres_storage(database_url) as storage,
    ):
        tariffs, costs = PostgresTariffs(database), PostgresSessionCosts(database)
        changes = PostgresSessionChanges(database)
        stores = Stores(tariffs, costs, changes, PostgresReports(database), PostgresMailQueue(database), storage)
        session = await a_session(stores, ended=False)
        await database.execute("UPDATE session SET sequence = '0-1', transaction_id = 'TX'")
        await database.execute("UPDATE station SET online = true")
        assert await costs.shown(10) == []
        told = "($1, 'TariffCostCtrlr', '', 0, 0, 'Enabled', 'Cost', 'Actual', now(), 'true')"
        await database.execute(f"INSERT INTO station_variable VALUES {told}", session.station_id)
        assert [(each.session_id, each.transaction_id) for each in await costs.shown(10)] == [(session.id, "TX")]
