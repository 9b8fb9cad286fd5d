"""One simulated station and a fake central system of its version, on memory streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import trio

from loadtest.client import Address
from loadtest.ledger import SeenSession, compare
from loadtest.meter import Car
from loadtest.scenario import SessionPlan, StationPlan
from loadtest.session import RunClock
from loadtest.station import Habits, Station
from loadtest.tally import Tally
from tests.kit.fake_csms import FakeCsms, KeptSession
from tests.kit.fake_csms_2 import FakeCsms2, FakeCsms15

DATE = datetime(2025, 1, 1, 12, tzinfo=UTC)
CAR = Car(capacity_wh=60_000, soc=0.2, max_power_w=11_000, phases=3)
NAME = "LT-00001"
HABITS = Habits(meter_interval=10.0, time_scale=30.0, call_timeout=10.0, retry_interval=2.0, plugged_share=0.0)


def visit(start: float = 5.0, length: float = 60.0, tag: str = "LT-00001-1") -> SessionPlan:
    return SessionPlan(start, length, tag, CAR)


def fake_csms(nursery: trio.Nursery, version: str) -> FakeCsms:
    """The fake that speaks it."""
    match version:
        case "1.6":
            return FakeCsms(nursery)
        case "1.5":
            return FakeCsms15(nursery)
        case _:
            return FakeCsms2(nursery, f"ocpp{version}")


class Stage:
    """They begin at once."""

    def __init__(
        self, nursery: trio.Nursery, *visits: Sequence[SessionPlan], version: str = "1.6", habits: Habits = HABITS
    ) -> None:
        self.csms = fake_csms(nursery, version)
        self.tally = Tally(trio.current_time())
        plan = StationPlan(NAME, 0.0, "1/" + NAME, tuple(tuple(each) for each in visits), version)
        self.station = Station(
            plan,
            self.csms.dial,
            Address("csms", f"/ocpp/{NAME}", NAME, "a-long-password!"),
            tally=self.tally,
            clock=RunClock(trio.current_time(), DATE),
            habits=habits,
        )
        nursery.start_soon(self.station.run)

    async def until_done(self, *, within: float = 600.0) -> None:
        """The station has lived its plan, and every message is answered."""
        with trio.fail_after(within):
            while not self.station.finished:
                await trio.sleep(1)

    def kept(self) -> list[tuple[int | str, KeptSession]]:
        """The fake's books, with the ids of its version."""
        if isinstance(self.csms, FakeCsms2):
            return list(self.csms.named.items())
        return [(kept.transaction_id, kept) for kept in self.csms.sessions.values()]

    def seen(self) -> list[SeenSession]:
        """The same, as the control API would tell."""
        return [
            SeenSession(
                station=kept.station,
                connector=kept.connector,
                id_tag=kept.id_tag,
                transaction_id=number,
                start_time=kept.start_time,
                stop_time=kept.stop_time,
                energy_wh=(kept.meter_stop_wh or kept.meter_start_wh) - kept.meter_start_wh,
                meter_start_wh=kept.meter_start_wh,
                meter_stop_wh=kept.meter_stop_wh,
                samples=sorted(kept.samples.items()),
                quantities=None if isinstance(self.csms, FakeCsms15) else kept.quantities,
                stop_reason=kept.reason,
            )
            for number, kept in self.kept()
        ]

    def check(self) -> None:
        """The books of the station and of the fake agree."""
        assert compare(self.station.ledger, self.seen()) == []


def habits(**changes: float) -> Habits:
    """The usual ones, changed."""
    return replace(HABITS, **changes)
