"""Secrets that lay in the database in plain, from before they were sealed: sealed when a process starts."""

from __future__ import annotations

from typing import Final

import structlog

from csms.ports.installations import SecretCipher
from csms.storage.pool import Database
from csms.storage.sealing import MARK

__all__ = ["seal_plain_secrets"]

_COLUMNS: Final = (("app_user", "totp_secret"), ("app_user", "totp_offered"), ("roaming_party", "token_to_send"))
_log = structlog.get_logger("csms.secrets")


async def seal_plain_secrets(database: Database, cipher: SecretCipher) -> int:
    """How many there were. What changes meanwhile is left alone: whoever changes it seals it. Raises Unavailable."""
    count = 0
    for table, column in _COLUMNS:
        found = f"SELECT id, {column} AS secret FROM {table} WHERE {column} <> '' AND NOT starts_with({column}, $1)"  # noqa: S608 - names of ours
        put = f"UPDATE {table} SET {column} = $3 WHERE id = $1 AND {column} = $2"  # noqa: S608 - names of ours
        for row in await database.fetch(found, MARK):
            await database.execute(put, row["id"], row["secret"], cipher.seal(row["secret"]))
            count += 1
    if count:
        _log.info("secrets that lay in plain were sealed", secrets=count)
    return count
