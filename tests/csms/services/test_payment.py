"""Costs and tariffs at stations, and VAT numbers."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest

from csms.domain.commands import Answer, Outcome
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.payment import (
    Address,
    ChangeTransactionTariff,
    ClearTariffs,
    CostUpdated,
    GetTariffs,
    NotifyWebPaymentStarted,
    SetDefaultTariff,
    TariffsCleared,
    TariffsFound,
    VatNumberAsked,
    VatNumberReply,
)
from csms.domain.station_tariff import ClearedTariff, StationTariff, TariffAssignment
from csms.ports.directory import Settled
from csms.services.payment import Payments, VatNumbers
from csms.services.remote import Target
from tests.kit.service_world import NOW, STRANGER, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-OCPP-5")
TARIFF = StationTariff("night", "EUR")


def answered(status: str = "Accepted", *, accepted: bool = True, **more: object) -> Settled:
    return Settled(Outcome.ANSWERED, Answer(status, accepted, **more), 0.1)  # type: ignore[arg-type]


async def held(world: ServiceWorld, station: int) -> dict[str, dict[str, object]]:
    return {item.key: json.loads(item.body) for item in await world.inventory_store.items(station, "tariff")}


async def test_a_cost_goes_to_the_sessions_own_transaction() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    world.add_session(7, station)
    await world.payments.cost_updated(SUPPORT, Target(station), 7, 12.5)
    assert world.directory.sent[-1][1] == CostUpdated("7", 12.5)
    await world.payments.change_transaction_tariff(SUPPORT, Target(station), 7, TARIFF)
    assert world.directory.sent[-1][1] == ChangeTransactionTariff("7", TARIFF)
    with pytest.raises(NotFound):
        await world.payments.cost_updated(SUPPORT, Target(station), 8, 12.5)
    with pytest.raises(FailedPrecondition) as caught:
        await world.payments.cost_updated(SUPPORT, Target(station + 1), 7, 12.5)
    assert caught.value.reason == "STATION_MISMATCH"
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidArgument):
            await world.payments.cost_updated(SUPPORT, Target(station), 7, wrong)


async def test_a_payment_in_a_browser_is_told_to_the_evse() -> None:
    world = ServiceWorld()
    target = Target(await world.add_station("CP-1"))
    await world.payments.notify_web_payment_started(SUPPORT, target, 1, 120.0)
    assert world.directory.sent[-1][1] == NotifyWebPaymentStarted(1, 120)
    for evse_id, wait_s in ((0, 120.0), (1, 0.0), (1, 3_601.0)):
        with pytest.raises(InvalidArgument):
            await world.payments.notify_web_payment_started(SUPPORT, target, evse_id, wait_s)


async def test_a_tariff_that_was_accepted_is_held() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await world.payments.set_default_tariff(SUPPORT, Target(station), 0, TARIFF)
    assert world.directory.sent[-1][1] == SetDefaultTariff(0, TARIFF)
    world.directory.settled.append(answered("TooManyElements", accepted=False))
    await world.payments.set_default_tariff(SUPPORT, Target(station), 1, TARIFF)
    assert list(await held(world, station)) == ["0/night"]
    assert (await held(world, station))["0/night"]["tariff"] == {"tariffId": "night", "currency": "EUR"}


async def test_what_the_station_tells_of_its_tariffs_is_taken_in() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await world.payments.set_default_tariff(SUPPORT, Target(station), 1, TARIFF)
    await world.payments.set_default_tariff(SUPPORT, Target(station), 2, StationTariff("gone", "EUR"))
    later = Payments(world.remote, world.session_queries, world.inventory_store, now=lambda: NOW + timedelta(minutes=1))
    assignments = (
        TariffAssignment("night", "DefaultTariff", evse_ids=(1, 3)),
        TariffAssignment("driver", "DriverTariff", id_tokens=("A",)),
    )
    world.directory.settled.append(answered(result=TariffsFound(assignments)))
    _, found = await later.get_tariffs(SUPPORT, Target(station), 0)
    assert world.directory.sent[-1][1] == GetTariffs(0)
    assert found == assignments
    now = await held(world, station)
    assert list(now) == ["0/driver", "1/night", "3/night"]
    assert now["1/night"]["tariff"] == {"tariffId": "night", "currency": "EUR"}
    assert now["3/night"]["tariff"] is None
    world.directory.settled.append(answered("NoTariff", result=TariffsFound(())))
    await later.get_tariffs(SUPPORT, Target(station), 1)
    assert len(await held(world, station)) == 3
    world.directory.settled.append(answered("Rejected", accepted=False, result=TariffsFound(())))
    await later.get_tariffs(SUPPORT, Target(station), 0)
    assert len(await held(world, station)) == 3


@pytest.mark.parametrize(
    ("results", "evse_id", "left"),
    [
        ((ClearedTariff("Accepted", "night"), ClearedTariff("Rejected", "day")), None, ["1/day"]),
        ((ClearedTariff("NoTariff", "night"),), 1, ["1/day", "2/night"]),
        ((ClearedTariff("Accepted"),), None, []),
        ((ClearedTariff("Rejected"),), None, ["1/day", "1/night", "2/night"]),
    ],
)
async def test_what_was_cleared_is_gone(
    results: tuple[ClearedTariff, ...], evse_id: int | None, left: list[str]
) -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    for evse, tariff in ((1, "night"), (2, "night"), (1, "day")):
        await world.payments.set_default_tariff(SUPPORT, Target(station), evse, StationTariff(tariff, "EUR"))
    world.directory.settled.append(answered(result=TariffsCleared(results)))
    await world.payments.clear_tariffs(SUPPORT, Target(station), ("night",), evse_id)
    assert world.directory.sent[-1][1] == ClearTariffs(("night",), evse_id)
    assert list(await held(world, station)) == left


async def test_nonsense_is_not_sent() -> None:
    world = ServiceWorld()
    target = Target(await world.add_station("CP-1"))
    for wrong, reason in (
        ({"tariff_id": ""}, "INVALID_TARIFF_ID"),
        ({"currency": "eur"}, "INVALID_CURRENCY"),
        ({"currency": "EURO"}, "INVALID_CURRENCY"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            await world.payments.set_default_tariff(SUPPORT, target, 0, msgspec.structs.replace(TARIFF, **wrong))
        assert caught.value.reason == reason
    with pytest.raises(InvalidArgument):
        await world.payments.get_tariffs(SUPPORT, target, -1)
    with pytest.raises(PermissionDenied):
        await world.payments.clear_tariffs(STRANGER, target, (), None)
    assert world.directory.sent == []


class Register:
    """Knows one company."""

    async def lookup(self, vat_number: str) -> Address | None:
        return Address("Acme", "Way 1", "Delft", "NL") if vat_number == "NL1" else None


async def test_a_vat_number_is_looked_up_where_there_is_a_register() -> None:
    assert await VatNumbers(None).answer(1, VatNumberAsked("NL1")) is None
    found = await VatNumbers(Register()).answer(1, VatNumberAsked("NL1"))
    assert found == VatNumberReply(accepted=True, company=Address("Acme", "Way 1", "Delft", "NL"))
    nobody = await VatNumbers(Register()).answer(1, VatNumberAsked("NL2"))
    assert nobody is not None
    assert (nobody.accepted, nobody.reason_code) == (False, "UnknownVatNumber")
    assert len(nobody.reason_code) <= 20
