"""The load tester's command line, start to exit code."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest
import trio

import loadtest.__main__ as command
from loadtest.__main__ import FAILED, INTERRUPTED, MISUSED, PASSED, main, make_jobs
from loadtest.jobs import StationsJob
from loadtest.ledger import SessionRecord
from loadtest.operator import OperatorJob
from loadtest.options import make_passwords, read_settings
from loadtest.probe import Probe, ProbeError
from loadtest.recipes import ready_scenarios
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
        self._ready.wait(60)

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
    options = (
        "--stations 20 --minutes 0.07 --ramp 0.3 --meter-interval 0.3 --processes 2 "
        "--source-addresses 127.0.0.1-127.0.0.3"
    )
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
        station=name,
        connector=1,
        id_tag=f"{name}-1",
        start_time=start,
        meter_start_wh=1000,
        transaction_id=number,
        stop_time=start + timedelta(seconds=9),
        meter_stop_wh=1010,
        reason="Local",
        stop_acknowledged=True,
        samples_sent=samples,
        samples_acknowledged=dict(samples),
    )


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


def swap_tags(kept: Kept) -> None:
    kept[1].id_tag = kept[0].id_tag


def invent(kept: Kept) -> None:
    kept.append(deepcopy(kept[1]))
    kept[-1].transaction_id = 99
    kept[-1].start_time += timedelta(seconds=20)


@pytest.mark.parametrize("mishap", [None, drop, double, alter, delay, lose_a_sample, swap_tags, invent])
def test_a_server_that_drops_doubles_or_alters_a_session_is_caught(
    mishap: Callable[[Kept], None] | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = [canned("LT-00001", 1), canned("LT-00002", 2), canned("LT-00003", 3)]

    result = SwarmResult(BEGAN, 60.0, Tally(0.0), ledger, [record.station for record in ledger])
    monkeypatch.setattr(command, "run_processes", lambda *_, **__: result)
    kept = [
        KeptSession(
            r.station, int(r.transaction_id or 0), 1, r.id_tag, r.start_time, 1000, r.stop_time, 1010, "Local",
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


def test_the_report_is_written_as_a_page_and_two_of_them_are_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    result = SwarmResult(BEGAN, 60.0, Tally(0.0), [canned("LT-00001", 1)], ["LT-00001"])
    monkeypatch.setattr(command, "run_processes", lambda *_, **__: result)
    file, page = str(tmp_path / "a.json"), tmp_path / "a.html"
    assert main(["--no-check", "--json", file, "--html", str(page)]) == PASSED
    assert "<!doctype html>" in page.read_text()
    capsys.readouterr()
    assert main(["--compare", file, file]) == PASSED
    assert "answers per second" in capsys.readouterr().out
    assert main(["--compare", file, str(page)]) == MISUSED
    assert "is not a report" in " ".join(capsys.readouterr().out.split())


def test_a_run_without_a_session_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = SwarmResult(BEGAN, 60.0, Tally(0.0))
    monkeypatch.setattr(command, "run_processes", lambda *_, **__: result)
    assert main(["--no-check"]) == FAILED
    assert "no session finished" in capsys.readouterr().out


def test_no_control_api_fails_before_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--api-key", KEY, "--control", "127.0.0.1:1"]) == FAILED
    assert "is the server running" in capsys.readouterr().out


def test_the_ready_scenarios_are_listed_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == PASSED
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [scenario.name for scenario in ready_scenarios()]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "key create"),
        ("--no-check --stations 0", "--stations must be a whole number more than 0"),
        ("--no-check --scenario nonsense", "there is no scenario 'nonsense'"),
        ("--no-check --target http://x", "ws://"),
        ("--no-check --server-pid 4194305", "--server-pid: there is no process"),
        ("--no-check --metrics 127.0.0.1:9464", "--metrics must look like"),
    ],
)
def test_misuse_is_told_in_words(options: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options.split()) == MISUSED
    assert words in capsys.readouterr().out


def test_a_child_that_died_makes_the_run_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = [canned("LT-00001", 1)]
    result = SwarmResult(BEGAN, 60.0, Tally(0.0), ledger, ["LT-00001"], failures=["process 2 of 2 died (exit code 7)"])
    monkeypatch.setattr(command, "run_processes", lambda *_, **__: result)
    assert main(["--no-check"]) == FAILED
    assert "process 2 of 2 died" in " ".join(capsys.readouterr().out.split())


def test_an_interrupted_run_tells_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = SwarmResult(BEGAN, 6.0, Tally(0.0), [canned("LT-00001", 1)], ["LT-00001"], interrupted=True)
    monkeypatch.setattr(command, "run_processes", lambda *_, **__: result)
    assert main(["--no-check"]) == INTERRUPTED
    assert "1 finished" in capsys.readouterr().out


def test_a_control_api_that_is_gone_at_the_end_does_not_take_the_report_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = SwarmResult(BEGAN, 6.0, Tally(0.0), [canned("LT-00001", 1)], ["LT-00001"])
    api = FakeControlApi(list)  # type: ignore[abstract]
    with serving(api) as control, ExitStack() as stack:

        def run_processes(*_: object, **__: object) -> SwarmResult:
            stack.enter_context(monkeypatch.context()).setattr(Probe, "sessions", gone)
            return result

        def gone(*_: object, **__: object) -> NoReturn:
            raise ProbeError("control.v1 cannot be reached")

        monkeypatch.setattr(command, "run_processes", run_processes)
        assert main(["--stations", "1", "--control", control, "--api-key", KEY]) == FAILED
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 finished" in shown
    assert "nothing was checked: control.v1 cannot be reached" in shown


def test_the_work_is_shared_and_nobody_is_sent_anothers_passwords() -> None:
    settings = read_settings(["--stations", "7", "--processes", "3", "--api-key", "k", "--scenario", "commands"])
    passwords = make_passwords(settings)
    *lives, operator = make_jobs(settings, passwords)
    assert isinstance(operator, OperatorJob)
    own = [job.passwords for job in lives if isinstance(job, StationsJob)]
    assert sorted(len(some) for some in own) == [2, 2, 3]
    assert {name: word for some in own for name, word in some.items()} == passwords
    settings = read_settings(["--stations", "7", "--processes", "3", "--api-key", "k", "--scenario", "saturate"])
    jobs = [job for job in make_jobs(settings, passwords) if isinstance(job, StationsJob)]
    assert [job.numbers for job in jobs] == [range(2), range(2, 4), range(4, 7)]
    assert {name for job in jobs for name in job.passwords} == set(passwords)
