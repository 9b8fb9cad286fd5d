"""The shapes that the type checker believes in are those of the official schemas of 2.0.1 and 2.1."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from msgspec import UnsetType

from csms.ocpp import faults
from csms.ocpp.schemas import Direction, schemas_of
from csms.ocpp.v21 import e_transactions as v21
from csms.ocpp.v201 import payloads

MESSAGES = [
    (payloads.AuthorizeRequest, "Authorize", Direction.REQUEST),
    (payloads.BootNotificationRequest, "BootNotification", Direction.REQUEST),
    (payloads.DataTransferRequest, "DataTransfer", Direction.REQUEST),
    (payloads.MeterValuesRequest, "MeterValues", Direction.REQUEST),
    (payloads.StatusNotificationRequest, "StatusNotification", Direction.REQUEST),
    (payloads.TransactionEventRequest, "TransactionEvent", Direction.REQUEST),
    (payloads.DataTransferResponse, "DataTransfer", Direction.RESPONSE),
    (payloads.GetTransactionStatusResponse, "GetTransactionStatus", Direction.RESPONSE),
    (payloads.RequestStartTransactionResponse, "RequestStartTransaction", Direction.RESPONSE),
    *(
        (payloads.StatusResponse, action, Direction.RESPONSE)
        for action in ("ChangeAvailability", "ClearCache", "RequestStopTransaction", "Reset", "TriggerMessage")
    ),
    (payloads.StatusResponse, "UnlockConnector", Direction.RESPONSE),
]
PLAIN = {"string": str, "integer": int, "boolean": bool, "number": float}


def agree(shape: Any, part: dict[str, Any], root: dict[str, Any]) -> None:
    """`shape` says no more and nothing else than the schema."""
    if "$ref" in part:
        part = root["definitions"][part["$ref"].rsplit("/", 1)[1]]
    if shape is object:
        return
    kind = part["type"]
    if kind == "array":
        assert typing.get_origin(shape) is Sequence
        agree(typing.get_args(shape)[0], part["items"], root)
    elif kind == "object":
        required = part.get("required", ())
        for name, hint in typing.get_type_hints(shape).items():
            inner, given = hint, False
            if UnsetType in typing.get_args(hint):
                given = True
                (inner,) = (each for each in typing.get_args(hint) if each is not UnsetType)
            if inner is not object:
                assert (name not in required) == given, name
            agree(inner, part["properties"][name], root)
    elif part.get("format") == "date-time":
        assert shape is datetime
    else:
        assert shape is PLAIN[kind]


@pytest.mark.parametrize("edition", [faults.V201, faults.V21], ids=["2.0.1", "2.1"])
@pytest.mark.parametrize(("shape", "action", "direction"), MESSAGES)
def test_shapes_are_those_of_the_schemas(
    edition: faults.Edition, shape: Any, action: str, direction: Direction
) -> None:
    schema = schemas_of(edition).schema(action, direction)
    agree(shape, schema, schema)


def test_the_shape_of_a_transaction_event_of_2_1() -> None:
    schema = schemas_of(faults.V21).schema("TransactionEvent", Direction.REQUEST)
    agree(v21.TransactionEventRequest, schema, schema)
