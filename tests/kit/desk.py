"""The operator's side of a story: control.v1 with requests as plain keyword arguments, called from trio.

desk = Desk(product)
await desk.call("remote.Reset", target={"station": name}, type="RESET_TYPE_IMMEDIATE")
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final, TypeVar

import grpc
import trio
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from tests.kit.product import Product

T = TypeVar("T")
PATIENCE: Final = 60.0


class Denied(Exception):
    """A call that failed, with what its ErrorInfo says."""

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__(f"{error.code()} {error.details()}")
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details() or ""
        self.reason = ""
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin" and isinstance(value, bytes):
                info = error_details_pb2.ErrorInfo()
                for detail in status_pb2.Status.FromString(value).details:
                    if detail.Unpack(info):
                        self.reason = info.reason


class Desk:
    """A caller with an administrator's key. `call` raises Denied."""

    def __init__(self, product: Product, key: str | None = None) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{product.control_port}")
        self._metadata = (("authorization", f"Bearer {product.key if key is None else key}"),)
        self._stations = 0

    def close(self) -> None:
        self._channel.close()

    async def call(self, method: str, timeout: float = 60.0, **fields: Any) -> Any:
        """`file.Method` of control.v1 with the request's fields (nested messages as dicts, enumerations by name)."""
        stub, request = self._prepare(method, fields)
        try:
            return await trio.to_thread.run_sync(
                partial(stub, request, timeout=timeout, metadata=self._metadata), abandon_on_cancel=True
            )
        except grpc.RpcError as error:
            raise Denied(error) from None

    def ask(self, method: str, timeout: float = 60.0, **fields: Any) -> Any:
        """`call`, for tests that are not in trio."""
        stub, request = self._prepare(method, fields)
        try:
            return stub(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise Denied(error) from None

    async def collect(self, method: str, timeout: float = 60.0, **fields: Any) -> list[Any]:
        """All messages of a stream."""
        stub, request = self._prepare(method, fields)
        try:
            return await trio.to_thread.run_sync(
                lambda: list(stub(request, timeout=timeout, metadata=self._metadata)), abandon_on_cancel=True
            )
        except grpc.RpcError as error:
            raise Denied(error) from None

    def _prepare(self, method: str, fields: dict[str, Any]) -> tuple[Any, Any]:
        file, _, name = method.partition(".")
        module = importlib.import_module(f"control.v1.{file}_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            found = service.methods_by_name.get(name)
            if found is None:
                continue
            answer = GetMessageClass(found.output_type)
            make = self._channel.unary_stream if found.server_streaming else self._channel.unary_unary
            stub = make(
                f"/{service.full_name}/{name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=answer.FromString,
            )
            return stub, ParseDict(fields, GetMessageClass(found.input_type)())
        raise LookupError(f"control.v1 has no {method}")

    # -- what most stories begin with ----------------------------------------------------------------------------

    async def add_station(self, identity: str, **fields: Any) -> str:
        """Known before it connects; its name."""
        made = await self.call("stations.CreateStation", station={"identity": identity, **fields})
        return str(made.station.name)

    async def add_token(self, id_token: str, **fields: Any) -> str:
        """A tag; its name. One that is there already stays."""
        try:
            made = await self.call("id_tokens.CreateIdToken", id_token={"id_token": id_token, **fields})
        except Denied as denied:
            if denied.code is not grpc.StatusCode.ALREADY_EXISTS:
                raise
            listed = await self.call("id_tokens.ListIdTokens", query=id_token)
            return str(listed.id_tokens[0].name)
        return str(made.id_token.name)

    async def station(self, name: str) -> Any:
        return (await self.call("stations.GetStation", name=name)).station

    async def sessions(self, station: str) -> list[Any]:
        """Of a station, newest first."""
        listed = await self.call("sessions.ListSessions", filter={"station": station})
        return list(listed.sessions)

    async def until(self, look: Callable[[], Awaitable[T]], happy: Callable[[T], object], what: str = "") -> T:
        """Look again and again until it is as wanted. Raises AssertionError with the last view."""
        seen: T | None = None
        with trio.move_on_after(PATIENCE):
            while True:
                seen = await look()
                if happy(seen):
                    return seen
                await trio.sleep(0.02)
        raise AssertionError(f"never {what or 'as wanted'}; last: {seen}")

    async def messages(self, station: str, **wanted: Any) -> list[Any]:
        """The message log, newest first; payloads as JSON text in `content`."""
        listed = await self.call("messages.ListMessages", station=station, filter=wanted, page_size=200)
        return list(listed.entries)


@contextlib.contextmanager
def desk(product: Product, key: str | None = None) -> Iterator[Desk]:
    """Closed at the end."""
    made = Desk(product, key)
    try:
        yield made
    finally:
        made.close()


def pretty(payload: Any) -> str:
    """For assertion messages."""
    return json.dumps(payload, indent=1, default=str)
