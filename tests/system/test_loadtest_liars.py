"""The load tester before servers that lie: it ends in failure, and names the session each time.

The product is right; a proxy between it and the stations drops, doubles, alters and makes up what passes through.
All lies are told in one run, each to another station, and one station hears the truth.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.kit.liar import LIES, Lie, lying
from tests.kit.product import Product, product

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-5"), pytest.mark.timeout(600)]
VERSIONS = ("1.6", "2.0.1")
RUN = "--minutes 0.25 --time-scale 600 --ramp 1 --meter-interval 0.5 --grace 200"


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product() as made:
        yield made


def loadtest(running: Product, port: int, *flags: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """A run through this port of a proxy; its report."""
    report = running.folder / "lies.json"
    where = ("--target", f"ws://127.0.0.1:{port}/ocpp", "--control", f"127.0.0.1:{running.control_port}")
    done = subprocess.run(
        running.command("loadtest", *where, *RUN.split(), *flags, "--json", str(report)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=running.environment() | {"CHARGEHOUSE_API_KEY": running.key, "COLUMNS": "200"},
    )
    return done, json.loads(report.read_text())


def lies_for(prefix: str) -> list[Lie]:
    """Each lie for a station of its own; the last station hears none."""
    honest = f"{prefix}{len(LIES) + 1:05d}-1"
    return [Lie(kind, f"{prefix}{number:05d}", other_tag=honest) for number, kind in enumerate(LIES, 1)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_lie_is_found_and_its_session_named(running: Product, version: str) -> None:
    prefix = f"L{version.replace('.', '')}-"
    lies = lies_for(prefix)
    with ExitStack() as stack:
        port = stack.enter_context(lying(running.ocpp_port, lies))
        stations = ("--stations", str(len(lies) + 1), "--prefix", prefix, "--versions", f"{version}=1")
        done, report = loadtest(running, port, *stations)
    assert [lie.kind for lie in lies if not lie.told] == []
    assert done.returncode == 1, done.stdout + done.stderr
    assert not report["passed"]
    found = {(wrong["station"], wrong["kind"], str(wrong["transaction_id"])) for wrong in report["wrong"]}
    for lie in lies:
        named = {kind: transaction for station, kind, transaction in found if station == lie.station}
        assert LIES[lie.kind] in named, f"{lie.kind}: {report['wrong']}"
        if lie.kind != "invent a session":
            assert (lie.station, LIES[lie.kind], lie.transaction) in found, f"{lie.kind}: {report['wrong']}"
        assert f"station {lie.station}, transaction {named[LIES[lie.kind]]}" in done.stdout
    assert {station for station, _, _ in found} == {lie.station for lie in lies}  # and nobody else


def test_the_same_proxy_without_a_lie_is_passed(running: Product) -> None:
    with lying(running.ocpp_port, []) as port:
        done, report = loadtest(running, port, "--stations", "6", "--prefix", "TRUE-", "--versions", "1.6=1,2.0.1=1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["passed"]
    assert report["wrong"] == []
    assert report["sessions"]["checked"] >= 6


LEAN = {kind: wrong for kind, wrong in LIES.items() if not kind.startswith(("alter the p", "alter the c"))}
LEAN = {kind: wrong for kind, wrong in LEAN.items() if not kind.endswith(("a current", "a voltage", "a voltage out"))}
"""A calm fleet looks at the register alone."""


@pytest.mark.parametrize("version", VERSIONS)
def test_a_calm_fleet_finds_them_too(running: Product, version: str) -> None:
    prefix = f"F{version.replace('.', '')}-"
    honest = f"{prefix}{len(LEAN) + 1:05d}-1"
    lies = [Lie(kind, f"{prefix}{number:05d}", other_tag=honest) for number, kind in enumerate(LEAN, 1)]
    calm = ("--engine", "fleet", "--charging-share", "0.9", "--heartbeat-interval", "5", "--versions", f"{version}=1")
    with lying(running.ocpp_port, lies) as port:
        done, report = loadtest(running, port, "--stations", str(len(lies) + 1), "--prefix", prefix, *calm)
    assert [lie.kind for lie in lies if not lie.told] == []
    assert done.returncode == 1, done.stdout + done.stderr
    found = {(wrong["station"], wrong["kind"]) for wrong in report["wrong"]}
    for lie in lies:  # a double has a name of its own: for the books it is a stranger
        wanted = "unknown" if lie.kind == "double a session" else LEAN[lie.kind]
        assert (lie.station, wanted) in found, f"{lie.kind}: {report['wrong']}"
    assert {station for station, _ in found} == {lie.station for lie in lies}


def test_a_calm_fleet_that_is_told_the_truth_is_passed(running: Product) -> None:
    calm = ("--engine", "fleet", "--charging-share", "0.9", "--backlog-hours", "3", "--versions", "1.6=1,2.0.1=1")
    with lying(running.ocpp_port, []) as port:
        done, report = loadtest(running, port, "--stations", "6", "--prefix", "CALM-", *calm)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["errors"] == {}
    assert report["sessions"]["checked"] >= 12
