"""Monthly reports, their subscriptions and the seller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import asyncpg
import msgspec

from csms.domain.consumption import exact
from csms.domain.cost_report import (
    Report,
    ReportDraft,
    ReportLine,
    Seller,
    Subject,
    Subscription,
    read_subject,
)
from csms.domain.errors import AlreadyExists, StaleVersion
from csms.domain.tariff_book import TargetKind
from csms.ports.cost_reports import ChargedSessions, ReportFilter
from csms.ports.outbox import MailKind
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresReports"]

SELLER_SQL = "SELECT * FROM seller"
LOCK_SELLER_SQL = "SELECT * FROM seller FOR UPDATE"
UPDATE_SELLER_SQL = """
UPDATE seller SET name = $1, address = $2, email = $3, vat_number = $4, registration = $5, footer = $6,
    number_prefix = $7, version = version + 1
WHERE $8::integer IS NULL OR version = $8 RETURNING *
"""
COUNT_UP_SQL = "UPDATE seller SET next_number = next_number + 1"
CHARGED_SQL = """
SELECT s.id, s.began_at, s.ended_at, s.place_id, s.evse_id, s.charged_wh,
       coalesce(nullif(station.display_name, ''), s.station_identity) AS station,
       coalesce(nullif(token.alias, ''), s.shown_token) AS tag,
       cost.session_id IS NULL OR EXISTS (SELECT FROM session_cost_due AS due WHERE due.session_id = s.id) AS pending,
       cost.currency, cost.vat_percent, cost.total_excl, cost.vat, cost.total_incl
FROM session AS s
LEFT JOIN session_cost AS cost ON cost.session_id = s.id
LEFT JOIN station ON station.id = s.station_id
LEFT JOIN id_token AS token ON token.id_token = s.shown_token AND s.shown_token <> ''
WHERE s.state = 'ENDED' AND s.ended_at >= $3 AND s.ended_at < $4
  AND ($1::bigint IS NULL OR s.user_id = $1)
  AND ($2 = '' OR s.shown_token IN (SELECT id_token FROM id_token WHERE parent_id_token = $2))
ORDER BY s.ended_at, s.id
"""
CURRENT_SQL = "SELECT * FROM cost_report WHERE subject = $1 AND month = $2 AND replaced_by IS NULL"
# A moment in which the old report stands in its own place: the index admits one that counts.
PUT_ASIDE_SQL = "UPDATE cost_report SET replaced_by = id WHERE id = $1"
REPLACE_SQL = "UPDATE cost_report SET replaced_by = $2 WHERE id = $1"
CREATE_REPORT_SQL = """
INSERT INTO cost_report (number, subject, user_id, subject_name, month, content, created_at)
VALUES ($1, $2, (SELECT id FROM app_user WHERE id = $3), $4, $5, $6::text::jsonb, $7) RETURNING *
"""
GET_REPORT_SQL = "SELECT * FROM cost_report WHERE id = $1"
PAGE_REPORTS_SQL = """
SELECT * FROM cost_report
WHERE ($1::text IS NULL OR subject = $1) AND ($2::date IS NULL OR month = $2) AND (replaced_by IS NULL OR $3)
  AND ($4::bigint IS NULL OR user_id = $4) AND ($5::bigint IS NULL OR id < $5)
ORDER BY id DESC LIMIT $6
"""
SUBSCRIPTIONS_SQL = """
SELECT * FROM report_subscription WHERE ($1::text IS NULL OR subject = $1) AND (active OR NOT $2) ORDER BY subject
"""
SUBSCRIBE_SQL = """
INSERT INTO report_subscription AS old (subject, user_id, active, recipients, language, time_zone, since)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (subject) DO UPDATE SET
    active = excluded.active, recipients = excluded.recipients, language = excluded.language,
    time_zone = excluded.time_zone, version = old.version + 1,
    since = CASE WHEN old.active THEN old.since ELSE excluded.since END
RETURNING *
"""
DISPATCHED_SQL = "SELECT EXISTS (SELECT FROM report_dispatch WHERE subject = $1 AND month = $2)"
DISPATCH_SQL = """
INSERT INTO report_dispatch (subject, month, report_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING month
"""
PUT_MAILS_SQL = "INSERT INTO mail_queue (kind, recipient, body) SELECT $1, unnest($2::text[]), $3"
_drafts = msgspec.json.Decoder(ReportDraft)
_encode = msgspec.json.Encoder().encode
_ZERO = Decimal(0)


class PostgresReports:
    """csms.ports.cost_reports.ReportStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seller(self) -> Seller:
        """See `ReportStore.seller`."""
        row = await self._database.fetchrow(SELLER_SQL)
        return Seller() if row is None else _seller(row)

    async def update_seller(self, seller: Seller, *, version: int | None) -> Seller:
        """See `ReportStore.update_seller`."""
        texts = (
            seller.name,
            seller.address,
            seller.email,
            seller.vat_number,
            seller.registration,
            seller.footer,
            seller.number_prefix,
        )
        row = await self._database.fetchrow(UPDATE_SELLER_SQL, *map(clean, texts), version)
        if row is None:
            raise StaleVersion("Somebody else has changed the seller meanwhile. Reload it and try again.")
        return _seller(row)

    async def charged(self, subject: Subject, since: datetime, until: datetime) -> ChargedSessions:
        """See `ReportStore.charged`."""
        rows = await self._database.fetch(CHARGED_SQL, _user_of(subject), clean(subject.group), since, until)
        return ChargedSessions(tuple(_line(row) for row in rows), sum(row["pending"] for row in rows))

    async def create(self, draft: ReportDraft, at: datetime, *, replace: bool) -> Report:
        """See `ReportStore.create`."""

        async def insert(connection: asyncpg.Connection) -> asyncpg.Record:
            seller = await connection.fetchrow(LOCK_SELLER_SQL)
            old = await connection.fetchrow(CURRENT_SQL, draft.subject, draft.month)
            if old is not None and not replace:
                raise AlreadyExists(
                    f"There is already a report {old['number']} of that month. Have it replaced, if that is meant.",
                    reason="REPORT_EXISTS",
                )
            if old is not None:
                await connection.execute(PUT_ASIDE_SQL, old["id"])
            number = f"{seller['number_prefix']}{seller['next_number']:06}"
            await connection.execute(COUNT_UP_SQL)
            made: asyncpg.Record = await connection.fetchrow(
                CREATE_REPORT_SQL,
                number,
                draft.subject,
                _user_of(read_subject(draft.subject)),
                clean(draft.recipient.name),
                draft.month,
                clean(_encode(draft).decode()).replace("\\u0000", ""),
                at,
            )
            if old is not None:
                await connection.execute(REPLACE_SQL, old["id"], made["id"])
            return made

        return _report(await self._database.transaction(insert))

    async def get(self, report_id: int) -> Report | None:
        """See `ReportStore.get`."""
        row = await self._database.fetchrow(GET_REPORT_SQL, report_id) if fits_bigint(report_id) else None
        return None if row is None else _report(row)

    async def find(self, subject: Subject, month: date) -> Report | None:
        """See `ReportStore.find`."""
        row = await self._database.fetchrow(CURRENT_SQL, str(subject), month)
        return None if row is None else _report(row)

    async def page(self, wanted: ReportFilter, *, size: int, before: int | None) -> Sequence[Report]:
        """See `ReportStore.page`."""
        subject = None if wanted.subject is None else str(wanted.subject)
        rows = await self._database.fetch(
            PAGE_REPORTS_SQL, subject, wanted.month, wanted.replaced, wanted.user_id, before, size
        )
        return [_report(row) for row in rows]

    async def subscriptions(self, *, subject: Subject | None = None, active: bool = False) -> Sequence[Subscription]:
        """See `ReportStore.subscriptions`."""
        name = None if subject is None else str(subject)
        return [_subscription(row) for row in await self._database.fetch(SUBSCRIPTIONS_SQL, name, active)]

    async def subscribe(self, subscription: Subscription) -> Subscription:
        """See `ReportStore.subscribe`."""
        row = await self._database.fetchrow(
            SUBSCRIBE_SQL,
            str(subscription.subject),
            _user_of(subscription.subject),
            subscription.active,
            [clean(address) for address in subscription.recipients],
            subscription.language,
            subscription.time_zone,
            subscription.since,
        )
        assert row is not None  # noqa: S101  an INSERT … RETURNING gives its row
        return _subscription(row)

    async def dispatched(self, subject: Subject, month: date) -> bool:
        """See `ReportStore.dispatched`."""
        return bool(await self._database.fetchval(DISPATCHED_SQL, str(subject), month))

    async def dispatch(self, subject: Subject, month: date, report_id: int | None, recipients: Sequence[str]) -> bool:
        """See `ReportStore.dispatch`."""

        async def put(connection: asyncpg.Connection) -> bool:
            if await connection.fetchval(DISPATCH_SQL, str(subject), month, report_id) is None:
                return False
            if report_id is not None and recipients:
                await connection.execute(PUT_MAILS_SQL, MailKind.REPORT.value, list(recipients), str(report_id))
            return True

        return await self._database.transaction(put)


def _user_of(subject: Subject) -> int | None:
    return subject.id if subject.kind is TargetKind.USER else None


def _seller(row: asyncpg.Record) -> Seller:
    return Seller(*(row[name] for name in Seller.__struct_fields__))


def _line(row: asyncpg.Record) -> ReportLine:
    return ReportLine(
        session_id=row["id"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        station=row["station"],
        site="",
        outlet=row["evse_id"],
        tag=row["tag"],
        energy_wh=exact(row["charged_wh"]),
        currency=row["currency"] or "",
        vat_percent=row["vat_percent"] or _ZERO,
        net=row["total_excl"] or _ZERO,
        vat=row["vat"] or _ZERO,
        gross=row["total_incl"] or _ZERO,
        place_id=row["place_id"],
    )


def _report(row: asyncpg.Record) -> Report:
    return Report(row["id"], row["number"], _drafts.decode(row["content"]), row["created_at"], row["replaced_by"])


def _subscription(row: asyncpg.Record) -> Subscription:
    return Subscription(
        read_subject(row["subject"]),
        row["active"],
        tuple(row["recipients"]),
        row["language"],
        row["time_zone"],
        row["since"],
    )
