"""What every store of outlets, of limits and of tags promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
import trio

from csms.aio import open_door
from csms.domain.access import Role, Scope
from csms.domain.authorization import TagKind, TagState, TagType, Token
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.facts import ConnectorStatus, RegistrationStatus
from csms.domain.limits import ChargeLimit, Used
from csms.domain.outlet import ExternalId, Outlet, OutletMode
from csms.domain.records import SessionRecord, StatusRecord
from csms.domain.transaction import Transaction
from csms.ports.journal import Journal
from csms.ports.limits import LimitStore
from csms.ports.outlets import OutletFilter, OutletStore
from csms.ports.stores import AccessStore, StationStore, TokenStore
from csms.ports.tokens import TagPolicy, TokenFilter, TokenOrder, place_of
from csms.storage.access import PostgresAccess
from csms.storage.journal import PostgresJournal
from csms.storage.limits import PostgresLimits
from csms.storage.outlets import PostgresOutlets
from csms.storage.pool import Database, open_database
from csms.storage.stations import PostgresStations
from csms.storage.tokens import PostgresTokens
from tests.kit.fake_journal import FakeJournal
from tests.kit.fake_outlets import FakeLimits, FakeOutlets
from tests.kit.fake_stores import FakeAccess, FakeStations, FakeTokens
from tests.kit.fake_tables import FakeTables
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
NOWHERE = 10**30


@dataclass
class House:
    """All that belongs together."""

    outlets: OutletStore
    limits: LimitStore
    tokens: TokenStore
    stations: StationStore
    access: AccessStore
    journal: Journal
    database: Database | None

    async def station(self, identity: str, *connectors: tuple[int, int]) -> int:
        number = (await self.stations.create(identity, RegistrationStatus.ACCEPTED)).id
        ticket = self.journal.put(
            [
                StatusRecord(number, evse, connector, ConnectorStatus.AVAILABLE, "NoError", "", "", "", NOW, NOW)
                for evse, connector in ((0, 0), *connectors)
            ]
        )
        await ticket.durable()
        return number

    async def session(self, number: int, station_id: int, tag: str, at: datetime, energy_wh: float) -> None:
        made = Transaction(number, station_id, "CP", at, at, evse_id=1, transaction_id=str(number), id_token=tag)
        made.start(at, 0.0, at)
        made.end(at + timedelta(hours=1), energy_wh, "Local", at + timedelta(hours=1))
        await self.journal.put([SessionRecord(made)]).durable()


@asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[House]:
    async with open_door() as door, open_database(door, url, max_size=3) as database, trio.open_nursery() as nursery:
        journal = PostgresJournal(database)
        await nursery.start(journal.run)
        yield House(
            PostgresOutlets(database),
            PostgresLimits(database),
            PostgresTokens(database),
            PostgresStations(database),
            PostgresAccess(database),
            journal,
            database,
        )
        await journal.close(trio.current_time() + 5)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def house(storage_url: str) -> AsyncIterator[House]:
    if storage_url:
        async with _postgres(storage_url) as made:
            yield made
    else:
        tables, access = FakeTables(), FakeAccess()
        yield House(
            FakeOutlets(tables),
            FakeLimits(tables, access.everybody),
            FakeTokens(tables, access.everybody),
            FakeStations(tables),
            access,
            FakeJournal(tables),
            None,
        )


async def _all(house: House, **wanted: object) -> list[tuple[str, int, int]]:
    found, total = await house.outlets.page(OutletFilter(**wanted), size=50)  # type: ignore[arg-type]
    assert total == len(found)
    return [(each.station_identity, each.evse_id, each.connector_id) for each in found]


@pytest.mark.feature("F-STA-10")
async def test_every_connector_of_which_a_station_told_has_its_outlet_once(house: House) -> None:
    assert await _all(house) == []
    number = await house.station("CP-2", (1, 1), (2, 1), (2, 2))
    await house.station("CP-1", (1, 1))
    expected = [("CP-1", 1, 1), ("CP-2", 1, 1), ("CP-2", 2, 1), ("CP-2", 2, 2)]
    assert await _all(house) == expected
    assert await _all(house) == expected
    found, _ = await house.outlets.page(OutletFilter(station_id=number), size=2)
    assert len({each.uuid for each in found}) == 2
    assert (found[0].mode, found[0].outlet_id, found[0].external_ids) == (OutletMode.RFID, "", ())
    last = found[-1]
    after = (last.station_identity, last.evse_id, last.connector_id, last.id)
    rest, total = await house.outlets.page(OutletFilter(station_id=number), size=2, after=after)
    assert ([(each.evse_id, each.connector_id) for each in rest], total) == ([(2, 2)], 3)
    assert await house.outlets.find(found[0].id) == found[0]
    assert await house.outlets.find_by_uuid(found[0].uuid.upper()) == found[0]
    assert await house.outlets.find_by_uuid("no uuid") is None
    assert await house.outlets.find(NOWHERE) is None
    await house.stations.delete(number)
    assert await _all(house) == [("CP-1", 1, 1)]


@pytest.mark.feature("F-STA-10")
async def test_what_is_written_of_an_outlet_is_found_again(house: House) -> None:
    number = await house.station("CP-1", (1, 1), (2, 1))
    (one, two), _ = await house.outlets.page(OutletFilter(), size=9)
    wanted = msgspec.structs.replace(
        one,
        uuid="6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        outlet_id="BAY-1",
        connector_type="CHADEMO",
        parking="Level 2\0, 100%",
        mode=OutletMode.OPEN,
        external_ids=(ExternalId("maps", "M7"), ExternalId("roaming", "DE*1")),
    )
    wanted = msgspec.structs.replace(wanted, parking="Level 2, 100%")
    kept = await house.outlets.update(wanted, version=one.version)
    assert msgspec.structs.replace(kept, version=1, updated_at=one.updated_at) == wanted
    narrow: list[dict[str, object]] = [
        {"query": "bay-1"},
        {"query": "0%"},
        {"query": "de*"},
        {"query": "6BA7B810"},
        {"mode": OutletMode.OPEN},
        {"service": "maps"},
        {"external_id": "DE*1"},
        {"service": "maps", "external_id": "M7"},
        {"scope": Scope(station_ids=frozenset({number})), "mode": OutletMode.OPEN},
        {"place_ids": frozenset({1}), "service": "roaming"},
    ]
    for each in narrow:
        assert await _all(house, **each) == [("CP-1", 1, 1)], each
    for nothing in ({"service": "maps", "external_id": "DE*1"}, {"query": "_"}, {"scope": Scope()}, {"station_id": 99}):
        assert await _all(house, **nothing) == [], nothing
    taken: list[tuple[str, Outlet]] = [
        ("UUID_TAKEN", msgspec.structs.replace(two, uuid=kept.uuid)),
        ("OUTLET_ID_TAKEN", msgspec.structs.replace(two, outlet_id="bay-1")),
        ("EXTERNAL_ID_TAKEN", msgspec.structs.replace(two, external_ids=(ExternalId("maps", "M7"),))),
    ]
    for reason, outlet in taken:
        with pytest.raises(AlreadyExists) as caught:
            await house.outlets.update(outlet, version=None)
        assert caught.value.reason == reason
    await house.outlets.update(msgspec.structs.replace(two, external_ids=(ExternalId("roaming", "M7"),)), version=None)
    with pytest.raises(StaleVersion):
        await house.outlets.update(wanted, version=one.version)
    with pytest.raises(NotFound):
        await house.outlets.update(msgspec.structs.replace(wanted, id=99), version=None)
    again = await house.outlets.update(msgspec.structs.replace(kept, external_ids=()), version=None)
    assert again.external_ids == ()


async def test_where_anyone_may_charge_is_told(house: House) -> None:
    free, mixed = await house.station("CP-1", (1, 1)), await house.station("CP-2", (1, 1), (2, 1))
    found, _ = await house.outlets.page(OutletFilter(station_id=mixed), size=9)
    await house.outlets.update(msgspec.structs.replace(found[1], mode=OutletMode.OPEN), version=None)
    await house.outlets.set_free_vend(free, True)
    told = await house.outlets.open_outlets()
    assert (told.station_ids, told.connectors) == (frozenset({free}), frozenset({(mixed, 2, 1)}))
    assert told.places == {free: 1, mixed: 1}
    assert [await house.outlets.free_vend(number) for number in (free, mixed)] == [True, False]
    assert [o.free_vend for o in (await house.outlets.page(OutletFilter(), size=9))[0]] == [True, False, False]
    for call in (house.outlets.free_vend(99), house.outlets.set_free_vend(99, True), house.outlets.free_vend(NOWHERE)):
        with pytest.raises(NotFound):
            await call


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_limits_are_kept_changed_and_taken_away(house: House) -> None:
    user = await house.access.create_user("ann@example.org", "Ann", "", Role.EV_USER)
    target = f"users/{user.id}"
    assert await house.limits.find(target) is None
    made = await house.limits.put(ChargeLimit(target, 5000.0, Decimal("25.50"), "EUR"), version=0)
    assert (made.energy_wh, made.amount, made.currency, made.version) == (5000.0, Decimal("25.50"), "EUR", 1)
    await house.limits.put(ChargeLimit("tagGroups/FLEET", 1.0), version=None)
    assert [each.target for each in await house.limits.load_all()] == ["tagGroups/FLEET", target]
    with pytest.raises(StaleVersion):
        await house.limits.put(ChargeLimit(target, 1.0), version=7)
    changed = await house.limits.put(ChargeLimit(target, 1.0), version=1)
    assert (changed.amount, changed.version) == (None, 2)
    gone = await house.limits.put(ChargeLimit(target), version=2)
    assert (gone.energy_wh, gone.version, await house.limits.find(target)) == (None, 0, None)
    for number in (999, 2**63 - 1):
        with pytest.raises(NotFound):
            await house.limits.put(ChargeLimit(f"users/{number}", 1.0), version=None)
        with pytest.raises(NotFound):
            await house.limits.find(f"users/{number}")


@pytest.mark.feature("F-TAG-3")
async def test_what_was_charged_since_is_summed_whatever_the_spelling_of_the_card(house: House) -> None:
    user = await house.access.create_user("ann@example.org", "Ann", "", Role.EV_USER)
    station = await house.station("CP-1", (1, 1))
    await house.tokens.create(Token(0, "0077771716", user_id=user.id, parent_id_token="FLEET"))
    await house.tokens.create(Token(0, "OTHER"))
    await house.session(1, station, "04A2B3C4", NOW, 1500.0)
    await house.session(2, station, "0077771716", NOW + timedelta(hours=2), 500.0)
    await house.session(3, station, "04A2B3C4", NOW - timedelta(days=40), 9000.0)
    await house.session(4, station, "OTHER", NOW, 7000.0)
    since = NOW - timedelta(days=19)
    mine, group = ChargeLimit(f"users/{user.id}", 1.0), ChargeLimit("tagGroups/FLEET", 1.0)
    wanted = [(group, since), (mine, since), (mine, NOW + timedelta(hours=1))]
    assert list(await house.limits.used(wanted[:2])) == [Used(2000.0), Used(2000.0)]
    assert list(await house.limits.used(wanted[2:])) == [Used(500.0)]
    assert list(await house.limits.used([])) == []


# -- tags --------------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-TAG-1")
async def test_all_of_a_tag_is_read_back(house: House) -> None:
    user = await house.access.create_user("ann@example.org", "Ann", "", Role.EV_USER)
    wanted = Token(
        0,
        "A",
        user_id=user.id,
        kind=TagKind.VIRTUAL,
        type=TagType.BUSINESS,
        valid_from=NOW,
        valid_station_ids=(3, 7),
        valid_place_ids=(2,),
        blocked_by_user=True,
        blocked=True,
    )
    made = await house.tokens.create(wanted)
    assert (made.user_email, made.user_name, made.user_blocked) == ("ann@example.org", "Ann", False)
    assert await house.tokens.find(made.id) == made
    assert await house.tokens.load_all() == [made]
    same = msgspec.structs.replace(made, user_email="", user_name="", id=0, created_at=None, updated_at=None)
    assert same == wanted
    with pytest.raises(NotFound):
        await house.tokens.create(Token(0, "B", user_id=999))


@pytest.mark.feature("F-TAG-1", "F-TAG-2")
async def test_tags_are_filtered_and_ordered(house: House) -> None:
    ann = await house.access.create_user("ann@example.org", "Ann Oak", "", Role.EV_USER)
    bob = await house.access.create_user("bob@example.org", "Bob", "", Role.EV_USER)
    past, soon = NOW - timedelta(days=1), NOW + timedelta(days=1)
    for token in (
        Token(0, "0077771716", alias="d", user_id=bob.id, type=TagType.PRIVATE, expires_at=soon),
        Token(0, "B", alias="c", user_id=ann.id, valid_station_ids=(7,), parent_id_token="P"),
        Token(0, "C", alias="b", expires_at=past, valid_place_ids=(5,)),
        Token(0, "D", alias="a", valid_from=soon, kind=TagKind.VIRTUAL, user_id=ann.id),
        Token(0, "E", blocked=True, expires_at=past),
    ):
        await house.tokens.create(token)

    async def found(**wanted: object) -> list[str]:
        tokens, total = await house.tokens.page(TokenFilter(now=NOW, **wanted), size=50)  # type: ignore[arg-type]
        assert total == len(tokens)
        return [token.id_token for token in tokens]

    assert await found(query="04:a2:b3:c4") == ["0077771716"]
    assert await found(query="3300106756") == ["0077771716"]
    assert await found(query="OAK") == ["B", "D"]
    assert await found(query="bob@") == ["0077771716"]
    assert await found(user_id=ann.id) == ["B", "D"]
    assert await found(type=TagType.PRIVATE) == ["0077771716"]
    assert await found(kind=TagKind.VIRTUAL) == ["D"]
    assert await found(parent_id_token="P") == ["B"]
    states = {TagState.VALID: ["0077771716", "B"], TagState.BLOCKED: ["E"], TagState.EXPIRED: ["C"]}
    for state, expected in (*states.items(), (TagState.NOT_YET_VALID, ["D"])):
        assert await found(state=state) == expected
    assert await found(station_id=7) == ["0077771716", "B", "D", "E"]
    assert await found(station_id=8, place_ids=frozenset({5})) == ["0077771716", "C", "D", "E"]
    assert await found(order=TokenOrder.ALIAS) == ["E", "D", "C", "B", "0077771716"]
    assert await found(order=TokenOrder.USER, descending=True) == ["0077771716", "D", "B", "E", "C"]
    assert await found(order=TokenOrder.EXPIRY) == ["C", "E", "0077771716", "B", "D"]
    assert await found(order=TokenOrder.CREATED) == ["0077771716", "B", "C", "D", "E"]
    for order in TokenOrder:
        for descending in (False, True):
            wanted, seen, after = TokenFilter(order=order, descending=descending), [], None
            while page := (await house.tokens.page(wanted, size=2, after=after))[0]:
                seen += [token.id_token for token in page]
                after = place_of(page[-1], order)
            assert seen == await found(order=order, descending=descending)


async def test_many_tags_are_made_all_or_none(house: House) -> None:
    await house.tokens.create(Token(0, "A"))
    for wrong in (Token(0, "A"), Token(0, "C", user_id=999)):
        with pytest.raises((AlreadyExists, NotFound)):
            await house.tokens.create_all([Token(0, "B"), wrong])
    assert [token.id_token for token in await house.tokens.load_all()] == ["A"]
    made = await house.tokens.create_all([Token(0, "C"), Token(0, "B")])
    assert [token.id_token for token in made] == ["C", "B"]


async def test_the_policy_is_kept(house: House) -> None:
    assert await house.tokens.policy() == TagPolicy()
    await house.tokens.set_policy(TagPolicy(users_register_tags=True))
    assert await house.tokens.policy() == TagPolicy(users_register_tags=True)


async def test_tags_of_before_are_found_by_every_form_once_they_were_read(house: House) -> None:
    await house.tokens.create(Token(0, "04A2B3C4"))
    if house.database is not None:
        await house.database.execute("UPDATE id_token SET spellings = NULL")
    await house.tokens.load_all()
    assert (await house.tokens.page(TokenFilter(query="0077771716"), size=5))[1] == 1
