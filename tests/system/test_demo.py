"""The demonstration against the product: what it told is there, priced and counted."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import trio

from loadtest.demo.history import make_history
from loadtest.demo.world import make_world
from tests.kit.desk import Desk, desk
from tests.kit.product import Product, product

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-5"), pytest.mark.timeout(600)]
STATIONS, DAYS = 3, 3


def demo(running: Product, *flags: str) -> subprocess.CompletedProcess[str]:
    where = ("--ocpp", running.ocpp, "--control", f"127.0.0.1:{running.control_port}")
    size = ("--stations", str(STATIONS), "--days", str(DAYS))
    return subprocess.run(
        running.command("demo", *where, *size, *flags),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=running.environment() | {"CHARGEHOUSE_API_KEY": running.key, "COLUMNS": "200"},
    )


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[Product, str]]:
    with product() as running:
        done = demo(running, "--live", "--keep-charging", "3")
        assert done.returncode == 0, done.stdout + done.stderr + running.log.read_text()
        yield running, done.stdout


def all_sessions(operator: Desk) -> list[Any]:
    return list(operator.ask("sessions.ListSessions", page_size=1000).sessions)


def test_every_session_that_was_told_is_there_with_its_energy(filled: tuple[Product, str]) -> None:
    running, out = filled
    told = re.search(r"([\d,]+) sessions of 3 days are told", out)
    assert told is not None, out
    with desk(running) as operator:
        sessions = all_sessions(operator)
        past = [each for each in sessions if each.start_time.ToDatetime(UTC) < datetime.now(UTC) - timedelta(hours=1)]
        assert len(past) >= int(told.group(1)) > 5
        now = max(each.stop_time.ToDatetime(UTC) for each in past)
        assert now < datetime.now(UTC)
        assert {str(each.state) for each in sessions} == {"2"}, "the live ones were ended, too"
        assert not [each for each in sessions if set(each.flags) - {"NOT_AUTHORIZED"}]
        ours = make_history(make_world(1, STATIONS), DAYS, _reference())
        if len(ours.visits) == int(told.group(1)):  # the hour has not changed meanwhile
            energy = sum(visit.charge.energy_wh for visit in ours.visits)
            assert sum(each.energy_wh for each in past) >= energy


def _reference() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


async def test_the_sums_of_the_charts_are_those_of_the_sessions(filled: tuple[Product, str]) -> None:
    running, _ = filled
    with desk(running) as operator:
        energy = sum(each.energy_wh for each in all_sessions(operator))
        begin = (datetime.now(UTC) - timedelta(days=DAYS + 3)).strftime("%Y-%m-%dT00:00:00Z")
        end = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")

        async def charted() -> float:
            summed = await operator.call(
                "sessions.SummarizeSessions", filter={"start_time_from": begin, "start_time_to": end}
            )
            return float(summed.energy_wh)

        assert await operator.until(charted, lambda found: abs(found - energy) < 1, "the same sum")
        count = len(all_sessions(operator))
        await operator.until(
            lambda: operator.call("statistics.GetDashboard"),
            lambda found: (
                sum(day.energy_wh for day in found.dashboard.days) > 0.99 * energy
                and sum(day.session_count for day in found.dashboard.days) == count
            ),
            f"{count} sessions with {energy} Wh within the last days",
        )


def test_every_session_has_a_price_and_they_add_up(filled: tuple[Product, str]) -> None:
    running, _ = filled
    with desk(running) as operator:
        sums: dict[str, Decimal] = {}
        for session in all_sessions(operator):
            if session.start_time.ToDatetime(UTC) > datetime.now(UTC) - timedelta(hours=1):
                continue
            cost = operator.ask("tariffs.GetSessionCost", session=session.name).session_cost
            assert cost.tariff_display_name
            assert cost.reason == "Charged before there were tariffs."
            sums[cost.cost.currency] = sums.get(cost.cost.currency, Decimal(0)) + Decimal(cost.cost.total_incl)
        assert sums
        assert all(amount > 0 for amount in sums.values())


def test_places_people_and_the_rest_are_there(filled: tuple[Product, str]) -> None:
    running, out = filled
    assert "with the password" in out
    with desk(running) as operator:
        places = operator.ask("places.ListPlaces").places
        assert len(places) == 1 + 3 + 7
        assert operator.ask("users.ListUsers").total_size == 41  # and the first administrator
        assert operator.ask("stations.ListStations").total_size == STATIONS
        plans = [operator.ask("pictures.GetFloorPlan", place=place.name) for place in places if place.kind == 3]
        assert all(plan.plan.width_px for plan in plans)
        assert sum(len(plan.positions) for plan in plans) == STATIONS
        assert {each.parking[:3] for each in operator.ask("outlets.ListOutlets").outlets} == {"Bay"}
        assert len(operator.ask("news.ListNews").news) == 3
        assert not any(tag.allow_concurrent for tag in operator.ask("id_tokens.ListIdTokens", page_size=1000).id_tokens)
        states = {each.state for each in operator.ask("operations.ListOperations").operations}
        assert states == {7}, "all succeeded"


def test_a_system_with_stations_is_left_alone(filled: tuple[Product, str]) -> None:
    running, _ = filled
    done = demo(running)
    assert done.returncode == 1
    assert "--force" in " ".join(done.stdout.split())


async def test_a_wrong_address_of_the_stations_is_told(filled: tuple[Product, str]) -> None:
    running, _ = filled
    done = await trio.to_thread.run_sync(lambda: demo(running, "--ocpp", "nonsense"))
    assert done.returncode == 2
    assert "--target" not in done.stdout
    assert "must look like ws://" in done.stdout
