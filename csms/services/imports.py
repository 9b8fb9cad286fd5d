"""Many stations or users at once: each row is looked at, all faults are told, and all are made or none.

Tags have their own (`csms.services.tokens.Tokens.import_rows`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from functools import partial
from typing import Final, TypeVar

import msgspec

from csms.domain.access import Action, Principal, Reach, Role, denied, reach
from csms.domain.errors import AlreadyExists, DomainError, InvalidArgument, NotFound, Unavailable
from csms.domain.ids import parse_identity
from csms.domain.installation import Installation, check_installation
from csms.domain.people import Person
from csms.domain.topology import SYSTEM_ID, Tree
from csms.ports.feed import Feed, Subject
from csms.ports.imports import ImportStore, NewStation
from csms.services.audit import note_change
from csms.services.scopes import Scopes
from csms.services.stations import checked_texts
from csms.services.users import Users

MAX_ROWS: Final = 5_000

T = TypeVar("T")
Row = TypeVar("Row")


class StationRow(msgspec.Struct, frozen=True):
    """A station as it stands in a list. `place` is found by `place_called`; dates are YYYY-MM-DD, or empty."""

    identity: str
    display_name: str = ""
    description: str = ""
    address: str = ""
    place: str = ""
    installation_date: str = ""
    warranty_date: str = ""
    installation: Installation = Installation(0)
    """The rest of it."""


class UserRow(msgspec.Struct, frozen=True):
    """A user as they stand in a list. `role` is one of csms.domain.access.Role, or empty; `sites` are found by
    `place_called`."""

    person: Person
    role: str = ""
    sites: tuple[str, ...] = ()


class RowFault(msgspec.Struct, frozen=True):
    """What is wrong with a row (from 0), and in which field of it (empty: all of it)."""

    row: int
    field: str
    reason: str
    message: str


class ImportReport(msgspec.Struct, frozen=True):
    """What came of it. `made`: ids, in the order of their rows; `rows`: of those that were made."""

    good: int
    faults: tuple[RowFault, ...] = ()
    made: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    links: tuple[str, ...] = ()
    """Of invitations, where no mail server is set up: one for each who was made; else empty."""


class Imported(msgspec.Struct, frozen=True):
    """For the audit log."""

    imported: int


class _Faults:
    """Collects what is wrong with one row after the other."""

    def __init__(self) -> None:
        self.found: list[RowFault] = []
        self.row = 0

    def add(self, field: str, error: DomainError) -> None:
        self.found.append(RowFault(self.row, field, error.reason, error.message))

    async def trying(self, field: str, do: Callable[[], Awaitable[T]]) -> T | None:
        """The result; None when it is wrong."""
        try:
            return await do()
        except Unavailable:
            raise
        except DomainError as error:
            self.add(field, error)
            return None

    def checked(self, field: str, do: Callable[[], T]) -> T | None:
        """The same for what needs no waiting."""
        try:
            return do()
        except DomainError as error:
            self.add(field, error)
            return None

    @property
    def wrong(self) -> bool:
        """Is something wrong with the present row?"""
        return bool(self.found) and self.found[-1].row == self.row


class Imports:
    """Use cases of people. All raise PermissionDenied, InvalidArgument/TOO_MANY_ROWS, and Unavailable while the
    database is away."""

    def __init__(self, store: ImportStore, users: Users, scopes: Scopes, tree: Callable[[], Tree], feed: Feed) -> None:
        self._store = store
        self._users = users
        self._scopes = scopes
        self._tree = tree
        self._feed = feed

    async def stations(
        self, caller: Principal, rows: Sequence[StationRow], *, dry_run: bool, good_rows_only: bool = False
    ) -> ImportReport:
        """Make them, accepted at their first boot, if all rows are good (or those that are)."""
        if reach(caller, Action.ADMIT_STATIONS) not in (Reach.ALL, Reach.SITES):
            raise denied(caller, Action.ADMIT_STATIONS)
        _check_count(rows)
        faults, good = _Faults(), list[tuple[int, NewStation]]()
        places: dict[str, int | DomainError] = {}
        taken = await self._store.taken_identities({row.identity for row in rows})
        seen: dict[str, int] = {}
        for faults.row, row in enumerate(rows):
            station = await self._station(caller, row, faults, places, taken, seen)
            if station is not None and not faults.wrong:
                good.append((faults.row, station))
        report = ImportReport(len(good), tuple(faults.found))
        if not _goes_ahead(report, dry_run=dry_run, good_rows_only=good_rows_only):
            return report
        made = await self._store.create_stations([station for _, station in good])
        for station_id in made:
            self._feed.publish(Subject.STATION, station_id)
        note_change("stations", None, Imported(len(made)))
        return msgspec.structs.replace(report, made=tuple(made), rows=tuple(number for number, _ in good))

    async def users(
        self,
        caller: Principal,
        rows: Sequence[UserRow],
        *,
        dry_run: bool,
        good_rows_only: bool = False,
        invite: bool = False,
    ) -> ImportReport:
        """Make them if all rows are good (or those that are); invite them once they are made."""
        if reach(caller, Action.MANAGE_USERS) not in (Reach.ALL, Reach.SITES):
            raise denied(caller, Action.MANAGE_USERS)
        _check_count(rows)
        faults, good = _Faults(), list[tuple[int, Person]]()
        taken = await self._store.taken_emails({row.person.email.strip() for row in rows})
        seen: dict[str, int] = {}
        for faults.row, row in enumerate(rows):
            person = self._person(caller, row, faults, taken, seen)
            if person is not None and not faults.wrong:
                good.append((faults.row, person))
        report = ImportReport(len(good), tuple(faults.found))
        if not _goes_ahead(report, dry_run=dry_run, good_rows_only=good_rows_only):
            return report
        made = await self._store.create_people([person for _, person in good])
        note_change("users", None, Imported(len(made)))
        links = [await self._users.welcome(person) for person in made] if invite else []
        return msgspec.structs.replace(
            report,
            made=tuple(person.id for person in made),
            rows=tuple(number for number, _ in good),
            links=tuple(links),
        )

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _station(
        self,
        caller: Principal,
        row: StationRow,
        faults: _Faults,
        places: dict[str, int | DomainError],
        taken: frozenset[str],
        seen: dict[str, int],
    ) -> NewStation | None:
        identity = faults.checked("identity", lambda: parse_identity(row.identity))
        if identity is not None:
            faults.checked("identity", lambda: _check_new(identity, faults.row, taken, seen, "IDENTITY_TAKEN"))
        texts: dict[str, str] = {}
        for field in ("display_name", "description", "address"):
            texts |= faults.checked(field, partial(checked_texts, {field: getattr(row, field)})) or {}
        place_id = await faults.trying("place", lambda: self._place(caller, row.place, places))
        installed = faults.checked("installation_date", lambda: _date(row.installation_date))
        warranty = faults.checked("warranty_date", lambda: _date(row.warranty_date))
        wanted = msgspec.structs.replace(row.installation, installed_on=installed, warranty_until=warranty)
        known = faults.checked("", lambda: check_installation(wanted))
        if identity is None or place_id is None or known is None or len(texts) < 3:
            return None
        return NewStation(
            identity, **texts, place_id=place_id, installation=None if known == Installation(0) else known
        )

    async def _place(self, caller: Principal, text: str, places: dict[str, int | DomainError]) -> int:
        """Where stations of these rows may be put; asked once for each text."""
        if text not in places:
            try:
                place_id = place_called(self._tree(), text)
                await self._scopes.check_place(caller, Action.ADMIT_STATIONS, place_id)
                if place_id != SYSTEM_ID:
                    self._scopes.check_holds_stations(place_id)
                places[text] = place_id
            except Unavailable:
                raise
            except DomainError as error:
                places[text] = error
        found = places[text]
        if isinstance(found, DomainError):
            raise found
        return found

    def _person(
        self, caller: Principal, row: UserRow, faults: _Faults, taken: frozenset[str], seen: dict[str, int]
    ) -> Person | None:
        role = faults.checked("role", lambda: _role(row.role))
        sites = [faults.checked("sites", partial(place_called, self._tree(), text)) for text in row.sites]
        if role is None or None in sites:
            return None
        site_ids = tuple(site for site in sites if site is not None)
        wanted = msgspec.structs.replace(row.person, role=role, site_ids=site_ids)
        person = faults.checked("", lambda: self._users.vetted(caller, wanted))
        if person is None:
            return None
        email = person.email.lower()
        faults.checked("email", lambda: _check_new(email, faults.row, taken, seen, "EMAIL_TAKEN"))
        return person


def place_called(tree: Tree, text: str) -> int:
    """The place that somebody means by `places/7`, by the operator's own number, by a name that no other place has, or
    by `site/floor`. Empty: the system. Raises NotFound/PLACE_NOT_FOUND, InvalidArgument/PLACE_AMBIGUOUS."""
    text = text.strip()
    if not text:
        return SYSTEM_ID
    collection, _, number = text.partition("/")
    if collection == "places" and number.isdecimal() and len(number) < 19:
        return tree.get(int(number)).id
    places = tree.in_order()
    by_number = [place.id for place in places if place.static_id and place.static_id == text]
    if by_number:
        return by_number[0]
    wanted = [part.strip().casefold() for part in text.split("/")]
    named = [place.id for place in places if _is_called(tree, place.id, text.casefold(), wanted)]
    if len(named) > 1:
        raise InvalidArgument(
            f"Several places are called {text}. Write the site and the floor with a slash between them, or the place's "
            "number.",
            reason="PLACE_AMBIGUOUS",
        )
    if not named:
        raise NotFound(f"There is no place called {text}. Make it first.", reason="PLACE_NOT_FOUND")
    return named[0]


def _is_called(tree: Tree, place_id: int, text: str, parts: Sequence[str]) -> bool:
    place = tree.get(place_id)
    if place.name.casefold() == text:
        return True
    if len(parts) != 2 or place.parent_id is None:
        return False
    return [tree.get(place.parent_id).name.casefold(), place.name.casefold()] == list(parts)


def _check_count(rows: Sequence[object]) -> None:
    if not rows:
        raise InvalidArgument("There is no row to import.", reason="NO_ROWS")
    if len(rows) > MAX_ROWS:
        raise InvalidArgument(f"Import at most {MAX_ROWS} rows at once.", reason="TOO_MANY_ROWS")


def _goes_ahead(report: ImportReport, *, dry_run: bool, good_rows_only: bool) -> bool:
    return not dry_run and report.good > 0 and (good_rows_only or not report.faults)


def _check_new(key: str, row: int, taken: frozenset[str], seen: dict[str, int], reason: str) -> None:
    if key in taken:
        raise AlreadyExists(f"There is already one called {key}.", reason=reason)
    if seen.setdefault(key, row) != row:
        raise AlreadyExists(f"Row {seen[key] + 1} has the same. Keep one of them.", reason="DUPLICATE_ROW")


def _date(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidArgument(f"{text} is no date. Write it like 2026-03-31.", reason="INVALID_DATE") from error


def _role(text: str) -> Role:
    word = text.strip().lower().replace("_", "-").replace(" ", "-")
    try:
        return Role(word) if word else Role.EV_USER
    except ValueError as error:
        words = ", ".join(role.value for role in Role)
        raise InvalidArgument(f"There is no role {text}. There are: {words}.", reason="UNKNOWN_ROLE") from error
