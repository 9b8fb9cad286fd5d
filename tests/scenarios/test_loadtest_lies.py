"""Small central systems that tell one lie each: the run fails, and the session is named. No sockets, no waiting."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import trio
import trio.testing

from loadtest.ledger import SeenSession, compare
from loadtest.report import Report
from loadtest.report_making import make_report
from loadtest.scenario import Scenario
from loadtest.station import Habits
from loadtest.swarm import run_swarm
from loadtest.target import parse_target
from tests.kit.fake_csms import FakeCsms, Json, KeptSession
from tests.kit.fake_csms_2 import FakeCsms2
from tests.kit.liar import LIES, Lie, Said, hear, learn

VERSIONS = ("1.6", "2.0.1")
VICTIM = "LT-00003"
HABITS = Habits(meter_interval=5, time_scale=80, call_timeout=10, retry_interval=1)


@dataclass
class Tongue:
    """Lies to one station only."""

    lie: Lie

    def said(self, station: str, action: str, payload: Json) -> Said:
        return hear(self.lie, action, payload) if station == self.lie.station else Said(payload)


class LyingCsms(FakeCsms):
    """Of OCPP 1.6."""

    tongue: Tongue

    def _answer(self, station: str, action: str, payload: Json) -> Json:
        said = self.tongue.said(station, action, payload)
        if said.answer is not None:
            return said.answer
        answer = super()._answer(station, action, said.payload)
        if station == VICTIM:
            learn(self.tongue.lie, action, answer)
        transaction: object = 0
        for other, made_up in said.more:
            if made_up.get("transactionId") == 0:
                made_up |= {"transactionId": transaction, "reason": "Local"}
            transaction = super()._answer(station, other, made_up).get("transactionId")
        return answer


class LyingCsms2(FakeCsms2):
    """Of OCPP 2.0.1."""

    tongue: Tongue

    def _answer(self, station: str, action: str, payload: Json) -> Json:
        said = self.tongue.said(station, action, payload)
        if said.answer is not None:
            return said.answer
        for other, made_up in said.more:
            super()._answer(station, other, made_up)
        return super()._answer(station, action, said.payload)


def listed(kept: KeptSession, transaction_id: int | str) -> SeenSession:
    return SeenSession(
        station=kept.station,
        connector=kept.connector,
        id_tag=kept.id_tag,
        transaction_id=transaction_id,
        start_time=kept.start_time,
        stop_time=kept.stop_time,
        energy_wh=(kept.meter_stop_wh or 0) - kept.meter_start_wh,
        samples=list(kept.samples.items()),
        quantities=kept.quantities,
        stop_reason=kept.reason,
    )


async def run(nursery: trio.Nursery, version: str, lie: Lie) -> Report:
    csms = LyingCsms(nursery) if version == "1.6" else LyingCsms2(nursery)
    csms.tongue = Tongue(lie)
    scenario = Scenario(stations=4, minutes=1.5, ramp=5, meter_interval=5, time_scale=80, versions={version: 1})
    target = parse_target("ws://127.0.0.1:9000/ocpp")
    result = await run_swarm(scenario, target, habits=HABITS, passwords={}, dial_for=lambda _: csms.dial)
    named = csms.named if isinstance(csms, LyingCsms2) else csms.sessions
    seen = [listed(kept, transaction_id) for transaction_id, kept in named.items()]
    return make_report(scenario, "ws://x", result, compare(result.ledger, seen))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", LIES)
async def test_one_lie_makes_the_run_fail_and_its_session_is_named(
    kind: str, version: str, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    lie = Lie(kind, VICTIM, other_tag="LT-00004-1")
    report = await run(nursery, version, lie)
    assert lie.told
    assert not report.passed
    assert report.sessions["wrong"] == 1
    assert {wrong.station for wrong in report.wrong} == {VICTIM}
    assert LIES[kind] in {wrong.kind for wrong in report.wrong}
    if kind != "invent a session":
        assert {str(wrong.transaction_id) for wrong in report.wrong} == {lie.transaction}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_system_that_tells_the_truth_is_passed(
    version: str, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    report = await run(nursery, version, Lie("drop a session", "nobody"))
    assert report.passed
    assert report.sessions["checked"] >= 4
