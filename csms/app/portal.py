"""The portal as a process of its own: templates never hold up the message path, and a crash there harms no station."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

import structlog
import trio

_log = structlog.get_logger("csms.portal")

_SECRETS: Final = ("CHARGEHOUSE_ADMIN_PASSWORD", "CHARGEHOUSE_DATABASE_URL", "CHARGEHOUSE_ADMIN_EMAIL")
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_STABLE: Final = 60.0


class PortalProcess:
    """Keeps `python -m webui` running; starts it again, with longer and longer pauses, when it ends by itself."""

    def __init__(self, arguments: Sequence[str], *, stop_timeout: float = 4.0, module: str = "webui") -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._stop_timeout = stop_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return None if self._process is None else self._process.pid

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled; then the process is asked to end, and made to."""
        pause = _FIRST_PAUSE
        try:
            while True:
                # Not trio.run_process: that starts it from a short-lived thread, whose end would be its parent's.
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, env=_environment())  # noqa: S603
                self.starts += 1
                since = trio.current_time()
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                code = await _ended(self._process)
                if trio.current_time() - since > _STABLE:
                    pause = _FIRST_PAUSE
                _log.error("the portal ended by itself and is started again", code=code, pause=pause)
                await trio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            with trio.CancelScope(shield=True):
                await self._stop()

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        with trio.move_on_after(self._stop_timeout):
            await _ended(process)
            return
        process.kill()
        await _ended(process)


async def _ended(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        descriptor = os.pidfd_open(process.pid)
        try:
            await trio.lowlevel.wait_readable(descriptor)
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    return process.wait()


def _environment() -> dict[str, str]:
    """What the portal has no business with stays here."""
    return {name: value for name, value in os.environ.items() if name not in _SECRETS}
