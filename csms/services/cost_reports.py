"""Monthly reports: made by hand or on the 1st, read, printed, and sent by mail exactly once."""

from __future__ import annotations

import html
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal, Reach, check, denied, reach
from csms.domain.cost_report import (
    Recipient,
    Report,
    ReportDraft,
    ReportLine,
    Seller,
    Subject,
    Subscription,
    check_seller,
    check_subscription,
    month_before,
    next_month,
    span_of,
)
from csms.domain.errors import DomainError, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from csms.domain.notifications import NotificationKind
from csms.domain.people import LANGUAGES, Person
from csms.domain.tariff_book import TargetKind
from csms.domain.topology import SYSTEM_ID, Tree
from csms.ports.cost_reports import ReportFilter, ReportPrinter, ReportStore
from csms.ports.notifications import Notifier
from csms.ports.outbox import Attachment, Mail, WaitingMail
from csms.ports.people import PeopleStore
from csms.services.audit import note_change
from csms.services.report_texts import energy_text, month_text, words_of

SWEEP_SECONDS: Final = 300.0
SEND_AFTER: Final = timedelta(hours=6)
"""So long after the month is over its reports leave: what stations kept back has come by then."""
PDF_TYPE: Final = "application/pdf"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SELLER_FIELDS: Final = ("name", "address", "email", "vat_number", "registration", "footer", "number_prefix")

_log = structlog.get_logger("csms.cost_reports")


class Format(StrEnum):
    """As what a report is wanted."""

    PDF = "pdf"
    XLSX = "xlsx"


class CostReports:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away. `run` is a task for
    the nursery of the application."""

    def __init__(
        self,
        store: ReportStore,
        people: PeopleStore,
        printer: ReportPrinter,
        tree: Callable[[], Tree],
        *,
        now: Callable[[], datetime],
        wake_mails: Callable[[], None] = lambda: None,
        notifier: Notifier | None = None,
    ) -> None:
        self._notifier = notifier
        self._store = store
        self._people = people
        self._printer = printer
        self._tree = tree
        self._now = now
        self._wake_mails = wake_mails

    # -- reports ---------------------------------------------------------------------------------------------------

    async def create(self, caller: Principal, subject: Subject, month: date, *, replace: bool, language: str) -> Report:
        """Raises NotFound, InvalidArgument, AlreadyExists, FailedPrecondition/MONTH_NOT_OVER, /NOTHING_CHARGED and
        /COSTS_PENDING."""
        check(caller, Action.MANAGE_REPORTS)
        if language and language not in LANGUAGES:
            raise InvalidArgument(f"Languages are {', '.join(LANGUAGES)}.", reason="INVALID_LANGUAGE")
        known = await self._store.subscriptions(subject=subject)
        settings = known[0] if known else Subscription(subject, active=False)
        if language:
            settings = msgspec.structs.replace(settings, language=language)
        draft = await self._draft(settings, month)
        if not draft.lines:
            raise FailedPrecondition("Nothing was charged in that month.", reason="NOTHING_CHARGED")
        made = await self._store.create(draft, self._now(), replace=replace)
        note_change(f"costReports/{made.id}")
        if caller.name != str(subject):
            await self._notify(subject, made)
        return made

    async def get(self, caller: Principal, report_id: int) -> Report:
        """Raises NotFound."""
        own = self._only(caller)
        found = await self._store.get(report_id)
        if found is None or (own is not None and found.draft.subject != f"users/{own}"):
            raise NotFound(f"There is no report {report_id}.", reason="REPORT_NOT_FOUND")
        return found

    async def page(self, caller: Principal, wanted: ReportFilter, *, size: int, before: int | None) -> Sequence[Report]:
        """Newest first."""
        wanted = msgspec.structs.replace(wanted, user_id=self._only(caller))
        return await self._store.page(wanted, size=size, before=before)

    async def file(self, caller: Principal, report_id: int, form: Format) -> Attachment:
        """A report as a file. Raises NotFound."""
        return await self._file(await self.get(caller, report_id), form)

    # -- who gets them ---------------------------------------------------------------------------------------------

    async def subscriptions(self, caller: Principal, subject: Subject | None) -> Sequence[Subscription]:
        """All that the caller sees, by subject."""
        own = self._only(caller)
        if own is None:
            return await self._store.subscriptions(subject=subject)
        mine = Subject(TargetKind.USER, own)
        return [] if subject not in (None, mine) else await self._store.subscriptions(subject=mine)

    async def subscribe(self, caller: Principal, wanted: Subscription) -> Subscription:
        """On or off, from the present month on. People may do so for themselves. Raises InvalidArgument, NotFound."""
        own = self._only(caller)
        if own is not None:
            if wanted.subject != Subject(TargetKind.USER, own):
                raise PermissionDenied("Only your own reports can be switched on here.", reason="NOT_YOURS")
            if wanted.recipients:
                raise PermissionDenied(
                    "Your reports go to your own address. Ask an administrator to have them sent elsewhere.",
                    reason="NOT_YOURS",
                )
        else:
            check(caller, Action.MANAGE_REPORTS)
        check_subscription(wanted)
        person = await self._person(wanted.subject)
        zone = self._zone(wanted, person)
        known = await self._store.subscriptions(subject=wanted.subject)
        since = self._now().astimezone(zone).date().replace(day=1)
        made = await self._store.subscribe(msgspec.structs.replace(wanted, since=since))
        note_change(str(wanted.subject), _view(known[0]) if known else None, _view(made))
        return made

    # -- who issues them -------------------------------------------------------------------------------------------

    async def seller(self, caller: Principal) -> Seller:
        """Who issues reports."""
        check(caller, Action.MANAGE_REPORTS)
        return await self._store.seller()

    async def update_seller(self, caller: Principal, changes: Mapping[str, str], *, version: int | None) -> Seller:
        """Of SELLER_FIELDS. Raises InvalidArgument, StaleVersion."""
        check(caller, Action.MANAGE_REPORTS)
        old = await self._store.seller()
        new = msgspec.structs.replace(old, **{name: text.strip() for name, text in changes.items()})
        check_seller(new)
        made = await self._store.update_seller(new, version=old.version if version is None else version)
        note_change("seller", old, made)
        return made

    # -- by itself -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send what is due, for ever. Several processes may: the database lets one of them put each mail."""
        while True:
            try:
                await self.sweep()
            except Unavailable as error:
                _log.info("reports are made later", reason=error.message)
            await trio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> int:
        """Make the reports of the month before where they are wanted and not yet dealt with, and put their mails. How
        many months were dealt with."""
        dealt = 0
        for wanted in await self._store.subscriptions(active=True):
            try:
                dealt += await self._deal(wanted)
            except Unavailable:
                raise
            except DomainError as error:
                _log.warning("a report is not made", subject=str(wanted.subject.kind), reason=error.message)
        return dealt

    async def write(self, waiting: WaitingMail) -> Mail | None:
        """The letter that brings a report (`Mails.written_by`)."""
        report = await self._store.get(int(waiting.body)) if waiting.body.isdecimal() else None
        if report is None:
            return None
        draft = report.draft
        words, month = words_of(draft.language), month_text(draft.month, draft.language)
        sessions = words.sessions.format(count=len(draft.lines), energy=energy_text(draft.energy_wh, draft.language))
        greeting = words.greeting.replace("{name}", " ".join(draft.recipient.name.split()))
        body = words.body.format(number=report.number, month=month, sessions=sessions)
        page = (
            f'<!doctype html><html lang="{draft.language}"><head><meta charset="utf-8"></head>'
            '<body style="font-family:sans-serif;line-height:1.5;color:#1c2430">'
            f"<p>{html.escape(greeting)}</p><p>{html.escape(body)}</p></body></html>"
        )
        return Mail(
            waiting.recipient,
            words.subject.format(month=month),
            f"{greeting}\n\n{body}\n",
            page,
            attachments=(await self._file(report, Format.PDF), await self._file(report, Format.XLSX)),
        )

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _deal(self, wanted: Subscription) -> bool:
        person = await self._person(wanted.subject)
        local = self._now().astimezone(self._zone(wanted, person)) - SEND_AFTER
        month = month_before(local.date())
        if wanted.since is None or month < wanted.since or await self._store.dispatched(wanted.subject, month):
            return False
        recipients = list(wanted.recipients or ([person.email] if person is not None and not person.blocked else []))
        report = await self._store.find(wanted.subject, month)
        if report is None:
            draft = await self._draft(wanted, month)
            if draft.lines:
                report = await self._store.create(draft, self._now(), replace=False)
        number = None if report is None else report.id
        dealt = await self._store.dispatch(wanted.subject, month, number, recipients)
        if dealt and report is not None:
            self._wake_mails()
            await self._notify(wanted.subject, report)
        return dealt

    async def _notify(self, subject: Subject, report: Report) -> None:
        """Its user, that it is there. Losing this does no harm: the report is in the list."""
        if self._notifier is None or subject.kind is not TargetKind.USER:
            return
        values = {"title": report.number, "period": f"{report.draft.month:%Y-%m}"}
        await self._notifier.notify([subject.id], NotificationKind.REPORT, values, target=f"costReports/{report.id}")

    async def _draft(self, settings: Subscription, month: date) -> ReportDraft:
        person = await self._person(settings.subject)
        zone = self._zone(settings, person)
        since, until = span_of(month, zone)
        if until > self._now():
            raise FailedPrecondition(
                f"The month is not over. Its report can be made from {next_month(month)} on.", reason="MONTH_NOT_OVER"
            )
        charged = await self._store.charged(settings.subject, since, until)
        if charged.pending:
            raise FailedPrecondition(
                f"Costs of sessions in it are still being computed ({charged.pending}). Try again in a moment.",
                reason="COSTS_PENDING",
            )
        if person is None:
            recipient, language = Recipient(settings.subject.group), ""
        else:
            recipient = Recipient(person.display_name, person.email, person.customer_number, person.employee_number)
            language = person.language
        tree = self._tree()
        return ReportDraft(
            str(settings.subject),
            month,
            zone.key,
            settings.language or language or "en",
            await self._store.seller(),
            recipient,
            tuple(_placed(line, tree) for line in charged.lines),
        )

    async def _person(self, subject: Subject) -> Person | None:
        if subject.kind is not TargetKind.USER:
            return None
        found = await self._people.find(subject.id)
        if found is None:
            raise NotFound(f"There is no user {subject.id} (any more).", reason="USER_NOT_FOUND")
        return found

    def _zone(self, settings: Subscription, person: Person | None) -> zoneinfo.ZoneInfo:
        own = "" if person is None else person.time_zone
        name = settings.time_zone or own or self._tree().time_zone_of(SYSTEM_ID)
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidArgument(
                f"There is no time zone {name[:60]!r}. Time zones look like Europe/Stockholm.",
                reason="INVALID_TIME_ZONE",
            ) from error

    async def _file(self, report: Report, form: Format) -> Attachment:
        name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in report.number)
        if form is Format.PDF:
            return Attachment(f"{name}.pdf", PDF_TYPE, await self._printer.pdf(report))
        return Attachment(f"{name}.xlsx", XLSX_TYPE, await self._printer.xlsx(report))

    def _only(self, caller: Principal) -> int | None:
        """The user whose reports alone the caller sees; None: all."""
        far = reach(caller, Action.READ_REPORTS)
        if far is Reach.ALL:
            return None
        if far is Reach.NONE or caller.user_id is None:
            raise denied(caller, Action.READ_REPORTS)
        return caller.user_id


def _placed(line: ReportLine, tree: Tree) -> ReportLine:
    """With the name of its site."""
    try:
        site = tree.site_of(line.place_id)
    except NotFound:
        return line
    return line if site is None else msgspec.structs.replace(line, site=site.name)


class _Shown(msgspec.Struct, frozen=True):
    """A subscription for the audit log."""

    active: bool
    recipients: tuple[str, ...]
    language: str
    time_zone: str


def _view(subscription: Subscription) -> _Shown:
    return _Shown(subscription.active, subscription.recipients, subscription.language, subscription.time_zone)
