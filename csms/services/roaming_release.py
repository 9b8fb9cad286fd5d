"""What parties of roaming are told: compared with what they were told last, and put where it waits to be sent.

A sweep looks at everything that could have changed, so nothing is lost when the process dies; events only hasten it. An
object and the pushes that it causes are written in one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.errors import NotFound, Unavailable
from csms.domain.roaming import Party, PartyState, RoamedSession
from csms.domain.tariff_book import NamedTariff, version_at
from csms.domain.third_party import RoamingSettings, missing_in_site
from csms.domain.topology import Tree
from csms.ocpi.billing import cdr_of, credit_of, session_of, tariff_of
from csms.ocpi.charging import Cdr, Session, SessionStatus, Tariff
from csms.ocpi.describing import changed_statuses, location_of, with_times, withdrawn
from csms.ocpi.envelope import print_object, read_object
from csms.ocpi.locations import EvseStatus, Location
from csms.ocpi.values import Model
from csms.ports.lease import Lease
from csms.ports.roaming import PartyStore, PushDraft, ReleasedObject, ReleaseStore, RoamingFacts
from csms.services.service_book import LOCATION_DATA, ROAMING, ServiceBook

_log = structlog.get_logger("csms.roaming")

SWEEP_SECONDS: Final = 2.0
LOOK_AGAIN: Final = timedelta(seconds=30)
"""Sites and tariffs are looked at when something happened, and this often anyway."""
SESSION_PAUSE: Final = timedelta(seconds=60)
"""A session that goes on is told at most this often."""
BATCH: Final = 500


class _StatusChange(Model, frozen=True):
    """PATCH of an EVSE (OCPI 2.2.1 8.2.2.3)."""

    status: EvseStatus
    last_updated: datetime


class RoamingRelease:
    """`run` is a task for the nursery of the application; only one process does it."""

    def __init__(
        self,
        facts: RoamingFacts,
        releases: ReleaseStore,
        parties: PartyStore,
        book: ServiceBook,
        lease: Lease,
        tree: Callable[[], Tree],
        revision: Callable[[], int],
        wake: Callable[[], None],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._facts = facts
        self._releases = releases
        self._parties = parties
        self._book = book
        self._lease = lease
        self._tree = tree
        self._revision = revision
        self._wake = wake
        self._now = now
        self._looked: tuple[int, datetime] | None = None

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                if self._wanted() and await self._lease.holds():
                    await self.sweep()
                    self._wake()
            except Unavailable:
                _log.debug("roaming waits for the database")
            await trio.sleep(SWEEP_SECONDS)

    def look_again(self) -> None:
        """Settings have changed: look at all of it with the next sweep."""
        self._looked = None

    def _wanted(self) -> bool:
        return bool(self._book.roaming.country_code) and (
            self._book.enabled(ROAMING) or self._book.enabled(LOCATION_DATA)
        )

    async def sweep(self) -> None:
        """Everything once. Raises Unavailable."""
        settings = self._book.roaming
        parties = [party for party in await self._parties.parties() if party.state is not PartyState.INVITED]
        revision, now = self._revision(), self._now()
        if self._looked is None or self._looked[0] != revision or now - self._looked[1] >= LOOK_AGAIN:
            await self._sweep_locations(settings, parties)
            await self._sweep_tariffs(settings, parties)
            self._looked = revision, now
        if parties:
            await self._sweep_sessions(settings, {party.id: party for party in parties})

    # -- locations ---------------------------------------------------------------------------------------------------

    async def _sweep_locations(self, settings: RoamingSettings, parties: Sequence[Party]) -> None:
        now = self._now()
        told = await self._releases.objects("locations")
        seen: set[str] = set()
        for site in await self._facts.sites():
            placed = site.place.latitude is not None
            if missing_in_site(site.published, site.place.address, placed=placed):
                continue
            key = str(site.place.id)
            seen.add(key)
            was = told.get(key)
            old = None if was is None else read_object(Location, was.body.encode())
            new = with_times(location_of(site, settings, now), old, now)
            if was is None or new != old or was.withdrawn:
                drafts = self._location_pushes(parties, None if was is None or was.withdrawn else old, new)
                await self._put("locations", key, new, now, drafts)
        for key, was in told.items():
            if key not in seen and not was.withdrawn:
                gone = withdrawn(read_object(Location, was.body.encode()), now)
                await self._put("locations", key, gone, now, self._location_pushes(parties, None, gone), gone=True)

    def _location_pushes(self, parties: Sequence[Party], old: Location | None, new: Location) -> list[PushDraft]:
        path = f"{new.country_code}/{new.party_id}/{new.id}"
        statuses = None if old is None else changed_statuses(old, new)
        receivers = [party.id for party in parties if party.url_of("locations", "RECEIVER")]
        if statuses is None:
            return [_push(number, "locations", new.id, "PUT", path, new) for number in receivers]
        changes = [(f"{path}/{evse.uid}", _StatusChange(evse.status, evse.last_updated)) for evse in statuses]
        return [
            _push(number, "locations", new.id, "PATCH", where, change)
            for number in receivers
            for where, change in changes
        ]

    # -- tariffs -----------------------------------------------------------------------------------------------------

    async def _sweep_tariffs(self, settings: RoamingSettings, parties: Sequence[Party]) -> None:
        now = self._now()
        told = await self._releases.objects("tariffs")
        receivers = [party.id for party in parties if party.url_of("tariffs", "RECEIVER")]
        path = f"{settings.country_code}/{settings.party_id}"
        current = {str(tariff.id): tariff for tariff in await self._facts.tariffs()}
        for key, tariff in current.items():
            was = told.get(key)
            new = _tariff(tariff, settings, now)
            if new is None:
                continue
            if was is not None and not was.withdrawn:
                old = read_object(Tariff, was.body.encode())
                if msgspec.structs.replace(new, last_updated=old.last_updated) == old:
                    continue
            drafts = [_push(number, "tariffs", key, "PUT", f"{path}/{key}", new) for number in receivers]
            await self._put("tariffs", key, new, now, drafts)
        for key, was in told.items():
            if key not in current and not was.withdrawn:
                drafts = [PushDraft(number, "tariffs", key, "DELETE", f"{path}/{key}", "") for number in receivers]
                gone = msgspec.structs.replace(was, withdrawn=True, last_updated=now)
                await self._releases.release([gone], drafts)

    # -- sessions and charge records ---------------------------------------------------------------------------------

    async def _sweep_sessions(self, settings: RoamingSettings, parties: Mapping[int, Party]) -> None:
        locations: dict[str, Location | None] = {}
        for session in await self._facts.roamed(BATCH):
            location = await self._location(session, locations)
            party = parties.get(session.token.party_id)
            if location is None or party is None:
                continue
            await self._tell_session(session, location, settings, party)
            if session.ended_at is not None and session.cost is not None:
                await self._tell_cdr(session, location, settings, party)

    async def _location(self, session: RoamedSession, known: dict[str, Location | None]) -> Location | None:
        """Where it was, as it is told."""
        try:
            site = self._tree().site_of(session.place_id)
        except NotFound:
            site = None
        if site is None:
            return None
        key = str(site.id)
        if key not in known:
            kept = await self._releases.object("locations", key)
            known[key] = None if kept is None else read_object(Location, kept.body.encode())
        return known[key]

    async def _tell_session(
        self, session: RoamedSession, location: Location, settings: RoamingSettings, party: Party
    ) -> None:
        now = self._now()
        new = session_of(session, location, settings)
        was = await self._releases.object("sessions", new.id)
        if was is not None:
            old = read_object(Session, was.body.encode())
            same = msgspec.structs.replace(new, last_updated=old.last_updated, charging_periods=old.charging_periods)
            if same == old:
                return
            goes_on = old.status is new.status is SessionStatus.ACTIVE
            if goes_on and now - was.last_updated < SESSION_PAUSE:
                return
        drafts = []
        if party.url_of("sessions", "RECEIVER"):
            path = f"{new.country_code}/{new.party_id}/{new.id}"
            drafts.append(_push(party.id, "sessions", new.id, "PUT", path, new))
        await self._put("sessions", new.id, new, now, drafts, party_id=party.id, session_id=session.session_id)

    async def _tell_cdr(
        self, session: RoamedSession, location: Location, settings: RoamingSettings, party: Party
    ) -> None:
        now, basis = self._now(), _basis(session)
        made = await self._releases.cdrs_of(session.session_id)
        debits = [each for each in made if not each.key.endswith("-C")]
        last = debits[-1] if debits else None
        if last is not None and last.basis == basis:  # reckoned again, and the same: nobody is told
            await self._releases.release([msgspec.structs.replace(last, last_updated=now)], [])
            return
        key = str(session.session_id) if last is None else f"{session.session_id}-{len(debits) + 1}"
        new = cdr_of(session, location, settings, cdr_id=key, at=now)
        if new is None:
            return
        cdrs = [new]
        if last is not None:
            cdrs.insert(0, credit_of(read_object(Cdr, last.body.encode()), cdr_id=f"{last.key}-C", at=now))
        drafts = []
        if party.url_of("cdrs", "RECEIVER"):
            drafts = [_push(party.id, "cdrs", each.id, "POST", "", each) for each in cdrs]
        objects = [
            ReleasedObject(
                "cdrs",
                each.id,
                print_object(each).decode(),
                now,
                party.id,
                basis,
                session_id=session.session_id,
            )
            for each in cdrs
        ]
        await self._releases.release(objects, drafts)
        _log.info("charge record made", session=session.session_id, party=party.id, records=len(cdrs))

    async def _put(
        self,
        module: str,
        key: str,
        value: Model,
        now: datetime,
        drafts: Sequence[PushDraft],
        *,
        party_id: int | None = None,
        session_id: int | None = None,
        gone: bool = False,
    ) -> None:
        body = print_object(value).decode()
        kept = ReleasedObject(module, key, body, now, party_id, withdrawn=gone, session_id=session_id)
        await self._releases.release([kept], drafts)


def _push(party_id: int, module: str, key: str, method: str, path: str, value: Model) -> PushDraft:
    return PushDraft(party_id, module, key, method, path, print_object(value).decode())


def _tariff(tariff: NamedTariff, settings: RoamingSettings, now: datetime) -> Tariff | None:
    version = version_at(tariff.versions, now)
    return None if version is None else tariff_of(tariff.id, tariff.name, version.terms, settings, now)


def _basis(session: RoamedSession) -> str:
    """What a charge record depends on."""
    cost = session.cost
    parts = (
        session.started_at.isoformat(),
        "" if session.ended_at is None else session.ended_at.isoformat(),
        f"{session.energy_wh:.1f}",
        "" if cost is None else f"{cost.currency} {cost.net} {cost.gross}",
        session.token.uid,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
