"""Any control.v1 message ⇄ the portal's values, by their fields' names and types.

A value is a frozen msgspec Struct that has those of the message's fields which a page wants, under the same names:

=====================================  =========================================================================
field of the message                   type in the value
=====================================  =========================================================================
string, bool, numbers, bytes           the same; with `| None` where the message may leave it out (`optional`)
string that holds a decimal number     Decimal; `Decimal | None`: None for an empty one
Timestamp                              datetime | None
Duration                               timedelta | None
enumeration                            a StrEnum of its words without prefix (one must be UNSPECIFIED), or str
message                                another such Struct; with `| None` where it may be missing
repeated, map                          tuple[…, ...], dict[str, …]
=====================================  =========================================================================

A value that asks for a field which the message does not have is a mistake of ours, found when it is first read.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar, Union

import msgspec
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

S = TypeVar("S", bound=msgspec.Struct)
Reader = Callable[[Any], Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def read(message: Message, kind: type[S]) -> S:
    """The message as a value. Raises LookupError, TypeError for a value that does not fit the message."""
    value: S = _reader(message.DESCRIPTOR, kind)(message)
    return value


def fill(message: Message, values: Mapping[str, object]) -> None:
    """Set fields; None leaves one as it is. Takes what `read` gives, plain dicts for messages, and a tuple of paths for
    a field mask. Raises LookupError for a field that is not there."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in values.items():
        if name not in fields:
            raise LookupError(f"{message.DESCRIPTOR.name} has no field {name}.")
        if value is not None:
            _set(message, fields[name], value)


@lru_cache(maxsize=512)
def prefix_of(enumeration: EnumDescriptor) -> str:
    """`ConnectorStatus` → `CONNECTOR_STATUS_`."""
    return _HUMP.sub("_", enumeration.name).upper() + "_"


# -- reading -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _reader(descriptor: Descriptor, kind: type[msgspec.Struct]) -> Reader:
    hints = typing.get_type_hints(kind)
    plain: list[str] = []
    readers: list[tuple[str, Reader]] = []
    for each in msgspec.structs.fields(kind):
        field = descriptor.fields_by_name.get(each.name)
        if field is None:
            raise LookupError(f"{kind.__name__}.{each.name}: {descriptor.name} has no such field.")
        if _is_plain(field, hints[each.name]):
            plain.append(each.name)
        else:
            readers.append((each.name, _field_reader(field, hints[each.name])))
    # An export reads millions of these: what needs no conversion is taken in one go.
    if len(plain) < 2:
        readers += [(name, attrgetter(name)) for name in plain]
        return lambda message: kind(**{name: reader(message) for name, reader in readers})
    first, second, *rest = plain
    take = attrgetter(first, second, *rest)

    def read_all(message: Message) -> msgspec.Struct:
        return kind(
            **dict(zip(plain, take(message), strict=True)), **{name: reader(message) for name, reader in readers}
        )

    return read_all


_NATIVE = {
    str: (FieldDescriptor.CPPTYPE_STRING,),
    bytes: (FieldDescriptor.CPPTYPE_STRING,),
    bool: (FieldDescriptor.CPPTYPE_BOOL,),
    float: (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT),
    int: (
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
    ),
}


def _is_plain(field: Any, hint: Any) -> bool:
    """Is the message's value the portal's as it is?"""
    if field.is_repeated or field.cpp_type not in _NATIVE.get(hint, ()):
        return False
    return (field.type == FieldDescriptor.TYPE_BYTES) is (hint is bytes)


def _field_reader(field: Any, hint: Any) -> Reader:
    name = field.name
    inner, optional = _without_none(hint)
    if _is_map(field):
        convert = _converter(field.message_type.fields_by_name["value"], typing.get_args(inner)[1])
        return lambda message: {key: convert(value) for key, value in getattr(message, name).items()}
    if field.is_repeated:
        convert = _converter(field, typing.get_args(inner)[0])
        return lambda message: tuple(convert(value) for value in getattr(message, name))
    convert = _converter(field, inner)
    if inner in (datetime, timedelta) or (optional and field.has_presence):
        return lambda message: convert(getattr(message, name)) if message.HasField(name) else None
    if optional:
        return lambda message: convert(value) if (value := getattr(message, name)) else None
    return lambda message: convert(getattr(message, name))


def _converter(field: FieldDescriptor, kind: Any) -> Reader:
    if field.enum_type is not None:
        return _enum_reader(field.enum_type, kind)
    if kind is datetime:
        return lambda stamp: _EPOCH + timedelta(0, stamp.seconds, stamp.nanos // 1000)
    if kind is timedelta:
        return lambda duration: duration.ToTimedelta()
    if kind is Decimal:
        return Decimal
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _nested(field.message_type, kind)
    if kind not in (str, int, float, bool, bytes):
        raise TypeError(f"{field.full_name} cannot be read as {kind}.")
    return kind  # type: ignore[no-any-return]


def _nested(descriptor: Any, kind: type[msgspec.Struct]) -> Reader:
    """A value within a value; its reader is made when it is first needed, since it may hold its own kind."""
    found: list[Reader] = []

    def read_it(message: Message) -> Any:
        if not found:
            found.append(_reader(descriptor, kind))
        return found[0](message)

    return read_it


def _enum_reader(enumeration: EnumDescriptor, kind: Any) -> Reader:
    prefix = prefix_of(enumeration)
    words = {number: value.name.removeprefix(prefix) for number, value in enumeration.values_by_number.items()}
    if kind is str:
        return lambda number: words.get(number, "UNSPECIFIED")
    if not (isinstance(kind, type) and issubclass(kind, StrEnum)):
        raise TypeError(f"{enumeration.full_name} is read as a StrEnum or as str, not as {kind}.")
    known = {number: kind(word) for number, word in words.items() if word in kind.__members__.values()}
    return lambda number: known.get(number) or kind("UNSPECIFIED")  # a word that this portal does not know yet


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (Union, types.UnionType):
        rest = [each for each in typing.get_args(hint) if each is not type(None)]
        return rest[0], True
    return hint, False


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


# -- writing -------------------------------------------------------------------------------------------------------


def _set(message: Message, field: Any, value: Any) -> None:
    if _is_map(field):
        getattr(message, field.name).update(value)
    elif isinstance(value, tuple | list | set | frozenset) and not _is_mask(field):
        target = getattr(message, field.name)
        for each in value:
            if field.message_type is not None:
                _merge(target.add(), each)
            else:
                target.append(_plain(field, each))
    elif field.message_type is not None:
        part = getattr(message, field.name)
        part.SetInParent()
        _merge(part, value)
    else:
        setattr(message, field.name, _plain(field, value))


def _merge(message: Message, value: Any) -> None:
    if isinstance(message, Timestamp):
        message.FromDatetime(value.astimezone(UTC))
    elif isinstance(message, Duration):
        message.FromTimedelta(value)
    elif isinstance(message, FieldMask):
        message.paths.extend(value)
    elif isinstance(value, msgspec.Struct):
        fill(message, {name: getattr(value, name) for name in value.__struct_fields__})
    else:
        fill(message, value)


def _plain(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is None:
        return str(value) if isinstance(value, Decimal | StrEnum) else value
    found = field.enum_type.values_by_name.get(prefix_of(field.enum_type) + str(value))
    if found is None:
        raise LookupError(f"{field.enum_type.name} has no word {value}.")
    return found.number


def _is_mask(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.full_name == "google.protobuf.FieldMask")
