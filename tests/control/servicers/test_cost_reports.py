"""CostReportService over the wire."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import cost_reports_pb2 as pb
from csms.domain.access import Role
from csms.ports.cost_reports import ChargedSessions
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.cost_reports import a_line

pytestmark = pytest.mark.feature("F-SES-9")


async def driver_of(world: ControlWorld) -> str:
    """Who charged in October; signed in anew in November."""
    world.time = datetime(2026, 11, 3, tzinfo=UTC)
    for role in (Role.ADMINISTRATOR, Role.EV_USER):
        world.bearer[role] = (await world.access.sign_in(f"{role.value}@example.org", "charge-2-go")).token
    world.client.token = world.bearer[Role.ADMINISTRATOR]
    user = await world.access_store.find_user_by_email("ev-user@example.org")
    assert user is not None
    lines = tuple(a_line(number) for number in range(1, 29))
    world.report_store.sessions[f"users/{user.id}"] = ChargedSessions(lines)
    return f"users/{user.id}"


async def test_a_report_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    subject = await driver_of(world)
    request = pb.CreateCostReportRequest(subject=subject, month="2026-10")
    made = (await call("cost_reports.CreateCostReport", request)).report
    assert (made.number, made.month, made.session_count, made.subject) == ("000001", "2026-10", 28, subject)
    assert [(total.currency, total.total_incl) for total in made.totals] == [("EUR", "295.12")]
    request.replace = True
    second = (await call("cost_reports.CreateCostReport", request)).report
    world.client.token = world.bearer[Role.EV_USER]
    page = await call("cost_reports.ListCostReports", pb.ListCostReportsRequest(show_replaced=True, page_size=1))
    assert list(page.reports) == [second]
    rest = pb.ListCostReportsRequest(show_replaced=True, page_size=1, page_token=page.next_page_token)
    (old,) = (await call("cost_reports.ListCostReports", rest)).reports
    assert (old.name, old.replaced_by) == (made.name, second.name)
    assert (await call("cost_reports.GetCostReport", pb.GetCostReportRequest(name=made.name))).report == old
    parts = await world.client.collect("cost_reports.DownloadCostReport", pb.DownloadCostReportRequest(name=made.name))
    assert (parts[0].filename, parts[0].content_type) == ("000001.pdf", "application/pdf")
    assert b"".join(part.data for part in parts).startswith(b"%PDF-")


async def test_a_subscription_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    subject = await driver_of(world)
    world.client.token = world.bearer[Role.EV_USER]
    wanted = pb.ReportSubscription(subject=subject, active=True, language="sv")
    set_it = pb.SetReportSubscriptionRequest(subscription=wanted)
    assert (await call("cost_reports.SetReportSubscription", set_it)).subscription == wanted
    listed = await call("cost_reports.ListReportSubscriptions", pb.ListReportSubscriptionsRequest())
    assert list(listed.subscriptions) == [wanted]
    set_it.subscription.subject = "tagGroups/FLEET"
    with pytest.raises(Refused) as refused:
        await call("cost_reports.SetReportSubscription", set_it)
    assert refused.value.reason == "NOT_YOURS"


async def test_the_seller_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    seller = (await call("cost_reports.GetSeller", pb.GetSellerRequest())).seller
    seller.display_name, seller.number_prefix = "Firm", "F-"
    mask = FieldMask(paths=["display_name"])
    changed = (await call("cost_reports.UpdateSeller", pb.UpdateSellerRequest(seller=seller, update_mask=mask))).seller
    assert (changed.display_name, changed.number_prefix, changed.next_number) == ("Firm", "", 1)
    with pytest.raises(Refused) as refused:
        await call("cost_reports.UpdateSeller", pb.UpdateSellerRequest(seller=seller, update_mask=mask))
    assert refused.value.reason == "STALE_VERSION"
