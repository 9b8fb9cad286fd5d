"""Imports in memory; the same contract as PostgreSQL's (tests/contracts/test_imports.py)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from csms.domain.errors import AlreadyExists, NotFound
from csms.domain.facts import RegistrationStatus
from csms.domain.people import Person, PersonFilter
from csms.ports.imports import NewStation
from csms.ports.installations import InstallationStore
from csms.ports.people import PeopleStore
from csms.services.imports import Imports
from tests.kit.fake_installations import FakeInstallations
from tests.kit.fake_stores import FakeStations
from tests.kit.fake_tables import FakeTables
from tests.kit.service_world import ServiceWorld


class FakeImports:
    """See csms.ports.imports.ImportStore."""

    def __init__(self, tables: FakeTables, people: PeopleStore, installations: InstallationStore) -> None:
        self._tables = tables
        self._stations = FakeStations(tables)
        self._people = people
        self._installations = installations

    async def taken_identities(self, identities: Collection[str]) -> frozenset[str]:
        self._tables.check()
        return frozenset(station.identity for station in self._tables.stations.values()) & frozenset(identities)

    async def taken_emails(self, emails: Collection[str]) -> frozenset[str]:
        everybody, _ = await self._people.page(wanted=PersonFilter(), size=10_000, after=0)
        return frozenset(person.email.lower() for person in everybody) & {email.lower() for email in emails}

    async def create_stations(self, stations: Sequence[NewStation]) -> Sequence[int]:
        if len({station.identity for station in stations}) < len(stations) or await self.taken_identities(
            {station.identity for station in stations}
        ):
            raise AlreadyExists("There is one already.", reason="IDENTITY_TAKEN")
        if not {station.place_id for station in stations} <= set(self._tables.place_ids):
            raise NotFound("A place is gone.", reason="PLACE_NOT_FOUND")
        made: list[int] = []
        for station in stations:
            row = await self._stations.create(
                station.identity,
                RegistrationStatus.ACCEPTED,
                display_name=station.display_name,
                description=station.description,
                address=station.address,
                place_id=station.place_id,
            )
            if station.installation is not None:
                known = msgspec.structs.replace(station.installation, station_id=row.id)
                await self._installations.write(known, version=None)
            made.append(row.id)
        return made

    async def create_people(self, people: Sequence[Person]) -> Sequence[Person]:
        emails = [person.email.lower() for person in people]
        if len(set(emails)) < len(emails) or await self.taken_emails(emails):
            raise AlreadyExists("There is one already.", reason="EMAIL_TAKEN")
        return [await self._people.create(person) for person in people]


def imports_of(world: ServiceWorld) -> Imports:
    """The use cases, on a world's stores."""
    store = FakeImports(world.tables, world.people_store, FakeInstallations(world.tables))
    return Imports(store, world.users, world.scopes, lambda: world.places.tree, world.feed)
