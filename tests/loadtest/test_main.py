"""The load tester's command line, start to exit code."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import trio

import loadtest.__main__ as command
from loadtest.__main__ import FAILED, MISUSED, PASSED, main, make_passwords, parse_sources, read_settings
from loadtest.ledger import SessionRecord
from loadtest.scenario import fitting_time_scale
from loadtest.swarm import SwarmResult
from loadtest.tally import Tally
from tests.kit.fake_control_api import KEY, FakeControlApi, serving
from tests.kit.fake_csms import FakeCsms, KeptSession

BEGAN = datetime(2025, 1, 1, 12, tzinfo=UTC)
Kept = list[KeptSession]


@pytest.fixture(autouse=True)
def _no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHARGEHOUSE_API_KEY", raising=False)


class LiveCsms:
    """The fake central system on a real port, in a thread of its own."""

    def __init__(self) -> None:
        self.port = 0
        self.csms: FakeCsms | None = None
        self._ready = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=trio.run, args=(self._run,))
        self._thread.start()
        self._ready.wait(10)

    async def _run(self) -> None:
        token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as nursery:
            self._stop = partial(token.run_sync_soon, nursery.cancel_scope.cancel)
            self.csms = FakeCsms(nursery)
            (listener, *_) = await nursery.start(partial(trio.serve_tcp, host="127.0.0.1"), self.csms.serve, 0)
            self.port = listener.socket.getsockname()[1]
            self._ready.set()

    def kept(self) -> Kept:
        return list(self.csms.sessions.values()) if self.csms is not None else []

    def close(self) -> None:
        self._stop()
        self._thread.join(10)


@pytest.fixture
def live() -> Iterator[LiveCsms]:
    csms = LiveCsms()
    yield csms
    csms.close()


@pytest.mark.system
def test_a_whole_run_over_real_sockets_passes_and_writes_its_report(
    live: LiveCsms, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    api = FakeControlApi(live.kept)  # type: ignore[abstract]
    options = "--stations 20 --minutes 0.07 --ramp 0.3 --meter-interval 0.3 --source-addresses 127.0.0.1-127.0.0.3"
    with serving(api) as control:
        target = f"ws://127.0.0.1:{live.port}/ocpp"
        where = ["--target", target, "--control", control, "--api-key", KEY, "--json", str(file)]
        code = main([*options.split(), *where])
    shown = capsys.readouterr().out
    assert code == PASSED, shown
    content = json.loads(file.read_text())
    assert content["sessions"]["checked"] >= 20
    assert content["sessions"]["wrong"] == 0
    assert content["errors"] == {}
    assert "sessions are right" in shown
    assert live.csms is not None
    assert all("authorization" in headers for headers in live.csms.headers)
    assert len(set(api.passwords.values())) == 20


def canned(name: str, number: int) -> SessionRecord:
    start = BEGAN + timedelta(seconds=number)
    samples = {start + timedelta(seconds=n): 1000 + n for n in range(1, 4)}
    return SessionRecord(
        name, 1, f"{name}-1", start, 1000, False, number, start + timedelta(seconds=9), 1010, "Local", True, False,
        samples, dict(samples),
    )  # fmt: skip


def drop(kept: Kept) -> None:
    del kept[1]


def double(kept: Kept) -> None:
    kept.append(deepcopy(kept[1]))
    kept[-1].transaction_id = 99


def alter(kept: Kept) -> None:
    kept[1].meter_stop_wh = 1011


def delay(kept: Kept) -> None:
    kept[1].start_time += timedelta(seconds=1)


def lose_a_sample(kept: Kept) -> None:
    kept[1].samples.popitem()


@pytest.mark.parametrize("mishap", [None, drop, double, alter, delay, lose_a_sample])
def test_a_server_that_drops_doubles_or_alters_a_session_is_caught(
    mishap: Callable[[Kept], None] | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = [canned("LT-00001", 1), canned("LT-00002", 2), canned("LT-00003", 3)]

    async def run_swarm(*_: object, **__: object) -> SwarmResult:
        return SwarmResult(BEGAN, 60.0, Tally(0.0), ledger, [record.station for record in ledger])

    monkeypatch.setattr(command, "run_swarm", run_swarm)
    kept = [
        KeptSession(
            r.station, r.transaction_id or 0, 1, r.id_tag, r.start_time, 1000, r.stop_time, 1010, "Local",
            dict(r.samples_acknowledged),
        )
        for r in ledger
    ]  # fmt: skip
    if mishap is not None:
        mishap(kept)
    api = FakeControlApi(lambda: kept)  # type: ignore[abstract]
    with serving(api) as control:
        code = main(["--stations", "3", "--control", control, "--api-key", KEY])
    shown = capsys.readouterr().out
    if mishap is None:
        assert code == PASSED
    else:
        assert code == FAILED
        assert "1 wrong" in shown
        assert "LT-00002" in shown


def test_a_run_without_a_session_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run_swarm(*_: object, **__: object) -> SwarmResult:
        return SwarmResult(BEGAN, 60.0, Tally(0.0))

    monkeypatch.setattr(command, "run_swarm", run_swarm)
    assert main(["--no-check"]) == FAILED
    assert "no session finished" in capsys.readouterr().out


def test_no_control_api_fails_before_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--api-key", KEY, "--control", "127.0.0.1:1"]) == FAILED
    assert "is the server running" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "key create"),
        ("--no-check --stations 0", "--stations must be more than 0"),
        ("--no-check --time-scale 0", "--time-scale"),
        ("--no-check --minutes 0.05 --ramp 3", "no session fits"),
        ("--no-check --target http://x", "ws://"),
        ("--no-check --prefix A-VERY-LONG-PREFIX-", "--prefix is too long"),
        ("--no-check --stations 30000 --source-addresses 127.0.0.1", "local ports"),
        ("--no-check --source-addresses 127.0.0.9-127.0.0.1", "range"),
    ],
)
def test_misuse_is_told_in_words(options: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options.split()) == MISUSED
    assert words in capsys.readouterr().out


def test_a_key_from_the_environment_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARGEHOUSE_API_KEY", "k")
    assert read_settings(["--stations", "5"]).api_key == "k"


def test_the_defaults_are_those_of_the_readme() -> None:
    settings = read_settings(["--no-check"])
    assert settings.target_url == "ws://127.0.0.1:9000/ocpp"
    assert settings.control == "127.0.0.1:50051"
    assert (settings.scenario.stations, settings.scenario.minutes, settings.scenario.ramp) == (500, 1.0, 10.0)
    assert settings.scenario.time_scale == fitting_time_scale(60, 10)


def test_passwords_are_one_each_and_fit_ocpp() -> None:
    passwords = make_passwords(read_settings(["--api-key", "k", "--stations", "50"]))
    assert len(set(passwords.values())) == 50
    assert all(16 <= len(password) <= 40 for password in passwords.values())
    assert set(make_passwords(read_settings(["--no-check", "--password", "p"])).values()) == {"p"}
    assert make_passwords(read_settings(["--no-check"])) == {}


def test_source_addresses_as_list_or_range() -> None:
    assert parse_sources("") == ()
    assert parse_sources("127.0.0.1, ::1") == ("127.0.0.1", "::1")
    assert parse_sources("127.0.0.254-127.0.1.1") == ("127.0.0.254", "127.0.0.255", "127.0.1.0", "127.0.1.1")
