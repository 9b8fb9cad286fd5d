"""Every ready scenario at small scale against the product: nothing is lost, doubled or altered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtest.recipes import ready_scenarios
from tests.kit.product import Product, free_port, product
from tests.kit.tls_authority import Authority

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-5"), pytest.mark.timeout(600)]

# What makes each one small, and patient where the machine is busy; the rest is as it comes.
SMALL = "--stations 20 --minutes 0.1 --ramp 1 --time-scale 600 --grace 200"
MORE = {
    "reconnect-storm": "--storm-seconds 1",
    "saturate": "--stations 8 --minutes 0.05 --ramp 0.2",
    "commands": "--minutes 0.15 --commands-per-second 10",
    "offline-replay": "--stations 10 --backlog-hours 3",
    "chaos": "--minutes 0.2 --trouble-seconds 1",
    "soak": "--commands-per-second 2 --trouble-seconds 1 --repair-seconds 1",
    "full-house": "--heartbeat-interval 2 --meter-interval 1 --minutes 0.2 --charging-share 0.6",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority()
    chain, key = authority.server().files(folder, "server")
    (folder / "ca.pem").write_bytes(authority.pem)
    with product(ocpp_tls_listen=f"127.0.0.1:{free_port()}", ocpp_tls_cert=str(chain), ocpp_tls_key=str(key)) as made:
        yield made


def command(running: Product, scenario: str, *flags: str) -> list[str]:
    where = ("--target", running.ocpp, "--control", f"127.0.0.1:{running.control_port}")
    return running.command("loadtest", *where, "--scenario", scenario, *flags)


def over_tls(running: Product) -> list[str]:
    port = running.settings["ocpp-tls-listen"].rpartition(":")[2]
    folder = Path(running.settings["ocpp-tls-cert"]).parent
    return ["--target", f"wss://localhost:{port}/ocpp", "--ca", str(folder / "ca.pem")]


def environment(running: Product) -> dict[str, str]:
    return running.environment() | {"CHARGEHOUSE_API_KEY": running.key, "COLUMNS": "120"}


def loadtest(running: Product, scenario: str, *flags: str) -> dict[str, object]:
    """Run it, demand that it passes, and return its report."""
    report = running.folder / f"{scenario.replace('/', '-')}.json"
    done = subprocess.run(
        [*command(running, scenario, *flags), "--json", str(report)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment(running),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, object] = json.loads(report.read_text())
    return found


@pytest.mark.parametrize("name", [scenario.name for scenario in ready_scenarios()])
def test_nothing_is_lost_or_doubled(running: Product, name: str) -> None:
    found = loadtest(running, name, *SMALL.split(), *MORE.get(name, "").split(), "--prefix", f"{name[:5]}-")
    sessions = found["sessions"]
    assert isinstance(sessions, dict)
    assert sessions["finished"] == sessions["checked"] >= 4
    assert sessions["wrong"] == sessions["unfinished"] == 0
    assert sessions["energy_wh"] > 0
    assert found["failures"] == []
    requests = found["requests"]
    assert isinstance(requests, dict)
    if name == "commands":
        assert "→RequestStartTransaction" in requests
        assert requests["→GetVariables"]["latency"]["p99"] > 0
    if name == "reconnect-storm":
        connects = found["connects"]
        assert isinstance(connects, int)
        assert connects > 20  # they came back


def test_processes_share_the_stations_of_a_file_of_ones_own_over_tls(running: Product, tmp_path: Path) -> None:
    file = tmp_path / "evening.toml"
    file.write_text(
        'stations = 20\nminutes = 0.1\nramp = 1\ntime_scale = 600\ngrace = 200\nconnectors = 2\nprefix = "EV-"\n'
        '[versions]\n"1.6" = 1\n"2.0.1" = 1\n"2.1" = 1\n'
    )
    found = loadtest(running, str(file), "--processes", "2", *over_tls(running))
    sessions, settings, actions = found["sessions"], found["settings"], found["actions"]
    assert isinstance(sessions, dict)
    assert isinstance(settings, dict)
    assert isinstance(actions, dict)
    assert settings["name"] == "evening"
    assert str(settings["target"]).startswith("wss://")
    assert sessions["finished"] == sessions["checked"] >= 40
    assert {"StartTransaction", "TransactionEvent"} <= set(actions)


def test_a_server_whose_certificate_nobody_vouches_for_is_not_talked_to(running: Product) -> None:
    flags = [*over_tls(running)[:2], *SMALL.split(), "--no-check"]
    done = subprocess.run(
        command(running, "steady", *flags, "--stations", "2", "--grace", "0"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment(running),
    )
    assert done.returncode == 1
    assert "SSLCertVerificationError" in done.stdout


def test_ctrl_c_ends_all_processes_and_what_there_is_is_right(running: Product, tmp_path: Path) -> None:
    report = tmp_path / "cut.json"
    flags = SMALL.replace("--minutes 0.1", "--minutes 5").split()
    process = subprocess.Popen(
        [*command(running, "steady", *flags, "--processes", "2", "--prefix", "CUT-"), "--json", str(report)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(running),
        start_new_session=True,  # a terminal sends Ctrl-C to the whole group, children included
    )
    told: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=told.extend, args=(process.stdout,))
    reader.start()
    deadline = time.monotonic() + 150
    while not any("answers/s" in line and " 0 answers/s" not in line for line in told):
        assert process.poll() is None, told
        assert time.monotonic() < deadline, told
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(120) == 130, told
    reader.join(10)
    process.stdout.close()
    found = json.loads(report.read_text())
    assert found["interrupted"]
    assert found["failures"] == []
    assert found["wrong"] == []
    assert found["seconds"] < 240  # of 300
