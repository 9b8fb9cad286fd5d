"""Processes beside this one: ended, hanging, restarted, stopped."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import trio

from csms.app import children
from csms.app.children import Child

SERVES = "import time; print('it is running', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('it is running', flush=True); time.sleep(600)"


def child(program: str, *, stop_timeout: float = 5.0) -> Child:
    return Child("one", [sys.executable, "-c", program], os.environ, stop_timeout=stop_timeout)


async def gone(pid: int) -> None:
    with trio.fail_after(60):
        while Path(f"/proc/{pid}").exists():
            await trio.sleep(0.02)


async def test_one_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE", 0.01)
    one = child(SERVES)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.run)
        with trio.fail_after(60):
            await one.ready.wait()
            first = one.pid
            assert first is not None
            served = one.ready
            os.kill(first, signal.SIGKILL)
            while one.ready is served:  # from its end on, it does not serve
                await trio.sleep(0.02)
            while one.starts < 2:
                await trio.sleep(0.02)
            await one.ready.wait()
        last = one.pid
        assert last is not None
        assert last != first
        nursery.cancel_scope.cancel()
    await gone(last)


async def test_a_restart_is_no_accident_and_waits_until_it_serves() -> None:
    one = child(SERVES)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.run)
        with trio.fail_after(60):
            await one.ready.wait()
            before = one.pid
            assert await one.restart(20.0)
        assert one.pid != before
        assert one.starts == 2
        nursery.cancel_scope.cancel()


async def test_one_that_does_not_want_to_end_is_made_to() -> None:
    one = child(DEAF, stop_timeout=0.2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.run)
        with trio.fail_after(60):
            await one.ready.wait()
        pid = one.pid
        assert pid is not None
        nursery.cancel_scope.cancel()
    await gone(pid)


async def test_one_that_does_not_answer_any_more_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(children, "SILENT_CHECKS", 2)
    monkeypatch.setattr(children, "FIRST_PAUSE", 0.01)
    silent = (
        "import time; print('  Metrics    http://127.0.0.1:1/metrics\\nit is running', flush=True); time.sleep(600)"
    )
    one = child(silent)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.run)
        with trio.fail_after(60):
            while one.starts < 2:
                await trio.sleep(0.02)
        nursery.cancel_scope.cancel()


MONITORED = """
import http.server, time
class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b"The database is away.\\n")
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Door)
print(f"it is running\\n  Metrics    http://127.0.0.1:{server.server_port}/metrics", flush=True)
server.serve_forever()
"""


async def test_one_that_is_not_ready_says_why_and_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "CHECK_SECONDS", 0.3)
    monkeypatch.setattr(children, "SILENT_CHECKS", 10_000)  # on a busy machine
    one = child(MONITORED)
    assert one.troubles
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.run)
        with trio.fail_after(60):
            while one.troubles != ("The database is away.",):
                await trio.sleep(0.02)
        assert one.starts == 1
        nursery.cancel_scope.cancel()
