"""OutletStore and LimitStore in memory; each passes the contract of its port (tests/contracts/test_outlets.py)."""

from __future__ import annotations

import itertools
import uuid as uuids
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from csms.domain.access import User
from csms.domain.card_number import spellings
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.limits import ChargeLimit, Used
from csms.domain.outlet import Outlet
from csms.ports.outlets import OpenOutlets, OutletFilter
from tests.kit.fake_tables import FakeTables


class FakeOutlets:
    """OutletStore."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables
        self._outlets: dict[int, Outlet] = {}
        self._ids = itertools.count(1)

    async def find(self, outlet_id: int) -> Outlet | None:
        return next((each for each in self._present() if each.id == outlet_id), None)

    async def find_by_uuid(self, uuid: str) -> Outlet | None:
        try:
            number = str(uuids.UUID(uuid))
        except ValueError:
            return None
        return next((each for each in self._present() if each.uuid == number), None)

    async def page(
        self, wanted: OutletFilter, *, size: int, after: tuple[str, int, int, int] | None = None
    ) -> tuple[Sequence[Outlet], int]:
        known = {(o.station_id, o.evse_id, o.connector_id) for o in self._outlets.values()}
        for station_id, evse_id, connector_id in sorted(self._tables.connectors.keys() - known):
            if evse_id > 0:
                number = next(self._ids)
                self._outlets[number] = Outlet(
                    number, station_id, evse_id, connector_id, str(uuids.uuid4()), created_at=self._tables.now()
                )
        found = sorted((each for each in self._present() if _fits(each, wanted)), key=_place)
        return [each for each in found if after is None or _place(each) > after][:size], len(found)

    async def update(self, outlet: Outlet, *, version: int | None) -> Outlet:
        old = await self.find(outlet.id)
        if old is None:
            raise NotFound(f"There is no outlet {outlet.id} (any more).", reason="OUTLET_NOT_FOUND")
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this outlet meanwhile. Reload it and try again.")
        for other in self._present():
            if other.id == outlet.id:
                continue
            if other.uuid == outlet.uuid:
                raise AlreadyExists("Another outlet has this UUID.", reason="UUID_TAKEN")
            if outlet.outlet_id and other.outlet_id.lower() == outlet.outlet_id.lower():
                raise AlreadyExists("Another outlet has this outlet id.", reason="OUTLET_ID_TAKEN")
            if not set(other.external_ids).isdisjoint(outlet.external_ids):
                raise AlreadyExists("Another outlet has this external id.", reason="EXTERNAL_ID_TAKEN")
        self._outlets[outlet.id] = msgspec.structs.replace(
            outlet,
            station_id=old.station_id,
            evse_id=old.evse_id,
            connector_id=old.connector_id,
            version=old.version + 1,
            created_at=old.created_at,
            updated_at=self._tables.now(),
        )
        kept = await self.find(outlet.id)
        assert kept is not None
        return kept

    async def open_outlets(self) -> OpenOutlets:
        self._tables.check()
        stations = self._tables.stations.values()
        return OpenOutlets(
            frozenset(station.id for station in stations if station.free_vend),
            frozenset((o.station_id, o.evse_id, o.connector_id) for o in self._present() if o.mode.value == "OPEN"),
            {station.id: station.place_id for station in stations},
        )

    async def set_free_vend(self, station_id: int, free: bool) -> None:
        self._tables.station(station_id).free_vend = free

    async def free_vend(self, station_id: int) -> bool:
        return self._tables.station(station_id).free_vend

    def _present(self) -> list[Outlet]:
        self._tables.check()
        found = []
        for each in self._outlets.values():
            if (station := self._tables.stations.get(each.station_id)) is not None:
                of_station = (station.identity, station.free_vend, station.place_id)
                found.append(
                    msgspec.structs.replace(
                        each, station_identity=of_station[0], free_vend=of_station[1], place_id=of_station[2]
                    )
                )
        return found


def _place(outlet: Outlet) -> tuple[str, int, int, int]:
    return outlet.station_identity, outlet.evse_id, outlet.connector_id, outlet.id


def _fits(outlet: Outlet, wanted: OutletFilter) -> bool:
    ids = [each.external_id for each in outlet.external_ids]
    texts = [outlet.station_identity, outlet.outlet_id, outlet.uuid, outlet.connector_type, outlet.parking, *ids]
    return (
        wanted.station_id in (None, outlet.station_id)
        and (not wanted.place_ids or outlet.place_id in wanted.place_ids)
        and wanted.mode in (None, outlet.mode)
        and any(wanted.query.strip().casefold() in text.casefold() for text in texts)
        and (
            not (wanted.service or wanted.external_id)
            or any(
                wanted.service in ("", each.service) and wanted.external_id in ("", each.external_id)
                for each in outlet.external_ids
            )
        )
        and (wanted.scope is None or wanted.scope.holds(outlet.station_id, outlet.place_id))
    )


class FakeLimits:
    """LimitStore. `costs`: session → (amount, currency)."""

    def __init__(self, tables: FakeTables, people: Callable[[], Sequence[User]]) -> None:
        self._tables = tables
        self._people = people
        self._limits: dict[str, ChargeLimit] = {}
        self.costs: dict[int, tuple[Decimal, str]] = {}
        self.zones: dict[int, str] = {}

    async def load_all(self) -> Sequence[ChargeLimit]:
        self._tables.check()
        people = {user.id for user in self._people()}
        return [
            msgspec.structs.replace(each, time_zone=self.zones.get(each.user_id or 0, ""))
            for _, each in sorted(self._limits.items())
            if each.user_id is None or each.user_id in people
        ]

    async def find(self, target: str) -> ChargeLimit | None:
        self._check_user(ChargeLimit(target))
        return next((each for each in await self.load_all() if each.target == target), None)

    async def put(self, limit: ChargeLimit, *, version: int | None) -> ChargeLimit:
        self._check_user(limit)
        present = self._limits.get(limit.target)
        number = 0 if present is None else present.version
        if version is not None and version != number:
            raise StaleVersion("Somebody else has changed this limit meanwhile. Reload it and try again.")
        if limit.energy_wh is None and limit.amount is None:
            self._limits.pop(limit.target, None)
        else:
            self._limits[limit.target] = msgspec.structs.replace(limit, version=number + 1)
        return await self.find(limit.target) or ChargeLimit(limit.target)

    async def used(self, wanted: Sequence[tuple[ChargeLimit, datetime]]) -> Sequence[Used]:
        self._tables.check()
        return [self._used(limit, since) for limit, since in wanted]

    def _used(self, limit: ChargeLimit, since: datetime) -> Used:
        members = {
            spelling
            for tag in self._tables.tokens.values()
            if limit.group and tag.parent_id_token == limit.group
            for spelling in (tag.id_token, *spellings(tag.id_token))
        }
        energy, amount = 0.0, Decimal(0)
        for session in self._tables.sessions.values():
            theirs = limit.user_id is not None and self._tables.session_users.get(session.id) == limit.user_id
            if (theirs or session.id_token in members) and (session.started_at or session.logged_at) >= since:
                energy += session.energy_wh
                cost, currency = self.costs.get(session.id, (Decimal(0), ""))
                amount += cost if currency == limit.currency else Decimal(0)
        return Used(energy, amount)

    def _check_user(self, limit: ChargeLimit) -> None:
        self._tables.check()
        if limit.user_id is not None and limit.user_id not in {user.id for user in self._people()}:
            raise NotFound(f"There is no user {limit.user_id} (any more).", reason="USER_NOT_FOUND")
