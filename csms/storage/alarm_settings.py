"""What operators and users choose about alarms: rules, settings, the daily mail (`csms.ports.alarms`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import asyncpg
import msgspec

from csms.domain.access import Role
from csms.domain.alarm_rules import AlarmRule
from csms.domain.alarms import AlarmKind, AlarmSettings, AlarmSource, Severity
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.notifications import WANTED_UNLESS_SAID, NotificationKind
from csms.ports.alarms import Subscriber
from csms.ports.outbox import MailKind
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresAlarmSettings"]

RULES_SQL = "SELECT * FROM alarm_rule ORDER BY id"
FIND_RULE_SQL = "SELECT id FROM alarm_rule WHERE id = $1"
CREATE_RULE_SQL = """
INSERT INTO alarm_rule (source, vendor, model, code, kind, severity, text) VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING *
"""
UPDATE_RULE_SQL = """
UPDATE alarm_rule SET source = $2, vendor = $3, model = $4, code = $5, kind = $6, severity = $7, text = $8,
    version = version + 1, updated_at = now()
WHERE id = $1 AND ($9::integer IS NULL OR version = $9) RETURNING *
"""
DELETE_RULE_SQL = "DELETE FROM alarm_rule WHERE id = $1 RETURNING id"
SETTINGS_SQL = "SELECT body, version FROM alarm_setting"
PUT_SETTINGS_SQL = """
UPDATE alarm_setting SET body = $1, version = version + 1 WHERE ($2::integer IS NULL OR version = $2)
RETURNING body, version
"""
MAIL_OF_SQL = """
SELECT u.alarm_mails AS wanted, coalesce(d.hour, 7) AS hour FROM app_user AS u
LEFT JOIN alarm_digest AS d ON d.user_id = u.id WHERE u.id = $1
"""
WANT_MAIL_SQL = "UPDATE app_user SET alarm_mails = $2, version = version + 1 WHERE id = $1 RETURNING id"
MAIL_HOUR_SQL = """
INSERT INTO alarm_digest (user_id, hour) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE SET hour = excluded.hour
"""
_SUBSCRIBER = """
SELECT u.id, u.email, u.display_name, u.role, u.language, u.time_zone, coalesce(d.hour, 7) AS hour, d.last_day,
       ARRAY(SELECT place_id FROM user_site WHERE user_id = u.id) AS site_ids
FROM app_user AS u LEFT JOIN alarm_digest AS d ON d.user_id = u.id
"""
READERS_SQL = _SUBSCRIBER + " WHERE u.alarm_mails AND NOT u.blocked AND u.email <> '' ORDER BY u.id"
SUBSCRIBERS_SQL = (
    _SUBSCRIBER
    + """ WHERE NOT u.blocked AND EXISTS (
    SELECT FROM notification_setting AS n WHERE n.user_id = u.id AND n.kind = ANY($1::text[]) AND n.wanted)
ORDER BY u.id"""
)
DAY_DONE_SQL = """
INSERT INTO alarm_digest AS d (user_id, last_day) SELECT id, $2 FROM app_user WHERE id = $1 FOR KEY SHARE
ON CONFLICT (user_id) DO UPDATE SET last_day = excluded.last_day
WHERE d.last_day IS NULL OR d.last_day < excluded.last_day
RETURNING user_id
"""
QUEUE_SQL = "INSERT INTO mail_queue (kind, recipient, subject, body, html) VALUES ($1, $2, $3, $4, $5)"


class PostgresAlarmSettings:
    """`AlarmSettingStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rules(self) -> Sequence[AlarmRule]:
        """Those made here, by id."""
        return [_rule(row) for row in await self._database.fetch(RULES_SQL)]

    async def create_rule(self, rule: AlarmRule) -> AlarmRule:
        """See `AlarmSettingStore.create_rule`."""
        row = await self._write(CREATE_RULE_SQL, *_values(rule))
        assert row is not None  # noqa: S101  an INSERT … RETURNING gives its row
        return _rule(row)

    async def update_rule(self, rule: AlarmRule, *, version: int | None) -> AlarmRule:
        """See `AlarmSettingStore.update_rule`."""
        if not fits_bigint(rule.id) or await self._database.fetchrow(FIND_RULE_SQL, rule.id) is None:
            raise _no_rule(rule.id)
        row = await self._write(UPDATE_RULE_SQL, rule.id, *_values(rule), version)
        if row is None:
            raise StaleVersion("Somebody else has changed this rule meanwhile. Reload it and try again.")
        return _rule(row)

    async def delete_rule(self, rule_id: int) -> None:
        """Raises NotFound."""
        found = await self._database.fetchrow(DELETE_RULE_SQL, rule_id) if fits_bigint(rule_id) else None
        if found is None:
            raise _no_rule(rule_id)

    async def settings(self) -> AlarmSettings:
        """As they are."""
        row = await self._database.fetchrow(SETTINGS_SQL)
        return AlarmSettings() if row is None else _settings(row)

    async def put_settings(self, settings: AlarmSettings, *, version: int | None) -> AlarmSettings:
        """Raises StaleVersion."""
        body = msgspec.json.encode(settings).decode()
        row = await self._database.fetchrow(PUT_SETTINGS_SQL, body, version)
        if row is None:
            raise StaleVersion("Somebody else has changed the settings meanwhile. Reload them and try again.")
        return _settings(row)

    async def mail_of(self, user_id: int) -> tuple[bool, int]:
        """(wanted, hour)."""
        row = await self._database.fetchrow(MAIL_OF_SQL, user_id)
        return (False, 7) if row is None else (row["wanted"], row["hour"])

    async def choose_mail(self, user_id: int, *, wanted: bool, hour: int) -> None:
        """For a user's daily mail. Raises NotFound."""
        if not await self._database.transaction(_choose_mail, user_id, wanted, hour):
            raise NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")

    async def readers(self) -> Sequence[Subscriber]:
        """Who wants the daily mail and may sign in."""
        return [_subscriber(row) for row in await self._database.fetch(READERS_SQL)]

    async def subscribers(self) -> Sequence[Subscriber]:
        """Who wants notifications of alarms, and may sign in."""
        kinds = [NotificationKind.ALARM.value, NotificationKind.ALARM_CLEARED.value]
        assert not any(WANTED_UNLESS_SAID[NotificationKind(kind)] for kind in kinds)  # noqa: S101  else all would be
        return [_subscriber(row) for row in await self._database.fetch(SUBSCRIBERS_SQL, kinds)]

    async def day_done(self, user_id: int, day: date, letter: tuple[str, str, str, str] | None) -> bool:
        """See `AlarmSettingStore.day_done`."""
        return await self._database.transaction(_day_done, user_id, day, letter)

    async def _write(self, sql: str, *values: object) -> asyncpg.Record | None:
        try:
            return await self._database.fetchrow(sql, *values)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                "There is a rule for this vendor, model and code already. Change that one.", reason="RULE_EXISTS"
            ) from error


async def _choose_mail(connection: asyncpg.Connection, user_id: int, wanted: bool, hour: int) -> bool:
    if not fits_bigint(user_id) or await connection.fetchval(WANT_MAIL_SQL, user_id, wanted) is None:
        return False
    await connection.execute(MAIL_HOUR_SQL, user_id, hour)
    return True


async def _day_done(
    connection: asyncpg.Connection, user_id: int, day: date, letter: tuple[str, str, str, str] | None
) -> bool:
    if await connection.fetchval(DAY_DONE_SQL, user_id, day) is None:
        return False
    if letter is not None:
        await connection.execute(QUEUE_SQL, MailKind.PLAIN.value, *(clean(part) for part in letter))
    return True


def _values(rule: AlarmRule) -> tuple[object, ...]:
    return (
        "" if rule.source is None else rule.source.value,
        clean(rule.vendor),
        clean(rule.model),
        clean(rule.code),
        "" if rule.kind is None else rule.kind.value,
        0 if rule.severity is None else int(rule.severity),
        clean(rule.text),
    )


def _rule(row: asyncpg.Record) -> AlarmRule:
    return AlarmRule(
        row["id"],
        AlarmSource(row["source"]) if row["source"] else None,
        row["vendor"],
        row["model"],
        row["code"],
        AlarmKind(row["kind"]) if row["kind"] else None,
        Severity(row["severity"]) if row["severity"] else None,
        row["text"],
        version=row["version"],
    )


def _settings(row: asyncpg.Record) -> AlarmSettings:
    kept = msgspec.json.decode(row["body"], type=AlarmSettings)
    return msgspec.structs.replace(kept, version=row["version"])


def _subscriber(row: asyncpg.Record) -> Subscriber:
    return Subscriber(
        row["id"],
        row["email"],
        row["display_name"],
        Role(row["role"]),
        row["language"],
        row["time_zone"],
        frozenset(row["site_ids"]),
        row["hour"],
        row["last_day"],
    )


def _no_rule(rule_id: int) -> NotFound:
    return NotFound(f"There is no rule {rule_id} (any more).", reason="RULE_NOT_FOUND")
