"""Stations as pieces of equipment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from csms.domain.errors import NotFound, StaleVersion
from csms.domain.installation import EDITABLE, Installation, Secrets
from csms.ports.installations import InventoryFilter, InventoryRow, SecretCipher
from csms.ports.queries import StationQueries
from csms.storage.pool import Database
from csms.storage.scoping import scope_condition
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresInstallations"]

FIND_INSTALLATION_SQL = """
SELECT i.* FROM station
LEFT JOIN installation AS i ON i.station_id = station.id WHERE station.id = $1
"""
WRITE_INSTALLATION_SQL = """
INSERT INTO installation AS i (
    station_id, manufactured_at, part_number, material_number, mes_serial_number, vendor_code, installed_on, installer,
    warranty_until, grid_connection, fuse_amperes, phases, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (station_id) DO UPDATE SET
    manufactured_at = $2, part_number = $3, material_number = $4, mes_serial_number = $5, vendor_code = $6,
    installed_on = $7, installer = $8, warranty_until = $9, grid_connection = $10, fuse_amperes = $11, phases = $12,
    note = $13, version = i.version + 1, updated_at = now()
WHERE $14::integer IS NULL OR i.version = $14 RETURNING *
"""
WRITE_SECRETS_SQL = """
INSERT INTO installation AS i (station_id, master_password, access_code) VALUES ($1, $2, $3)
ON CONFLICT (station_id) DO UPDATE SET
    master_password = $2, access_code = $3, version = i.version + 1, updated_at = now() RETURNING *
"""
_PAGE = """
SELECT station.id, i.* FROM station LEFT JOIN installation AS i ON i.station_id = station.id WHERE
"""
_COUNT = "SELECT count(*) FROM station LEFT JOIN installation AS i ON i.station_id = station.id WHERE "
_SERIALS = (
    r"concat_ws(E'\n', serial_number, charge_box_serial_number, meter_serial_number, i.mes_serial_number) ILIKE {}"
)
_ANYTHING = (
    r"concat_ws(E'\n', identity, display_name, model, vendor, serial_number, charge_box_serial_number,"
    r" meter_serial_number, i.mes_serial_number, i.material_number, i.part_number, i.vendor_code) ILIKE {}"
)


class PostgresInstallations:
    """csms.ports.installations.InstallationStore on PostgreSQL."""

    def __init__(self, database: Database, stations: StationQueries, cipher: SecretCipher) -> None:
        self._database = database
        self._stations = stations
        self._cipher = cipher

    async def find(self, station_id: int) -> Installation:
        """See `InstallationStore.find`."""
        return _installation(station_id, await self._row(station_id))

    async def write(self, installation: Installation, *, version: int | None) -> Installation:
        """See `InstallationStore.write`."""
        before = await self.find(installation.station_id)
        if version is not None and version != before.version:
            raise _stale()
        values = [clean(v) if isinstance(v := getattr(installation, name), str) else v for name in EDITABLE]
        row = await self._change(
            WRITE_INSTALLATION_SQL, installation.station_id, *values, None if version == 0 else version
        )
        if row is None:
            raise _stale()
        return _installation(installation.station_id, row)

    async def secrets(self, station_id: int) -> Secrets:
        """See `InstallationStore.secrets`."""
        row = await self._row(station_id)
        return Secrets(self._cipher.open(row["master_password"] or ""), self._cipher.open(row["access_code"] or ""))

    async def write_secrets(self, station_id: int, secrets: Secrets) -> Installation:
        """See `InstallationStore.write_secrets`."""
        sealed = (self._cipher.seal(secrets.master_password), self._cipher.seal(secrets.access_code))
        await self._row(station_id)
        row = await self._change(WRITE_SECRETS_SQL, station_id, *sealed)
        if row is None:
            raise _no_station(station_id)
        return _installation(station_id, row)

    async def page(
        self, wanted: InventoryFilter, *, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[InventoryRow], int]:
        """See `InstallationStore.page`."""
        args: list[object] = []
        matches = _conditions(wanted, args)
        total = await self._database.fetchval(_COUNT + matches, *args)
        identity, station_id = after or ("", 0)
        args += [clean(identity), station_id, size]
        place = f'(${len(args) - 2}::text COLLATE "C", ${len(args) - 1}::bigint)'
        page = f" AND (identity, id) > {place} ORDER BY identity, id LIMIT ${len(args)}"
        rows = {row["id"]: row for row in await self._database.fetch(_PAGE + matches + page, *args)}
        views = await self._stations.get_stations(list(rows))
        return [InventoryRow(view, _installation(view.id, rows[view.id])) for view in views], total

    async def _row(self, station_id: int) -> asyncpg.Record:
        row = await self._database.fetchrow(FIND_INSTALLATION_SQL, station_id) if fits_bigint(station_id) else None
        if row is None:
            raise _no_station(station_id)
        return row

    async def _change(self, sql: str, station_id: int, *values: object) -> asyncpg.Record | None:
        try:
            return await self._database.fetchrow(sql, station_id, *values)
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_station(station_id) from error


def _conditions(wanted: InventoryFilter, args: list[object]) -> str:
    """With `args` for them. Pending stations are no equipment of ours yet."""

    def argument(value: object) -> str:
        args.append(value)
        return f"${len(args)}"

    conditions = ["registration <> 'Rejected'"]
    for text, condition in (
        (wanted.identity, "identity ILIKE {}"),
        (wanted.serial_number, _SERIALS),
        (wanted.model, "model ILIKE {}"),
        (wanted.material_number, "i.material_number ILIKE {}"),
        (wanted.query, _ANYTHING),
    ):
        if text.strip():
            conditions.append(condition.format(argument(pattern(text))))
    if wanted.place_ids:
        conditions.append(f"station.place_id = ANY({argument(sorted(wanted.place_ids))}::bigint[])")
    if wanted.scope is not None:
        conditions.append(scope_condition(wanted.scope, argument, station="station.id", place="station.place_id"))
    return " AND ".join(conditions)


def _installation(station_id: int, row: asyncpg.Record) -> Installation:
    if row["version"] is None:
        return Installation(station_id)
    fields: dict[str, Any] = {name: row[name] for name in EDITABLE}
    return Installation(
        station_id,
        **fields,
        has_master_password=bool(row["master_password"]),
        has_access_code=bool(row["access_code"]),
        version=row["version"],
        updated_at=row["updated_at"],
    )


def _stale() -> StaleVersion:
    return StaleVersion("Somebody else has changed this installation meanwhile. Reload it and try again.")


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
