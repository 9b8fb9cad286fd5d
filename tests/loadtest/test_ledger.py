"""The comparison of what stations did with what the server says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from loadtest.ledger import Discrepancy, SeenSession, SessionRecord, compare

BEGAN = datetime(2025, 1, 1, 12, tzinfo=UTC)


def record(number: int = 1, *, station: str = "LT-1", offset: float = 0) -> SessionRecord:
    start = BEGAN + timedelta(seconds=offset)
    samples = {start + timedelta(seconds=10 * n): 1000 + 50 * n for n in range(1, 4)}
    return SessionRecord(
        station=station,
        connector=1,
        id_tag="lt-1-1",
        start_time=start,
        meter_start_wh=1000,
        transaction_id=number,
        stop_time=start + timedelta(seconds=40),
        meter_stop_wh=1200,
        stop_acknowledged=True,
        samples_sent=dict(samples),
        samples_acknowledged=dict(samples),
        quantities_sent={at: {"Power.Active.Import": 7000.0, "Voltage L1-N": 229.7, "SoC": 40.0} for at in samples},
        reason_said="Local",
    )


def seen(mine: SessionRecord) -> SeenSession:
    return SeenSession(
        station=mine.station,
        connector=mine.connector,
        id_tag=mine.id_tag.upper(),
        transaction_id=mine.transaction_id,
        start_time=mine.start_time,
        stop_time=mine.stop_time,
        energy_wh=float(mine.energy_wh),
        meter_start_wh=float(mine.meter_start_wh),
        meter_stop_wh=mine.meter_stop_wh,
        samples=[(at, float(energy)) for at, energy in mine.samples_acknowledged.items()],
        quantities={at: dict(said) for at, said in mine.quantities_sent.items()},
        stop_reason=mine.reason_said,
    )


def kinds(found: list[Discrepancy]) -> list[str]:
    return [one.kind for one in found]


def test_a_true_server_has_nothing_held_against_it() -> None:
    records = [record(1), record(2, offset=100), record(3, station="LT-2")]
    assert compare(records, [seen(r) for r in reversed(records)]) == []


def test_a_dropped_session_is_missing() -> None:
    one, two = record(1), record(2, offset=100)
    (found,) = compare([one, two], [seen(one)])
    assert (found.kind, found.station, found.transaction_id) == ("missing", "LT-1", 2)
    assert "200 Wh" in str(found)


def test_a_session_listed_twice_is_doubled() -> None:
    assert kinds(compare([record()], [seen(record()), seen(record())])) == ["doubled"]


def test_a_repeated_start_that_got_a_second_number_is_doubled() -> None:
    again = replace(seen(record()), transaction_id=99, stop_time=None, meter_stop_wh=None, energy_wh=0)
    (found,) = compare([record()], [again, seen(record())])
    assert found.kind == "doubled"
    assert "99" in found.detail


def test_the_same_number_for_two_sessions_is_doubled() -> None:
    one, two = record(1), record(1, offset=100)
    assert "doubled" in kinds(compare([one, two], [seen(one), seen(two)]))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"energy_wh": 201.0}, "energy"),
        ({"energy_wh": 200.5}, "energy"),
        ({"meter_start_wh": 999.0}, "meter start"),
        ({"meter_stop_wh": None, "stop_time": None}, "stop"),
        ({"meter_stop_wh": 1201.0}, "meter stop"),
        ({"start_time": BEGAN + timedelta(seconds=1)}, "start"),
        ({"start_time": None}, "start"),
        ({"stop_time": BEGAN + timedelta(seconds=41)}, "stop"),
        ({"id_tag": "OTHER"}, "tag"),
        ({"connector": 2}, "connector"),
        ({"flags": ("METER_WENT_BACK",)}, "METER_WENT_BACK"),
        ({"stop_reason": "Remote"}, "stop reason is Remote instead of Local"),
        ({"stop_reason": ""}, "stop reason is none instead of Local"),
    ],
)
def test_any_altered_figure_is_told(change: dict[str, object], word: str) -> None:
    (found,) = compare([record()], [replace(seen(record()), **change)])  # type: ignore[arg-type]
    assert found.kind == "altered"
    assert word in found.detail


def test_meter_values_lost_doubled_altered_and_invented_are_told() -> None:
    true = list(seen(record()).samples or ())
    stray = (BEGAN + timedelta(seconds=33), 1170.0)
    cases = {
        "missing": true[:-1],
        "doubled": [*true, true[0]],
        "altered": [*true[:-1], (true[-1][0], 1.0)],
        "never sent": [*true, stray],
    }
    for word, samples in cases.items():
        (found,) = compare([record()], [replace(seen(record()), samples=samples)])
        assert word in found.detail, word


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"Power.Active.Import": 7001.0},
            "Power.Active.Import of 1 meter values altered, first at 2025",
        ),
        ({"Voltage L1-N": 229.8}, "229.8 instead of 229.7"),
        ({"SoC": None}, "missing instead of 40"),
        ({"Temperature": 20.0}, "Temperature of 1 meter values altered"),
    ],
)
def test_what_is_sampled_beside_the_energy_is_compared_as_well(change: dict[str, float | None], words: str) -> None:
    true = seen(record())
    quantities = {at: dict(said) for at, said in (true.quantities or {}).items()}
    at = sorted(quantities)[1]
    quantities[at] = {name: value for name, value in (quantities[at] | change).items() if value is not None}
    (found,) = compare([record()], [replace(true, quantities=quantities)])
    assert found.kind == "altered"
    assert words in found.detail


def test_a_version_without_reasons_to_stop_has_none_compared() -> None:
    silent = record()
    silent.reason_said = ""
    assert compare([silent], [replace(seen(record()), stop_reason="Local")]) == []


def test_a_meter_value_whose_answer_never_came_may_be_there_or_not() -> None:
    unsure = record()
    last = max(unsure.samples_acknowledged)
    with_it = seen(unsure)
    del unsure.samples_acknowledged[last]
    assert compare([unsure], [with_it]) == []
    assert compare([unsure], [seen(unsure)]) == []


def test_meter_values_are_not_compared_when_they_were_not_fetched() -> None:
    assert compare([record()], [replace(seen(record()), samples=None)]) == []


def test_an_unfinished_session_is_owed_to_nobody_but_may_be_there_once() -> None:
    open_one = record()
    open_one.stop_acknowledged = False
    going_on = replace(seen(record()), stop_time=None, meter_stop_wh=None, energy_wh=150)
    assert compare([open_one], []) == []
    assert compare([open_one], [going_on]) == []
    assert kinds(compare([open_one], [going_on, replace(going_on, transaction_id=5)])) == ["doubled"]


def test_a_start_that_was_never_answered_is_known_by_its_time() -> None:
    unanswered = record()
    unanswered.transaction_id = None
    unanswered.stop_acknowledged = False
    assert compare([unanswered], [replace(seen(record()), stop_time=None)]) == []


def test_a_session_the_station_never_had_is_unknown() -> None:
    invented = replace(seen(record()), transaction_id=77, start_time=BEGAN + timedelta(seconds=500))
    assert kinds(compare([record()], [seen(record()), invented])) == ["unknown"]
    assert kinds(compare([], [invented])) == ["unknown"]


def test_sessions_of_another_station_are_not_taken_for_ours() -> None:
    moved = replace(seen(record()), station="LT-9")
    assert sorted(kinds(compare([record()], [moved]))) == ["missing", "unknown"]


def test_milliseconds_are_what_stations_speak() -> None:
    close = replace(seen(record()), start_time=BEGAN + timedelta(microseconds=999))
    assert compare([record()], [close]) == []
