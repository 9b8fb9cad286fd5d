"""Simulated stations of each OCPP-J version, independent of the server's codec.

What they say is made of the `ocpp` package's own dataclasses and checked by its own validator, in both directions, over
trio-websocket: a second implementation of everything that our server's messages go through.

    async with simulator(product, "CP-1", "1.6") as cp:
        boot = await cp.send(cp.calls.BootNotification("Acme", "One"))
        cp.on("RemoteStartTransaction", {"status": "Accepted"})
        order = await cp.asked("RemoteStartTransaction")

A case scripts what the station says, and what it answers; `Fleet` in here gives it the operator's side (control.v1).
"""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Final

import ocpp.v16.call
import ocpp.v21.call
import ocpp.v201.call
import trio
import trio_websocket
from ocpp.charge_point import remove_nones, serialize_as_dict, snake_to_camel_case
from ocpp.messages import Call, CallResult, _validate_payload
from trio_websocket import ConnectionClosed

from tests.kit.product import Product

CALLS: Final[dict[str, ModuleType]] = {"1.6": ocpp.v16.call, "2.0.1": ocpp.v201.call, "2.1": ocpp.v21.call}
PATIENCE: Final = 60.0

Answer = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any] | None] | None


class Refusal(Exception):
    """The server answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class Simulator:
    """One connection of one simulated station. `received`: every CALL of the server, in order, as (action, payload)."""

    def __init__(
        self, version: str, identity: str, socket: trio_websocket.WebSocketConnection, nursery: trio.Nursery
    ) -> None:
        self.version = version
        self.identity = identity
        self.calls: Any = CALLS[version]
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.closed = trio.Event()
        self.close_code: int | None = None
        self.invalid: list[str] = []
        """What the server sent that the official schema does not allow: must stay empty."""
        self.result_errors: list[list[Any]] = []
        """CALLRESULTERRORs of the server (2.1)."""
        self._answers: dict[str, list[Answer]] = {}
        self._socket = socket
        self._serial = 0
        self._waiting: dict[str, trio.Event] = {}
        self._replies: dict[str, list[Any]] = {}
        self._seen = 0
        self._news = trio.Event()
        nursery.start_soon(self._read)

    # -- what the station says -----------------------------------------------------------------------------------

    async def send(self, call: Any) -> dict[str, Any]:
        """A CALL of the version's dataclasses; the CALLRESULT's payload. Raises Refusal on a CALLERROR."""
        payload = snake_to_camel_case(remove_nones(serialize_as_dict(call)))
        return await self.say(type(call).__name__, payload)

    async def say(self, action: str, payload: dict[str, Any], *, check: bool = True) -> dict[str, Any]:
        """The same with a payload as it goes over the wire. `check=False`: it may be invalid."""
        self._serial += 1
        message_id = f"{self.identity}-{self._serial}-{id(self) % 9973}"
        if check:
            _validate_payload(Call(message_id, action, payload), self.version)
        reply = await self.exchange([2, message_id, action, payload])
        if reply[0] == 4:
            raise Refusal(reply[2], reply[3])
        answer: dict[str, Any] = reply[2]
        try:
            _validate_payload(CallResult(message_id, answer, action), self.version)
        except Exception as error:
            self.invalid.append(f"answer to {action}: {error}")
        return answer

    async def exchange(self, frame: list[Any]) -> list[Any]:
        """Send a CALL frame, give the frame that answers it. Raises ConnectionError when the link went first."""
        event = self._waiting[frame[1]] = trio.Event()
        await self.raw(json.dumps(frame))
        with trio.fail_after(PATIENCE):
            await event.wait()
        if frame[1] not in self._replies:
            raise ConnectionError(f"closed with {self.close_code}")
        return self._replies.pop(frame[1])

    async def raw(self, text: str) -> None:
        """Any text. Raises ConnectionError."""
        if self.closed.is_set():
            raise ConnectionError(f"closed with {self.close_code}")
        try:
            await self._socket.send_message(text)
        except ConnectionClosed:
            raise ConnectionError("closed") from None

    # -- what the server asks ------------------------------------------------------------------------------------

    def on(self, action: str, *answers: Answer) -> None:
        """How CALLs of the server are answered: one after another, the last for ever. A function gets the payload;
        None stays silent. A dict with "errorCode" is a CALLERROR."""
        self._answers[action] = list(answers)

    async def asked(self, action: str, *, within: float = PATIENCE) -> dict[str, Any]:
        """The payload of the next CALL with this action that was not asked for before."""
        with trio.fail_after(within):
            while True:
                for index in range(self._seen, len(self.received)):
                    name, payload = self.received[index]
                    if name == action:
                        self._seen = index + 1
                        return payload
                news = self._news
                await news.wait()

    def count(self, action: str) -> int:
        """How often the server has asked this."""
        return sum(name == action for name, _ in self.received)

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while True:
                message = json.loads(await self._socket.get_message())
                if message[0] == 2:
                    await self._answer(message)
                elif message[0] == 5:
                    self.result_errors.append(message)
                elif message[1] in self._waiting:
                    self._replies[message[1]] = message
                    self._waiting.pop(message[1]).set()
        except ConnectionClosed as end:
            self.close_code = None if end.reason is None else end.reason.code
        finally:
            self.closed.set()
            for event in self._waiting.values():
                event.set()

    async def _answer(self, message: list[Any]) -> None:
        _, message_id, action, payload = message
        try:
            _validate_payload(Call(message_id, action, payload), self.version)
        except Exception as error:
            self.invalid.append(f"{action}: {error}")
        answers = self._answers.get(action, [{"status": "Accepted"}])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(payload)
        self.received.append((action, payload))
        if answer is not None:
            frame = (
                [4, message_id, answer["errorCode"], answer.get("errorDescription", ""), {}]
                if "errorCode" in answer
                else [3, message_id, answer]
            )
            await self._socket.send_message(json.dumps(frame))
        news, self._news = self._news, trio.Event()
        news.set()


@asynccontextmanager
async def simulator(
    product: Product,
    identity: str,
    version: str,
    *,
    password: str | None = None,
    tls: ssl.SSLContext | None = None,
    port: int | None = None,
    path: str = "/ocpp",
) -> AsyncIterator[Simulator]:
    """A connected station; at the end, whatever the server said must have been valid.

    Raises HandshakeError when it is refused.
    """
    headers = []
    if password is not None:
        headers.append((b"Authorization", b"Basic " + base64.b64encode(f"{identity}:{password}".encode())))
    stream: trio.abc.Stream = await trio.open_tcp_stream("127.0.0.1", port or product.ocpp_port)
    if tls is not None:
        stream = trio.SSLStream(stream, tls, server_hostname="localhost", https_compatible=True)
    try:
        async with trio.open_nursery() as nursery:
            socket = await trio_websocket.wrap_client_stream(
                nursery,
                stream,
                f"127.0.0.1:{port or product.ocpp_port}",
                f"{path}/{identity}",
                subprotocols=[f"ocpp{version}"],
                extra_headers=headers,
            )
            made = Simulator(version, identity, socket, nursery)
            try:
                yield made
            finally:
                ended = contextlib.suppress(ConnectionClosed, trio.BrokenResourceError)
                with trio.CancelScope(shield=True), trio.move_on_after(2), ended:
                    await socket.aclose()
                nursery.cancel_scope.cancel()
    finally:  # where the server refuses or closes first, the library leaves the stream open
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)
    assert not made.invalid, made.invalid


def moment(seconds: float = 0.0) -> str:
    """A time as stations write it, that many seconds from now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
