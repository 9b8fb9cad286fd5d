"""TariffService over the wire."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import tariffs_pb2 as pb
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-SES-6")


def some_terms(price: str = "0.30", **more: object) -> pb.TariffTerms:
    window = pb.TariffWindow(start_minute=480, end_minute=1200, weekdays=[0, 1])
    elements = [
        pb.TariffElement(kind=pb.PRICE_KIND_ENERGY, price="0.50", window=window),
        pb.TariffElement(kind=pb.PRICE_KIND_ENERGY, price=price),
        pb.TariffElement(kind=pb.PRICE_KIND_PARKING_TIME, price="0.10", step=60, grace_s=600),
    ]
    return pb.TariffTerms(currency="EUR", elements=elements, vat_percent="21", minimum="0.50", **more)  # type: ignore[arg-type]


async def a_tariff(world: ControlWorld, name: str = "Day", terms: pb.TariffTerms | None = None) -> pb.Tariff:
    tariff = pb.Tariff(display_name=name, terms=terms or some_terms())
    made: pb.Tariff = (await world.client.call("tariffs.CreateTariff", pb.CreateTariffRequest(tariff=tariff))).tariff
    return made


async def test_a_tariff_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    made = await a_tariff(world)
    assert (made.version_count, made.retired, made.terms) == (1, False, some_terms())
    changes = pb.Tariff(name=made.name, terms=some_terms("0.40"), etag=made.etag)
    changes.valid_from_time.FromDatetime(world.time + timedelta(days=1))
    mask = FieldMask(paths=["terms"])
    changed = (await call("tariffs.UpdateTariff", pb.UpdateTariffRequest(tariff=changes, update_mask=mask))).tariff
    assert (changed.version_count, changed.terms) == (2, some_terms()), "the new version begins tomorrow"
    found = await call("tariffs.GetTariff", pb.GetTariffRequest(name=made.name))
    assert [each.name for each in found.versions] == [f"{made.name}/versions/2", f"{made.name}/versions/1"]
    with pytest.raises(Refused) as refused:
        await call("tariffs.UpdateTariff", pb.UpdateTariffRequest(tariff=changes, update_mask=mask))
    assert refused.value.code is grpc.StatusCode.ABORTED
    retired = await call("tariffs.RetireTariff", pb.RetireTariffRequest(name=made.name))
    assert retired.tariff.retired
    await call("tariffs.DeleteTariff", pb.DeleteTariffRequest(name=made.name))
    with pytest.raises(Refused) as refused:
        await call("tariffs.GetTariff", pb.GetTariffRequest(name=made.name))
    assert refused.value.reason == "TARIFF_NOT_FOUND"


async def test_pages_of_tariffs(world: ControlWorld) -> None:
    for name in ("c", "A", "b"):
        await a_tariff(world, name)
    seen, token = [], ""
    while True:
        page = await world.client.call("tariffs.ListTariffs", pb.ListTariffsRequest(page_size=2, page_token=token))
        assert page.total_size == 3
        seen += [each.display_name for each in page.tariffs]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["A", "b", "c"]
    with pytest.raises(Refused) as refused:
        await world.client.call("tariffs.ListTariffs", pb.ListTariffsRequest(query="x", page_token="abc"))
    assert refused.value.reason == "INVALID_PAGE_TOKEN"


async def test_a_tariff_holds_where_it_is_assigned(world: ControlWorld) -> None:
    call = world.client.call
    station = f"stations/{await world.add_station('CP-1')}"
    tariff = await a_tariff(world)
    target = f"{station}/evses/2"
    made = await call("tariffs.AssignTariff", pb.AssignTariffRequest(target=target, tariff=tariff.name))
    assert (made.assignment.target, made.assignment.tariff_display_name) == (target, "Day")
    listed = await call("tariffs.ListTariffAssignments", pb.ListTariffAssignmentsRequest(tariff=tariff.name))
    assert list(listed.assignments) == [made.assignment]
    held = await call("tariffs.GetTariffFor", pb.GetTariffForRequest(station=station, evse_id=2))
    assert (held.target, held.version.name, held.time_zone) == (target, f"{tariff.name}/versions/1", "UTC")
    assert not (await call("tariffs.GetTariffFor", pb.GetTariffForRequest(station=station))).HasField("version")
    await call("tariffs.UnassignTariff", pb.UnassignTariffRequest(target=target))
    assert not (await call("tariffs.ListTariffAssignments", pb.ListTariffAssignmentsRequest())).assignments
    with pytest.raises(Refused) as refused:
        await call("tariffs.GetTariffFor", pb.GetTariffForRequest(station=station, id_token="T", user="users/1"))
    assert refused.value.reason == "TAG_OR_USER"


async def test_a_preview_over_the_wire(world: ControlWorld) -> None:
    request = pb.PreviewCostRequest(
        draft=some_terms(), charging=Duration(seconds=3600), parked=Duration(seconds=1230), energy_wh=10_000
    )
    request.start_time.FromJsonString("2026-10-26T18:30:00Z")  # a Monday; at 20:00 the price changes
    request.time_zone = "Europe/Stockholm"
    cost = (await world.client.call("tariffs.PreviewCost", request)).cost
    assert [(line.kind, line.quantity, line.used, line.price, line.amount) for line in cost.lines] == [
        (pb.COST_LINE_KIND_ENERGY, "5", "5", "0.50", "2.50"),
        (pb.COST_LINE_KIND_ENERGY, "5", "5", "0.30", "1.50"),
        (pb.COST_LINE_KIND_PARKING_TIME, "11", "10.5", "0.10", "1.10"),
    ]
    assert (cost.total_incl, cost.vat_percent, cost.currency) == ("5.10", "21", "EUR")
    assert Decimal(cost.total_excl) + Decimal(cost.vat) == Decimal(cost.total_incl)
    with pytest.raises(Refused) as refused:
        await world.client.call("tariffs.PreviewCost", pb.PreviewCostRequest())
    assert refused.value.reason == "TARIFF_OR_DRAFT"


async def test_the_cost_of_a_session_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    station = await world.add_station("CP-1")
    world.add_session(7, station, ended=True)
    world.add_session(8, station)
    with pytest.raises(Refused) as refused:
        await call("tariffs.GetSessionCost", pb.GetSessionCostRequest(session="sessions/7"))
    assert refused.value.reason == "COST_NOT_COMPUTED"
    world.cost_store.order(7)
    await world.costs.sweep()
    found = (await call("tariffs.GetSessionCost", pb.GetSessionCostRequest(session="sessions/7"))).session_cost
    assert (found.revision, found.tariff_version, found.cost.currency, found.cost.total_incl) == (1, "", "", "0")
    tariff = await a_tariff(world, terms=some_terms("3"))
    request = pb.RecomputeSessionCostRequest(session="sessions/7", reason="Forgotten", tariff=tariff.name)
    made = (await call("tariffs.RecomputeSessionCost", request)).session_cost
    assert (made.revision, made.reason, made.tariff_display_name) == (2, "Forgotten", "Day")
    assert made.cost.lines
    both = await call("tariffs.GetSessionCost", pb.GetSessionCostRequest(session="sessions/7"))
    assert (both.session_cost, [each.revision for each in both.earlier]) == (made, [1])
    running = await call("tariffs.GetRunningCost", pb.GetRunningCostRequest(session="sessions/8"))
    assert (running.tariff_version, running.cost.total_incl) == ("", "0")


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (pb.TariffTerms(currency="EUR"), "INVALID_ELEMENTS"),
        (pb.TariffTerms(currency="EUR", elements=[pb.TariffElement(price="1")]), "KIND_MISSING"),
        (some_terms("one"), "INVALID_AMOUNT"),
        (some_terms("NaN"), "INVALID_AMOUNT"),
        (some_terms("1e99999999"), "INVALID_AMOUNT"),
        (some_terms("-1"), "INVALID_PRICE"),
        (some_terms(""), "INVALID_AMOUNT"),
        (some_terms(maximum="0.1"), "INVALID_LIMITS"),
    ],
)
async def test_what_makes_no_sense_is_refused(world: ControlWorld, terms: pb.TariffTerms, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        await a_tariff(world, terms=terms)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
