"""PaymentService over the wire."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration

from control.v1 import payment_pb2 as pb
from control.v1 import remote_pb2
from csms.domain.commands import Answer, Outcome, Result
from csms.domain.payment import (
    ChangeTransactionTariff,
    ClearTariffs,
    CostUpdated,
    GetTariffs,
    NotifyWebPaymentStarted,
    SetDefaultTariff,
    TariffsCleared,
    TariffsFound,
)
from csms.domain.station_tariff import (
    ClearedTariff,
    Price,
    StationTariff,
    StatusReason,
    TariffAssignment,
    TariffConditions,
    TariffEnergy,
    TariffEnergyPrice,
    TaxRate,
)
from csms.ports.directory import Settled
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW

pytestmark = pytest.mark.feature("F-OCPP-5")
MESSAGE = pb.StationTariff(
    tariff_id="night",
    currency="EUR",
    energy=pb.StationTariffEnergy(
        prices=[
            pb.StationTariffEnergyPrice(
                price_kwh=0.25,
                conditions=pb.StationTariffConditions(start_time_of_day="22:00", day_of_week=["Monday"], min_power=0.0),
            )
        ],
        tax_rates=[pb.StationTaxRate(type="VAT", tax=19.0, stack=0)],
    ),
    max_cost=pb.StationTariffPrice(incl_tax=50.0),
)
TARIFF = StationTariff(
    "night",
    "EUR",
    energy=TariffEnergy(
        (TariffEnergyPrice(0.25, TariffConditions(start_time_of_day="22:00", day_of_week=("Monday",), min_power=0.0)),),
        (TaxRate("VAT", 19.0, 0),),
    ),
    max_cost=Price(incl_tax=50.0),
)


def to(number: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{number}")


def answered(result: Result) -> Settled:
    return Settled(Outcome.ANSWERED, Answer("Accepted", accepted=True, result=result), 0.1)


async def test_tariffs_go_to_the_station_whole(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    world.add_session(7, number)
    request = pb.SetDefaultTariffRequest(target=to(number), evse_id=1, tariff=MESSAGE)
    assert (await world.client.call("payment.SetDefaultTariff", request)).result.accepted
    assert world.directory.sent[-1][1] == SetDefaultTariff(1, TARIFF)
    change = pb.ChangeTransactionTariffRequest(target=to(number), session="sessions/7", tariff=MESSAGE)
    assert (await world.client.call("payment.ChangeTransactionTariff", change)).result.accepted
    assert world.directory.sent[-1][1] == ChangeTransactionTariff("7", TARIFF)
    cost = pb.CostUpdatedRequest(target=to(number), session="sessions/7", total_cost=12.5)
    assert (await world.client.call("payment.CostUpdated", cost)).result.accepted
    assert world.directory.sent[-1][1] == CostUpdated("7", 12.5)


async def test_a_payment_in_a_browser_is_told(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    request = pb.NotifyWebPaymentStartedRequest(target=to(number), evse_id=1, wait=Duration(seconds=120))
    assert (await world.client.call("payment.NotifyWebPaymentStarted", request)).result.accepted
    assert world.directory.sent[-1][1] == NotifyWebPaymentStarted(1, 120)


async def test_what_a_station_has_and_what_became_of_the_clearing(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    found = TariffsFound((TariffAssignment("night", "DriverTariff", NOW, (1,), ("A",)),))
    world.directory.settled.append(answered(found))
    told = await world.client.call("payment.GetTariffs", pb.GetTariffsRequest(target=to(number)))
    (assignment,) = told.assignments
    assert (assignment.tariff_id, assignment.tariff_kind, list(assignment.evse_ids), list(assignment.id_tokens)) == (
        "night",
        "DriverTariff",
        [1],
        ["A"],
    )
    assert world.directory.sent[-1][1] == GetTariffs(0)
    cleared = TariffsCleared((ClearedTariff("NoTariff", "night", StatusReason("Gone", "long ago")),))
    world.directory.settled.append(answered(cleared))
    request = pb.ClearTariffsRequest(target=to(number), tariff_ids=["night"], evse_id=0)
    (result,) = (await world.client.call("payment.ClearTariffs", request)).results
    assert (result.status, result.tariff_id, result.reason_code, result.additional_info) == (
        "NoTariff",
        "night",
        "Gone",
        "long ago",
    )
    assert world.directory.sent[-1][1] == ClearTariffs(("night",), 0)
    everywhere = pb.ClearTariffsRequest(target=to(number))
    assert not (await world.client.call("payment.ClearTariffs", everywhere)).results
    assert world.directory.sent[-1][1] == ClearTariffs((), None)


async def test_a_tariff_without_currency_is_refused(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    request = pb.SetDefaultTariffRequest(target=to(number), tariff=pb.StationTariff(tariff_id="x"))
    with pytest.raises(Refused) as refused:
        await world.client.call("payment.SetDefaultTariff", request)
    assert refused.value.reason == "INVALID_CURRENCY"
