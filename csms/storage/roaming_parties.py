"""Parties of roaming, and the tokens that they told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg
import msgspec
import structlog

from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.roaming import Party, PartyEndpoint, PartyRole, PartyState, RoamingToken
from csms.ports.installations import SecretCipher
from csms.ports.roaming import PartyCounts, ToldTokens
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresParties"]

_log = structlog.get_logger("csms.roaming")

PARTIES_SQL = "SELECT * FROM roaming_party ORDER BY lower(display_name), id"
PARTY_SQL = "SELECT * FROM roaming_party WHERE id = $1"
PARTY_OF_SQL = "SELECT * FROM roaming_party WHERE token_digest = $1"
CREATE_PARTY_SQL = """
INSERT INTO roaming_party (
    display_name, state, country_code, party_code, business_name, roles, versions_url, token_digest, token_to_send,
    endpoints, registered_at, tokens_read_at)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $10::text::jsonb, $11, $12) RETURNING *
"""
UPDATE_PARTY_SQL = """
UPDATE roaming_party SET
    display_name = $2, state = $3, country_code = $4, party_code = $5, business_name = $6, roles = $7::text::jsonb,
    versions_url = $8, token_digest = $9, token_to_send = $10, endpoints = $11::text::jsonb, registered_at = $12,
    tokens_read_at = $13, version = version + 1, updated_at = now()
WHERE id = $1 AND ($14::integer IS NULL OR version = $14) RETURNING *
"""
NOTE_PARTY_SQL = """
UPDATE roaming_party SET
    last_success_at = CASE WHEN $3 = '' THEN $2 ELSE last_success_at END,
    last_error_at = CASE WHEN $3 = '' THEN last_error_at ELSE $2 END,
    last_error = CASE WHEN $3 = '' THEN last_error ELSE $3 END
WHERE id = $1
"""
NOTE_TOKENS_READ_SQL = "UPDATE roaming_party SET tokens_read_at = $2 WHERE id = $1"
DELETE_PARTY_SQL = "DELETE FROM roaming_party WHERE id = $1 RETURNING id"
COUNTS_SQL = """
SELECT party.id,
       (SELECT count(*) FROM roaming_token WHERE party_id = party.id) AS tokens,
       (SELECT count(*) FROM roaming_push WHERE party_id = party.id AND given_up_at IS NULL) AS waiting,
       (SELECT count(*) FROM roaming_push WHERE party_id = party.id AND given_up_at IS NOT NULL) AS failed
FROM roaming_party AS party
"""
PUT_CARD_SQL = """
INSERT INTO roaming_token (
    party_id, country_code, party_code, uid, type, id_token, contract_id, valid, whitelist, body, last_updated)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (party_id, country_code, party_code, uid, type) DO UPDATE SET
    id_token = excluded.id_token, contract_id = excluded.contract_id, valid = excluded.valid,
    whitelist = excluded.whitelist, body = excluded.body, last_updated = excluded.last_updated, received_at = now()
WHERE roaming_token.last_updated <= excluded.last_updated
"""
CARD_SQL = """
SELECT * FROM roaming_token
WHERE party_id = $1 AND country_code = $2 AND party_code = $3 AND lower(uid) = lower($4) AND type = $5
ORDER BY uid = $4 DESC LIMIT 1
"""
REGISTERED_SQL = "SELECT id FROM roaming_party WHERE state = 'REGISTERED' ORDER BY id"
CLOCK_SQL = "SELECT clock_timestamp()"
# A token is noted with the time at which its transaction began; parties tell a thousand at once. None is taken away but
# with its party.
TOLD_CARDS_SQL = """
SELECT * FROM roaming_token
WHERE party_id = ANY($1::bigint[]) AND ($2::timestamptz IS NULL OR received_at > $2 - interval '2 minutes')
"""
_MATCHES = (
    "party_id = $1 AND ($2 = '' OR uid ILIKE $2 OR contract_id ILIKE $2 OR body::json ->> 'visual_number' ILIKE $2)"
)
PAGE_TOKENS_SQL = f"""
SELECT * FROM roaming_token
WHERE {_MATCHES} AND ($3::text IS NULL OR (uid, type COLLATE "C") > ($3::text COLLATE "C", $4::text COLLATE "C"))
ORDER BY uid, type COLLATE "C" LIMIT $5
"""  # noqa: S608 - constants of ours
COUNT_TOKENS_SQL = f"SELECT count(*) FROM roaming_token WHERE {_MATCHES}"  # noqa: S608 - constants of ours
_encode = msgspec.json.Encoder(order="deterministic").encode
_roles = msgspec.json.Decoder(tuple[PartyRole, ...])
_endpoints = msgspec.json.Decoder(tuple[PartyEndpoint, ...])


class PostgresParties:
    """csms.ports.roaming.PartyStore on PostgreSQL."""

    def __init__(self, database: Database, cipher: SecretCipher) -> None:
        """`cipher`: seals the tokens that we show."""
        self._database = database
        self._cipher = cipher

    async def parties(self) -> Sequence[Party]:
        """By name."""
        return [self._party(row) for row in await self._database.fetch(PARTIES_SQL)]

    async def party(self, party_id: int) -> Party:
        """See `PartyStore.party`."""
        row = await self._database.fetchrow(PARTY_SQL, party_id) if fits_bigint(party_id) else None
        if row is None:
            raise _no_party(party_id)
        return self._party(row)

    async def party_of(self, token_digest: bytes) -> Party | None:
        """Who shows this token."""
        row = await self._database.fetchrow(PARTY_OF_SQL, token_digest)
        return None if row is None else self._party(row)

    async def create_party(self, party: Party) -> Party:
        """See `PartyStore.create_party`."""
        row = await self._write(CREATE_PARTY_SQL, *self._fields(party))
        assert row is not None  # noqa: S101  an INSERT … RETURNING gives its row
        return self._party(row)

    async def update_party(self, party: Party, *, version: int | None = None) -> Party:
        """See `PartyStore.update_party`."""
        await self.party(party.id)
        row = await self._write(UPDATE_PARTY_SQL, party.id, *self._fields(party), version)
        if row is None:
            raise StaleVersion("Somebody else has changed this party meanwhile. Reload it and try again.")
        return self._party(row)

    async def note_party(self, party_id: int, at: datetime, error: str = "") -> None:
        """See `PartyStore.note_party`."""
        await self._database.execute(NOTE_PARTY_SQL, party_id, at, clean(error)[:500])

    async def note_tokens_read(self, party_id: int, at: datetime) -> None:
        """See `PartyStore.note_tokens_read`."""
        await self._database.execute(NOTE_TOKENS_READ_SQL, party_id, at)

    async def delete_party(self, party_id: int) -> None:
        """See `PartyStore.delete_party`."""
        gone = await self._database.fetchval(DELETE_PARTY_SQL, party_id) if fits_bigint(party_id) else None
        if gone is None:
            raise _no_party(party_id)

    async def counts(self) -> Mapping[int, PartyCounts]:
        """By party."""
        rows = await self._database.fetch(COUNTS_SQL)
        return {row["id"]: PartyCounts(row["tokens"], row["waiting"], row["failed"]) for row in rows}

    async def put_tokens(self, tokens: Sequence[RoamingToken]) -> None:
        """See `PartyStore.put_tokens`."""
        rows = [
            (
                each.party_id,
                clean(each.country_code),
                clean(each.party_code),
                clean(each.uid),
                each.type,
                clean(each.id_token),
                clean(each.contract_id),
                each.valid,
                each.whitelist,
                clean(each.body),
                each.last_updated,
            )
            for each in tokens
        ]

        async def put(connection: asyncpg.Connection) -> None:
            await connection.executemany(PUT_CARD_SQL, rows)

        try:
            await self._database.transaction(put)
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_party(tokens[0].party_id) from error

    async def token(
        self, party_id: int, country_code: str, party_code: str, uid: str, kind: str
    ) -> RoamingToken | None:
        """See `PartyStore.token`."""
        row = await self._database.fetchrow(
            CARD_SQL, party_id, clean(country_code), clean(party_code), clean(uid), clean(kind)
        )
        return None if row is None else token_of(row)

    async def told_tokens(self, since: datetime | None, parties: Sequence[int]) -> ToldTokens:
        """See `PartyStore.told_tokens`."""
        at = await self._database.fetchval(CLOCK_SQL)
        registered = tuple(row["id"] for row in await self._database.fetch(REGISTERED_SQL))
        whole = since is None or registered != tuple(parties)
        rows = await self._database.fetch(TOLD_CARDS_SQL, registered, None if whole else since)
        return ToldTokens(at, registered, tuple(map(token_of, rows)), whole)

    async def page_tokens(
        self, party_id: int, *, query: str, size: int, after: tuple[str, str] | None
    ) -> tuple[Sequence[RoamingToken], int]:
        """See `PartyStore.page_tokens`."""
        if not fits_bigint(party_id):
            return [], 0
        like = pattern(query)
        uid, kind = after or (None, None)
        rows = await self._database.fetch(PAGE_TOKENS_SQL, party_id, like, uid, kind, size)
        total = await self._database.fetchval(COUNT_TOKENS_SQL, party_id, like)
        return [token_of(row) for row in rows], int(total)

    async def _write(self, sql: str, *values: object) -> asyncpg.Record | None:
        try:
            return await self._database.fetchrow(sql, *values)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                "This party is known already. Delete it first, or renew its credentials.", reason="PARTY_TAKEN"
            ) from error

    # -- inside ------------------------------------------------------------------------------------------------------

    def _fields(self, party: Party) -> tuple[object, ...]:
        return (
            clean(party.display_name),
            party.state.value,
            clean(party.country_code),
            clean(party.party_code),
            clean(party.business_name),
            clean(_encode(party.roles).decode()),
            clean(party.versions_url),
            party.token_digest,
            self._cipher.seal(clean(party.token_to_send)),
            clean(_encode(party.endpoints).decode()),
            party.registered_at,
            party.tokens_read_at,
        )

    def _party(self, row: asyncpg.Record) -> Party:
        return Party(
            row["id"],
            row["display_name"],
            PartyState(row["state"]),
            row["token_digest"],
            self._opened(row),
            row["country_code"],
            row["party_code"],
            row["business_name"],
            _roles.decode(row["roles"]),
            row["versions_url"],
            _endpoints.decode(row["endpoints"]),
            row["registered_at"],
            row["tokens_read_at"],
            row["last_error"],
            row["last_error_at"],
            row["last_success_at"],
            row["version"],
            row["created_at"],
        )

    def _opened(self, row: asyncpg.Record) -> str:
        """The token that we show. Without the key it was sealed with there is none, and the party refuses us."""
        try:
            return self._cipher.open(row["token_to_send"])
        except FailedPrecondition as error:
            _log.error("the token of a roaming party cannot be read", party=row["id"], reason=error.message)
            return ""


def token_of(row: asyncpg.Record) -> RoamingToken:
    """A row with the columns of roaming_token."""
    return RoamingToken(
        row["party_id"],
        row["country_code"],
        row["party_code"],
        row["uid"],
        row["type"],
        row["id_token"],
        row["contract_id"],
        row["valid"],
        row["whitelist"],
        row["body"],
        row["last_updated"],
    )


def _no_party(party_id: int) -> NotFound:
    return NotFound(f"There is no roaming party {party_id} (any more).", reason="PARTY_NOT_FOUND")
