"""What is said is what the official schemas allow, in each version."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from ocpp.messages import Call, _validate_payload

from loadtest.demo.history import History, make_history
from loadtest.demo.speech import Speech, Step, speech_of
from loadtest.demo.world import CITY, DUO, HUB, RAPID, WALL, Model, World, make_world

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
VERSIONS = {"ocpp1.6": "1.6", "ocpp2.0.1": "2.0.1", "ocpp2.1": "2.1"}


@pytest.fixture(scope="module")
def told() -> tuple[World, History]:
    world = make_world(5, 24)
    return world, make_history(world, 10, NOW)


def check(model: Model, action: str, payload: dict[str, object]) -> None:
    _validate_payload(Call("1", action, payload), VERSIONS[model.subprotocol])


def payloads(model: Model, steps: list[Step]) -> list[dict[str, object]]:
    found = [step.payload(17) for step in steps]
    for step, payload in zip(steps, found, strict=True):
        check(model, step.action, payload)
    return found


@pytest.mark.parametrize("model", [WALL, DUO, CITY, HUB, RAPID], ids=lambda model: model.name)
@pytest.mark.parametrize("live", [False, True])
def test_sessions_faults_and_attempts_are_valid(told: tuple[World, History], model: Model, live: bool) -> None:
    world, history = told
    speech = speech_of(model, NOW)
    plan = next(plan for plan in world.stations if plan.model is model)
    check(model, *speech.boot(plan, model.firmware))
    check(model, *speech.status(1, "Faulted", NOW))
    here = [visit for visit in history.visits if world.stations[visit.station].model is model][:25]
    assert here
    for visit in here:
        steps = speech.session(visit, model, plan.identity, live=live)
        assert [step.at for step in steps] == sorted(step.at for step in steps)
        payloads(model, steps)
    for fault in history.faults[:10]:
        payloads(model, speech.fault(fault))
    payloads(model, [speech.attempt(attempt) for attempt in history.attempts[:3]])


def events(speech: Speech, told: tuple[World, History], model: Model) -> list[dict[str, object]]:
    world, history = told
    visit = next(
        visit
        for visit in history.visits
        if world.stations[visit.station].model is model and len(visit.charge.points) > 3
    )
    steps = speech.session(visit, model, "X", live=True)
    return [step.payload(17) for step in steps if step.visit is not None]


def test_a_start_that_was_ordered_names_the_order(told: tuple[World, History]) -> None:
    world, history = told
    visit = next(each for each in history.visits if world.stations[each.station].model is CITY)
    for order, why in ((4711, "RemoteStart"), (None, "Authorized")):
        steps = speech_of(CITY).session(replace(visit, remote_start_id=order), CITY, "X", live=True)
        begun = next(step.payload(17) for step in steps if step.action == "TransactionEvent")
        assert (begun["transactionInfo"].get("remoteStartId"), begun["triggerReason"]) == (order, why)  # type: ignore[attr-defined]


def test_the_numbers_of_a_transaction_have_no_gap(told: tuple[World, History]) -> None:
    found = events(speech_of(CITY), told, CITY)
    assert [event["seqNo"] for event in found] == list(range(len(found)))
    assert [event["eventType"] for event in found][:: len(found) - 1] == ["Started", "Ended"]


def test_the_meter_at_the_stop_is_the_one_at_the_start_and_what_was_charged(told: tuple[World, History]) -> None:
    world, history = told
    visit = next(visit for visit in history.visits if world.stations[visit.station].model is WALL)
    steps = [step for step in speech_of(WALL).session(visit, WALL, "X") if step.visit is not None]
    start, stop = steps[0].payload(-1), steps[-1].payload(4711)
    assert isinstance(start["meterStart"], int)
    assert stop["meterStop"] == start["meterStart"] + visit.charge.energy_wh
    assert stop["transactionId"] == 4711
