"""Every trouble of the load tester against the product: afterwards each session is there once, and right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import trio

from loadtest.ledger import Discrepancy, compare
from loadtest.meter import Car
from loadtest.probe import Probe
from loadtest.scenario import TROUBLES, SessionPlan, StationPlan, Trouble
from loadtest.session import RunClock
from loadtest.station import Habits, Station
from loadtest.tally import Tally
from loadtest.target import Dialler, parse_target
from tests.kit.product import Product, product

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-5"), pytest.mark.timeout(600)]

VERSIONS = ("1.6", "2.0.1", "2.1")
CAR = Car(capacity_wh=60_000, soc=0.2, max_power_w=11_000, phases=3)
HABITS = Habits(meter_interval=0.5, time_scale=300.0, call_timeout=4.0, retry_interval=0.5)
PATIENCE = 180.0


@dataclass
class Lived:
    """One station's run."""

    station: Station
    tally: Tally
    wrong: list[Discrepancy] = field(default_factory=list)


def plan(kind: str, version: str) -> StationPlan:
    """Two connectors, two visits each, and the trouble twice: while both charge, and around the second start."""
    name = f"{kind}-{version}".upper()
    visits = tuple(
        tuple(SessionPlan(start + 0.3 * number, 8.0, f"{name[:17]}-{number}", CAR) for start in (2.0, 13.0))
        for number in (1, 2)
    )
    troubles = (Trouble(4.5, kind, 3.0), Trouble(11.0, kind, 5.0))
    return StationPlan(name, 0.0, f"1/{name}", visits, version=version, troubles=troubles)


async def live(where: Product, plans: list[StationPlan], passwords: dict[str, str]) -> list[Lived]:
    """All stations at once, until each is done with its plan and its troubles."""
    target = parse_target(where.ocpp)
    clock = RunClock(trio.current_time(), datetime.now(UTC))
    lives: list[Lived] = []
    async with trio.open_nursery() as nursery:
        for each in plans:
            tally = Tally(clock.began)
            dial = Dialler(target, None).dial_from(None)
            address = target.address(each.identity, passwords[each.identity])
            station = Station(each, dial, address, tally=tally, clock=clock, habits=HABITS)
            nursery.start_soon(station.run)
            lives.append(Lived(station, tally))
        with trio.move_on_after(PATIENCE):
            while not all(life.station.finished and life.tally.troubles.total() == 2 for life in lives):
                await trio.sleep(0.2)
        nursery.cancel_scope.cancel()
    return lives


@pytest.fixture(scope="module")
def lived() -> Iterator[dict[str, Lived]]:
    """By identity."""
    plans = [plan(kind, version) for kind in TROUBLES for version in VERSIONS]
    names = [each.identity for each in plans]
    passwords = {name: f"secret-of-{name}" for name in names}
    with product() as running, Probe(f"127.0.0.1:{running.control_port}", running.key) as probe:
        probe.prepare(names, passwords, [tag for each in plans for tag in each.id_tags])
        began = datetime.now(UTC)
        lives = trio.run(live, running, plans, passwords)
        seen = probe.sessions(names, began, datetime.now(UTC) + timedelta(seconds=5))
        for life in lives:
            name = life.station.plan.identity
            life.wrong = compare(life.station.ledger, [session for session in seen if session.station == name])
        yield {life.station.plan.identity: life for life in lives}
        assert b"Traceback" not in running.log.read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", TROUBLES)
def test_no_session_is_lost_doubled_or_altered(lived: dict[str, Lived], kind: str, version: str) -> None:
    life = lived[plan(kind, version).identity]
    assert life.tally.troubles == {kind: 2}
    assert life.wrong == []
    assert len(life.station.ledger) >= 2
    unfinished = [record for record in life.station.ledger if not record.finished]
    assert unfinished == []
    assert "repeated start has another transaction id" not in life.tally.errors
