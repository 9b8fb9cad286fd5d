"""Users, links that set passwords, second factors, and sign-ins elsewhere that are under way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.access import Role
from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.people import Person, PersonFilter, Preferences, SignInRecord, TicketKind
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresPeople"]

_PERSON = """
SELECT app_user.*, ARRAY(SELECT place_id FROM user_site WHERE user_id = app_user.id ORDER BY place_id) AS site_ids
FROM app_user
"""
FIND_PERSON_SQL = _PERSON + " WHERE id = $1"
FIND_PERSON_BY_EMAIL_SQL = _PERSON + " WHERE lower(email) = lower($1)"
FIND_PERSON_BY_SUBJECT_SQL = _PERSON + " WHERE oidc_subject = $1 AND oidc_subject <> ''"

_WANTED = """
WHERE ($1 = '' OR email ILIKE $1 OR display_name ILIKE $1 OR employee_number ILIKE $1 OR customer_number ILIKE $1)
  AND ($2::text IS NULL OR role = $2)
  AND ($3::bigint IS NULL OR EXISTS (SELECT FROM user_site WHERE user_id = app_user.id AND place_id = $3))
  AND ($4::bigint[] IS NULL OR (
      role IN ('site-administrator', 'ev-user')
      AND EXISTS (SELECT FROM user_site WHERE user_id = app_user.id)
      AND NOT EXISTS (SELECT FROM user_site WHERE user_id = app_user.id AND place_id <> ALL($4))))
"""
PAGE_PEOPLE_SQL = _PERSON + _WANTED + " AND id > $5 ORDER BY id LIMIT $6"
COUNT_PEOPLE_SQL = "SELECT count(*) FROM app_user" + _WANTED  # noqa: S608  constants

CREATE_PERSON_SQL = """
INSERT INTO app_user (email, first_name, last_name, display_name, role, language, time_zone, mobile, employee_number,
    customer_number, alarm_mails, blocked, oidc_subject, password_hash, must_change_password)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14 <> '') RETURNING id
"""
UPDATE_PERSON_SQL = """
UPDATE app_user SET email = $2, first_name = $3, last_name = $4, display_name = $5, role = $6, language = $7,
    time_zone = $8, mobile = $9, employee_number = $10, customer_number = $11, alarm_mails = $12, blocked = $13,
    version = version + 1, updated_at = now()
WHERE id = $1 AND ($14::integer IS NULL OR version = $14) RETURNING id
"""
CLEAR_SITES_SQL = "DELETE FROM user_site WHERE user_id = $1 AND place_id <> ALL($2::bigint[])"
ADD_SITES_SQL = """
INSERT INTO user_site (user_id, place_id) SELECT $1, unnest($2::bigint[]) ON CONFLICT DO NOTHING
"""
END_SIGN_INS_SQL = "DELETE FROM sign_in WHERE user_id = $1"
DELETE_PERSON_SQL = "DELETE FROM app_user WHERE id = $1 RETURNING id"
# Two at once must not each take the other for the one who stays.
LOCK_ADMINISTRATORS_SQL = "SELECT pg_advisory_xact_lock(7011)"
COUNT_ADMINISTRATORS_SQL = """
SELECT count(*) FROM app_user
WHERE role = 'administrator' AND NOT blocked AND (password_hash <> '' OR oidc_subject <> '')
"""
SET_SUBJECT_SQL = "UPDATE app_user SET oidc_subject = $2, updated_at = now() WHERE id = $1 RETURNING id"
PREFERENCES_SQL = "SELECT preferences FROM app_user WHERE id = $1"
SET_PREFERENCES_SQL = "UPDATE app_user SET preferences = $2 WHERE id = $1 RETURNING id"

PUT_TICKET_SQL = """
INSERT INTO user_ticket (user_id, digest, kind, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id) DO UPDATE SET digest = excluded.digest, kind = excluded.kind, expires_at = excluded.expires_at
"""
FIND_TICKET_SQL = "SELECT user_id FROM user_ticket WHERE digest = $1 AND expires_at > $2"
USE_TICKET_SQL = "DELETE FROM user_ticket WHERE digest = $1 AND expires_at > $2 RETURNING user_id"
SET_PASSWORD_SQL = """
UPDATE app_user SET password_hash = $2, must_change_password = false, updated_at = now() WHERE id = $1
"""  # noqa: S105
GIVE_PASSWORD_SQL = """
UPDATE app_user SET password_hash = $2, must_change_password = true, updated_at = now() WHERE id = $1 RETURNING id
"""  # noqa: S105
CLEAR_TICKETS_SQL = "DELETE FROM user_ticket WHERE user_id = $1"

OFFER_TOTP_SQL = "UPDATE app_user SET totp_offered = $2 WHERE id = $1 RETURNING id"
OFFERED_TOTP_SQL = "SELECT totp_offered FROM app_user WHERE id = $1"
CONFIRM_TOTP_SQL = """
UPDATE app_user SET totp_secret = totp_offered, totp_offered = '', totp_step = $3, updated_at = now()
WHERE id = $1 AND totp_offered = $2 AND totp_secret = '' RETURNING id
"""
USE_STEP_SQL = "UPDATE app_user SET totp_step = $2 WHERE id = $1 AND totp_step < $2 RETURNING id"
CLEAR_CODES_SQL = "DELETE FROM recovery_code WHERE user_id = $1"
ADD_CODES_SQL = "INSERT INTO recovery_code (user_id, digest) SELECT $1, unnest($2::bytea[])"
USE_CODE_SQL = "DELETE FROM recovery_code WHERE user_id = $1 AND digest = $2 RETURNING user_id"
REMOVE_TOTP_SQL = """
UPDATE app_user SET totp_secret = '', totp_offered = '', totp_step = 0, updated_at = now() WHERE id = $1 RETURNING id
"""

SIGN_INS_SQL = "SELECT * FROM sign_in WHERE user_id = $1 AND expires_at > $2 ORDER BY id DESC LIMIT 200"
END_SIGN_IN_SQL = "DELETE FROM sign_in WHERE user_id = $1 AND id = $2 RETURNING id"
CLEAR_ATTEMPTS_SQL = "DELETE FROM single_sign_on_attempt WHERE expires_at < now()"
PUT_ATTEMPT_SQL = """
INSERT INTO single_sign_on_attempt (state_digest, nonce, verifier, expires_at) VALUES ($1, $2, $3, $4)
"""
TAKE_ATTEMPT_SQL = "DELETE FROM single_sign_on_attempt WHERE state_digest = $1 RETURNING nonce, verifier, expires_at"


class PostgresPeople:
    """csms.ports.people.PeopleStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, user_id: int) -> Person | None:
        """By id."""
        return _person(await self._database.fetchrow(FIND_PERSON_SQL, user_id)) if fits_bigint(user_id) else None

    async def find_by_email(self, email: str) -> Person | None:
        """Case does not matter."""
        return _person(await self._database.fetchrow(FIND_PERSON_BY_EMAIL_SQL, clean(email)))

    async def find_by_subject(self, subject: str) -> Person | None:
        """Whom the identity provider calls so."""
        return _person(await self._database.fetchrow(FIND_PERSON_BY_SUBJECT_SQL, clean(subject)))

    async def page(self, *, wanted: PersonFilter, size: int, after: int) -> tuple[Sequence[Person], int]:
        """See `PeopleStore.page`."""
        values = (
            pattern(wanted.query),
            None if wanted.role is None else wanted.role.value,
            wanted.site_id,
            None if wanted.within_sites is None else list(wanted.within_sites),
        )
        rows = await self._database.fetch(PAGE_PEOPLE_SQL, *values, after, size)
        total = int(await self._database.fetchval(COUNT_PEOPLE_SQL, *values))
        return [person for row in rows if (person := _person(row)) is not None], total

    async def create(self, person: Person, *, subject: str = "", password_hash: str = "") -> Person:
        """See `PeopleStore.create`."""
        try:
            user_id = await self._database.transaction(insert_person, person, clean(subject), password_hash)
        except asyncpg.UniqueViolationError as error:
            raise _taken(person) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_site() from error
        return await self._must(user_id)

    async def update(self, person: Person, *, version: int | None) -> Person:
        """See `PeopleStore.update`."""
        if not fits_bigint(person.id):
            raise no_user(person.id)
        try:
            await self._database.transaction(_update, person, version)
        except asyncpg.UniqueViolationError as error:
            raise _taken(person) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_site() from error
        return await self._must(person.id)

    async def delete(self, user_id: int) -> None:
        """See `PeopleStore.delete`."""
        if not fits_bigint(user_id):
            raise no_user(user_id)
        await self._database.transaction(_delete, user_id)

    async def set_subject(self, user_id: int, subject: str) -> None:
        """See `PeopleStore.set_subject`."""
        try:
            await self._change(SET_SUBJECT_SQL, user_id, clean(subject))
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                "Another user signs in with this account of the identity provider.", reason="SUBJECT_TAKEN"
            ) from error

    async def preferences(self, user_id: int) -> Preferences:
        """See `PeopleStore.preferences`."""
        text = await self._database.fetchval(PREFERENCES_SQL, user_id) if fits_bigint(user_id) else None
        if text is None:
            raise no_user(user_id)
        try:
            return msgspec.json.decode(text, type=Preferences) if text else Preferences()
        except msgspec.ValidationError:  # of another version of the program
            return Preferences()

    async def set_preferences(self, user_id: int, preferences: Preferences) -> None:
        """See `PeopleStore.set_preferences`."""
        await self._change(SET_PREFERENCES_SQL, user_id, clean(msgspec.json.encode(preferences).decode()))

    async def give_password(self, user_id: int, password_hash: str) -> None:
        """See `PeopleStore.give_password`."""
        if not fits_bigint(user_id):
            raise no_user(user_id)
        await self._database.transaction(_give_password, user_id, password_hash)

    # -- links -------------------------------------------------------------------------------------------------------

    async def put_ticket(self, user_id: int, digest: bytes, kind: TicketKind, expires_at: datetime) -> None:
        """See `PeopleStore.put_ticket`."""
        try:
            await self._database.execute(PUT_TICKET_SQL, user_id, digest, kind.value, expires_at)
        except asyncpg.ForeignKeyViolationError as error:
            raise no_user(user_id) from error

    async def find_ticket(self, digest: bytes, now: datetime) -> Person | None:
        """See `PeopleStore.find_ticket`."""
        user_id = await self._database.fetchval(FIND_TICKET_SQL, digest, now)
        return None if user_id is None else await self.find(user_id)

    async def use_ticket(self, digest: bytes, now: datetime, password_hash: str) -> int | None:
        """See `PeopleStore.use_ticket`."""
        return await self._database.transaction(_use_ticket, digest, now, password_hash)

    # -- second factors ----------------------------------------------------------------------------------------------

    async def offer_totp(self, user_id: int, secret: str) -> None:
        """See `PeopleStore.offer_totp`."""
        await self._change(OFFER_TOTP_SQL, user_id, secret)

    async def offered_totp(self, user_id: int) -> str:
        """See `PeopleStore.offered_totp`."""
        return str(await self._database.fetchval(OFFERED_TOTP_SQL, user_id) or "")

    async def confirm_totp(self, user_id: int, secret: str, step: int, recovery_digests: Sequence[bytes]) -> None:
        """See `PeopleStore.confirm_totp`."""
        await self._database.transaction(_confirm_totp, user_id, secret, step, recovery_digests)

    async def use_totp_step(self, user_id: int, step: int) -> bool:
        """See `PeopleStore.use_totp_step`."""
        return await self._database.fetchval(USE_STEP_SQL, user_id, step) is not None

    async def use_recovery_code(self, user_id: int, digest: bytes) -> bool:
        """See `PeopleStore.use_recovery_code`."""
        return await self._database.fetchval(USE_CODE_SQL, user_id, digest) is not None

    async def remove_totp(self, user_id: int) -> None:
        """See `PeopleStore.remove_totp`."""
        await self._database.transaction(_remove_totp, user_id)

    # -- sign-ins ----------------------------------------------------------------------------------------------------

    async def sign_ins(self, user_id: int, now: datetime) -> Sequence[SignInRecord]:
        """See `PeopleStore.sign_ins`."""
        rows = await self._database.fetch(SIGN_INS_SQL, user_id, now)
        return [
            SignInRecord(
                row["id"],
                row["user_id"],
                row["created_at"],
                row["expires_at"],
                row["used_at"],
                row["address"],
                row["client"],
                row["digest"],
            )
            for row in rows
        ]

    async def end_sign_in(self, user_id: int, sign_in_id: int) -> None:
        """See `PeopleStore.end_sign_in`."""
        if await self._database.fetchval(END_SIGN_IN_SQL, user_id, sign_in_id) is None:
            raise NotFound("This session has ended already.", reason="SIGN_IN_NOT_FOUND")

    async def put_attempt(self, state_digest: bytes, nonce: str, verifier: str, expires_at: datetime) -> None:
        """See `PeopleStore.put_attempt`."""
        await self._database.execute(CLEAR_ATTEMPTS_SQL)
        await self._database.execute(PUT_ATTEMPT_SQL, state_digest, nonce, verifier, expires_at)

    async def take_attempt(self, state_digest: bytes, now: datetime) -> tuple[str, str] | None:
        """See `PeopleStore.take_attempt`."""
        row = await self._database.fetchrow(TAKE_ATTEMPT_SQL, state_digest)
        return None if row is None or row["expires_at"] <= now else (row["nonce"], row["verifier"])

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _change(self, sql: str, user_id: int, *values: object) -> None:
        if not fits_bigint(user_id) or await self._database.fetchval(sql, user_id, *values) is None:
            raise no_user(user_id)

    async def _must(self, user_id: int) -> Person:
        person = await self.find(user_id)
        if person is None:
            raise no_user(user_id)
        return person


# -- in asyncio, each in one transaction -------------------------------------------------------------------------------


async def insert_person(
    connection: asyncpg.Connection, person: Person, subject: str = "", password_hash: str = ""
) -> int:
    """A new user; the id. `subject`: what the identity provider calls them; `password_hash`: of one to be changed."""
    user_id = int(await connection.fetchval(CREATE_PERSON_SQL, *_fields(person), subject, password_hash))
    await connection.execute(ADD_SITES_SQL, user_id, list(person.site_ids))
    return user_id


async def _update(connection: asyncpg.Connection, person: Person, version: int | None) -> None:
    await connection.execute(LOCK_ADMINISTRATORS_SQL)
    before = int(await connection.fetchval(COUNT_ADMINISTRATORS_SQL))
    if await connection.fetchval(FIND_PERSON_SQL, person.id) is None:
        raise no_user(person.id)
    if await connection.fetchval(UPDATE_PERSON_SQL, person.id, *_fields(person), version) is None:
        raise StaleVersion("Somebody else has changed this user meanwhile. Reload it and try again.")
    await connection.execute(CLEAR_SITES_SQL, person.id, list(person.site_ids))
    await connection.execute(ADD_SITES_SQL, person.id, list(person.site_ids))
    if person.blocked:
        await connection.execute(END_SIGN_INS_SQL, person.id)
    await _check_somebody_administers(connection, before)


async def _delete(connection: asyncpg.Connection, user_id: int) -> None:
    await connection.execute(LOCK_ADMINISTRATORS_SQL)
    before = int(await connection.fetchval(COUNT_ADMINISTRATORS_SQL))
    if await connection.fetchval(DELETE_PERSON_SQL, user_id) is None:
        raise no_user(user_id)
    await _check_somebody_administers(connection, before)


async def _check_somebody_administers(connection: asyncpg.Connection, before: int) -> None:
    if before > 0 and int(await connection.fetchval(COUNT_ADMINISTRATORS_SQL)) == 0:
        raise FailedPrecondition(
            "This is the last administrator. Make somebody else one first.", reason="LAST_ADMINISTRATOR"
        )


async def _use_ticket(connection: asyncpg.Connection, digest: bytes, now: datetime, password_hash: str) -> int | None:
    user_id: int | None = await connection.fetchval(USE_TICKET_SQL, digest, now)
    if user_id is not None:
        await connection.execute(SET_PASSWORD_SQL, user_id, password_hash)
        await connection.execute(END_SIGN_INS_SQL, user_id)
    return user_id


async def _give_password(connection: asyncpg.Connection, user_id: int, password_hash: str) -> None:
    if await connection.fetchval(GIVE_PASSWORD_SQL, user_id, password_hash) is None:
        raise no_user(user_id)
    await connection.execute(CLEAR_TICKETS_SQL, user_id)
    await connection.execute(END_SIGN_INS_SQL, user_id)


async def _confirm_totp(
    connection: asyncpg.Connection, user_id: int, secret: str, step: int, digests: Sequence[bytes]
) -> None:
    if not secret or await connection.fetchval(CONFIRM_TOTP_SQL, user_id, secret, step) is None:
        raise FailedPrecondition("Enrol a second factor first.", reason="NOT_ENROLLING")
    await connection.execute(CLEAR_CODES_SQL, user_id)
    await connection.execute(ADD_CODES_SQL, user_id, list(digests))


async def _remove_totp(connection: asyncpg.Connection, user_id: int) -> None:
    if not fits_bigint(user_id) or await connection.fetchval(REMOVE_TOTP_SQL, user_id) is None:
        raise no_user(user_id)
    await connection.execute(CLEAR_CODES_SQL, user_id)


def _fields(person: Person) -> tuple[object, ...]:
    return (
        clean(person.email),
        clean(person.first_name),
        clean(person.last_name),
        clean(f"{person.first_name} {person.last_name}".strip()),
        person.role.value,
        clean(person.language),
        clean(person.time_zone),
        clean(person.mobile),
        clean(person.employee_number),
        clean(person.customer_number),
        person.alarm_mails,
        person.blocked,
    )


def _person(row: asyncpg.Record | None) -> Person | None:
    if row is None:
        return None
    return Person(
        row["id"],
        row["email"],
        row["first_name"],
        row["last_name"],
        Role(row["role"]),
        tuple(row["site_ids"]),
        row["language"],
        row["time_zone"],
        row["mobile"],
        row["employee_number"],
        row["customer_number"],
        row["alarm_mails"],
        row["blocked"],
        row["password_hash"] != "",
        row["totp_secret"] != "",
        row["oidc_subject"] != "",
        row["version"],
        row["created_at"],
        row["updated_at"],
        row["last_sign_in_at"],
        row["must_change_password"],
    )


def no_user(user_id: int) -> NotFound:
    """The sentence."""
    return NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")


def _no_site() -> NotFound:
    return NotFound("One of the sites does not exist (any more).", reason="PLACE_NOT_FOUND")


def _taken(person: Person) -> AlreadyExists:
    return AlreadyExists(f"There is already a user {person.email}.", reason="EMAIL_TAKEN")
