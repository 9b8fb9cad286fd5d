"""A station that tells what happened, and one that charges now, against a scripted server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from loadtest.demo.curves import Charge, Point, charge
from loadtest.demo.history import Visit
from loadtest.demo.speech import speech_of
from loadtest.demo.station import cut, ending
from loadtest.demo.world import CITY, WALL, Model, make_world

BEGAN = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_session_that_is_ended_early_keeps_what_was_measured() -> None:
    points = tuple(Point(60.0 * n, 100 * n, 6000, 40 + n) for n in range(1, 10))
    car = make_world(1, 3).tags[0].car
    curve = Charge(points, 1000, None)
    visit = Visit(0, 1, "A1", car, BEGAN, BEGAN + timedelta(hours=1), 5000, curve, "Local", 7)
    short = cut(visit, BEGAN + timedelta(seconds=200, milliseconds=5))
    assert (short.meter_stop_wh, short.reason, short.number) == (5300, "Remote", 7)
    assert short.stopped == BEGAN + timedelta(seconds=200)
    assert len(short.charge.points) == 3
    assert cut(visit, BEGAN).charge.energy_wh == 0


@pytest.mark.parametrize("model", [WALL, CITY])
def test_what_was_told_before_an_early_end_and_its_ending_have_no_gap(model: Model) -> None:
    car = make_world(1, 3).tags[0].car
    curve = charge(Random(1), car, soc=0.98, power_w=11_000, seconds=3600, every=60, target=0.985)
    assert curve.full_after is not None
    visit = Visit(0, 1, "A1", car, BEGAN, BEGAN + timedelta(hours=1), 5000, curve, "Local", 7)
    speech, at = speech_of(model), BEGAN + timedelta(seconds=3000)
    told = [step for step in speech.session(visit, model, "X", live=True) if step.at <= at]
    last = ending(speech.session(cut(visit, at), model, "X", live=True))
    assert last[0].action in ("StopTransaction", "TransactionEvent")
    if model is CITY:
        events = [step.payload(0) for step in (*told, *last) if step.visit is not None]
        assert [event["seqNo"] for event in events] == list(range(len(events)))
