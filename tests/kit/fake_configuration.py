"""Wishes and templates in memory; the same contract as PostgreSQL's (tests/contracts/test_configuration.py)."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from csms.domain.access import Scope
from csms.domain.configuration import OPEN, Desired, DesiredState, Template
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.facts import RegistrationStatus
from csms.domain.variable_names import VariablePlace
from csms.ports.configuration import ConfigurationStatus, DriftFilter, DriftRow, StationNow
from csms.ports.inventory import VariableFilter
from tests.kit.fake_inventory import FakeInventory
from tests.kit.fake_tables import FakeTables, StationData, clean

_KEPT = ("compared_at", "drifted")
_ASKED = ("apply_due", "apply_template_id", "apply_by", "upload_due")


class FakeConfiguration:
    """See csms.ports.configuration.ConfigurationStore. `alarms`: what the inbox of alarms was told."""

    def __init__(self, tables: FakeTables, inventory: FakeInventory) -> None:
        self._tables = tables
        self._inventory = inventory
        self._desired: dict[int, dict[VariablePlace, Desired]] = {}
        self._status: dict[int, ConfigurationStatus] = {}
        self._templates: dict[int, Template] = {}
        self._ids = itertools.count(1)
        self.alarms: list[tuple[int, bytes]] = []

    async def desired(self, station_id: int) -> Sequence[Desired]:
        self._tables.check()
        found = self._desired.get(station_id, {}) if station_id in self._tables.stations else {}
        return sorted(found.values(), key=lambda wish: _order(wish.place))

    async def want(self, station_id: int, wishes: Sequence[Desired]) -> None:
        self._station(station_id)
        for wish in wishes:
            wish = clean(wish)
            self._desired.setdefault(station_id, {})[wish.place] = wish

    async def drop(self, station_id: int, places: Collection[VariablePlace]) -> int:
        self._tables.check()
        here = self._desired.get(station_id, {})
        return sum(here.pop(place, None) is not None for place in places)

    async def note(self, station_id: int, wishes: Sequence[Desired]) -> None:
        self._tables.check()
        here = self._desired.get(station_id, {})
        for wish in wishes:
            wish = clean(wish)
            old = here.get(wish.place)
            if old is not None and (old.set_at, old.value) == (wish.set_at, wish.value):
                here[wish.place] = msgspec.structs.replace(wish, set_by=old.set_by, template_id=old.template_id)

    async def note_comparison(
        self, station_id: int, wishes: Sequence[Desired], drifted: Sequence[str], at: datetime, alarm: bytes | None
    ) -> None:
        await self.note(station_id, wishes)
        if station_id not in self._tables.stations:
            return
        status = self._known(station_id)
        self._status[station_id] = msgspec.structs.replace(status, compared_at=at, drifted=tuple(drifted))
        if alarm is not None:
            self.alarms.append((station_id, alarm))

    async def now(self, station_id: int) -> StationNow:
        return self._now(self._station(station_id))

    async def put_status(self, status: ConfigurationStatus) -> None:
        self._tables.check()
        if status.station_id not in self._tables.stations:
            return
        old = self._status.get(status.station_id, status)
        kept = {name: getattr(old, name) for name in _KEPT}
        if old.requested_at != status.requested_at:
            kept |= {name: getattr(old, name) for name in (*_ASKED, "requested_at")}
        self._status[status.station_id] = clean(msgspec.structs.replace(status, **kept))

    async def request(
        self,
        station_ids: Collection[int],
        at: datetime,
        *,
        apply: bool = False,
        template_id: int | None = None,
        by: str = "",
        upload: bool = False,
    ) -> int:
        self._tables.check()
        known = [number for number in station_ids if number in self._tables.stations]
        for number in known:
            old = self._known(number)
            if apply:
                old = msgspec.structs.replace(old, apply_due=True, apply_template_id=template_id, apply_by=by)
            self._status[number] = msgspec.structs.replace(
                old, upload_due=old.upload_due or upload, requested_at=at, attempts=0, not_before=None
            )
        return len(known)

    async def due(
        self, now: datetime, booted_before: datetime, *, size: int, but: Collection[int]
    ) -> Sequence[StationNow]:
        self._tables.check()
        found = [
            self._now(station)
            for station in self._tables.stations.values()
            if station.registration is RegistrationStatus.ACCEPTED and station.id not in but
            if self._is_due(station, now, booted_before)
        ]
        found.sort(key=lambda each: (each.booted_at is None, each.booted_at or now, each.station_id))
        return found[:size]

    async def uncompared(self, size: int) -> Sequence[int]:
        self._tables.check()
        found = []
        for station_id in sorted(self._status):
            told, _ = await self._inventory.page_variables(station_id, VariableFilter(), size=10_000)
            wanted = {_order(wish.place) for wish in await self.desired(station_id)}
            compared = self._status[station_id].compared_at
            if any(
                msgspec.structs.astuple(view.key) in wanted and (compared is None or view.at > compared)
                for view in told
            ):
                found.append(station_id)
        return found[:size]

    async def page_drift(
        self, wanted: DriftFilter, *, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[DriftRow], int]:
        self._tables.check()
        rows = [row for station in self._tables.stations.values() if (row := self._row(wanted, station)) is not None]
        rows.sort(key=lambda row: (row.identity, row.station_id))
        return [row for row in rows if after is None or (row.identity, row.station_id) > after][:size], len(rows)

    async def candidates(self, place_ids: frozenset[int], scope: Scope | None) -> Sequence[StationNow]:
        self._tables.check()
        return [
            self._now(station)
            for number, station in sorted(self._tables.stations.items())
            if station.registration is RegistrationStatus.ACCEPTED and station.booted_at is not None
            if not place_ids or station.place_id in place_ids
            if scope is None or scope.holds(number, station.place_id)
        ]

    async def templates(self) -> Sequence[Template]:
        self._tables.check()
        return sorted(self._templates.values(), key=lambda each: (-each.priority, each.display_name, each.id))

    async def find_template(self, template_id: int) -> Template:
        self._tables.check()
        if template_id not in self._templates:
            raise NotFound(f"There is no template {template_id} (any more).", reason="TEMPLATE_NOT_FOUND")
        return self._templates[template_id]

    async def create_template(self, template: Template) -> Template:
        self._tables.check()
        self._check_name(template)
        number = next(self._ids)
        made = msgspec.structs.replace(template, id=number, version=1, updated_at=self._tables.now())
        self._templates[number] = made
        return made

    async def update_template(self, template: Template, *, version: int | None) -> Template:
        old = await self.find_template(template.id)
        self._check_name(template)
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this template meanwhile. Reload it and try again.")
        made = msgspec.structs.replace(template, version=old.version + 1, updated_at=self._tables.now())
        self._templates[template.id] = made
        return made

    async def delete_template(self, template_id: int) -> None:
        await self.find_template(template_id)
        del self._templates[template_id]
        for here in self._desired.values():
            for place, wish in here.items():
                if wish.template_id == template_id:
                    here[place] = msgspec.structs.replace(wish, template_id=None)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _check_name(self, template: Template) -> None:
        name = template.display_name.casefold()
        if any(each.display_name.casefold() == name and each.id != template.id for each in self._templates.values()):
            raise AlreadyExists("There is a template with this name already.", reason="TEMPLATE_EXISTS")

    def _station(self, station_id: int) -> StationData:
        self._tables.check()
        if station_id not in self._tables.stations:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return self._tables.stations[station_id]

    def _known(self, station_id: int) -> ConfigurationStatus:
        return self._status.get(station_id, ConfigurationStatus(station_id))

    def _now(self, station: StationData) -> StationNow:
        boot = station.boot
        told = ("", "", "") if boot is None else (boot.vendor, boot.model, boot.firmware_version)
        return StationNow(
            station.id, station.online, station.protocol, *told, station.booted_at, self._known(station.id)
        )

    def _is_due(self, station: StationData, now: datetime, booted_before: datetime) -> bool:
        view = self._now(station)
        status = view.status
        if status.not_before is not None and status.not_before > now:
            return False
        if status.apply_due:
            return True
        booted_at = station.booted_at
        if not station.online or booted_at is None:
            return False
        if max(booted_at, station.connected_at or booted_at) > booted_before:
            return False
        known = (status.vendor, status.model, status.firmware_version)
        if status.read_at is None or status.upload_due:
            return True
        return known != (view.vendor, view.model, view.firmware_version) or (
            status.read_at < booted_at
            and any(
                wish.state is DesiredState.REBOOT_REQUIRED and wish.answered_at and wish.answered_at < booted_at
                for wish in self._desired.get(station.id, {}).values()
            )
        )

    def _row(self, wanted: DriftFilter, station: StationData) -> DriftRow | None:
        wishes = [
            wish
            for wish in self._desired.get(station.id, {}).values()
            if wish.drifted_at is not None or wish.state is not DesiredState.ACCEPTED
        ]
        drifted = [wish.drifted_at for wish in wishes if wish.drifted_at is not None]
        if (
            not wishes
            or station.registration is RegistrationStatus.REJECTED
            or (wanted.drifted_only and not drifted)
            or (wanted.place_ids and station.place_id not in wanted.place_ids)
            or (wanted.scope is not None and not wanted.scope.holds(station.id, station.place_id))
            or wanted.query.strip().casefold() not in f"{station.identity}\n{station.display_name}".casefold()
        ):
            return None
        refused = (DesiredState.REJECTED, DesiredState.NOT_SUPPORTED, DesiredState.UNKNOWN)
        return DriftRow(
            station.id,
            station.identity,
            station.display_name,
            station.online,
            len(drifted),
            sum(wish.state in OPEN for wish in wishes),
            sum(wish.state in refused for wish in wishes),
            sum(wish.state is DesiredState.REBOOT_REQUIRED for wish in wishes),
            self._known(station.id).drifted,
            min(drifted, default=None),
        )


def _order(place: VariablePlace) -> tuple[object, ...]:
    return (
        place.component,
        place.component_instance,
        place.evse_id,
        place.connector_id,
        place.variable,
        place.variable_instance,
        place.attribute_type,
    )
