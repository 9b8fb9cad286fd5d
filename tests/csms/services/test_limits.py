"""Limits: what was charged counts, at the latest half a minute later, and with a new month all begins anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import trio

from csms.domain.access import Role
from csms.domain.authorization import Token
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.facts import AuthorizationStatus as Status
from csms.domain.limits import ChargeLimit
from csms.domain.transaction import Transaction
from csms.services.session_editing import NewValues
from tests.kit.service_world import ADMIN, ServiceWorld

MAY = datetime(2026, 5, 20, 12, tzinfo=UTC)


class Town:
    """One user with a tag in the group FLEET."""

    def __init__(self) -> None:
        self.world = ServiceWorld()
        self.world.time = MAY

    async def open(self) -> None:
        user = await self.world.access_store.create_user("ann@example.org", "Ann", "", Role.EV_USER)
        self.user_id, self.target = user.id, f"users/{user.id}"
        await self.world.tokens.create(ADMIN, Token(0, "A", user_id=user.id, parent_id_token="FLEET"))

    def charge(self, number: int, energy_wh: float, cost: str = "0", currency: str = "EUR") -> None:
        at = self.world.time
        made = Transaction(number, 1, "CP", at, at, id_token="A")
        made.start(at, 0.0, at)
        made.end(at, energy_wh, "Local", at)
        self.world.tables.sessions[number] = made
        self.world.tables.session_users[number] = self.user_id
        self.world.limit_store.costs[number] = (Decimal(cost), currency)

    @property
    def status(self) -> Status:
        return self.world.index.decide("A", self.world.time, starting=999).status


@pytest.mark.feature("F-TAG-3", "F-SES-8")
async def test_a_session_that_turns_out_to_be_somebody_elses_no_longer_counts() -> None:
    town = Town()
    await town.open()
    limits, editing = town.world.limits, town.world.session_editing
    await limits.set(ADMIN, ChargeLimit(town.target, 2000.0), version=None)
    town.charge(1, 2000.0)
    await limits.sweep()
    assert town.status is Status.NO_CREDIT
    await editing.correct(ADMIN, 1, ["user"], NewValues(user=town.user_id + 1), "lent card")
    await limits.sweep()
    assert town.status is Status.ACCEPTED


@pytest.mark.feature("F-TAG-3")
async def test_who_has_charged_what_they_may_begins_no_other_session_until_the_month_is_over() -> None:
    town = Town()
    await town.open()
    limits = town.world.limits
    made = await limits.set(ADMIN, ChargeLimit(town.target, 2000.0), version=None)
    assert (made.used.energy_wh, made.month_begin, town.status) == (
        0.0,
        datetime(2026, 5, 1, tzinfo=UTC),
        Status.ACCEPTED,
    )
    town.charge(1, 1999.0)
    await limits.sweep()
    assert town.status is Status.ACCEPTED
    town.charge(2, 1.0)
    await limits.sweep()
    assert town.status is Status.NO_CREDIT
    assert (await limits.get(ADMIN, town.target)).used.energy_wh == 2000.0
    town.world.time = datetime(2026, 6, 1, tzinfo=UTC)
    await limits.sweep()
    assert town.status is Status.ACCEPTED


@pytest.mark.feature("F-TAG-3")
async def test_money_counts_in_the_limits_currency_and_for_a_group() -> None:
    town = Town()
    await town.open()
    limits = town.world.limits
    await limits.set(ADMIN, ChargeLimit("tagGroups/fleet", None, Decimal(10), "EUR"), version=None)
    town.charge(1, 1.0, "9.99")
    town.charge(2, 1.0, "5.00", "SEK")
    await limits.sweep()
    assert town.status is Status.ACCEPTED
    town.charge(3, 1.0, "0.01")
    await limits.sweep()
    assert town.status is Status.NO_CREDIT
    (view,) = await limits.all(ADMIN)
    assert (view.limit.target, view.used.amount) == ("tagGroups/FLEET", Decimal("10.00"))
    await limits.set(ADMIN, ChargeLimit("tagGroups/FLEET"), version=None)
    assert (town.status, await limits.all(ADMIN)) == (Status.ACCEPTED, [])


async def test_the_month_is_that_of_the_users_zone() -> None:
    town = Town()
    await town.open()
    town.world.limit_store.zones[town.user_id] = "Pacific/Auckland"
    await town.world.limits.set(ADMIN, ChargeLimit(town.target, 1.0), version=None)
    view = await town.world.limits.get(ADMIN, town.target)
    assert view.month_begin == datetime(2026, 4, 30, 12, tzinfo=UTC)
    town.world.limit_store.zones[town.user_id] = "No/Where"
    assert (await town.world.limits.get(ADMIN, town.target)).month_begin == datetime(2026, 5, 1, tzinfo=UTC)


async def test_an_ended_session_hastens_the_sweep_and_an_outage_does_not_end_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    town = Town()
    await town.open()
    await town.world.limits.set(ADMIN, ChargeLimit(town.target, 1.0), version=None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(town.world.limits.sweep_for_ever)
        await trio.sleep(5)
        town.charge(1, 1.0)
        town.world.limits.session_ended()
        await trio.sleep(0.1)
        assert town.status is Status.NO_CREDIT
        town.world.tables.away = True
        await trio.sleep(40)
        town.world.tables.away = False
        town.world.time += timedelta(days=20)
        await trio.sleep(35)
        assert town.status is Status.ACCEPTED
        nursery.cancel_scope.cancel()


async def test_what_makes_no_sense_is_refused() -> None:
    world = ServiceWorld()
    with pytest.raises(NotFound):
        await world.limits.get(ADMIN, "users/99")
    for call in (world.limits.get(ADMIN, "x"), world.limits.set(ADMIN, ChargeLimit("users/1", -1.0), version=None)):
        with pytest.raises(InvalidArgument):
            await call
