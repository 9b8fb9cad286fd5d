"""A tiny OCPP 1.6J central system on memory streams, with mishaps on demand.

It shares no code with the real one. It keeps books as a good server would: the same start told twice is
one transaction, the same meter value one sample.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

Json = dict[str, object]
REGISTER = "Energy.Active.Import.Register"


@dataclass(slots=True)
class KeptSession:
    """A transaction in the fake's books."""

    station: str
    transaction_id: int
    connector: int
    id_tag: str
    start_time: datetime
    meter_start_wh: int
    stop_time: datetime | None = None
    meter_stop_wh: int | None = None
    reason: str = ""
    samples: dict[datetime, int] = field(default_factory=dict)
    quantities: dict[datetime, dict[str, float]] = field(default_factory=dict)


@dataclass(slots=True)
class Received:
    """A CALL as it came in."""

    at: float
    station: str
    message_id: str
    action: str
    payload: Json


class FakeCsms:
    """Set its attributes to have mishaps; `dial` is a station's way in. Needs a nursery for its connections."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.received: list[Received] = []
        self.sessions: dict[int, KeptSession] = {}
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.heartbeat_interval = 300
        self.boot_answers: deque[tuple[str, int]] = deque()  # (status, interval); Accepted once empty
        self.lost_answers: Counter[str] = Counter()  # by action: do it, and say nothing
        self.refusals: Counter[str] = Counter()  # by action: answer InternalError
        self.doubled_answers: Counter[str] = Counter()
        self.delays: dict[str, float] = {}
        self.tag_status = "Accepted"
        self.reject_with: int | None = None
        self.hang_up_in_handshake = False
        self.unreachable = False
        self.subprotocol: str | None = "ocpp1.6"
        self.newest_wins = False  # close the older connection of a station
        self.forgets_starts = False  # a start that is told again is another session
        self.clock: Callable[[], datetime] = lambda: datetime(2025, 1, 1, tzinfo=UTC)
        self.garbage: list[str | bytes] = []
        self._ids = itertools.count(1)
        self._live: dict[str, WebSocketConnection] = {}
        self._streams: list[trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]] = []
        self._answers: dict[str, Callable[[list[object]], None]] = {}

    async def dial(self) -> trio.abc.Stream:
        """A new connection; raises ConnectionRefusedError while `unreachable`."""
        if self.unreachable:
            raise ConnectionRefusedError(111, "Connection refused")
        ours, theirs = trio.testing.memory_stream_pair()
        self._streams.append(ours)
        self._nursery.start_soon(self.serve, ours)
        return theirs

    def cut(self) -> None:
        """Cut every connection without a word."""
        for stream in self._streams:
            stream.send_stream.close()
            stream.receive_stream.close()
        self._streams.clear()
        self._live.clear()

    async def hang_up(self) -> None:
        """End every connection, on real sockets too."""
        live, self._live = list(self._live.values()), {}
        for socket in live:
            await socket.aclose()

    def actions(self, *only: str) -> list[str]:
        """The actions received, in order."""
        return [call.action for call in self.received if not only or call.action in only]

    def payloads(self, action: str) -> list[Json]:
        """The payloads received with an action, in order."""
        return [call.payload for call in self.received if call.action == action]

    async def wait_for(self, action: str, times: int = 1) -> Json:
        """The payload of the n-th call of this action."""
        while len(self.payloads(action)) < times:
            await trio.sleep(0.01)
        return self.payloads(action)[times - 1]

    async def command(self, station: str, action: str, payload: Json) -> list[object]:
        """Send a CALL to the station; returns its whole answer frame."""
        message_id = f"server-{next(self._ids)}"
        done = trio.Event()
        frames: list[list[object]] = []

        def settle(frame: list[object]) -> None:
            frames.append(frame)
            done.set()

        self._answers[message_id] = settle
        await self._live[station].send_message(json.dumps([2, message_id, action, payload]))
        with trio.fail_after(60):
            await done.wait()
        return frames[0]

    async def send_raw(self, station: str, text: str) -> None:
        """Send anything."""
        await self._live[station].send_message(text)

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection, to its end: for `dial`, or for `trio.serve_tcp` on a real port."""
        if self.hang_up_in_handshake:
            await stream.receive_some(1)
            await stream.aclose()
            return
        try:
            async with trio.open_nursery() as nursery:
                request = await wrap_server_stream(nursery, stream)
                self.headers.append({k.decode().lower(): v.decode() for k, v in request.headers})
                self.paths.append(request.path)
                if self.reject_with is not None:
                    await request.reject(self.reject_with)
                    nursery.cancel_scope.cancel()
                    return
                socket = await request.accept(subprotocol=self.subprotocol)
                await self._converse(request.path.rpartition("/")[2], socket)
                nursery.cancel_scope.cancel()
        except* ConnectionClosed:
            pass

    async def _converse(self, station: str, socket: WebSocketConnection) -> None:
        older, self._live[station] = self._live.get(station), socket
        if older is not None and self.newest_wins:
            self._nursery.start_soon(older.aclose)
        while True:
            text = await socket.get_message()
            match _read(text):
                case [2, str(message_id), str(action), dict(payload)]:
                    await self._called(station, socket, message_id, action, payload)
                case [3 | 4, str(message_id), *_] as frame if message_id in self._answers:
                    self._answers.pop(message_id)(list(frame))
                case _:
                    self.garbage.append(text)

    async def _called(
        self, station: str, socket: WebSocketConnection, message_id: str, action: str, payload: Json
    ) -> None:
        self.received.append(Received(trio.current_time(), station, message_id, action, payload))
        if self.refusals[action] > 0:
            self.refusals[action] -= 1
            await socket.send_message(json.dumps([4, message_id, "InternalError", "a mishap", {}]))
            return
        answer = self._answer(station, action, payload)
        if self.lost_answers[action] > 0:
            self.lost_answers[action] -= 1
            return
        await trio.sleep(self.delays.get(action, 0))
        text = json.dumps([3, message_id, answer])
        await socket.send_message(text)
        if self.doubled_answers[action] > 0:
            self.doubled_answers[action] -= 1
            await socket.send_message(text)

    def _answer(self, station: str, action: str, payload: Json) -> Json:
        match action:
            case "BootNotification":
                status, interval = (
                    self.boot_answers.popleft() if self.boot_answers else ("Accepted", self.heartbeat_interval)
                )
                return {"status": status, "interval": interval, "currentTime": self.clock().isoformat()}
            case "Heartbeat":
                return {"currentTime": self.clock().isoformat()}
            case "Authorize":
                return {"idTagInfo": {"status": self.tag_status}}
            case "StartTransaction":
                return {"transactionId": self._start(station, payload), "idTagInfo": {"status": self.tag_status}}
            case "MeterValues":
                self._meter(payload)
            case "StopTransaction":
                kept = self.sessions[int(str(payload["transactionId"]))]
                kept.stop_time = _time(payload["timestamp"])
                kept.meter_stop_wh = int(str(payload["meterStop"]))
                kept.reason = str(payload["reason"])
        return {}

    def _start(self, station: str, payload: Json) -> int:
        for kept in () if self.forgets_starts else self.sessions.values():
            told = (kept.station, kept.connector, kept.start_time)
            if told == (station, payload["connectorId"], _time(payload["timestamp"])):
                return kept.transaction_id
        number = len(self.sessions) + 1001
        self.sessions[number] = KeptSession(
            station,
            number,
            int(str(payload["connectorId"])),
            str(payload["idTag"]),
            _time(payload["timestamp"]),
            int(str(payload["meterStart"])),
        )
        return number

    def _meter(self, payload: Json) -> None:
        if "transactionId" not in payload:
            return
        kept = self.sessions[int(str(payload["transactionId"]))]
        for value in payload["meterValue"]:  # type: ignore[attr-defined]
            at = _time(value["timestamp"])
            kept.quantities[at] = other_quantities(value)
            for sampled in value["sampledValue"]:
                if sampled["measurand"] == REGISTER:
                    kept.samples[at] = int(sampled["value"])


def other_quantities(value: Json) -> dict[str, float]:
    """All but the energy register, by measurand and phase."""
    numbers = value["sampledValue"]
    assert isinstance(numbers, list)
    return {
        f"{sampled['measurand']} {sampled.get('phase', '')}".rstrip(): float(sampled["value"])
        for sampled in numbers
        if sampled["measurand"] != REGISTER
    }


def _read(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text))
