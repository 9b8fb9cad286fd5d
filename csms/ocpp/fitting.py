"""Values that go both ways unchanged: what comes in is made safe to keep, what goes out is held against its schema."""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypeVar, cast

import msgspec

from csms.domain.errors import InvalidArgument
from csms.ocpp.faults import Edition, ErrorCode, Fault, LocalProtocolError
from csms.ocpp.routing import Printable
from csms.ocpp.schemas import Direction, as_utc, schemas_of

T = TypeVar("T")

MAX_EVSE: Final = 2**31 - 1
_MAX_INTEGER: Final = 2**63 - 1


def tidied(value: T) -> T:
    """The same with every time in UTC. Raises Fault for a whole number that does not fit into 64 bits: the schemas
    have no bounds, our storage has."""
    return cast("T", _tidied(value))


def _tidied(value: object) -> object:
    if isinstance(value, datetime):
        return as_utc(value)
    if isinstance(value, msgspec.Struct):
        changes = {}
        for name in value.__struct_fields__:
            before = getattr(value, name)
            after = _tidied(before)
            if after is not before:
                changes[name] = after
        return msgspec.structs.replace(value, **changes) if changes else value
    if isinstance(value, tuple):
        made = tuple(map(_tidied, value))
        return made if any(a is not b for a, b in zip(made, value, strict=True)) else value
    if isinstance(value, int) and not -_MAX_INTEGER <= value <= _MAX_INTEGER:
        raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "A whole number does not fit into 64 bits.")
    return value


def evse_told(number: int) -> int:
    """An EVSE's number as a station gives it. Raises Fault."""
    if 0 <= number <= MAX_EVSE:
        return number
    raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "There is no EVSE with this number.")


def fitted(edition: Edition, action: str, payload: Printable) -> Printable:
    """`payload`, if the version can say it. Raises InvalidArgument with what is wrong: a property that the version does
    not know, a text that is too long, a word that it lacks.

    For payloads made of values that come from people; where we made them, a schema that does not fit is a bug.
    """
    message = schemas_of(edition).message(action, Direction.REQUEST)
    try:
        message.encode(payload)
    except LocalProtocolError as error:
        fault = error.__cause__
        said = fault.description if isinstance(fault, Fault) else str(error)
        said = said.removeprefix(f"{action}.{Direction.REQUEST}: ").rstrip(".")
        raise InvalidArgument(f"{edition.title} cannot say this: {said}.", reason="NOT_IN_THIS_VERSION") from None
    return payload
