"""What every store that takes many at once promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date

import pytest
from cryptography.fernet import Fernet

from csms.aio import open_door
from csms.domain.errors import AlreadyExists, NotFound
from csms.domain.installation import Installation
from csms.domain.people import Person
from csms.ports.imports import ImportStore, NewStation
from csms.ports.installations import InstallationStore
from csms.ports.people import PeopleStore
from csms.storage.imports import PostgresImports
from csms.storage.installations import PostgresInstallations
from csms.storage.people import PostgresPeople
from csms.storage.pool import open_database
from csms.storage.sealing import FernetCipher
from csms.storage.station_lists import PostgresStationQueries
from tests.kit.fake_imports import FakeImports
from tests.kit.fake_installations import FakeInstallations
from tests.kit.fake_people import FakePeople
from tests.kit.service_world import ServiceWorld
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]


@dataclass
class Stores:
    """What is tested, and what shows it."""

    imports: ImportStore
    people: PeopleStore
    installations: InstallationStore


@pytest.fixture
async def stores(storage_url: str) -> AsyncIterator[Stores]:
    if not storage_url:
        world = ServiceWorld()
        installations, people = FakeInstallations(world.tables), FakePeople(world.access_store, {2, 3})
        yield Stores(FakeImports(world.tables, people, installations), people, installations)
        return
    async with open_door() as door, open_database(door, storage_url, max_size=2) as database:
        cipher = FernetCipher(Fernet.generate_key())
        kept = PostgresInstallations(database, PostgresStationQueries(database), cipher)
        yield Stores(PostgresImports(database), PostgresPeople(database), kept)


def a_station(identity: str, place_id: int = 1, installation: Installation | None = None) -> NewStation:
    return NewStation(identity, identity.lower(), "", "Street 1", place_id, installation)


async def test_stations_are_kept_with_what_is_known_of_them(stores: Stores) -> None:
    known = Installation(0, part_number="P-7", installed_on=date(2026, 3, 31), phases=3)
    wanted = [a_station("B-2", installation=known), a_station("A-1")]
    first, second = await stores.imports.create_stations(wanted)
    assert (await stores.installations.find(first)).installed_on == date(2026, 3, 31)
    assert await stores.installations.find(second) == Installation(second)
    assert await stores.imports.taken_identities({"A-1", "B-2", "b-2", "C-3"}) == {"A-1", "B-2"}


async def test_one_wrong_station_keeps_all_away(stores: Stores) -> None:
    await stores.imports.create_stations([a_station("CP-1")])
    for wanted, error in (
        ([a_station("CP-2"), a_station("CP-1")], AlreadyExists),
        ([a_station("CP-2"), a_station("CP-2")], AlreadyExists),
        ([a_station("CP-2"), a_station("CP-3", place_id=4711)], NotFound),
    ):
        with pytest.raises(error):
            await stores.imports.create_stations(wanted)
    assert await stores.imports.taken_identities({"CP-1", "CP-2", "CP-3"}) == {"CP-1"}


async def test_people_are_kept_and_found_by_their_mail_in_any_case(stores: Stores) -> None:
    made = await stores.imports.create_people([Person(0, "Ann@example.org", "Ann"), Person(0, "bo@example.org")])
    kept = await stores.people.find(made[0].id)
    assert kept is not None
    assert (kept.email, kept.first_name) == ("Ann@example.org", "Ann")
    assert await stores.imports.taken_emails({"ANN@example.org", "cy@example.org"}) == {"ann@example.org"}


async def test_one_wrong_user_keeps_all_away(stores: Stores) -> None:
    await stores.imports.create_people([Person(0, "ann@example.org")])
    with pytest.raises(AlreadyExists):
        await stores.imports.create_people([Person(0, "bo@example.org"), Person(0, "ANN@example.org")])
    with pytest.raises(NotFound):
        await stores.imports.create_people([Person(0, "bo@example.org", site_ids=(4711,))])
    assert await stores.imports.taken_emails({"bo@example.org"}) == frozenset()
