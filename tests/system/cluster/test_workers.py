"""`serve --workers 2` as it is started: two nodes on one port, commands and watching across, workers that die."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from control.v1 import sessions_pb2, stations_pb2
from tests.kit.cluster_books import ENERGY_WH
from tests.kit.cluster_callers import Commander, in_thread
from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.fleet import FleetStation
from tests.kit.product import Product
from tests.kit.product import product as start_product

pytestmark = [pytest.mark.system, pytest.mark.timeout(450)]

STATIONS = 16


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with start_product(
        workers="2", unknown_stations="accept", portal=True, patience=150.0, monitor_listen="127.0.0.1:0"
    ) as made:
        deadline = time.monotonic() + 150
        while "is running with" not in made.log.read_text():  # the first node serves already
            assert time.monotonic() < deadline, made.log.read_text()
            time.sleep(0.1)
        yield made
        all_of_it = children_of(made)
        assert made.stop(60) == 0, made.log.read_text()
        assert not [pid for pid in all_of_it if Path(f"/proc/{pid}").exists()]


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        for number in range(STATIONS):
            made.ask("id_tokens.CreateIdToken", id_token={"id_token": f"TAG{number}"})
        yield made


def children_of(running: Product, word: str = "") -> set[int]:
    assert running.process is not None
    found = subprocess.run(
        ["ps", "--ppid", str(running.process.pid), "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    return {int(line.split()[0]) for line in found.stdout.splitlines() if word in f"{line} "}


def nodes_of(running: Product) -> set[int]:
    return children_of(running, " node ")


def connections_of(running: Product) -> dict[int, int]:
    """Process → how many stations are connected to it."""
    found = subprocess.run(
        ["ss", "-tnpH", "state", "established", f"sport = :{running.ocpp_port}"],
        capture_output=True,
        text=True,
        check=True,
    )
    counts: dict[int, int] = {}
    for line in found.stdout.splitlines():
        if "pid=" in line:
            pid = int(line.partition("pid=")[2].partition(",")[0])
            counts[pid] = counts.get(pid, 0) + 1
    return counts


@asynccontextmanager
async def fleet_of(port: int, *, prefix: str = "CP") -> AsyncIterator[list[FleetStation]]:
    async with trio.open_nursery() as nursery:
        made = [FleetStation(f"{prefix}-{n}", port, f"TAG{n}", seed=n) for n in range(STATIONS)]
        for each in made:
            nursery.start_soon(each.run)
        await until(lambda: all(each.connected for each in made))
        yield made
        nursery.cancel_scope.cancel()


async def until(happy: object, seconds: float = 60.0) -> None:
    assert callable(happy)
    with trio.fail_after(seconds):
        while not happy():
            await trio.sleep(0.1)


async def names_of(desk: Desk) -> dict[str, str]:
    """Identity → name of those that are online."""
    listed = (await desk.call("stations.ListStations", page_size=100)).stations
    return {
        each.identity: each.name for each in listed if each.connection_state == stations_pb2.CONNECTION_STATE_ONLINE
    }


async def clear_cache(desk: Desk, name: str) -> str:
    return str((await desk.call("remote.ClearCache", target={"station": name})).result.status)


@pytest.mark.feature("F-SYS-7")
async def test_stations_on_both_nodes_are_commanded_and_listed_from_one_place(running: Product, desk: Desk) -> None:
    async with fleet_of(running.ocpp_port) as fleet:
        nodes = nodes_of(running)
        assert len(nodes) == 2
        assert set(connections_of(running)) == nodes, "the kernel shares connections out among the nodes"
        names = await names_of(desk)
        assert {each.identity for each in fleet} <= set(names)
        for each in fleet:
            assert await clear_cache(desk, names[each.identity]) == "Accepted"


def test_each_process_is_told_of_at_one_address(running: Product) -> None:
    told = running.log.read_text().partition("Metrics    http://")[2].partition("/metrics")[0]

    def ask(path: str) -> str:
        with urllib.request.urlopen(f"http://{told}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    assert ask("/readyz").splitlines() == ["control: ready", "node-1: ready", "node-2: ready"]
    assert 'chargehouse_worker_ready{worker="node-2"} 1.0' in ask("/metrics")
    assert "chargehouse_bus_connected 1.0" in ask("/node-1/metrics")


def test_the_portal_is_there_as_well(running: Product) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{running.portal_port}/", timeout=20) as answer:
        assert answer.status == 200


async def test_a_node_that_is_killed_is_started_again_and_its_stations_come_back(running: Product, desk: Desk) -> None:
    async with fleet_of(running.ocpp_port) as fleet:
        await until(lambda: all(each.sessions for each in fleet))
        victim = max(connections_of(running).items(), key=lambda each: each[1])[0]
        os.kill(victim, signal.SIGKILL)
        await until(lambda: len(nodes_of(running) - {victim}) == 2)
        before = {each.identity: len(each.sessions) for each in fleet}
        await until(lambda: all(len(each.sessions) > before[each.identity] for each in fleet), 90)
        names = await names_of(desk)
        for each in fleet:
            assert await clear_cache(desk, names[each.identity]) == "Accepted"


@pytest.mark.feature("F-SYS-7")
async def test_nodes_are_restarted_one_by_one_and_nobody_who_knocks_is_turned_away(
    running: Product, desk: Desk
) -> None:
    assert running.process is not None
    async with fleet_of(running.ocpp_port) as fleet:
        await until(lambda: all(each.sessions for each in fleet))
        known = await names_of(desk)
        commander = Commander([running.control_port], running.key, [known[each.identity] for each in fleet], 5)
        before, connections = nodes_of(running), [each.connections for each in fleet]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(in_thread(commander.run))
            running.process.send_signal(signal.SIGHUP)
            await until(lambda: "all nodes were restarted" in running.log.read_text(), 250)
            charged = {each.identity: len(each.sessions) for each in fleet}
            await until(lambda: all(len(each.sessions) > charged[each.identity] for each in fleet), 90)
            commander.enough = True
        assert not before & nodes_of(running)
        assert all(each.connections > was for each, was in zip(fleet, connections, strict=True)), "all had to move"
        assert {each.identity: each.failures for each in fleet if each.failures} == {}
        assert [each.faults for each in fleet if each.faults] == []
        check_commands(fleet, commander)
        await check_sessions(desk, fleet)


def check_commands(fleet: list[FleetStation], commander: Commander) -> None:
    seen = [mark for each in fleet for mark in each.asked]
    assert len(set(seen)) == len(seen), "a command was carried out twice"
    assert commander.wrong == []
    assert commander.answered <= set(seen)
    assert len(commander.answered) > len(commander.outcomes) / 2, commander.outcomes


async def check_sessions(desk: Desk, fleet: list[FleetStation]) -> None:
    """What was answered until now is there, as it was told."""
    answered = [(each.identity, list(each.sessions)) for each in fleet]
    kept: dict[int, Any] = {}
    token = ""
    while True:
        page = await desk.call("sessions.ListSessions", page_size=1000, page_token=token, skip_totals=True)
        kept |= {int(each.name.rpartition("/")[2]): each for each in page.sessions}
        if not (token := page.next_page_token):
            break
    for identity, sessions in answered:
        for session in sessions[:-1]:
            found = kept[session.number]
            assert found.station_identity == identity
            assert (found.state, found.energy_wh) == (sessions_pb2.SESSION_STATE_ENDED, ENERGY_WH)
        assert sessions[-1].number in kept
