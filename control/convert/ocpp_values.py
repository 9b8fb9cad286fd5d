"""Values of OCPP 2.x (`csms.domain.values.Value`) as messages whose fields have the same names.

A field of the message that has presence and is unset is None; times are Timestamps; OCPP's words are strings.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import msgspec
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from control.convert.common import moment
from csms.domain.errors import InvalidArgument

V = TypeVar("V", bound=msgspec.Struct)
M = TypeVar("M", bound=Message)


def read_value(message: Message, kind: type[V], name: str) -> V:
    """Raises InvalidArgument for a word that OCPP does not have, or a part that is missing; `name` says of what."""
    try:
        return msgspec.convert(_plain(message, kind), kind)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"The {name} cannot be read: {error}.", reason="INVALID_VALUE") from None


def print_value(value: msgspec.Struct, message: M) -> M:
    """`message`, filled."""
    names = message.DESCRIPTOR.fields_by_name
    for field in value.__struct_fields__:
        given = getattr(value, field)
        if given is None or field not in names:
            continue
        if isinstance(given, datetime):
            getattr(message, field).FromDatetime(given)
        elif isinstance(given, msgspec.Struct):
            nested = getattr(message, field)
            nested.SetInParent()
            print_value(given, nested)
        elif isinstance(given, tuple):
            _print_all(given, getattr(message, field))
        else:
            setattr(message, field, given.value if isinstance(given, Enum) else given)
    return message


def _print_all(values: tuple[object, ...], field: Any) -> None:
    for each in values:
        if isinstance(each, msgspec.Struct):
            print_value(each, field.add())
        else:
            field.append(each)


def _plain(message: Message, kind: type[msgspec.Struct]) -> dict[str, object]:
    """As builtins with the value's own names of JSON."""
    found: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        descriptor = message.DESCRIPTOR.fields_by_name.get(field.name)
        if descriptor is None:
            continue
        given = getattr(message, field.name)
        if descriptor.is_repeated:
            found[field.encode_name] = [_one(each, field.type) for each in given]
        elif not descriptor.has_presence or message.HasField(field.name):
            found[field.encode_name] = _one(given, field.type)
    return found


def _one(given: object, kind: object) -> object:
    if isinstance(given, Timestamp):
        return moment(given)
    if isinstance(given, Message):
        return _plain(given, _struct_in(kind))
    return given


def _struct_in(kind: object) -> type[msgspec.Struct]:
    """The Struct in `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    for part in getattr(kind, "__args__", ()):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            return part
    raise TypeError(f"{kind!r} is made of no struct")
