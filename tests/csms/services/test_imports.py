"""Many stations and users at once: what is told of wrong rows, and that all are made or none."""

from __future__ import annotations

import pytest

from csms.domain.access import Principal, Role
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.domain.installation import Installation
from csms.domain.people import Person
from csms.domain.topology import Place, PlaceKind, Tree
from csms.services.imports import MAX_ROWS, Imports, StationRow, UserRow, place_called
from tests.kit.fake_imports import imports_of
from tests.kit.service_world import CALLERS, ServiceWorld

ADMINISTRATOR = CALLERS[Role.ADMINISTRATOR]
pytestmark = pytest.mark.feature("F-STA-13")


@pytest.fixture
async def world() -> ServiceWorld:
    made = ServiceWorld()
    for name in ("North", "South"):
        site = await made.places.create(ADMINISTRATOR, Place(0, None, PlaceKind.SITE, name, static_id=name[0]))
        await made.places.create(ADMINISTRATOR, Place(0, site.id, PlaceKind.FLOOR, "Deck"))
    return made


@pytest.fixture
def imports(world: ServiceWorld) -> Imports:
    return imports_of(world)


def a_user(email: str, role: str = "", *sites: str) -> UserRow:
    return UserRow(Person(0, email, "Ann", "Other"), role, sites)


async def test_good_rows_become_stations_where_they_are_said_to_stand(world: ServiceWorld, imports: Imports) -> None:
    rows = [
        StationRow("CP-1", " One ", place="south / deck", installation=Installation(0, part_number="P-7")),
        StationRow("CP-2", installation_date="2026-03-31"),
    ]
    tried = await imports.stations(ADMINISTRATOR, rows, dry_run=True)
    assert (tried.good, tried.faults, tried.made) == (2, (), ())
    done = await imports.stations(ADMINISTRATOR, rows, dry_run=False)
    assert done.rows == (0, 1)
    views = {view.identity: view for view in await world.station_queries.get_stations(list(done.made))}
    assert views["CP-1"].display_name == "One"
    assert world.places.tree.get(views["CP-1"].place_id).name == "Deck"
    assert views["CP-2"].place_id == 1


async def test_every_fault_of_every_row_is_told_and_nothing_is_made(world: ServiceWorld, imports: Imports) -> None:
    await world.stations.create(ADMINISTRATOR, "CP-0")
    rows = [
        StationRow("CP-0"),
        StationRow("CP-1", "x" * 201, place="Nowhere", installation_date="soon"),
        StationRow("CP-2", place="Deck"),
        StationRow("CP-3"),
        StationRow("CP-3", installation=Installation(0, phases=4)),
        StationRow("a/b"),
    ]
    done = await imports.stations(ADMINISTRATOR, rows, dry_run=False)
    assert [(fault.row, fault.field, fault.reason) for fault in done.faults] == [
        (0, "identity", "IDENTITY_TAKEN"),
        (1, "display_name", "TEXT_TOO_LONG"),
        (1, "place", "PLACE_NOT_FOUND"),
        (1, "installation_date", "INVALID_DATE"),
        (2, "place", "PLACE_AMBIGUOUS"),
        (4, "identity", "DUPLICATE_ROW"),
        (4, "", "INVALID_PHASES"),
        (5, "identity", "INVALID_IDENTITY"),
    ]
    assert (done.good, done.made, len(world.tables.stations)) == (1, (), 1)


async def test_the_good_rows_alone_are_made_where_that_is_wanted(world: ServiceWorld, imports: Imports) -> None:
    rows = [StationRow("CP-1", place="Nowhere"), StationRow("CP-2")]
    done = await imports.stations(ADMINISTRATOR, rows, dry_run=False, good_rows_only=True)
    assert (len(done.faults), done.good, done.rows) == (1, 1, (1,))
    assert [station.identity for station in world.tables.stations.values()] == ["CP-2"]


async def test_users_are_made_and_invited(world: ServiceWorld, imports: Imports) -> None:
    rows = [a_user("ann@example.org"), a_user("Bo@example.org", "Site administrator", "N", "South")]
    done = await imports.users(ADMINISTRATOR, rows, dry_run=False, invite=True)
    assert done.faults == ()
    ann, bo = [await world.people_store.find(number) for number in done.made]
    assert ann is not None
    assert bo is not None
    assert (ann.role, bo.role, len(bo.site_ids)) == (Role.EV_USER, Role.SITE_ADMINISTRATOR, 2)
    assert len(done.links) == 2


async def test_wrong_users_are_told_and_none_is_made(imports: Imports) -> None:
    await imports.users(ADMINISTRATOR, [a_user("ann@example.org")], dry_run=False)
    rows = [
        a_user("ANN@example.org"),
        a_user("nonsense"),
        a_user("bo@example.org", "king"),
        a_user("bo@example.org", "", "Nowhere"),
        a_user("cy@example.org", "", "North/Deck"),
        a_user("di@example.org"),
        a_user("di@example.org"),
    ]
    done = await imports.users(ADMINISTRATOR, rows, dry_run=False)
    assert [(fault.row, fault.field, fault.reason) for fault in done.faults][2:] == [
        (2, "role", "UNKNOWN_ROLE"),
        (3, "sites", "PLACE_NOT_FOUND"),
        (4, "", "NOT_A_SITE"),
        (6, "email", "DUPLICATE_ROW"),
    ]
    assert [(fault.row, fault.reason) for fault in done.faults[:2]] == [(0, "EMAIL_TAKEN"), (1, "INVALID_EMAIL")]
    assert (done.good, done.made) == (1, ())


async def test_site_administrators_bring_in_what_is_theirs_alone(world: ServiceWorld, imports: Imports) -> None:
    north = place_called(world.places.tree, "North")
    caller = Principal("users/9", "Sam", Role.SITE_ADMINISTRATOR, site_ids=frozenset({north}))
    rows = [StationRow("CP-1", place="North/Deck"), StationRow("CP-2", place="South"), StationRow("CP-3")]
    done = await imports.stations(caller, rows, dry_run=True)
    assert [fault.row for fault in done.faults] == [1, 2]
    people = [a_user("ann@example.org", "", "North"), a_user("bo@example.org", "support", "North")]
    told = await imports.users(caller, people, dry_run=True)
    assert [(fault.row, fault.reason) for fault in told.faults] == [(1, "ROLE_NOT_ALLOWED")]


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.EV_USER])
async def test_others_bring_in_nothing(imports: Imports, role: Role) -> None:
    with pytest.raises(PermissionDenied):
        await imports.stations(CALLERS[role], [], dry_run=True)
    with pytest.raises(PermissionDenied):
        await imports.users(CALLERS[role], [], dry_run=True)


async def test_no_rows_and_too_many_are_refused(imports: Imports) -> None:
    for rows in ([], [StationRow("CP")] * (MAX_ROWS + 1)):
        with pytest.raises(InvalidArgument):
            await imports.stations(ADMINISTRATOR, rows, dry_run=True)


def test_places_are_found_by_what_people_call_them() -> None:
    tree = Tree(
        [
            Place(1, None, PlaceKind.SYSTEM, "System"),
            Place(2, 1, PlaceKind.SITE, "Harbour", static_id="H1"),
            Place(3, 2, PlaceKind.FLOOR, "Deck"),
        ]
    )
    for text, expected in (("", 1), ("places/3", 3), ("H1", 2), ("harbour", 2), ("Harbour / deck", 3), ("Deck", 3)):
        assert place_called(tree, text) == expected
    for text in ("places/77", "places/x", "Harbour/Cellar", "H2"):
        with pytest.raises(NotFound):
            place_called(tree, text)
