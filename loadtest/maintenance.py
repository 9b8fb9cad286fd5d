"""Firmware updates and log uploads of a station, step by step, with a status for each.

Files really travel when the address is plain HTTP on this machine; from and to anywhere else the station only acts as
if, so that a load test never knocks at strangers' doors.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

import trio

from loadtest.plain_http import HttpProblem, is_near, request
from loadtest.speech.speech import FirmwareOrder, LogOrder, Said, Speech

LONGEST_WAIT = 10.0  # for a download that is to begin later: a load test does not last the night
PATIENCE = 30.0


class Maintained(Protocol):
    """What a station lends to its maintenance."""

    firmware: str
    speech: Speech

    def now(self) -> datetime: ...
    def say(self, said: Said | None, *, durable: bool = False) -> None: ...
    async def rebooted(self, reason: str, cause: str = "remote") -> None: ...


class Maintenance:
    """The jobs of one station; a new one of a kind takes the place of the one before."""

    __slots__ = ("_firmware", "_install_seconds", "_log", "_station", "_update", "_updates", "_upload")

    def __init__(self, station: Maintained, *, install_seconds: float) -> None:
        self._station = station
        self._install_seconds = install_seconds
        self._firmware: tuple[str, FirmwareOrder | None] = ("Idle", None)
        self._log: tuple[str, LogOrder | None] = ("Idle", None)
        self._updates = 0
        self._update: trio.CancelScope | None = None
        self._upload: trio.CancelScope | None = None

    def firmware_said(self, speech: Speech) -> Said | None:
        """The latest status; Idle when nothing goes on (OCPP 1.6, 4.5)."""
        status, order = self._firmware
        return speech.firmware_status("Idle" if status == "Installed" else status, order)

    def log_said(self, speech: Speech) -> Said | None:
        """The latest status; Idle when nothing goes on."""
        status, order = self._log
        return speech.log_status("Idle" if status == "Uploaded" else status, order)

    async def update(self, order: FirmwareOrder) -> None:
        """Downloading, Downloaded, Installing, reboot, Installed."""
        if self._update is not None:
            self._update.cancel()
        with trio.CancelScope() as self._update:
            if order.retrieve_at is not None:
                wait = (order.retrieve_at - self._station.now()).total_seconds()
                await trio.sleep(min(max(wait, 0.0), LONGEST_WAIT))
            self._say_firmware("Downloading", order)
            size = await _travel("GET", order.location)
            if size is None:
                self._say_firmware("DownloadFailed", order)
                return
            self._say_firmware("Downloaded", order)
            if order.signed:
                self._say_firmware("SignatureVerified", order)
            self._say_firmware("Installing", order)
            await trio.sleep(self._install_seconds)
            self._updates += 1
            self._station.firmware = f"1.{self._updates}.0"
            await self._station.rebooted("SoftReset", "firmware")
            self._say_firmware("Installed", order)
            event = self._station.speech.security_event("FirmwareUpdated", self._station.now())
            self._station.say(event, durable=True)

    async def upload(self, order: LogOrder) -> None:
        """Uploading, Uploaded."""
        if self._upload is not None:
            self._upload.cancel()
        with trio.CancelScope() as self._upload:
            self._say_log("Uploading", order)
            lines = [f"{self._station.now().isoformat()} line {line} of a simulated log\n" for line in range(200)]
            size = await _travel("PUT", _file_address(order), "".join(lines).encode())
            self._say_log("UploadFailure" if size is None else "Uploaded", order)

    def _say_firmware(self, status: str, order: FirmwareOrder) -> None:
        self._firmware = (status, order)
        self._station.say(self._station.speech.firmware_status(status, order), durable=True)

    def _say_log(self, status: str, order: LogOrder) -> None:
        self._log = (status, order)
        self._station.say(self._station.speech.log_status(status, order), durable=True)


def _file_address(order: LogOrder) -> str:
    parts = urlsplit(order.location)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{order.file_name}").geturl()


async def _travel(method: str, url: str, body: bytes = b"") -> int | None:
    """How many bytes came, 0 when the file is not near; None when it did not work."""
    if not is_near(url):
        return 0
    try:
        with trio.fail_after(PATIENCE):
            answer = await request(method, url, body)
    except (HttpProblem, OSError, trio.BrokenResourceError, trio.TooSlowError, ValueError):
        return None
    return len(answer.body) if 200 <= answer.status < 300 else None
