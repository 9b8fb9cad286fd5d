"""What stations told about themselves (`csms.ports.inventory`)."""

from __future__ import annotations

from csms.storage.pool import Database


class PostgresInventory:
    """`Inventory` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
