"""Monthly reports as administrators and drivers use them, on the real product."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, expect

from tests.kit.charging import a_charge
from tests.kit.house import House
from tests.kit.looks import complaints
from tests.kit.online import online
from tests.kit.pressing import press
from webui.pages.reports import last_month

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def month(house: House) -> str:
    """The month before this one, in which the driver charged."""
    made = {"identity": "REP-1", "display_name": "Report Lane", "place": house.names["South Yard"]}
    house.ask("stations.CreateStation", station=made)
    now = datetime.now(tz=UTC)
    with online(house.product, "REP-1") as link:
        a_charge(link, "04AA11BB22CC80", now.replace(day=1, hour=12) - timedelta(days=5))
    return last_month(now)


@pytest.mark.feature("F-SES-9")
def test_a_report_is_made_read_as_pdf_and_workbook_and_made_anew_only_when_that_is_wanted(
    house: House, chromium: Browser, month: str, tmp_path: Path
) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/reports")
    seller = page.locator("form[action='/reports/seller']")
    seller.get_by_label("Name of the company").fill("Harbour Power AB")
    seller.get_by_label("Report numbers begin with").fill("HP-")
    press(seller.get_by_role("button", name="Save"))
    expect(page.get_by_text("Saved. It counts for reports")).to_be_visible()
    form = page.locator("form[action='/reports/create']")
    for round_ in ("made", "refused", "replaced"):
        form.locator("select[name=user]").select_option(house.names["driver"])
        form.get_by_label("Month").fill(month)
        if round_ == "replaced":
            form.get_by_label("In its place").check()
        press(form.get_by_role("button", name="Make the report"))
        while page.get_by_text("being computed").count():  # the charge has only just ended
            page.wait_for_timeout(250)
            press(form.get_by_role("button", name="Make the report"))
        words = "There is a report of this month already." if round_ == "refused" else "The report is made."
        expect(page.get_by_text(words)).to_be_visible()
    row = page.locator("table tbody tr").first
    expect(row).to_contain_text("HP-")
    for ending, words in (("pdf", "PDF"), ("xlsx", "XLSX")):
        with page.expect_download() as download:
            row.get_by_role("link", name=words).click()
        download.value.save_as(tmp_path / f"report.{ending}")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    cells = [
        c for row in openpyxl.load_workbook(tmp_path / "report.xlsx").active.iter_rows(values_only=True) for c in row
    ]
    assert "Harbour Power AB" in str(cells)
    visit.close()


@pytest.mark.feature("F-SES-9")
def test_mails_are_switched_on_for_others_by_administrators(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/reports")
    form = page.locator("form.stack[action='/reports/subscribe']")
    form.get_by_label("group").fill("fleet")
    form.get_by_label("Recipients").fill("books@example.org, boss@example.org")
    press(form.get_by_role("button", name="Send each month"))
    expect(page.get_by_text("books@example.org, boss@example.org")).to_be_visible()
    press(page.get_by_role("button", name="Switch off for Group FLEET"))
    expect(page.get_by_role("button", name="Switch on for Group FLEET")).to_be_visible()
    [kept] = house.ask("cost_reports.ListReportSubscriptions", subject="tagGroups/FLEET").subscriptions
    assert (kept.active, list(kept.recipients)) == (False, ["books@example.org", "boss@example.org"])
    visit.close()


@pytest.mark.feature("F-SES-9")
def test_a_driver_reads_own_reports_on_a_phone_and_switches_the_mails_on(
    house: House, chromium: Browser, month: str
) -> None:
    house.ask("cost_reports.CreateCostReport", subject=house.names["driver"], month=month, replace=True)
    visit = house.page(chromium, "driver", width=390)
    page = visit.page
    page.goto("/reports")
    expect(page.get_by_role("heading", name="My monthly reports")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="as PDF").first.click()
    assert download.value.suggested_filename.endswith(".pdf")
    press(page.get_by_role("button", name="Switch the mails on"))
    expect(page.get_by_role("button", name="Switch the mails off")).to_be_visible()
    expect(page.get_by_text("Make a report")).to_have_count(0)
    visit.close()
    with house.visitor("driver") as client:
        assert client.post("/reports/seller", data={"display_name": "Me"}).status_code == 403


def test_nothing_is_wrong_with_the_pages(house: House, chromium: Browser, month: str) -> None:
    assert complaints(house, chromium, "admin", "/reports") == []
    assert complaints(house, chromium, "driver", "/reports") == []
