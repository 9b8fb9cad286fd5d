"""Any call of control.v1 with plain values: `await desk.ask("AlarmService/ListAlarms", AlarmPage, page_size=50)`."""

from __future__ import annotations

import importlib
import pkgutil
import uuid
from collections.abc import AsyncIterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

import grpc.aio
import msgspec
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import control.v1
from webui.api import wire
from webui.api.channel import api_error

S = TypeVar("S", bound=msgspec.Struct)
CALL_S: Final = 10.0
"""Time for one answer; pages would rather say that nobody answers than hang."""


class Nothing(msgspec.Struct, frozen=True):
    """For answers of which nothing is wanted."""


class Desk:
    """One signed-in person's way to every service. All methods raise ``ApiError``; LookupError and TypeError are our
    own mistakes: a method or a field that is not there."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Sequence[tuple[str, str]]) -> None:
        self._channel = channel
        self._metadata = tuple(metadata)

    async def ask(self, method: str, answer: type[S], /, *, timeout_s: float = CALL_S, **fields: object) -> S:
        """Call `Service/Method`. Changes get a request id by themselves, so a repeat by the channel does no harm."""
        request, path, kind = _prepared(method, fields)
        call = self._channel.unary_unary(
            path, request_serializer=type(request).SerializeToString, response_deserializer=kind.FromString
        )
        try:
            message: Message = await call(request, metadata=self._metadata, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from error
        return wire.read(message, answer)

    async def do(self, method: str, /, *, timeout_s: float = CALL_S, **fields: object) -> None:
        """The same, where the answer tells nothing new."""
        await self.ask(method, Nothing, timeout_s=timeout_s, **fields)

    async def stream(self, method: str, answer: type[S], /, **fields: object) -> AsyncIterator[S]:
        """The answers of a stream, until it ends or the caller stops."""
        request, path, kind = _prepared(method, fields)
        call = self._channel.unary_stream(
            path, request_serializer=type(request).SerializeToString, response_deserializer=kind.FromString
        )(request, metadata=self._metadata)
        try:
            async for message in call:
                yield wire.read(message, answer)
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from error
        finally:
            call.cancel()

    async def send(
        self, method: str, answer: type[S], messages: AsyncIterator[dict[str, object]], /, *, timeout_s: float = 300.0
    ) -> S:
        """For methods that take a stream: each dictionary becomes one message."""
        found = _method(method)
        asked, kind = GetMessageClass(found.input_type), GetMessageClass(found.output_type)

        async def requests() -> AsyncIterator[Message]:
            async for fields in messages:
                message = asked()
                wire.fill(message, fields)
                yield message

        call = self._channel.stream_unary(
            _path(found), request_serializer=asked.SerializeToString, response_deserializer=kind.FromString
        )
        try:
            message: Message = await call(requests(), metadata=self._metadata, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from error
        return wire.read(message, answer)


def _prepared(method: str, fields: dict[str, object]) -> tuple[Message, str, type[Message]]:
    found = _method(method)
    request = GetMessageClass(found.input_type)()
    known = request.DESCRIPTOR.fields_by_name
    if "request_id" in known:
        fields = {"request_id": uuid.uuid4().hex, **fields}
    wire.fill(request, fields)
    return request, _path(found), GetMessageClass(found.output_type)


@lru_cache(maxsize=1024)
def _method(method: str) -> MethodDescriptor:
    _load()
    service, _, name = method.partition("/")
    found: Any = descriptor_pool.Default().FindServiceByName(f"control.v1.{service}")
    method_found: MethodDescriptor = found.methods_by_name[name]
    return method_found


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


@lru_cache(maxsize=1)
def _load() -> None:
    """Every message of control.v1 must be known before it is looked for."""
    for module in pkgutil.iter_modules(control.v1.__path__):
        if module.name.endswith("_pb2"):
            importlib.import_module(f"control.v1.{module.name}")
