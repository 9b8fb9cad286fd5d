"""The load tester's side of the control API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from control.v1 import id_tokens_pb2, sessions_pb2, stations_pb2
from loadtest import probe as module
from loadtest.probe import Probe, ProbeError, energy_samples, other_samples, seen_session
from tests.kit.fake_control_api import KEY, FakeControlApi, serving
from tests.kit.fake_csms import KeptSession

BEGAN = datetime(2025, 1, 1, 12, tzinfo=UTC)
NAMES = [f"LT-{number:05d}" for number in range(1, 11)]
PASSWORDS = {name: f"password-of-{name}" for name in NAMES}
TAGS = [f"{name}-1" for name in NAMES]


def kept(number: int, *, offset: float = 1, station: str = "LT-00001") -> KeptSession:
    start = BEGAN + timedelta(seconds=offset)
    samples = {start + timedelta(seconds=n): 100 + n for n in range(1, 8)}
    return KeptSession(
        station, number, 2, "lt-00001-2", start, 100, start + timedelta(seconds=9), 110, "Local", samples
    )


@pytest.fixture
def api() -> FakeControlApi:
    return FakeControlApi()  # type: ignore[abstract]


@pytest.fixture
def probe(api: FakeControlApi) -> Iterator[Probe]:
    with serving(api) as where, Probe(where, KEY) as probe:
        yield probe


def test_an_empty_server_gets_stations_passwords_and_tags(api: FakeControlApi, probe: Probe) -> None:
    probe.prepare(NAMES, PASSWORDS, TAGS)
    assert sorted(api.stations) == NAMES
    assert api.passwords == PASSWORDS
    assert sorted(api.tags) == TAGS


def test_many_are_made_by_few_calls(api: FakeControlApi, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 4)
    valid = probe.prepare(NAMES, dict.fromkeys(NAMES, ""), TAGS)
    assert valid == api.passwords
    assert sorted(valid) == sorted(api.stations) == NAMES
    assert {station.name for station in api.stations.values()} == {f"stations/{n}" for n in range(1, 11)}
    assert sorted(api.tags) == TAGS


def test_what_cannot_be_made_is_named(api: FakeControlApi, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    probe.prepare(NAMES[:3], {}, TAGS[:3])
    monkeypatch.setattr(Probe, "_known_stations", lambda *_: [])
    with pytest.raises(ProbeError, match="station LT-00003 could not be made: It is there already"):
        probe.prepare(["LT-00042", "LT-00003"], {}, [])
    monkeypatch.setattr(Probe, "_known_tags", lambda *_: [])
    with pytest.raises(ProbeError, match="tag LT-00002-1 could not be made: It is there already"):
        probe.prepare([], {}, TAGS[1:])


def test_a_second_run_finds_its_stations_and_gives_them_new_passwords(api: FakeControlApi, probe: Probe) -> None:
    probe.prepare(NAMES, PASSWORDS, TAGS)
    probe.prepare(NAMES, dict.fromkeys(NAMES, "x" * 16), TAGS)
    assert len(api.stations) == 10
    assert set(api.passwords.values()) == {"x" * 16}


def test_a_password_that_the_server_made_is_told(api: FakeControlApi, probe: Probe) -> None:
    valid = probe.prepare(NAMES, dict.fromkeys(NAMES, ""), [])
    assert valid == api.passwords
    assert len(set(valid.values())) == len(NAMES)
    assert probe.prepare(NAMES[:1], {}, []) == {}


def test_a_pending_station_is_accepted_and_a_blocked_tag_freed(api: FakeControlApi, probe: Probe) -> None:
    api.stations[NAMES[0]] = stations_pb2.Station(
        name="stations/77", identity=NAMES[0], registration_state=stations_pb2.REGISTRATION_STATE_PENDING
    )
    api.tags[TAGS[0]] = id_tokens_pb2.IdToken(
        name="idTokens/77", id_token=TAGS[0], blocked=True, expire_time=Timestamp(seconds=1)
    )
    probe.prepare(NAMES, PASSWORDS, TAGS)
    assert api.stations[NAMES[0]].registration_state == stations_pb2.REGISTRATION_STATE_ACCEPTED
    assert api.passwords[NAMES[0]] == PASSWORDS[NAMES[0]]
    assert not api.tags[TAGS[0]].blocked
    assert not api.tags[TAGS[0]].HasField("expire_time")


def test_sessions_of_the_run_come_whole_over_all_pages(api: FakeControlApi, probe: Probe) -> None:
    mine = [kept(number, offset=number) for number in range(1, 9)]
    others = [kept(50, station="SOMEBODY"), kept(51, offset=-10), kept(52, offset=3600)]
    api.kept = lambda: [*others, *mine]
    found = probe.sessions(NAMES, BEGAN, BEGAN + timedelta(minutes=1))
    assert [session.transaction_id for session in found] == [str(number) for number in range(1, 9)]
    assert all(len(session.samples or ()) == 7 for session in found)
    one = found[0]
    assert (one.connector, one.id_tag, one.energy_wh, one.meter_stop_wh) == (2, "LT-00001-2", 10, 110)
    assert one.start_time == mine[0].start_time
    assert one.stop_time == mine[0].stop_time
    assert one.samples is not None
    assert one.stop_reason == "Local"
    assert one.quantities is not None
    assert set(one.quantities) == set(mine[0].samples)
    assert one.quantities[mine[0].start_time + timedelta(seconds=1)] == {"Power.Active.Import": 7.0}
    assert one.samples[0] == (mine[0].start_time + timedelta(seconds=1), 101)


def test_meter_values_are_left_out_when_not_wanted(api: FakeControlApi, probe: Probe) -> None:
    api.kept = lambda: [kept(1)]
    (found,) = probe.sessions(NAMES, BEGAN, BEGAN, samples=False)
    assert found.samples is None


def test_of_many_sessions_only_some_are_looked_into(api: FakeControlApi, probe: Probe) -> None:
    api.kept = lambda: [kept(number) for number in range(1, 10)]
    found = probe.sessions(NAMES, BEGAN, BEGAN, most=3)
    assert len(found) == 9
    assert [session.samples is not None for session in found] == [True, False, False] * 3


def test_only_periodic_readings_of_the_register_count() -> None:
    def sampled(measurand: str, context: str) -> sessions_pb2.SampledValue:
        return sessions_pb2.SampledValue(measurand=measurand, context=context, value=5)

    value = sessions_pb2.MeterValue(
        sample_time=Timestamp(seconds=1),
        sampled_values=[
            sampled("Energy.Active.Import.Register", "Sample.Periodic"),
            sampled("Energy.Active.Import.Register", "Transaction.End"),
            sampled("SoC", "Sample.Periodic"),
        ],
    )
    assert energy_samples([value]) == [(datetime.fromtimestamp(1, UTC), 5.0)]
    assert other_samples([value]) == {datetime.fromtimestamp(1, UTC): {"SoC": 5.0}}


def test_a_session_whose_start_was_never_seen_has_no_start() -> None:
    seen = seen_session(sessions_pb2.Session(station_identity="A", transaction_id="", flags=["START_MISSING"]))
    assert seen.start_time is None
    assert seen.stop_time is None
    assert seen.transaction_id is None
    assert seen.meter_start_wh is None
    assert seen.flags == ("START_MISSING",)


def test_a_wrong_key_is_told_with_the_cure(api: FakeControlApi) -> None:
    with serving(api) as where, Probe(where, "wrong") as probe, pytest.raises(ProbeError, match="key create"):
        probe.prepare(NAMES, PASSWORDS, TAGS)


def test_nobody_there_is_told_in_words() -> None:
    with Probe("127.0.0.1:1", KEY) as probe, pytest.raises(ProbeError, match="is the server running"):
        probe.sessions(NAMES, BEGAN, BEGAN)


def test_a_refused_password_says_why(probe: Probe) -> None:
    with pytest.raises(ProbeError, match="16 to 40 characters"):
        probe.prepare(NAMES[:1], {NAMES[0]: "short"}, [])
