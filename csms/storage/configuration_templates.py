"""Templates of configurations (the part of `csms.ports.configuration` that is about them)."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import msgspec

from csms.domain.configuration import Template, TemplateVariable
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.storage.inventory_records import clean_json
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresTemplates"]

TEMPLATES_SQL = "SELECT * FROM configuration_template ORDER BY priority DESC, display_name, id"
FIND_TEMPLATE_SQL = "SELECT * FROM configuration_template WHERE id = $1"
CREATE_TEMPLATE_SQL = """
INSERT INTO configuration_template (display_name, vendor, model, firmware, family, priority, enabled, variables)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *
"""
UPDATE_TEMPLATE_SQL = """
UPDATE configuration_template SET display_name = $2, vendor = $3, model = $4, firmware = $5, family = $6, priority = $7,
    enabled = $8, variables = $9, version = version + 1, updated_at = now()
WHERE id = $1 AND ($10::integer IS NULL OR version = $10) RETURNING *
"""
DELETE_TEMPLATE_SQL = "DELETE FROM configuration_template WHERE id = $1 RETURNING id"


class PostgresTemplates:
    """Reads and writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def templates(self) -> Sequence[Template]:
        """See `ConfigurationStore.templates`."""
        return [_template(row) for row in await self._database.fetch(TEMPLATES_SQL)]

    async def find_template(self, template_id: int) -> Template:
        """See `ConfigurationStore.find_template`."""
        row = await self._database.fetchrow(FIND_TEMPLATE_SQL, template_id) if fits_bigint(template_id) else None
        if row is None:
            raise _no_template(template_id)
        return _template(row)

    async def create_template(self, template: Template) -> Template:
        """See `ConfigurationStore.create_template`."""
        row = await self._write(CREATE_TEMPLATE_SQL, *_values(template))
        assert row is not None  # noqa: S101  an INSERT … RETURNING gives its row
        return _template(row)

    async def update_template(self, template: Template, *, version: int | None) -> Template:
        """See `ConfigurationStore.update_template`."""
        await self.find_template(template.id)
        row = await self._write(UPDATE_TEMPLATE_SQL, template.id, *_values(template), version)
        if row is None:
            raise StaleVersion("Somebody else has changed this template meanwhile. Reload it and try again.")
        return _template(row)

    async def delete_template(self, template_id: int) -> None:
        """See `ConfigurationStore.delete_template`."""
        found = await self._database.fetchrow(DELETE_TEMPLATE_SQL, template_id) if fits_bigint(template_id) else None
        if found is None:
            raise _no_template(template_id)

    async def _write(self, sql: str, *args: object) -> asyncpg.Record | None:
        try:
            return await self._database.fetchrow(sql, *args)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists("There is a template with this name already.", reason="TEMPLATE_EXISTS") from error


def _values(template: Template) -> tuple[object, ...]:
    return (
        clean(template.display_name),
        clean(template.vendor),
        clean(template.model),
        clean(template.firmware),
        template.family,
        template.priority,
        template.enabled,
        clean_json(msgspec.json.encode(template.variables)),
    )


def _template(row: asyncpg.Record) -> Template:
    return Template(
        row["id"],
        row["display_name"],
        row["vendor"],
        row["model"],
        row["firmware"],
        row["family"],
        row["priority"],
        row["enabled"],
        msgspec.json.decode(row["variables"], type=tuple[TemplateVariable, ...]),
        row["version"],
        row["updated_at"],
    )


def _no_template(template_id: int) -> NotFound:
    return NotFound(f"There is no template {template_id} (any more).", reason="TEMPLATE_NOT_FOUND")
