"""Installations in memory; the same contract as PostgreSQL's (tests/contracts/test_installations.py)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from csms.domain.errors import NotFound, StaleVersion
from csms.domain.facts import RegistrationStatus
from csms.domain.installation import Installation, Secrets
from csms.ports.installations import InventoryFilter, InventoryRow
from csms.ports.queries import StationView
from tests.kit.fake_queries import FakeStationQueries
from tests.kit.fake_tables import FakeTables, clean


class FakeInstallations:
    """See csms.ports.installations.InstallationStore."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables
        self._views = FakeStationQueries(tables)
        self._kept: dict[int, Installation] = {}
        self._secrets: dict[int, Secrets] = {}

    async def find(self, station_id: int) -> Installation:
        self._tables.check()
        if station_id not in self._tables.stations:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return self._kept.get(station_id, Installation(station_id))

    async def write(self, installation: Installation, *, version: int | None) -> Installation:
        before = await self.find(installation.station_id)
        if version is not None and version != before.version:
            raise StaleVersion("Somebody else has changed this installation meanwhile. Reload it and try again.")
        return self._keep(clean(installation), before)

    async def secrets(self, station_id: int) -> Secrets:
        await self.find(station_id)
        return self._secrets.get(station_id, Secrets())

    async def write_secrets(self, station_id: int, secrets: Secrets) -> Installation:
        before = await self.find(station_id)
        self._secrets[station_id] = secrets
        return self._keep(before, before)

    async def page(
        self, wanted: InventoryFilter, *, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[InventoryRow], int]:
        self._tables.check()
        views = await self._views.get_stations(list(self._tables.stations))
        rows = [InventoryRow(view, self._kept.get(view.id, Installation(view.id))) for view in views]
        found = sorted((row for row in rows if _admits(wanted, row)), key=lambda row: _place(row.station))
        return [row for row in found if after is None or _place(row.station) > after][:size], len(found)

    def _keep(self, wanted: Installation, before: Installation) -> Installation:
        secrets = self._secrets.get(before.station_id, Secrets())
        self._kept[before.station_id] = msgspec.structs.replace(
            wanted,
            has_master_password=bool(secrets.master_password),
            has_access_code=bool(secrets.access_code),
            version=before.version + 1,
            updated_at=self._tables.now(),
        )
        return self._kept[before.station_id]


def _place(view: StationView) -> tuple[str, int]:
    return view.identity, view.id


def _admits(wanted: InventoryFilter, row: InventoryRow) -> bool:
    view, kept, boot = row.station, row.installation, row.station.boot
    serials = [kept.mes_serial_number]
    if boot is not None:
        serials += [boot.serial_number, boot.charge_box_serial_number, boot.meter_serial_number]
    model = boot.model if boot is not None else ""
    vendor = boot.vendor if boot is not None else ""
    texts = [view.identity, view.display_name, model, vendor, *serials]
    texts += [kept.material_number, kept.part_number, kept.vendor_code]
    return (
        view.registration is not RegistrationStatus.REJECTED
        and _has(wanted.identity, view.identity)
        and _has(wanted.serial_number, *serials)
        and _has(wanted.model, model)
        and _has(wanted.material_number, kept.material_number)
        and _has(wanted.query, *texts)
        and (not wanted.place_ids or view.place_id in wanted.place_ids)
        and (wanted.scope is None or wanted.scope.holds(view.id, view.place_id))
    )


def _has(part: str, *texts: str) -> bool:
    return any(part.strip().casefold() in text.casefold() for text in texts)
