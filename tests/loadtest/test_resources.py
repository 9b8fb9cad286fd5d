"""Watching processes of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from loadtest.resources import (
    SERVER,
    TESTER,
    Group,
    Look,
    ResourceWatch,
    find_groups,
    is_here,
    machine_facts,
    server_pids,
    wanted_pids,
)
from loadtest.scrape import Scrape


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdout.write('.'); sys.stdout.flush(); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.read(1)
    yield process
    process.kill()
    process.communicate()


def test_the_server_is_found_by_the_port_it_listens_on() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert server_pids("127.0.0.1", port) == [os.getpid()]
        assert server_pids("localhost", port) == [os.getpid()]
        assert server_pids("203.0.113.7", port) == []
    assert server_pids("127.0.0.1", port) == []


def test_here_is_a_loopback_address_or_one_of_our_own() -> None:
    assert is_here("127.0.0.5")
    assert is_here("::1")
    assert not is_here("203.0.113.7")
    assert not is_here("no such name.invalid")


NODE = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""
KEEPER = f"""
import subprocess, sys
nodes, port = [], "0"
for _ in range(2):
    command = [sys.executable, "-c", {NODE!r}, port]
    nodes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    port = nodes[-1].stdout.readline().strip()
print(port, flush=True)
sys.stdin.read()
for node in nodes:
    node.communicate()
"""


def started(*argv: str) -> tuple[subprocess.Popen[str], int]:
    """A process and the port that it prints."""
    process = subprocess.Popen([sys.executable, "-c", *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_several_nodes_on_one_port_are_counted_with_the_process_that_keeps_them() -> None:
    keeper, port = started(KEEPER)
    try:
        assert server_pids("127.0.0.1", port) == [keeper.pid]
        assert len(find_groups([psutil.Process(keeper.pid)])[SERVER]) == 3
    finally:
        keeper.communicate()


def test_nodes_that_we_started_ourselves_are_counted_without_us() -> None:
    one, port = started(NODE, "0")
    other, _ = started(NODE, str(port))
    try:
        assert server_pids("127.0.0.1", port) == sorted([one.pid, other.pid])
    finally:
        one.communicate()
        other.communicate()


def test_the_server_is_not_counted_among_ourselves(child: subprocess.Popen[bytes]) -> None:
    groups = find_groups([psutil.Process(child.pid)])
    assert [process.pid for process in groups[SERVER]] == [child.pid]
    ours = {process.pid for process in groups[TESTER]}
    assert os.getpid() in ours
    assert child.pid not in ours


def test_a_look_adds_up_processes_and_forgives_one_that_ends(child: subprocess.Popen[bytes]) -> None:
    group = Group("server")
    both = [psutil.Process(), psutil.Process(child.pid)]
    group.look(both, 0.0, 0.0)
    child.kill()
    child.wait()
    sum(range(3_000_000))
    group.look(both, 1.0, 1.0)
    first, second = group.looks
    assert (first.cpu, first.processes, second.processes) == (0.0, 2, 1)
    assert second.cpu > 0
    assert first.resident > second.resident > 1
    assert second.private is not None
    assert 0 < second.private < second.resident
    assert second.descriptors is not None
    assert second.descriptors >= 3
    assert second.threads >= 1


def test_a_watch_looks_again_and_again_until_it_is_stopped(child: subprocess.Popen[bytes]) -> None:
    watch = ResourceWatch([child.pid], every=0.01)
    watch.start()
    while len(watch.groups[SERVER].looks) < 3:
        child.poll()
    watch.stop()
    taken = len(watch.groups[SERVER].looks)
    assert [look.processes for look in watch.groups[SERVER].looks[:3]] == [1, 1, 1]
    assert len(watch.groups[TESTER].looks) == taken


def test_seconds_are_those_of_the_run_not_of_its_preparation() -> None:
    watch = ResourceWatch()
    watch.start()
    watch.stop()
    before = datetime.now(UTC)
    watch.groups[TESTER].looks = [Look(float(n), 0.5, 50, 40, 1, 9, 10) for n in range(20)]
    watch.scraper.scrapes = [Scrape(float(n)) for n in range(20)]
    watch.count_from(before + timedelta(seconds=5))
    looks = watch.groups[TESTER].looks
    assert -1 <= looks[0].second <= 0
    assert looks[-1].second - looks[0].second == len(looks) - 1
    assert [scrape.second for scrape in watch.scrapes] == [look.second for look in looks]


def test_a_process_that_is_not_there_is_told_in_words() -> None:
    assert wanted_pids("203.0.113.7", 9000, [os.getpid()]) == [os.getpid()]
    assert wanted_pids("203.0.113.7", 9000, []) == []
    with pytest.raises(ValueError, match="--server-pid"):
        wanted_pids("127.0.0.1", 9000, [2**22 + 1])


def test_without_a_server_we_watch_ourselves() -> None:
    watch = ResourceWatch()
    watch.start()
    watch.stop()
    assert list(watch.groups) == [TESTER]


def test_the_machine_is_told_apart_from_others() -> None:
    facts = machine_facts()
    assert isinstance(facts["cores"], int)
    assert isinstance(facts["memory_mib"], int)
    assert facts["memory_mib"] > 100
    assert facts["processor"]
