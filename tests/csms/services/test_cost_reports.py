"""Monthly reports."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from csms.domain.access import Principal, Role
from csms.domain.cost_report import Subscription, read_subject
from csms.domain.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.notifications import NotificationKind
from csms.ports.cost_reports import ChargedSessions, ReportFilter
from csms.services.cost_reports import Format
from tests.kit.cost_reports import a_line
from tests.kit.service_world import ADMIN
from tests.kit.tariff_world import TariffWorld

pytestmark = pytest.mark.feature("F-SES-9")
OCTOBER = date(2026, 10, 1)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
FLEET = read_subject("tagGroups/FLEET")


async def a_world(at: datetime) -> tuple[TariffWorld, Principal]:
    """With somebody who charged in October."""
    world = TariffWorld()
    world.time = at
    user = await world.add_user(Role.EV_USER, "driver@example.org")
    world.report_store.sessions[f"users/{user.id}"] = ChargedSessions((a_line(1), a_line(2, vat="6")))
    world.report_store.sessions[str(FLEET)] = ChargedSessions((a_line(3),))
    return world, Principal(f"users/{user.id}", "Driver", Role.EV_USER, user_id=user.id)


async def test_a_report_is_made_once_and_replaced_when_asked() -> None:
    world, driver = await a_world(datetime(2026, 11, 1, 12, 0, tzinfo=UTC))
    subject = read_subject(driver.name)
    made = await world.cost_reports.create(ADMIN, subject, OCTOBER, replace=False, language="")
    assert (made.number, len(made.draft.lines), made.draft.recipient.email) == ("000001", 2, "driver@example.org")
    with pytest.raises(AlreadyExists):
        await world.cost_reports.create(ADMIN, subject, OCTOBER, replace=False, language="")
    again = await world.cost_reports.create(ADMIN, subject, OCTOBER, replace=True, language="sv")
    assert (again.number, again.draft.language) == ("000002", "sv")
    shown = await world.cost_reports.page(driver, ReportFilter(), size=9, before=None)
    assert [each.id for each in shown] == [again.id]


@pytest.mark.feature("F-NEWS-1")
async def test_who_is_reported_on_hears_that_the_report_is_there() -> None:
    world, driver = await a_world(datetime(2026, 11, 1, 12, 0, tzinfo=UTC))
    assert driver.user_id is not None
    clerk = Principal("users/99", "Clerk", Role.ADMINISTRATOR, user_id=99)
    made = await world.cost_reports.create(clerk, read_subject(driver.name), OCTOBER, replace=False, language="")
    await world.cost_reports.create(clerk, FLEET, OCTOBER, replace=False, language="")
    (told,) = await world.report_news.page(driver.user_id, unread=True, size=9)
    assert (told.kind, told.target) == (NotificationKind.REPORT, f"costReports/{made.id}")
    assert told.values == {"title": "000001", "period": "2026-10"}


async def test_a_month_that_is_not_over_has_no_report() -> None:
    world, driver = await a_world(datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
    with pytest.raises(FailedPrecondition, match="2026-11-01"):
        await world.cost_reports.create(ADMIN, read_subject(driver.name), OCTOBER, replace=False, language="")


async def test_a_report_waits_for_costs_that_are_being_computed() -> None:
    world, driver = await a_world(datetime(2026, 11, 2, tzinfo=UTC))
    world.report_store.sessions[driver.name] = ChargedSessions((a_line(1),), pending=1)
    with pytest.raises(FailedPrecondition, match="moment"):
        await world.cost_reports.create(ADMIN, read_subject(driver.name), OCTOBER, replace=False, language="")
    with pytest.raises(FailedPrecondition, match="Nothing"):
        await world.cost_reports.create(ADMIN, read_subject("tagGroups/OTHER"), OCTOBER, replace=False, language="")
    with pytest.raises(NotFound):
        await world.cost_reports.create(ADMIN, read_subject("users/999"), OCTOBER, replace=False, language="")


async def test_nobody_reads_the_reports_of_others() -> None:
    world, driver = await a_world(datetime(2026, 11, 2, tzinfo=UTC))
    theirs = await world.cost_reports.create(ADMIN, read_subject(driver.name), OCTOBER, replace=False, language="")
    others = await world.cost_reports.create(ADMIN, FLEET, OCTOBER, replace=False, language="")
    assert (await world.cost_reports.get(driver, theirs.id)).id == theirs.id
    assert (await world.cost_reports.file(driver, theirs.id, Format.PDF)).data.startswith(b"%PDF-")
    with pytest.raises(NotFound):
        await world.cost_reports.get(driver, others.id)
    assert await world.cost_reports.subscriptions(driver, FLEET) == []
    with pytest.raises(PermissionDenied):
        await world.cost_reports.subscribe(driver, Subscription(FLEET, True, ("me@example.org",)))
    mine = Subscription(read_subject(driver.name), True, ("spy@example.org",))
    with pytest.raises(PermissionDenied):
        await world.cost_reports.subscribe(driver, mine)
    with pytest.raises(PermissionDenied):
        await world.cost_reports.create(driver, read_subject(driver.name), OCTOBER, replace=True, language="")
    key = Principal("apiKeys/1", "Key", Role.SUPPORT)
    with pytest.raises(PermissionDenied):
        await world.cost_reports.page(key, ReportFilter(), size=9, before=None)


async def test_reports_leave_once_on_the_first_in_the_zone_of_the_user() -> None:
    world, driver = await a_world(datetime(2026, 10, 15, tzinfo=UTC))
    subject = read_subject(driver.name)
    await world.cost_reports.subscribe(driver, Subscription(subject, True, time_zone="Pacific/Auckland"))
    world.time = datetime(2026, 10, 31, 16, 59, tzinfo=UTC)  # 05:59 on 1 November in Auckland
    assert await world.cost_reports.sweep() == 0
    world.time += timedelta(minutes=1)
    assert await world.cost_reports.sweep() == 1
    assert await world.cost_reports.sweep() == 0
    (waiting,) = await world.mail_queue.take(LATER, size=9, lease_until=LATER)
    letter = await world.cost_reports.write(waiting)
    assert letter is not None
    assert (letter.recipient, letter.subject) == ("driver@example.org", "Charging report October 2026")
    assert [(each.filename, each.data[:2]) for each in letter.attachments] == [
        ("000001.pdf", b"%P"),
        ("000001.xlsx", b"PK"),
    ]
    assert "2 sessions, 70.268 kWh" in letter.body


async def test_a_month_in_which_nothing_was_charged_brings_no_mail() -> None:
    world, _ = await a_world(datetime(2026, 10, 15, tzinfo=UTC))
    await world.cost_reports.subscribe(ADMIN, Subscription(read_subject("tagGroups/OTHER"), True, ("a@example.org",)))
    world.time = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    assert await world.cost_reports.sweep() == 1
    assert await world.cost_reports.sweep() == 0
    assert await world.mail_queue.take(LATER, size=9, lease_until=LATER) == []


async def test_months_before_the_subscription_are_not_sent_and_pending_ones_later() -> None:
    world, _ = await a_world(datetime(2026, 11, 3, tzinfo=UTC))
    await world.cost_reports.subscribe(ADMIN, Subscription(FLEET, True, ("a@example.org",)))
    assert await world.cost_reports.sweep() == 0
    line = msgspec.structs.replace(a_line(3), ended_at=datetime(2026, 11, 5, tzinfo=UTC))
    world.report_store.sessions[str(FLEET)] = ChargedSessions((line,), pending=1)
    world.time = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
    assert await world.cost_reports.sweep() == 0
    world.report_store.sessions[str(FLEET)] = ChargedSessions((line,))
    assert await world.cost_reports.sweep() == 1


async def test_the_seller_stands_on_the_report_as_it_was() -> None:
    world, _ = await a_world(datetime(2026, 11, 3, tzinfo=UTC))
    await world.cost_reports.update_seller(ADMIN, {"name": " Firm ", "number_prefix": "R-"}, version=None)
    made = await world.cost_reports.create(ADMIN, FLEET, OCTOBER, replace=False, language="")
    await world.cost_reports.update_seller(ADMIN, {"name": "Other"}, version=None)
    found = await world.cost_reports.get(ADMIN, made.id)
    assert (found.number, found.draft.seller.name) == ("R-000001", "Firm")
    with pytest.raises(InvalidArgument):
        await world.cost_reports.update_seller(ADMIN, {"number_prefix": "a b"}, version=None)
