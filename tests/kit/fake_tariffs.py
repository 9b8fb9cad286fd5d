"""TariffStore, SessionCostStore and ReportStore in memory."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec

from csms.domain.consumption import Sample
from csms.domain.cost_report import (
    Report,
    ReportDraft,
    Seller,
    Subject,
    Subscription,
    read_subject,
)
from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.records import Record, SessionRecord
from csms.domain.tariff import Tariff
from csms.domain.tariff_book import (
    Assignment,
    InForce,
    NamedTariff,
    SessionCost,
    Target,
    TariffVersion,
    version_at,
)
from csms.domain.transaction import SessionState
from csms.ports.cost_reports import ChargedSessions, ReportFilter
from csms.ports.outbox import MailKind
from csms.ports.tariffs import CostedSession, DueCost, ShownCost, Spending
from tests.kit.fake_people import FakeMailQueue
from tests.kit.fake_tables import FakeTables


class FakeTariffs:
    """As PostgreSQL would. `used`: ids of versions by which a session was priced."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables
        self._tariffs: dict[int, NamedTariff] = {}
        self._assignments: list[Assignment] = []
        self._ids = itertools.count(1)
        self.used: set[int] = set()

    async def page(
        self, *, query: str, retired: bool, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[NamedTariff], int]:
        self._tables.check()
        query = query.strip().lower()
        found = [
            each
            for each in self._tariffs.values()
            if (retired or not each.retired) and (query in each.name.lower() or query in each.description.lower())
        ]
        found.sort(key=lambda each: (each.name.lower(), each.id))
        rest = [each for each in found if after is None or (each.name.lower(), each.id) > after]
        return rest[:size], len(found)

    async def get(self, tariff_ids: Sequence[int]) -> Mapping[int, NamedTariff]:
        self._tables.check()
        return {number: self._tariffs[number] for number in tariff_ids if number in self._tariffs}

    async def version(self, version_id: int) -> TariffVersion | None:
        self._tables.check()
        versions = (version for each in self._tariffs.values() for version in each.versions)
        return next((version for version in versions if version.id == version_id), None)

    async def create(self, name: str, description: str, terms: Tariff, valid_from: datetime) -> NamedTariff:
        self._tables.check()
        self._unique(name, 0)
        number, now = next(self._ids), self._tables.now()
        first = TariffVersion(next(self._ids), number, 1, valid_from, terms, now)
        self._tariffs[number] = NamedTariff(number, name, description, False, (first,), 1, now, now)
        return self._tariffs[number]

    async def update(
        self, tariff: NamedTariff, *, terms: Tariff | None, valid_from: datetime, version: int | None
    ) -> NamedTariff:
        old = self._must(tariff.id)
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this tariff meanwhile. Reload it and try again.")
        if not tariff.retired:
            self._unique(tariff.name, tariff.id)
        now, versions = self._tables.now(), old.versions
        if terms is not None:
            made = TariffVersion(next(self._ids), tariff.id, len(versions) + 1, valid_from, terms, now)
            versions = (*versions, made)
        self._tariffs[tariff.id] = msgspec.structs.replace(
            tariff, versions=versions, version=old.version + 1, updated_at=now
        )
        return self._tariffs[tariff.id]

    async def delete(self, tariff_id: int) -> None:
        old = self._must(tariff_id)
        assigned = any(each.tariff_id == tariff_id for each in self._assignments)
        if assigned or any(version.id in self.used for version in old.versions):
            raise FailedPrecondition("This tariff is or was in use. Retire it instead.", reason="TARIFF_IN_USE")
        del self._tariffs[tariff_id]

    async def assign(self, target: Target, tariff_id: int | None, at: datetime) -> Assignment | None:
        self._tables.check()
        if tariff_id is not None and self._must(tariff_id).retired:
            raise FailedPrecondition("This tariff is retired.", reason="TARIFF_RETIRED")
        self._assignments = [
            msgspec.structs.replace(each, valid_to=max(at, each.valid_from))
            if each.target == target and each.valid_to is None
            else each
            for each in self._assignments
        ]
        if tariff_id is None:
            return None
        self._assignments.append(Assignment(next(self._ids), target, tariff_id, at))
        return self._assignments[-1]

    async def assignments(self, *, tariff_id: int | None = None, target: Target | None = None) -> Sequence[Assignment]:
        self._tables.check()
        found = [
            each
            for each in self._assignments
            if each.valid_to is None and tariff_id in (None, each.tariff_id) and target in (None, each.target)
        ]
        return sorted(found, key=lambda each: str(each.target))

    async def assigned_since(self, at: datetime) -> Sequence[Assignment]:
        self._tables.check()
        found = [each for each in self._assignments if each.valid_to is None or each.valid_to > at]
        return sorted(found, key=lambda each: (str(each.target), each.valid_from, each.id))

    async def in_force(self, targets: Sequence[Target], at: datetime) -> Sequence[InForce]:
        self._tables.check()
        found = []
        for each in self._assignments:
            holds = each.valid_from <= at and (each.valid_to is None or at < each.valid_to)
            tariff = self._tariffs[each.tariff_id]
            version = version_at(tariff.versions, at)
            if holds and each.target in targets and version is not None:
                found.append(InForce(each.target, tariff.name, version))
        return found

    async def driver(self, id_token: str) -> tuple[int | None, str]:
        self._tables.check()
        found = (each for each in self._tables.tokens.values() if each.id_token == id_token)
        return next(((each.user_id, each.parent_id_token or "") for each in found), (None, ""))

    def _must(self, tariff_id: int) -> NamedTariff:
        self._tables.check()
        if tariff_id not in self._tariffs:
            raise NotFound(f"There is no tariff {tariff_id} (any more).", reason="TARIFF_NOT_FOUND")
        return self._tariffs[tariff_id]

    def _unique(self, name: str, but: int) -> None:
        for each in self._tariffs.values():
            if each.id != but and not each.retired and each.name.lower() == name.lower():
                raise AlreadyExists(f"There is already a tariff {name}.", reason="TARIFF_NAME_TAKEN")


class FakeSessionCosts:
    """Sessions that are written as ended become due by themselves; `order` does it by hand."""

    def __init__(self, tables: FakeTables, tariffs: FakeTariffs) -> None:
        self._tables = tables
        self._tariffs = tariffs
        self._due: dict[int, DueCost] = {}
        self._numbers = itertools.count(1)
        self._costs: dict[int, list[SessionCost]] = {}
        self.showing: set[int] = set()
        """Stations that show costs."""
        tables.takers.append(self._take)
        tables.driver_watchers.append(lambda number: self.order(number, driver_changed=True))

    async def shown(self, size: int) -> Sequence[ShownCost]:
        self._tables.check()
        found = [
            ShownCost(each.id, each.station_id, each.transaction_id)
            for each in self._tables.open_sessions()
            if each.sequence is not None and each.station_id in self.showing
        ]
        return found[:size]

    def order(self, session_id: int, *, driver_changed: bool = False) -> None:
        number = next(self._numbers)
        self._due[number] = DueCost(number, session_id, driver_changed)

    async def due(self, size: int) -> Sequence[DueCost]:
        self._tables.check()
        return list(self._due.values())[:size]

    async def settled(self, orders: Sequence[int]) -> None:
        self._tables.check()
        for number in orders:
            self._due.pop(number, None)

    async def session(self, session_id: int) -> CostedSession | None:
        self._tables.check()
        found = self._tables.sessions.get(session_id)
        if found is None:
            return None
        ended = found.state is SessionState.ENDED
        right = self._tables.corrections.get(session_id)
        shown = found.id_token if right is None or right.id_token is None else right.id_token
        _, group = await self._tariffs.driver(shown)
        return CostedSession(
            session_id,
            found.station_id if found.station_id in self._tables.stations else None,
            found.evse_id,
            self._tables.session_places.get(session_id, 1),
            self._tables.session_users.get(session_id),
            group,
            found.started_at,
            (found.stopped_at or found.stop_logged_at or found.logged_at) if ended else None,
            found.logged_at,
            found.energy_wh,
            ended,
            None,
            found.meter_start_wh,
        )

    async def readings(self, session_id: int) -> Sequence[Sample]:
        self._tables.check()
        found = [each for each in self._tables.meter_values.values() if each.session_id == session_id]
        found.sort(key=lambda each: (each.measured_at, each.digest))
        return [Sample(each.measured_at, each.energy_wh, each.power_w) for each in found]

    async def keep(self, cost: SessionCost, *, after: int, at: datetime) -> SessionCost | None:
        self._tables.check()
        known = self._costs.setdefault(cost.session_id, [])
        if len(known) != after or cost.session_id not in self._tables.sessions:
            return None
        if cost.tariff_version_id is not None:
            self._tariffs.used.add(cost.tariff_version_id)
        known.append(msgspec.structs.replace(cost, revision=after + 1, computed_at=at))
        return known[-1]

    async def costs(self, session_ids: Sequence[int]) -> Mapping[int, SessionCost]:
        self._tables.check()
        return {number: self._costs[number][-1] for number in session_ids if self._costs.get(number)}

    async def earlier(self, session_id: int) -> Sequence[SessionCost]:
        self._tables.check()
        return self._costs.get(session_id, [])[-2::-1]

    async def spent(
        self, *, user_id: int | None = None, group: str = "", since: datetime, until: datetime
    ) -> Sequence[Spending]:
        found: dict[str, Spending] = {}
        for number, costs in self._costs.items():
            session = await self.session(number)
            if session is None or not costs:
                continue
            began = session.started_at or session.logged_at
            theirs = user_id in (None, session.user_id) and group in ("", session.group)
            if theirs and session.ended and since <= began < until:
                last = costs[-1]
                old = found.get(last.currency, Spending(last.currency, last.gross * 0, 0.0))
                found[last.currency] = Spending(
                    last.currency, old.gross + last.gross, old.energy_wh + session.energy_wh
                )
        return [found[currency] for currency in sorted(found)]

    def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, SessionRecord) and record.transaction.state is SessionState.ENDED:
                self.order(record.transaction.id)


class FakeReports:
    """What was charged is what a test puts into `sessions`."""

    def __init__(self, tables: FakeTables, queue: FakeMailQueue) -> None:
        self._tables = tables
        self._queue = queue
        self._seller = Seller()
        self._reports: dict[int, Report] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._dispatched: dict[tuple[str, date], int | None] = {}
        self.sessions: dict[str, ChargedSessions] = {}

    async def seller(self) -> Seller:
        self._tables.check()
        return self._seller

    async def update_seller(self, seller: Seller, *, version: int | None) -> Seller:
        self._tables.check()
        if version is not None and version != self._seller.version:
            raise StaleVersion("Somebody else has changed the seller meanwhile.")
        self._seller = msgspec.structs.replace(
            seller, next_number=self._seller.next_number, version=self._seller.version + 1
        )
        return self._seller

    async def charged(self, subject: Subject, since: datetime, until: datetime) -> ChargedSessions:
        self._tables.check()
        found = self.sessions.get(str(subject), ChargedSessions(()))
        return msgspec.structs.replace(found, lines=tuple(x for x in found.lines if since <= x.ended_at < until))

    async def create(self, draft: ReportDraft, at: datetime, *, replace: bool) -> Report:
        old = await self.find(read_subject(draft.subject), draft.month)
        if old is not None and not replace:
            raise AlreadyExists("There is already a report of that month.", reason="REPORT_EXISTS")
        number = len(self._reports) + 1
        text = f"{self._seller.number_prefix}{self._seller.next_number:06}"
        self._seller = msgspec.structs.replace(self._seller, next_number=self._seller.next_number + 1)
        self._reports[number] = Report(number, text, draft, at)
        if old is not None:
            self._reports[old.id] = msgspec.structs.replace(old, replaced_by=number)
        return self._reports[number]

    async def get(self, report_id: int) -> Report | None:
        self._tables.check()
        return self._reports.get(report_id)

    async def find(self, subject: Subject, month: date) -> Report | None:
        self._tables.check()
        for each in self._reports.values():
            if (each.draft.subject, each.draft.month, each.replaced_by) == (str(subject), month, None):
                return each
        return None

    async def page(self, wanted: ReportFilter, *, size: int, before: int | None) -> Sequence[Report]:
        self._tables.check()
        found = [
            each
            for each in reversed(self._reports.values())
            if (wanted.subject is None or each.draft.subject == str(wanted.subject))
            and wanted.month in (None, each.draft.month)
            and (wanted.replaced or each.replaced_by is None)
            and (wanted.user_id is None or each.draft.subject == f"users/{wanted.user_id}")
            and (before is None or each.id < before)
        ]
        return found[:size]

    async def subscriptions(self, *, subject: Subject | None = None, active: bool = False) -> Sequence[Subscription]:
        self._tables.check()
        found = [self._subscriptions[name] for name in sorted(self._subscriptions)]
        return [each for each in found if subject in (None, each.subject) and (each.active or not active)]

    async def subscribe(self, subscription: Subscription) -> Subscription:
        self._tables.check()
        old = self._subscriptions.get(str(subscription.subject))
        if old is not None and old.active:
            subscription = msgspec.structs.replace(subscription, since=old.since)
        self._subscriptions[str(subscription.subject)] = subscription
        return subscription

    async def dispatched(self, subject: Subject, month: date) -> bool:
        self._tables.check()
        return (str(subject), month) in self._dispatched

    async def dispatch(self, subject: Subject, month: date, report_id: int | None, recipients: Sequence[str]) -> bool:
        if await self.dispatched(subject, month):
            return False
        self._dispatched[str(subject), month] = report_id
        for address in recipients if report_id is not None else ():
            await self._queue.put(MailKind.REPORT, address, body=str(report_id))
        return True
