"""Connectors that break; whole sessions that end by it are in tests/loadtest/speech/test_versions.py."""

from __future__ import annotations

from random import Random

import pytest
import trio
import trio.testing

from loadtest.faults import Faults
from loadtest.session import RunClock
from loadtest.speech.speech import BREAKDOWNS
from loadtest.speech.v2x import Speech2
from tests.kit.commanded import SpyStation
from tests.kit.stage import DATE, visit


class Spy(SpyStation):
    speech = Speech2("2.1")


def faults(spy: Spy, share: float) -> Faults:
    return Faults(spy, Random(3), RunClock(100.0, DATE), share=share, repair_seconds=5.0)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_wanted_share_of_sessions_ends_by_a_fault(share: float) -> None:
    made = faults(Spy(), share)
    fates = [made.fate(visit(10, 60)) for _ in range(400)]
    broken = [fate for fate in fates if fate is not None]
    assert len(broken) / 400 == pytest.approx(share, abs=0.06)
    assert all(112 < at <= 167 for at, _ in broken)


async def test_a_broken_connector_is_told_and_repaired(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    spy = Spy()
    connector = spy.connectors[0]
    faults(spy, 1.0).break_down(connector, BREAKDOWNS[0], nursery)
    assert (connector.status, connector.error) == ("Faulted", "GroundFailure")
    connector.rest()
    assert connector.status == "Faulted"  # not before it is repaired
    await trio.sleep(6)
    assert (connector.status, connector.error) == ("Available", "NoError")
    events = [payload["eventData"][0] for _, payload in spy.said]  # type: ignore[index]
    assert [(event["eventId"], event["cleared"]) for event in events] == [(1, False), (1, True)]
    assert spy.did == [(1, "Faulted"), (1, "Available")]
