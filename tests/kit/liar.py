"""A proxy between stations and a central system that lies to both: it swallows messages and answers them itself,
alters them, sends them twice, or makes them up. The load tester must find out every time.

Each lie has one victim, told by the station's identity, and befalls the first session of it. It speaks OCPP-J 1.6 and
2.x and knows nothing of the load tester.
"""

from __future__ import annotations

import copy
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import trio
from trio_websocket import (
    ConnectionClosed,
    HandshakeError,
    WebSocketConnection,
    WebSocketRequest,
    serve_websocket,
    wrap_client_stream,
)

Json = dict[str, Any]
REGISTER = "Energy.Active.Import.Register"
INVENTED = 987_654

LIES = {
    "drop a session": "missing",
    "drop a stop": "altered",
    "lose a meter value": "altered",
    "alter the energy": "altered",
    "alter a meter value": "altered",
    "alter the power": "altered",
    "alter a current": "altered",
    "alter a voltage": "altered",
    "alter the charge of the battery": "altered",
    "leave a voltage out": "altered",
    "change the reason": "altered",
    "shift a start": "altered",
    "shift a stop": "altered",
    "swap a tag": "altered",
    "double a session": "doubled",
    "invent a session": "unknown",
}
"""Each lie, and what the load tester calls it."""

ALTERED = {
    "alter a meter value": (REGISTER, 1.0),
    "alter the power": ("Power.Active.Import", 1.0),
    "alter a current": ("Current.Import", 0.01),
    "alter a voltage": ("Voltage", -0.1),
    "alter the charge of the battery": ("SoC", 1.0),
    "leave a voltage out": ("Voltage", None),
}
"""Of the second sample: which of its numbers becomes another, by how much; None: it is left out."""

SHIFTS = {"shift a start": -60.0, "shift a stop": 0.01}


@dataclass(slots=True)
class Lie:
    """One lie. `transaction` is the id of the session that it is about, as the station knows it."""

    kind: str
    station: str
    other_tag: str = ""
    transaction: str = ""
    told: bool = False
    samples: int = 0


@dataclass(slots=True)
class Said:
    """What becomes of a station's CALL: `answer` swallows it; `more` are CALLs that only the system hears."""

    payload: Json
    answer: Json | None = None
    more: list[tuple[str, Json]] = field(default_factory=list)


def hear(lie: Lie, action: str, payload: Json) -> Said:
    """Lie about this message, or pass it on."""
    said = Said(copy.deepcopy(payload))
    match action:
        case "StartTransaction":
            _start(lie, said)
        case "MeterValues" if _is_about(lie, payload.get("transactionId")):
            _meter(lie, said, payload["meterValue"])
        case "StopTransaction" if _is_about(lie, payload["transactionId"]):
            _stop(lie, said)
        case "TransactionEvent":
            _event(lie, said)
    return said


def learn(lie: Lie, action: str, answer: Json) -> None:
    """The system answered: in 1.6 it gave the transaction its id."""
    if action == "StartTransaction" and not lie.transaction:
        lie.transaction = str(answer["transactionId"])


def _is_about(lie: Lie, transaction: object) -> bool:
    return transaction is not None and str(transaction) == lie.transaction


# OCPP 1.6.


def _start(lie: Lie, said: Said) -> None:
    if lie.transaction:
        return  # only the first session is lied about
    match lie.kind:
        case "drop a session":
            lie.transaction, lie.told = str(INVENTED), True
            said.answer = {"transactionId": INVENTED, "idTagInfo": {"status": "Accepted"}}
        case "shift a start":
            said.payload["timestamp"] = _later(said.payload["timestamp"], SHIFTS[lie.kind])
            lie.told = True
        case "swap a tag":
            said.payload["idTag"], lie.told = lie.other_tag, True
        case "double a session":
            again = {**said.payload, "timestamp": _later(said.payload["timestamp"], 0.001)}
            said.more.append(("StartTransaction", again))
            lie.told = True


def _meter(lie: Lie, said: Said, values: list[Json]) -> None:
    lie.samples += 1
    if lie.kind == "drop a session":
        said.answer = {}
    elif lie.samples != 2:
        return
    elif lie.kind == "lose a meter value":
        said.answer, lie.told = {}, True
    elif lie.kind in ALTERED:
        said.payload["meterValue"] = [_altered(value, *ALTERED[lie.kind]) for value in values]
        lie.told = True


def _stop(lie: Lie, said: Said) -> None:
    payload = said.payload
    match lie.kind:
        case "drop a session":
            said.answer = {}
        case "drop a stop":
            said.answer, lie.told = {}, True
        case "alter the energy":
            payload["meterStop"] += 1
            lie.told = True
        case "change the reason":
            payload["reason"], lie.told = "EmergencyStop", True
        case "shift a stop":
            payload["timestamp"], lie.told = _later(payload["timestamp"], SHIFTS[lie.kind]), True
        case "invent a session" if not lie.told:
            lie.told = True
            begin, end = _later(payload["timestamp"], 0.2), _later(payload["timestamp"], 0.4)
            start = {"connectorId": 1, "idTag": lie.other_tag, "meterStart": payload["meterStop"], "timestamp": begin}
            stop = {"transactionId": 0, "meterStop": payload["meterStop"] + 50, "timestamp": end}
            said.more += [("StartTransaction", start), ("StopTransaction", stop)]


# OCPP 2.x.


def _event(lie: Lie, said: Said) -> None:
    payload = said.payload
    name = payload["transactionInfo"]["transactionId"]
    lie.transaction = lie.transaction or name
    if name != lie.transaction:
        return
    told, lie.told = lie.told, True
    match lie.kind, payload["eventType"]:
        case ("drop a session", _) | ("drop a stop", "Ended"):
            said.answer = _thanks(payload)
        case ("shift a start", "Started") | ("shift a stop", "Ended"):
            payload["timestamp"] = _later(payload["timestamp"], SHIFTS[lie.kind])
        case "swap a tag", _ if "idToken" in payload:  # shown before the plug, or after it
            payload["idToken"]["idToken"] = lie.other_tag
        case "double a session", _:
            again = copy.deepcopy(payload)
            again["transactionInfo"]["transactionId"] = f"{name}.again"
            said.more.append(("TransactionEvent", again))
        case "lose a meter value", "Updated" if _is_second_sample(lie, payload):
            said.answer = _thanks(payload)
        case (kind, "Updated") if kind in ALTERED and _is_second_sample(lie, payload):
            payload["meterValue"] = [_altered(value, *ALTERED[kind]) for value in payload["meterValue"]]
        case "alter the energy", "Ended":
            payload["meterValue"] = [_altered(value, REGISTER, 1.0) for value in payload["meterValue"]]
        case "change the reason", "Ended":
            payload["transactionInfo"]["stoppedReason"] = "EmergencyStop"
        case "invent a session", "Ended":
            said.more += [("TransactionEvent", event) for event in _invented(payload, lie.other_tag)]
        case _:
            lie.told = told


def _is_second_sample(lie: Lie, payload: Json) -> bool:
    lie.samples += "meterValue" in payload
    return lie.samples == 2 and "meterValue" in payload


def _thanks(payload: Json) -> Json:
    return {"idTokenInfo": {"status": "Accepted"}} if "idToken" in payload else {}


def _invented(ended: Json, tag: str) -> Iterator[Json]:
    """A session right after the one that ended."""
    for number, (kind, trigger, context) in enumerate(
        (("Started", "Authorized", "Transaction.Begin"), ("Ended", "StopAuthorized", "Transaction.End"))
    ):
        event = copy.deepcopy(ended)
        event |= {
            "eventType": kind,
            "triggerReason": trigger,
            "seqNo": number,
            "timestamp": _later(ended["timestamp"], 0.2 * (number + 1)),
            "transactionInfo": {"transactionId": str(INVENTED), "chargingState": "EVConnected"},
            "idToken": {"idToken": tag, "type": "ISO14443"},
        }
        if kind == "Ended":
            event["transactionInfo"]["stoppedReason"] = "Local"
        for value in event["meterValue"]:
            value["timestamp"] = event["timestamp"]
            for sampled in value["sampledValue"]:
                sampled["context"] = context
        yield event


def _later(stamp: str, seconds: float) -> str:
    at = datetime.fromisoformat(stamp) + timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _altered(value: Json, measurand: str, by: float | None) -> Json:
    """The first number of this measurand is another, or is not there."""
    changed = copy.deepcopy(value)
    numbers: list[Json] = changed["sampledValue"]
    one = next(sampled for sampled in numbers if sampled.get("measurand", REGISTER) == measurand)
    if by is None:
        numbers.remove(one)
    else:
        other = round(float(one["value"]) + by, 2)
        one["value"] = f"{other:.10g}" if isinstance(one["value"], str) else other
    return changed


# The wire.


class Link:
    """One station's connection and ours to the system behind it."""

    def __init__(self, lie: Lie | None, station: WebSocketConnection, system: WebSocketConnection) -> None:
        self._lie = lie
        self._station = station
        self._system = system
        self._actions: dict[str, str] = {}
        self._own: dict[str, trio.Event] = {}
        self._answers: dict[str, Json] = {}
        self._ids = (f"liar-{number}" for number in itertools.count(1))

    async def upwards(self) -> None:
        """From the station to the system."""
        while True:
            text = await self._station.get_message()
            frame = json.loads(text)
            if self._lie is None or frame[0] != 2:
                await self._system.send_message(text)
                continue
            _, message_id, action, payload = frame
            said = hear(self._lie, action, payload)
            if said.answer is not None:
                await self._station.send_message(json.dumps([3, message_id, said.answer]))
                continue
            self._actions[message_id] = action
            self._own[message_id] = trio.Event()
            await self._system.send_message(json.dumps([2, message_id, action, said.payload]))
            if said.more:
                await self._own[message_id].wait()
                await self._make_up(said.more)

    async def _make_up(self, more: Sequence[tuple[str, Json]]) -> None:
        transaction = 0
        for action, payload in more:
            if payload.get("transactionId") == 0:
                payload["transactionId"] = transaction
            message_id = next(self._ids)
            self._own[message_id] = trio.Event()
            await self._system.send_message(json.dumps([2, message_id, action, payload]))
            await self._own[message_id].wait()
            transaction = self._answers[message_id].get("transactionId", transaction)

    async def downwards(self) -> None:
        """From the system to the station; answers to what we made up stay here."""
        while True:
            text = await self._system.get_message()
            frame = json.loads(text)
            if frame[0] == 3:
                self._answers[frame[1]] = frame[2]
                if self._lie is not None and frame[1] in self._actions:
                    learn(self._lie, self._actions[frame[1]], frame[2])
            if frame[0] != 2 and frame[1] in self._own:
                self._own[frame[1]].set()
            if not str(frame[1]).startswith("liar-"):
                await self._station.send_message(text)


class Liar:
    """Listens on `port` and stands before `behind`, a port of this machine."""

    def __init__(self, behind: int, lies: Sequence[Lie]) -> None:
        self._behind = behind
        self._lies = {lie.station: lie for lie in lies}
        self.port = 0

    async def run(self, ready: Callable[[], None]) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            serve = partial(serve_websocket, self._serve, "127.0.0.1", 0, None, handler_nursery=nursery)
            server = await nursery.start(serve)
            self.port = server.port
            ready()

    async def _serve(self, request: WebSocketRequest) -> None:
        identity = request.path.rpartition("/")[2]
        passed = [(k, v) for k, v in request.headers if k.lower() == b"authorization"]
        stream = await trio.open_tcp_stream("127.0.0.1", self._behind)
        try:
            async with trio.open_nursery() as nursery:
                system = await wrap_client_stream(
                    nursery,
                    stream,
                    f"127.0.0.1:{self._behind}",
                    request.path,
                    subprotocols=request.proposed_subprotocols,
                    extra_headers=passed,
                )
                station = await request.accept(subprotocol=system.subprotocol)
                link = Link(self._lies.get(identity), station, system)
                nursery.start_soon(self._until_closed, link.upwards, nursery.cancel_scope)
                nursery.start_soon(self._until_closed, link.downwards, nursery.cancel_scope)
        except* (HandshakeError, ConnectionClosed):
            pass
        finally:  # the library leaves it open where the other side closes first
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)

    async def _until_closed(self, direction: Callable[[], Any], scope: trio.CancelScope) -> None:
        try:
            await direction()
        except ConnectionClosed:
            scope.cancel()


@contextmanager
def lying(behind: int, lies: Sequence[Lie]) -> Iterator[int]:
    """A liar before this port, in a thread of its own; gives the port to knock at."""
    liar = Liar(behind, lies)
    ready = threading.Event()
    stop: list[Callable[[], None]] = []

    async def run() -> None:
        token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as scope:
            stop.append(partial(token.run_sync_soon, scope.cancel))
            await liar.run(ready.set)

    thread = threading.Thread(target=trio.run, args=(run,), name="liar")
    thread.start()
    try:
        assert ready.wait(10)
        yield liar.port
    finally:
        stop[0]()
        thread.join(10)
