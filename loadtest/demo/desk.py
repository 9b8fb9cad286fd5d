"""The demonstration's hand on control.v1: any call by its name, with plain values.

The only module of the demonstration that knows the generated messages. It is synchronous; a few threads keep several
calls under way.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import Final, Self, TypeVar, cast

import grpc
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

CALLS_AT_ONCE: Final = 8
DEADLINE: Final = 60.0

Asked = TypeVar("Asked")
Given = TypeVar("Given")
Fields = Mapping[str, object]

_SENTENCES: Final = {
    grpc.StatusCode.UNAVAILABLE: "control.v1 at {where} cannot be reached: is the server running, is --control right?",
    grpc.StatusCode.UNAUTHENTICATED: "control.v1 at {where} does not know the API key: make a new one with "
    "`chargehouse key create --name demo --role administrator`",
    grpc.StatusCode.PERMISSION_DENIED: "the API key may not do this: it needs the role administrator",
}


class DemoError(Exception):
    """Something did not work; the text says what to do about it. `taken`: what was to be made is there already;
    `again`: it could not be done at this moment."""

    def __init__(self, sentence: str, *, taken: bool = False, again: bool = False) -> None:
        super().__init__(sentence)
        self.taken = taken
        self.again = again


class Reply:
    """A message as it was answered: values by the path of their fields."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def text(self, *path: str) -> str:
        """A text or the word of an enumeration; empty when it is not set."""
        found = self._find(path)
        return "" if found is None else str(found)

    def number(self, *path: str) -> float:
        """A number; 0 when it is not set."""
        return float(self.text(*path) or 0)

    def flag(self, *path: str) -> bool:
        """A yes or no."""
        return self._find(path) is True

    def rows(self, *path: str) -> list[Reply]:
        """The messages of a list."""
        found = self._find(path)
        return [Reply(each) for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def _find(self, path: tuple[str, ...]) -> object:
        found: object = self._values
        for step in path:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found


class Desk:
    """A caller of control.v1. `control` is `host:port`, or `https://host:port` for TLS. Calls raise DemoError."""

    def __init__(self, control: str, api_key: str, *, channel: grpc.Channel | None = None) -> None:
        self._where = control
        self._key = api_key
        self._channel = _open(control) if channel is None else channel
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="desk")
        self._methods: dict[str, MethodDescriptor] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._channel.close()

    def call(self, method: str, fields: Fields | None = None, *, token: str | None = None) -> Reply:
        """`file.Method` with the request's fields: nested messages as dicts, enumerations and times as JSON has them,
        bytes in base64. `token`: call as somebody else."""
        found = self._method(method)
        stub = self._channel.unary_unary(_path(found), request_serializer=_bytes, response_deserializer=_reader(found))
        try:
            answer = stub(_request(found, fields or {}), timeout=DEADLINE, metadata=self._metadata(token))
        except grpc.RpcError as error:
            raise self._failure(method, error) from error
        return _reply(answer)

    def send(self, method: str, parts: Iterable[Fields]) -> Reply:
        """A call whose request is a stream."""
        found = self._method(method)
        stub = self._channel.stream_unary(_path(found), request_serializer=_bytes, response_deserializer=_reader(found))
        requests = iter([_request(found, part) for part in parts])
        try:
            answer = stub(requests, timeout=DEADLINE, metadata=self._metadata(None))
        except grpc.RpcError as error:
            raise self._failure(method, error) from error
        return _reply(answer)

    def pages(self, method: str, rows: str, fields: Fields | None = None) -> list[Reply]:
        """All rows of a list, page by page."""
        found: list[Reply] = []
        token = ""
        while True:
            page = self.call(method, {**(fields or {}), "page_size": 1000, "page_token": token})
            found += page.rows(rows)
            token = page.text("next_page_token")
            if not token:
                return found

    def each(self, do: Callable[[Asked], Given], things: Iterable[Asked]) -> list[Given]:
        """Several at a time, in their order."""
        return list(self._pool.map(do, things))

    def _metadata(self, token: str | None) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {token or self._key}"),)

    def _method(self, method: str) -> MethodDescriptor:
        with self._lock:
            found = self._methods.get(method)
            if found is None:
                found = self._methods[method] = _look_up(method)
            return found

    def _failure(self, method: str, error: grpc.RpcError) -> DemoError:
        call = cast(grpc.Call, error)  # what a call raises is both
        code, details = call.code(), call.details()
        sentence = _SENTENCES.get(code)
        if sentence is not None:
            return DemoError(f"{sentence.format(where=self._where)} ({method}: {details})")
        taken = code is grpc.StatusCode.ALREADY_EXISTS
        again = code is grpc.StatusCode.FAILED_PRECONDITION
        return DemoError(f"{method} of control.v1 answered {code.name}: {details}", taken=taken, again=again)


def _open(control: str) -> grpc.Channel:
    if control.startswith("https://"):
        return grpc.secure_channel(control.removeprefix("https://"), grpc.ssl_channel_credentials())
    return grpc.insecure_channel(control)


def _look_up(method: str) -> MethodDescriptor:
    file, _, name = method.partition(".")
    descriptor: FileDescriptor = importlib.import_module(f"control.v1.{file}_pb2").DESCRIPTOR
    for service in descriptor.services_by_name.values():
        if name in service.methods_by_name:
            return service.methods_by_name[name]
    raise LookupError(f"control.v1 has no {method}")


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()


def _reader(method: MethodDescriptor) -> Callable[[bytes], Message]:
    kind = GetMessageClass(method.output_type)

    def read(content: bytes) -> Message:
        return kind.FromString(content)

    return read


def _request(method: MethodDescriptor, fields: Fields) -> Message:
    return ParseDict(dict(fields), GetMessageClass(method.input_type)())


def _reply(message: Message) -> Reply:
    return Reply(MessageToDict(message, preserving_proto_field_name=True))
