"""The load tester against the product: two halves that share no code agree on every session."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.kit.product import Product, product

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-5"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product() as made:
        yield made


def loadtest(running: Product, *flags: str, key: str) -> subprocess.CompletedProcess[str]:
    where = ("--target", running.ocpp, "--control", f"127.0.0.1:{running.control_port}")
    return subprocess.run(
        running.command("loadtest", *where, *flags),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=running.environment() | {"CHARGEHOUSE_API_KEY": key, "COLUMNS": "120"},
    )


def test_every_session_of_forty_stations_is_right(running: Product) -> None:
    report = running.folder / "report.json"
    flags = ("--stations", "40", "--minutes", "0.25", "--time-scale", "600", "--grace", "200", "--json", str(report))
    done = loadtest(running, *flags, key=running.key)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text())
    sessions = found["sessions"]
    assert sessions["finished"] == sessions["checked"] == sessions["started"] >= 40
    assert sessions["wrong"] == sessions["unfinished"] == 0
    assert sessions["energy_wh"] > 0
    assert found["actions"]["MeterValues"]["count"] == sessions["meter_values"] > 40
    assert f"All {sessions['finished']} finished sessions are right" in done.stdout


def test_ten_stations_of_each_version_break_are_repaired_and_every_session_is_right(running: Product) -> None:
    report = running.folder / "versions.json"
    versions = ("--stations", "40", "--versions", "1.5=1,1.6=1,2.0.1=1,2.1=1", "--connectors", "2", "--prefix", "V-")
    faults = ("--fault-share", "0.3", "--repair-seconds", "1")
    flags = ("--minutes", "0.25", "--time-scale", "600", "--grace", "200", "--json", str(report))
    done = loadtest(running, *versions, *faults, *flags, key=running.key)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text())
    sessions = found["sessions"]
    assert sessions["finished"] == sessions["checked"] == sessions["started"] >= 80
    assert sessions["wrong"] == sessions["unfinished"] == 0
    assert {"StartTransaction", "TransactionEvent", "NotifyEvent", "NotifyReport"} <= set(found["actions"])
    assert not [kind for kind in found["errors"] if "CALLERROR" in kind]


def test_a_key_that_does_not_fit_is_said_so(running: Product) -> None:
    done = loadtest(running, "--stations", "2", "--minutes", "0.1", key="ch_nonsense")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "chargehouse key create" in " ".join(done.stdout.split())
