"""Stations that live through faults: each charges in a loop, connects again by itself, sends again what was not
answered, and keeps books of what was."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import trio
import trio_websocket
from trio_websocket import ConnectionClosed, HandshakeError

ANSWER_SECONDS = 6.0
"""Then it tries another connection: less than a paused node takes, so that it comes back to find its stations gone."""
LONGEST_ANSWER_SECONDS = 30.0
"""A system that is only slow gets more time with each attempt: those who ask again and again make it no faster."""


@dataclass
class Charged:
    """A session whose start was answered."""

    number: int
    tag: str
    meter_values: list[str] = field(default_factory=list)
    """The times of those that were answered."""
    stopped: bool = False


class _Gone(Exception):
    """The connection ended before the answer."""


class FleetStation:
    """OCPP 1.6J, through one port. `run` until cancelled; `busy` False: it only stays connected."""

    def __init__(self, identity: str, port: int, tag: str, *, seed: int, pace: float = 0.3) -> None:
        self.identity = identity
        self.busy = True
        self.connected = False
        self.connections = 0
        self.failures: list[str] = []
        """Attempts at connecting that came to nothing, and why."""
        self.faults: list[str] = []
        """Answers that were errors."""
        self.answered_sent_at = 0.0
        """When the newest message that was answered was sent; trio's clock."""
        self.sessions: list[Charged] = []
        self.asked: list[str] = []
        """Keys that GetConfiguration asked for, in order: every one of them is a command of its own."""
        self._port = port
        self._tag = tag
        self._random = random.Random(seed)
        self._pace = pace
        self._clock = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        self._serial = 0
        self._steps = self._charging()
        self._patience = ANSWER_SECONDS
        self._pending: tuple[str, dict[str, Any]] | None = None
        self._replies: dict[str, Any] = {}
        self._news = trio.Event()

    async def run(self) -> None:
        """Connect, live, connect again."""
        while True:
            why = ""
            try:
                await self._connect()
            except* (
                OSError,
                HandshakeError,
                ConnectionClosed,
                trio.BrokenResourceError,
                trio.ClosedResourceError,
                _Gone,
            ) as gone:
                why = repr(gone.exceptions)
            except* trio.TooSlowError:
                why = "no answer in time"
                self._patience = min(self._patience * 1.5, LONGEST_ANSWER_SECONDS)
            if not self.connected:
                self.failures.append(why)
            self.connected = False
            await trio.sleep(self._random.uniform(0.1, 0.8))

    async def _connect(self) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", self._port)
        try:
            async with trio.open_nursery() as nursery:
                with trio.fail_after(self._patience + 4):
                    socket = await trio_websocket.wrap_client_stream(
                        nursery, stream, "127.0.0.1", f"/ocpp/{self.identity}", subprotocols=["ocpp1.6"]
                    )
                nursery.start_soon(self._read, socket)
                await self._ask(socket, "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"})
                self.connected = True
                self.connections += 1
                await self._live(socket)
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)

    async def _live(self, socket: trio_websocket.WebSocketConnection) -> None:
        while True:
            if self._pending is None and self.busy:
                self._pending = next(self._steps)
            if self._pending is None:
                await self._ask(socket, "Heartbeat", {})
            else:
                action, payload = self._pending
                reply = await self._ask(socket, action, payload)
                self._pending = None
                self._book(action, payload, reply)
            await trio.sleep(self._pace * self._random.uniform(0.5, 1.5))

    def _charging(self) -> Any:
        while True:
            meter = 1000
            yield (
                "StartTransaction",
                {"connectorId": 1, "idTag": self._tag, "meterStart": meter, "timestamp": self._now()},
            )
            number = self.sessions[-1].number
            for _ in range(3):
                meter += 100
                value = {"timestamp": self._now(), "sampledValue": [{"value": str(meter)}]}
                yield "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]}
            yield "StopTransaction", {"transactionId": number, "meterStop": meter, "timestamp": self._now()}

    def _book(self, action: str, payload: dict[str, Any], reply: dict[str, Any]) -> None:
        if action == "StartTransaction":
            self.sessions.append(Charged(reply["transactionId"], payload["idTag"]))
        elif action == "MeterValues":
            self.sessions[-1].meter_values.append(payload["meterValue"][0]["timestamp"])
        elif action == "StopTransaction":
            self.sessions[-1].stopped = True

    def _now(self) -> str:
        self._clock += timedelta(seconds=1)
        return self._clock.strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _ask(self, socket: trio_websocket.WebSocketConnection, action: str, payload: dict[str, Any]) -> Any:
        self._serial += 1
        message_id, sent_at = f"{self.identity}-{self._serial}", trio.current_time()
        with trio.fail_after(self._patience):
            await socket.send_message(json.dumps([2, message_id, action, payload]))
            while message_id not in self._replies:
                await self._news.wait()
        frame = self._replies.pop(message_id)
        if frame[0] != 3:
            self.faults.append(f"{action}: {frame}")
            raise _Gone(f"{action}: {frame}")
        self.answered_sent_at = sent_at
        self._patience = ANSWER_SECONDS
        return frame[2]

    async def _read(self, socket: trio_websocket.WebSocketConnection) -> None:
        while True:
            frame = json.loads(await socket.get_message())
            if frame[0] == 2:
                if frame[2] == "GetConfiguration":
                    self.asked += frame[3].get("key", [])
                answer = {"configurationKey": [], "unknownKey": frame[3].get("key", [])}
                reply = answer if frame[2] == "GetConfiguration" else {"status": "Accepted"}
                await socket.send_message(json.dumps([3, frame[1], reply]))
            else:
                self._replies[frame[1]] = frame
                self._news.set()
                self._news = trio.Event()
