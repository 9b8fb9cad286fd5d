"""Tariffs, costs and reports on the real product: a session is priced by itself, and a month becomes a PDF."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.kit.desk import Denied, Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product
from tests.kit.product import product as start_product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system]
TERMS = {"currency": "EUR", "vat_percent": "21", "elements": [{"kind": "PRICE_KIND_ENERGY", "price": "0.30"}]}
DAYS_AGO = 40


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with start_product() as made:
        yield made


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


async def charge(cp: Simulator, tag: str, wh: int, *, ago: float = 0.0) -> None:
    """An hour that ended `ago` seconds ago."""
    begin, end = moment(-ago - 3600), moment(-ago)
    started = await cp.send(cp.calls.StartTransaction(connector_id=1, id_tag=tag, meter_start=0, timestamp=begin))
    number = started["transactionId"]
    await cp.send(cp.calls.StopTransaction(transaction_id=number, meter_stop=wh, timestamp=end))


async def cost_of(desk: Desk, session: str) -> Any:
    """None until it has ended and is priced."""
    try:
        return (await desk.call("tariffs.GetSessionCost", session=session)).session_cost
    except Denied:
        return None


async def guests(desk: Desk) -> None:
    """They pay less."""
    cheap = {**TERMS, "elements": [{"kind": "PRICE_KIND_ENERGY", "price": "0.10"}]}
    tariff = (await desk.call("tariffs.CreateTariff", tariff={"display_name": "Guests", "terms": cheap})).tariff
    await desk.call("tariffs.AssignTariff", target="tagGroups/GUESTS", tariff=tariff.name)
    await desk.add_token("GUESTCARD", parent_id_token="GUESTS")


@pytest.mark.feature("F-SES-6", "F-SES-9")
async def test_a_session_is_priced_and_a_month_becomes_a_report(running: Product, desk: Desk) -> None:
    tariff = (await desk.call("tariffs.CreateTariff", tariff={"display_name": "Day", "terms": TERMS})).tariff
    await desk.add_token("FLEETCARD", parent_id_token="FLEET")
    await guests(desk)
    name = await desk.add_station("CP-COST")
    async with simulator(running, "CP-COST", "1.6") as cp:
        await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
        await charge(cp, "FLEETCARD", 10_000, ago=DAYS_AGO * 86_400)
        (old,) = await desk.until(lambda: desk.sessions(name), lambda found: found and found[0].stop_time.seconds)
        unpriced = await desk.until(lambda: cost_of(desk, old.name), bool, "computed")
        assert (unpriced.revision, unpriced.tariff_version, unpriced.cost.currency) == (1, "", "")

        await desk.call("tariffs.AssignTariff", target=f"{name}/evses/1", tariff=tariff.name)
        held = await desk.call("tariffs.GetTariffFor", station=name, evse_id=1, id_token="FLEETCARD")
        assert (held.tariff_display_name, held.target) == ("Day", f"{name}/evses/1")
        begun = {"connector_id": 1, "id_tag": "FLEETCARD", "meter_start": 0, "timestamp": moment(1)}
        number = (await cp.send(cp.calls.StartTransaction(**begun)))["transactionId"]
        running_cost = await desk.call("tariffs.GetRunningCost", session=f"sessions/{number}")
        assert running_cost.cost.total_incl == "0.00"
        await cp.send(cp.calls.StopTransaction(transaction_id=number, meter_stop=20_000, timestamp=moment(2)))
        cost = await desk.until(lambda: cost_of(desk, f"sessions/{number}"), bool, "computed")
        assert (cost.cost.total_incl, cost.cost.total_excl, cost.tariff_display_name) == ("6.00", "4.96", "Day")
        assert [line.text for line in cost.cost.lines] == ["20 kWh x 0.3 = 6.00"]
        values = {"id_token": "GUESTCARD"}
        await desk.call("sessions.CorrectSession", name=cost.session, values=values, update_mask="idToken", reason="?")
        cost = await desk.until(lambda: cost_of(desk, cost.session), lambda found: found.revision == 2, "priced anew")
        assert (cost.cost.total_incl, cost.tariff_display_name) == ("2.00", "Guests")

    again = await desk.call(
        "tariffs.RecomputeSessionCost", session=old.name, reason="It had no tariff", tariff=tariff.name
    )
    assert (again.session_cost.revision, again.session_cost.cost.total_incl) == (2, "3.00")
    with pytest.raises(Denied) as used:
        await desk.call("tariffs.DeleteTariff", name=tariff.name)
    assert used.value.reason == "TARIFF_IN_USE"

    await desk.call(
        "cost_reports.UpdateSeller",
        seller={"display_name": "Firm", "number_prefix": "F-"},
        update_mask="displayName,numberPrefix",
    )
    month = f"{datetime.now(UTC) - timedelta(days=DAYS_AGO):%Y-%m}"
    made = await desk.call("cost_reports.CreateCostReport", subject="tagGroups/FLEET", month=month)
    assert (made.report.number, made.report.session_count) == ("F-000001", 1)
    assert [(each.currency, each.total_incl) for each in made.report.totals] == [("EUR", "3.00")]
    for form, head in (("REPORT_FORMAT_PDF", b"%PDF-"), ("REPORT_FORMAT_XLSX", b"PK")):
        parts = await desk.collect("cost_reports.DownloadCostReport", name=made.report.name, format=form)
        assert b"".join(part.data for part in parts).startswith(head)
