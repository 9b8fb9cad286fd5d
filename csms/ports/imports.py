"""Where many stations or users are put at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from csms.domain.installation import Installation
from csms.domain.people import Person


class NewStation(msgspec.Struct, frozen=True):
    """A station that is to be known. `installation.station_id` does not count; None: nothing is known of it."""

    identity: str
    display_name: str
    description: str
    address: str
    place_id: int
    installation: Installation | None = None


class ImportStore(Protocol):
    """All raise Unavailable while the database is away."""

    async def taken_identities(self, identities: Collection[str]) -> frozenset[str]:
        """Those of them that stations have."""

    async def taken_emails(self, emails: Collection[str]) -> frozenset[str]:
        """Those of them that users have, in lower case; case does not matter."""

    async def create_stations(self, stations: Sequence[NewStation]) -> Sequence[int]:
        """All of them, accepted, or none; their ids in the same order. Raises AlreadyExists/IDENTITY_TAKEN,
        NotFound/PLACE_NOT_FOUND."""

    async def create_people(self, people: Sequence[Person]) -> Sequence[Person]:
        """All of them, or none; as they are kept, in the same order. Raises AlreadyExists/EMAIL_TAKEN, NotFound for a
        site."""
