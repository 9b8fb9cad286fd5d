"""The base of nested values, in OCPP 2.x words.

What several versions say in the same words needs no translation: a `Value` in snake_case *is* the JSON of OCPP 2.x in
camelCase, both ways. The dialects of 2.x read and print such values as they are; those of 1.x translate.
"""

from __future__ import annotations

import msgspec


class Value(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A value whose JSON is OCPP 2.x's. What a station left out has its default, and what has its default is left
    out."""


class Evse(Value, frozen=True):
    """OCPP 2.x EVSEType. Without a connector: the EVSE as a whole."""

    id: int
    connector_id: int | None = None
