"""The process: options, signals, the death of its parent."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from webui.__main__ import main, parser, settings_from
from webui.settings import split_listen

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            connection.close()
            return


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen([sys.executable, *arguments], cwd=ROOT)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def test_options_win_over_the_environment_and_that_over_defaults():
    environment = {"CHARGEHOUSE_PORTAL_LISTEN": "0.0.0.0:9999", "CHARGEHOUSE_CONTROL_ADDRESS": "node:1"}
    settings = settings_from(parser().parse_args(["--listen", "127.0.0.1:7"]), environment)
    assert (settings.listen_port, settings.control_address) == (7, "node:1")
    assert settings_from(parser().parse_args([]), {}).listen_port == 8080


@pytest.mark.parametrize("text", ["8080", "host", "host:", ":80", "host:x", "host:70000"])
def test_a_wrong_listen_address_is_told(text: str, capsys: pytest.CaptureFixture[str]):
    assert main(["--listen", text]) == 2
    assert "HOST:PORT" in capsys.readouterr().err


def test_a_missing_authority_file_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["--control-ca", "/nowhere.pem"]) == 2
    assert "/nowhere.pem" in capsys.readouterr().err


def test_ipv6_hosts_stand_in_brackets():
    assert split_listen("[::1]:8080") == ("::1", 8080)


@pytest.mark.system
def test_sigterm_ends_it_with_zero_although_a_stream_is_open():
    port = free_port()
    with process("-m", "webui", "--listen", f"127.0.0.1:{port}", "--control", "127.0.0.1:9") as running:
        wait_for(port)
        stream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        stream.request("GET", "/live", headers={"cookie": "chargehouse=x"})
        assert stream.getresponse().read(5) == b"retry"
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=60) == 0
        stream.close()


@pytest.mark.system
@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_it_ends_with_its_parent_when_asked_to():
    port = free_port()
    command = [sys.executable, "-m", "webui", "--listen", f"127.0.0.1:{port}", "--die-with-parent"]
    script = f"import subprocess, time; print(subprocess.Popen({command!r}).pid, flush=True); time.sleep(300)"
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        wait_for(port)
        parent.kill()
        deadline = time.monotonic() + 60
        while _lives(child):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
        if _lives(child):
            os.kill(child, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
