"""Hypothesis strategies for our own values: any msgspec Struct from the types of its fields."""

from __future__ import annotations

import types
import typing
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Literal, Union

import msgspec
from hypothesis import strategies as st

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60)
_NAMES = st.sampled_from(["", "Accepted", "A", "0", "-1", "CP 1", "é" * 30, "x" * 600, "https://example.org/f"])
_MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
_KINDS: dict[Any, st.SearchStrategy[Any]] = {
    None: st.none(),
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(-3, 300) | st.integers(-(2**70), 2**70),
    float: st.integers(-100, 10_000).map(float) | st.floats(-1e9, 1e9),
    str: _NAMES | _TEXT,
    bytes: st.binary(max_size=40),
    datetime: _MOMENTS,
    timedelta: st.timedeltas(timedelta(0), timedelta(days=30)),
    object: st.none() | _TEXT,
    Any: st.none() | _TEXT,
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Instances of a type as it is written in a field of ours. Raises TypeError for one that it does not know."""
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return st.one_of([values(option) for option in typing.get_args(kind)])
    if origin is Literal:
        return st.sampled_from(typing.get_args(kind))
    if origin in (tuple, list, frozenset):
        return _many(kind, origin)
    if origin is typing.Annotated:
        return values(typing.get_args(kind)[0])
    if origin is dict:
        key, value = typing.get_args(kind)
        return st.dictionaries(values(key), values(value), max_size=3)
    return _plain(kind)


def _many(kind: Any, origin: type) -> st.SearchStrategy[Any]:
    inner = typing.get_args(kind)
    if origin is tuple and not (len(inner) == 2 and inner[1] is Ellipsis):
        return st.tuples(*map(values, inner))
    made = st.lists(values(inner[0]), max_size=3)
    return made.map(origin)


def _plain(kind: Any) -> st.SearchStrategy[Any]:
    if kind in _KINDS:
        return _KINDS[kind]
    if isinstance(kind, typing.NewType):
        return values(kind.__supertype__)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _structs(kind)
    raise TypeError(f"no strategy for {kind!r}")


def _structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    fields = {field.name: st.deferred(lambda t=field.type: values(t)) for field in msgspec.structs.fields(kind)}  # type: ignore[misc]
    needed = {field.name for field in msgspec.structs.fields(kind) if field.required}
    return st.fixed_dictionaries(
        {name: made for name, made in fields.items() if name in needed},
        optional={name: made for name, made in fields.items() if name not in needed},
    ).map(lambda given: kind(**given))
