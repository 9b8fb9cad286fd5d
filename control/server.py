"""The gRPC server of control.v1: it lives in asyncio and carries every call through the door to trio.

A servicer is a class whose `service` is the descriptor of a service and which has one trio method for each RPC, named
in snake case: ``async def get_station(self, call, request) -> response``, or an async generator where the RPC streams.
What is common to all calls (credentials, deadlines, request ids, errors, one log line each) is here and in `guard`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Never, Protocol, cast

import grpc
import grpc.aio
import structlog
import trio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from control import spans
from control.faults import DETAILS_KEY, Fault, fault_of
from control.guard import READING, RECHECK_SECONDS, Call, Guard, peer_address
from csms.aio import Door, DoorClosed
from csms.domain.errors import DomainError, InvalidArgument, Unavailable

MAX_REQUEST_BYTES = 1024 * 1024
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
MAX_CONCURRENT_CALLS = 2_000
STREAM_BUFFER = 8

_log = structlog.get_logger("control")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Context = grpc.aio.ServicerContext[Any, Any]
Metadata = Mapping[str, str | bytes]
UnaryMethod = Callable[[Call, Message], Awaitable[Message]]
StreamMethod = Callable[[Call, Message], AsyncGenerator[Message, None]]
UploadMethod = Callable[[Call, Message, AsyncIterator[Message]], Awaitable[Message]]


class CallEnded(Protocol):
    """For metrics."""

    def __call__(self, method: str, code: str, seconds: float, *, streaming: bool) -> None:
        """`method` is `/package.Service/Method`, `code` gRPC's word for the outcome."""


class Servicer(Protocol):
    """See the top of the module."""

    @property
    def service(self) -> ServiceDescriptor:
        """Which service this is."""


def method_name(rpc: str) -> str:
    """`GetStation` → `get_station`: how a servicer calls an RPC."""
    return _WORD.sub("_", rpc).lower()


class ControlServer:
    """`start` serves, `stop` drains. Both are called from trio.

    `tls` is (certificate chain, private key) in PEM; None serves plain text, for loopback only. `on_call` is told of
    every call that has ended, from asyncio's thread.
    """

    def __init__(
        self,
        door: Door,
        guard: Guard,
        servicers: Sequence[Servicer],
        listen: str,
        *,
        tls: tuple[bytes, bytes] | None = None,
        max_concurrent_calls: int = MAX_CONCURRENT_CALLS,
        on_call: CallEnded | None = None,
    ) -> None:
        self._door = door
        self._guard = guard
        self._servicers = servicers
        self._listen = listen
        self._tls = tls
        self._max_concurrent_calls = max_concurrent_calls
        self._on_call = on_call
        self._server: grpc.aio.Server | None = None
        self._health: Any = None
        self._streams: set[asyncio.Task[Any]] = set()
        self._draining = False
        self._serving = True
        self.port = 0

    @property
    def draining(self) -> bool:
        """Is it stopping?"""
        return self._draining

    async def start(self) -> int:
        """Serve; the port. Raises OSError when the address is taken, LookupError when a servicer lacks a method."""
        self.port = await self._door.call(self._start)
        return self.port

    async def set_serving(self, serving: bool) -> None:
        """Say whether calls can succeed at all (the database is there). Once draining, it stays NOT_SERVING."""
        if self._health is not None and serving != self._serving and not self._draining:
            self._serving = serving
            await self._door.call(self._set_health, serving)

    async def drain(self) -> None:
        """Say NOT_SERVING, so that balancers and clients go elsewhere; calls are still served."""
        self._draining = True
        if self._health is not None:
            await self._door.call(self._health.enter_graceful_shutdown)

    async def stop(self, grace: float) -> None:
        """Take no new calls, end streams with UNAVAILABLE/DRAINING, give other calls `grace` seconds. Idempotent."""
        await self.drain()
        await self._door.call(self._stop, grace)

    # -- asyncio from here on ----------------------------------------------------------------------------------------

    async def _start(self) -> int:
        server = grpc.aio.server(
            maximum_concurrent_rpcs=self._max_concurrent_calls,
            options=[
                ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
                ("grpc.max_send_message_length", MAX_RESPONSE_BYTES),
                ("grpc.max_metadata_size", 16 * 1024),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 20_000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
                ("grpc.so_reuseport", 0),  # two servers on one port would share calls in silence
            ],
        )
        names = []
        for servicer in self._servicers:
            handlers = {rpc.name: self._handler(servicer, rpc) for rpc in servicer.service.methods}
            name = servicer.service.full_name
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
            names.append(name)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
        try:
            if self._tls is None:
                port = server.add_insecure_port(self._listen)
            else:
                certificate, key = self._tls
                port = server.add_secure_port(self._listen, grpc.ssl_server_credentials([(key, certificate)]))
        except RuntimeError as error:
            raise OSError(f"The control API cannot listen on {self._listen}: {error}") from error
        await server.start()
        self._server = server
        await self._set_health(True)
        return port

    async def _set_health(self, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        for name in ("", *(servicer.service.full_name for servicer in self._servicers)):
            await self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    async def _stop(self, grace: float) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        stopping = asyncio.ensure_future(server.stop(grace))
        await asyncio.sleep(0)
        for task in tuple(self._streams):
            task.cancel()
        await stopping

    def _handler(self, servicer: Servicer, rpc: MethodDescriptor) -> grpc.RpcMethodHandler[Any, Any]:
        method = getattr(servicer, method_name(rpc.name), None)
        if method is None:
            raise LookupError(f"{type(servicer).__name__} has no method {method_name(rpc.name)}.")
        path = f"/{rpc.containing_service.full_name}/{rpc.name}"
        request_class = GetMessageClass(rpc.input_type)
        if rpc.server_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._stream_handler(path, method), request_deserializer=request_class.FromString
            )
        if rpc.client_streaming:
            return grpc.stream_unary_rpc_method_handler(
                self._upload_handler(path, method), request_deserializer=request_class.FromString
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary_handler(path, method), request_deserializer=request_class.FromString
        )

    # Without a response serializer grpc sends bytes as they are; trio has made them.

    def _unary_handler(self, path: str, method: UnaryMethod) -> Callable[[Message, Context], Awaitable[bytes]]:
        async def handle(request: Message, context: Context) -> bytes:
            call, started = Call(path, peer=peer_address(context.peer())), time.perf_counter()
            try:
                answer = await self._door.enter(self._answer, call, *_circumstances(context), method, request)
            except asyncio.CancelledError:
                self._ended(call, context, started, "CANCELLED")
                raise
            except Exception as error:  # noqa: BLE001 - the caller is told, and a bug is logged with its trace
                await self._abort(call, context, started, error)
            self._ended(call, context, started, "OK")
            return answer

        return handle

    def _upload_handler(
        self, path: str, method: UploadMethod
    ) -> Callable[[AsyncIterator[Message], Context], Awaitable[bytes]]:
        """The first message is the request, with which the guard does what it does with requests."""

        async def handle(requests: AsyncIterator[Message], context: Context) -> bytes:
            async def received() -> Message | None:
                return await anext(requests, None)

            async def upload(call: Call, metadata: Metadata, remaining_s: float | None) -> bytes:
                await self._guard.admit(call, metadata, remaining_s)
                first = await self._door.call(received)
                if first is None:
                    raise InvalidArgument("Nothing was sent.", reason="INVALID_PIECES")

                async def work() -> bytes:
                    call.answer = await method(call, first, self._pieces(received))
                    return call.answer.SerializeToString()

                return await self._guard.answer(call, first, work)

            call, started = Call(path, peer=peer_address(context.peer())), time.perf_counter()
            try:
                answer = await self._door.enter(upload, call, *_circumstances(context))
            except asyncio.CancelledError:
                self._ended(call, context, started, "CANCELLED")
                raise
            except Exception as error:  # noqa: BLE001 - as above
                await self._abort(call, context, started, error)
            self._ended(call, context, started, "OK")
            return answer

        return handle

    async def _pieces(self, received: Callable[[], Coroutine[Any, Any, Message | None]]) -> AsyncIterator[Message]:
        """In trio: the messages that follow."""
        while (message := await self._door.call(received)) is not None:
            yield message

    def _stream_handler(self, path: str, method: StreamMethod) -> Callable[[Message, Context], AsyncIterator[bytes]]:
        async def handle(request: Message, context: Context) -> AsyncIterator[bytes]:
            call, started = Call(path, peer=peer_address(context.peer())), time.perf_counter()
            task = cast("asyncio.Task[Any]", asyncio.current_task())
            self._streams.add(task)
            try:
                made = self._door.stream(
                    self._stream, call, *_circumstances(context), method, request, buffer=STREAM_BUFFER
                )
                async with contextlib.aclosing(made) as messages:
                    async for message in messages:
                        yield message
            except asyncio.CancelledError:
                if not self._draining or context.cancelled():
                    self._ended(call, context, started, "CANCELLED", streaming=True)
                    raise
                task.uncancel()  # it was `_stop`
                await self._abort(call, context, started, _draining(), streaming=True)
            except Exception as error:  # noqa: BLE001 - as above
                await self._abort(call, context, started, error, streaming=True)
            finally:
                self._streams.discard(task)
            self._ended(call, context, started, "OK", streaming=True)

        return handle

    async def _abort(
        self, call: Call, context: Context, started: float, error: Exception, *, streaming: bool = False
    ) -> Never:
        if isinstance(error, DoorClosed):
            error = _draining()
        fault = fault_of(error)
        bug = None if isinstance(error, DomainError) else error
        self._ended(call, context, started, fault.code.name, fault, bug, streaming=streaming)
        await context.abort(fault.code, fault.message, ((DETAILS_KEY, fault.status),))
        raise AssertionError("abort never returns")

    def _ended(
        self,
        call: Call,
        context: Context,
        started: float,
        code: str,
        fault: Fault | None = None,
        bug: Exception | None = None,
        *,
        streaming: bool = False,
    ) -> None:
        if self._on_call is not None:
            self._on_call(call.method, code, time.perf_counter() - started, streaming=streaming)
        _log_call(call, context, started, code, fault, bug)

    # -- trio --------------------------------------------------------------------------------------------------------

    async def _answer(
        self, call: Call, metadata: Metadata, remaining_s: float | None, method: UnaryMethod, request: Message
    ) -> bytes:
        async def work() -> bytes:
            call.answer = await method(call, request)
            return call.answer.SerializeToString()

        with spans.serving(call.method, metadata):
            await self._guard.admit(call, metadata, remaining_s)
            return await self._guard.answer(call, request, work)

    async def _stream(
        self, call: Call, metadata: Metadata, remaining_s: float | None, method: StreamMethod, request: Message
    ) -> AsyncGenerator[bytes, None]:
        await self._guard.admit(call, metadata, remaining_s)
        checked_at = trio.current_time()
        async with contextlib.aclosing(method(call, request)) as messages:
            async for message in messages:
                if trio.current_time() - checked_at >= RECHECK_SECONDS:
                    await self._guard.check_again(call)
                    checked_at = trio.current_time()
                yield message.SerializeToString()


def _circumstances(context: Context) -> tuple[Metadata, float | None]:
    """Metadata and the seconds that are left."""
    return dict(context.invocation_metadata() or ()), context.time_remaining()


def _draining() -> Unavailable:
    return Unavailable("The server is stopping. Try again in a moment.", reason="DRAINING")


def _log_call(
    call: Call, context: Context, started: float, code: str, fault: Fault | None = None, bug: Exception | None = None
) -> None:
    """One line; neither requests nor answers nor credentials are in it."""
    fields: dict[str, object] = {
        "method": call.method,
        "caller": call.caller.name,
        "peer": context.peer(),
        "code": code,
        "duration_ms": round((time.perf_counter() - started) * 1000, 1),
    }
    if call.request_id:
        fields |= {"request_id": call.request_id, "repeated": call.repeated}
    if fault is not None:
        fields["reason"] = fault.reason
    if fault is not None and fault.incident:
        _log.error("call", incident=fault.incident, exc_info=bug, **fields)
    elif code == "OK" and call.method.rpartition("/")[2].startswith(READING):  # a portal makes many of them
        _log.debug("call", **fields)
    else:
        _log.info("call", **fields)
