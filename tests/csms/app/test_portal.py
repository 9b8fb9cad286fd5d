"""The portal's process is kept running and ends with us."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import trio

from csms.app.portal import PortalProcess, _environment

SLEEPER = "import time, pathlib; pathlib.Path({path!r}).touch(); time.sleep(60)"


def process(tmp_path: Path, code: str) -> PortalProcess:
    portal = PortalProcess([])
    portal._command = [sys.executable, "-c", code]
    return portal


async def test_a_portal_that_dies_is_started_again(tmp_path: Path) -> None:
    portal = process(tmp_path, SLEEPER.format(path=str(tmp_path / "up")))
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            await nursery.start(portal.run)
            first = portal.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            while portal.starts < 2:
                await trio.sleep(0.02)
            second = portal.pid
            assert second not in (None, first)
            nursery.cancel_scope.cancel()
    assert second is not None
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


async def test_a_portal_that_will_not_go_is_made_to(tmp_path: Path) -> None:
    deaf = "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    portal = process(tmp_path, deaf + SLEEPER.format(path=str(tmp_path / "up")).removeprefix("import time, pathlib; "))
    portal._stop_timeout = 0.2
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            await nursery.start(portal.run)
            while not (tmp_path / "up").exists():
                await trio.sleep(0.02)
            nursery.cancel_scope.cancel()
    assert portal.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(portal.pid, 0)


def test_the_portal_is_not_told_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARGEHOUSE_ADMIN_PASSWORD", "hush-hush")
    monkeypatch.setenv("CHARGEHOUSE_DATABASE_URL", "postgresql://u:hush-hush@h/d")
    assert "hush-hush" not in "".join(_environment().values())
