"""Processes of ours beside this one: started, watched, started again when they end or hang, and stopped in order."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import structlog
import trio

_log = structlog.get_logger("csms.children")

FIRST_PAUSE: Final = 0.3
LONGEST_PAUSE: Final = 30.0
STABLE_SECONDS: Final = 60.0
CHECK_SECONDS: Final = 5.0
SILENT_CHECKS: Final = 4
"""A process that does not answer so often in a row is killed."""
RUNNING: Final = " is running"
"""What a process of ours prints when it serves."""
MONITOR: Final = "Metrics"
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Ask Linux to end this process when the one that started it dies."""
    parent = os.getppid()
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if parent == 1:  # it had died already
        sys.exit(0)


class Child:
    """One of them. `said`: told of each line that it prints."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        stop_timeout: float,
        said: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.name = name
        self._command = list(command)
        self._environment = dict(environment)
        self._stop_timeout = stop_timeout
        self._said = said
        self._process: subprocess.Popen[bytes] | None = None
        self._monitor: tuple[str, int] | None = None
        self._restarting = False
        self.ready = trio.Event()
        """It serves; another one after it has ended."""
        self.starts = 0
        self.troubles: tuple[str, ...] = ("It is being started.",)
        """Why it does not serve, in sentences; none: it does."""

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return None if self._process is None else self._process.pid

    async def run(self) -> None:
        """Until cancelled; then the process is asked to end, and made to."""
        pause = FIRST_PAUSE
        try:
            while True:
                began = trio.current_time()
                code = await self._live()
                if self._restarting:
                    self._restarting = False
                    continue
                if trio.current_time() - began > STABLE_SECONDS:
                    pause = FIRST_PAUSE
                _log.error("a process ended by itself and is started again", process=self.name, code=code, pause=pause)
                await trio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            with trio.CancelScope(shield=True):
                await self._stop()

    async def restart(self, patience: float) -> bool:
        """Have it end in its own time and start anew; True when it serves again."""
        process, self._restarting = self._process, True
        if process is None:
            return False
        starts = self.starts
        process.send_signal(signal.SIGTERM)
        with trio.move_on_after(self._stop_timeout) as patient:
            await ended(process)
        if patient.cancelled_caught:
            process.kill()
        with trio.move_on_after(patience):
            while self.starts == starts:
                await trio.sleep(0.05)
            await self.ready.wait()
            return True
        return False

    async def _live(self) -> int:
        # Not trio.run_process: that starts it from a short-lived thread, whose end would be its parent's.
        self._monitor = None
        self.troubles = ("It is being started.",)
        process = self._process = subprocess.Popen(  # noqa: S603  our own module
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,  # Ctrl-C is for us: we stop it when its turn comes
        )
        self.starts += 1
        assert process.stdout is not None  # noqa: S101  asked for
        with process.stdout:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen, process.stdout.fileno())
                nursery.start_soon(self._check, process)
                code = await ended(process)
                nursery.cancel_scope.cancel()
        if self.ready.is_set():  # who waits for the first start goes on waiting
            self.ready = trio.Event()
        self.troubles = ("It has ended, and is started again in a moment.",)
        return code

    async def _listen(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        rest = b""
        while True:
            await trio.lowlevel.wait_readable(descriptor)
            try:
                data = os.read(descriptor, 65536)
            except BlockingIOError:
                continue
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._hear(line.decode(errors="replace"))

    def _hear(self, line: str) -> None:
        if line.strip().startswith(MONITOR):
            url = urlsplit(line.split()[-1])
            if url.hostname and url.port:
                self._monitor = (url.hostname, url.port)
        if RUNNING in line:
            self.ready.set()
            self.troubles = ()
        self._said(line)

    async def _check(self, process: subprocess.Popen[bytes]) -> None:
        """A process that is there but does nothing any more is as bad as one that is not there."""
        silent = 0
        while True:
            await trio.sleep(CHECK_SECONDS)
            if self._monitor is None:
                continue
            found = await self.fetch("/readyz", CHECK_SECONDS)
            silent = 0 if found is not None else silent + 1
            if found is None:
                self.troubles = ("It does not answer.",)
            elif self.ready.is_set():
                self.troubles = () if found[0] == 200 else tuple(found[1].decode(errors="replace").splitlines())
            if silent >= SILENT_CHECKS:
                _log.error("a process does not answer and is killed", process=self.name)
                process.kill()
                return

    async def fetch(self, path: str, patience: float) -> tuple[int, bytes] | None:
        """What its monitor answers; None: nothing."""
        if self._monitor is None:
            return None
        answer = b""
        with trio.move_on_after(patience):
            try:
                async with await trio.open_tcp_stream(*self._monitor) as stream:
                    await stream.send_all(f"GET {path} HTTP/1.1\r\nhost: monitor\r\nconnection: close\r\n\r\n".encode())
                    async for data in stream:
                        answer += data
            except (OSError, trio.BrokenResourceError):
                return None
            head, _, body = answer.partition(b"\r\n\r\n")
            words = head.split(b" ", 2)
            return (int(words[1]), body) if len(words) > 1 and words[1].isdigit() else None
        return None

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        with trio.move_on_after(self._stop_timeout):
            await ended(process)
            return
        _log.warning("a process did not end in time and is killed", process=self.name)
        process.kill()
        await ended(process)


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Its exit code, when it has ended."""
    if process.poll() is None:
        descriptor = os.pidfd_open(process.pid)
        try:
            await trio.lowlevel.wait_readable(descriptor)
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    return process.wait()
