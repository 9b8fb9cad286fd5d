"""What sessions cost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import trio
import trio.testing

from csms.domain.access import Role
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.tariff import Element, PriceKind, Tariff, Window
from csms.domain.tariff_book import NamedTariff, read_target
from csms.services.session_costs import ANOTHER_DRIVER, CHANGED
from csms.services.session_editing import NewValues
from tests.kit.service_world import ADMIN, CALLERS, DRIVER, NOW, SUPPORT
from tests.kit.tariff_world import TariffWorld

pytestmark = pytest.mark.feature("F-SES-6")
LONG_AGO = NOW - timedelta(days=365)
SYSTEM = read_target("places/1")


def per_kwh(price: str) -> Tariff:
    return Tariff("EUR", (Element(PriceKind.ENERGY, Decimal(price)),), Decimal(21))


async def a_tariff(world: TariffWorld, terms: Tariff, target: str = "places/1", name: str = "") -> NamedTariff:
    made = await world.tariff_store.create(name or f"For {target}", "", terms, LONG_AGO)
    await world.tariff_store.assign(read_target(target), made.id, LONG_AGO)
    return made


async def an_ended_session(world: TariffWorld, number: int = 7) -> int:
    """An hour, 1 kWh."""
    station = await world.add_station(f"CP-{number}")
    world.add_session(number, station, ended=True)
    world.cost_store.order(number)
    return station


async def test_a_session_is_priced_once_it_has_ended() -> None:
    world = TariffWorld()
    await a_tariff(world, per_kwh("0.30"))
    station = await an_ended_session(world)
    world.add_session(8, station)
    world.cost_store.order(8)
    assert await world.costs.sweep() == 2
    assert await world.costs.sweep() == 0
    found, earlier = await world.costs.get(ADMIN, 7)
    assert (found.cost.gross, found.cost.net, found.cost.revision, found.tariff) == (
        Decimal("0.30"),
        Decimal("0.25"),
        1,
        "For places/1",
    )
    assert [str(line) for line in found.cost.lines] == ["1 kWh x 0.3 = 0.30"]
    assert earlier == []
    with pytest.raises(FailedPrecondition, match="not ended"):
        await world.costs.get(ADMIN, 8)


async def test_the_same_again_is_the_same() -> None:
    world = TariffWorld()
    await a_tariff(world, per_kwh("0.333"))
    await an_ended_session(world)
    first = await world.costs.compute(7)
    assert await world.costs.compute(7) is None, "nothing has changed"
    again = (await world.costs.recompute(ADMIN, 7, "To be sure", None)).cost
    assert first is not None
    assert again == msgspec.structs.replace(first, revision=2, reason="To be sure", computed_at=again.computed_at)


async def test_late_values_make_a_new_revision_by_the_old_prices() -> None:
    world = TariffWorld()
    made = await a_tariff(world, per_kwh("0.30"))
    await an_ended_session(world)
    await world.costs.sweep()
    await world.tariff_store.update(made, terms=per_kwh("9"), valid_from=LONG_AGO, version=None)
    await world.tariff_store.assign(SYSTEM, None, LONG_AGO)
    world.tables.sessions[7].register.energy_wh = 2_000.0
    world.cost_store.order(7)
    await world.costs.sweep()
    found, earlier = await world.costs.get(ADMIN, 7)
    assert (found.cost.gross, found.cost.revision, found.cost.reason) == (Decimal("0.60"), 2, CHANGED)
    assert [each.cost.gross for each in earlier] == [Decimal("0.30")]


async def test_a_session_keeps_the_version_it_began_with() -> None:
    world = TariffWorld()
    made = await a_tariff(world, per_kwh("0.30"))
    began = NOW + timedelta(minutes=7)
    later = began + timedelta(minutes=10)
    await world.tariff_store.update(made, terms=per_kwh("5"), valid_from=later, version=None)
    await world.tariff_store.assign(SYSTEM, (await a_tariff(world, per_kwh("8"), "users/9")).id, later)
    await an_ended_session(world)
    cost = await world.costs.compute(7)
    assert cost is not None
    assert cost.gross == Decimal("0.30")


async def test_the_nearest_assignment_counts() -> None:
    world = TariffWorld()
    station = await an_ended_session(world)
    world.tables.session_users[7] = 3
    nearer = ["places/1", f"stations/{station}", f"stations/{station}/evses/2", "users/3"]
    await a_tariff(world, per_kwh("99"), f"stations/{station}/evses/1")
    for price, target in enumerate(nearer, start=1):
        tariff = await a_tariff(world, per_kwh(str(price)), target)
        view = await world.costs.recompute(ADMIN, 7, "Look", None if price == 1 else tariff.id)
        assert view.cost.gross == price
        world.cost_store._costs.clear()
        held = await world.costs.compute(7)
        assert held is not None
        assert held.gross == price, target
        world.cost_store._costs.clear()


@pytest.mark.feature("F-SES-8")
async def test_whoever_turns_out_to_have_charged_pays_by_their_own_tariff() -> None:
    world = TariffWorld()
    await a_tariff(world, per_kwh("0.30"))
    await a_tariff(world, per_kwh("0.10"), "users/3")
    await an_ended_session(world)
    await world.costs.sweep()
    await world.session_editing.correct(ADMIN, 7, ["user"], NewValues(user=3), "lent card")
    await world.costs.sweep()
    found, earlier = await world.costs.get(ADMIN, 7)
    assert (found.cost.gross, found.cost.reason, found.tariff) == (Decimal("0.10"), ANOTHER_DRIVER, "For users/3")
    assert [each.cost.gross for each in earlier] == [Decimal("0.30")]
    await world.session_editing.correct(ADMIN, 7, ["energy_wh"], NewValues(energy_wh=900.0), "the meter")
    await world.session_editing.correct(ADMIN, 7, ["user"], NewValues(user=4), "no, hers")
    await world.costs.sweep()
    found, earlier = await world.costs.get(ADMIN, 7)
    assert found.cost.revision == 3, "one more, although two things were corrected"
    assert found.tariff == "For places/1"


@pytest.mark.feature("F-SES-8")
async def test_a_correction_of_the_driver_that_has_the_same_tariff_prices_nothing_anew() -> None:
    world = TariffWorld()
    await a_tariff(world, per_kwh("0.30"))
    await an_ended_session(world)
    await world.costs.sweep()
    await world.session_editing.correct(ADMIN, 7, ["user"], NewValues(user=3), "lent card")
    await world.costs.sweep()
    found, _ = await world.costs.get(ADMIN, 7)
    assert found.cost.revision == 1


async def test_without_a_tariff_nothing_is_to_be_paid() -> None:
    world = TariffWorld()
    await an_ended_session(world)
    await world.costs.sweep()
    found, _ = await world.costs.get(ADMIN, 7)
    assert (found.cost.priced, found.cost.currency, found.cost.gross) == (False, "", 0)
    made = await world.tariff_store.create("Late", "", per_kwh("0.50"), NOW + timedelta(days=9))
    again = await world.costs.recompute(ADMIN, 7, "Nobody had assigned one", made.id)
    assert (again.cost.gross, again.tariff) == (Decimal("0.50"), "Late")


async def test_a_session_whose_cost_cannot_be_computed_holds_up_no_other() -> None:
    world = TariffWorld()
    await a_tariff(world, per_kwh("0.30"))
    for number in (7, 8):
        await an_ended_session(world, number)
    world.tables.sessions[7].register.energy_wh = float("inf")
    await world.costs.sweep()
    assert (await world.costs.get(ADMIN, 8))[0].cost.gross == Decimal("0.30")
    with pytest.raises(NotFound, match="not been computed"):
        await world.costs.get(ADMIN, 7)


async def test_costs_come_after_an_outage(autojump_clock: trio.testing.MockClock) -> None:
    world = TariffWorld()
    await an_ended_session(world)
    world.tables.away = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.costs.run)
        await trio.sleep(20)
        world.tables.away = False
        await trio.sleep(6)
        assert (await world.costs.get(ADMIN, 7))[0].cost.revision == 1
        world.add_session(8, 1, ended=True)
        world.cost_store.order(8)
        world.costs.hasten()
        await trio.testing.wait_all_tasks_blocked()
        assert (await world.costs.get(ADMIN, 8))[0].cost.revision == 1
        nursery.cancel_scope.cancel()


async def test_running_cost_is_up_to_the_last_value() -> None:
    world = TariffWorld()
    hours = Window(0, 720)
    terms = Tariff("EUR", (Element(PriceKind.ENERGY, Decimal(1), window=hours), Element(PriceKind.ENERGY, Decimal(2))))
    await a_tariff(world, terms)
    station = await world.add_station("CP-1")
    transaction = world.add_session(7, station, values=60)
    transaction.register.energy_wh = 60.0
    cost, held = await world.costs.running(ADMIN, 7)
    assert cost is not None
    assert held is not None
    assert (cost.gross, held.name) == (Decimal("0.12"), "For places/1")
    await an_ended_session(world, 9)
    with pytest.raises(FailedPrecondition):
        await world.costs.running(ADMIN, 9)


async def test_who_does_not_see_a_session_does_not_see_its_cost() -> None:
    world = TariffWorld()
    await an_ended_session(world)
    await world.costs.sweep()
    mine = msgspec.structs.replace(DRIVER, user_id=3)
    with pytest.raises(NotFound, match="no session"):
        await world.costs.get(mine, 7)
    world.tables.session_users[7] = 3
    assert (await world.costs.get(mine, 7))[0].cost.revision == 1
    for caller in (mine, SUPPORT, CALLERS[Role.SITE_ADMINISTRATOR]):
        with pytest.raises(PermissionDenied):
            await world.costs.recompute(caller, 7, "I want", None)
    with pytest.raises(InvalidArgument):
        await world.costs.recompute(ADMIN, 7, "  ", None)
