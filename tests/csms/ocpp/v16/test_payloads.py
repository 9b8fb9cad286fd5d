"""The shapes that the type checker believes in are those of the official schemas."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from msgspec import UnsetType

from csms.ocpp import faults
from csms.ocpp.schemas import Direction, schemas_of
from csms.ocpp.v16 import payloads

MESSAGES = [
    (payloads.AuthorizeRequest, "Authorize", Direction.REQUEST),
    (payloads.BootNotificationRequest, "BootNotification", Direction.REQUEST),
    (payloads.DataTransferRequest, "DataTransfer", Direction.REQUEST),
    (payloads.MeterValuesRequest, "MeterValues", Direction.REQUEST),
    (payloads.StartTransactionRequest, "StartTransaction", Direction.REQUEST),
    (payloads.StatusNotificationRequest, "StatusNotification", Direction.REQUEST),
    (payloads.StopTransactionRequest, "StopTransaction", Direction.REQUEST),
    (payloads.DataTransferResponse, "DataTransfer", Direction.RESPONSE),
    (payloads.GetConfigurationResponse, "GetConfiguration", Direction.RESPONSE),
    *(
        (payloads.StatusResponse, action, Direction.RESPONSE)
        for action in (
            *("ChangeAvailability", "ChangeConfiguration", "ClearCache", "RemoteStartTransaction"),
            *("RemoteStopTransaction", "Reset", "TriggerMessage", "UnlockConnector"),
        )
    ),
]
PLAIN = {"string": str, "integer": int, "boolean": bool}


def agree(shape: Any, part: dict[str, Any]) -> None:
    if part["type"] == "object":
        hints = typing.get_type_hints(shape)
        assert hints.keys() == part["properties"].keys()
        for name, hint in hints.items():
            options = set(typing.get_args(hint)) if UnsetType in typing.get_args(hint) else {hint}
            assert (UnsetType in options) is (name not in part.get("required", ())), name
            (kind,) = options - {UnsetType}
            agree(kind, part["properties"][name])
    elif part["type"] == "array":
        assert typing.get_origin(shape) is Sequence
        agree(typing.get_args(shape)[0], part["items"])
    else:
        assert shape is (datetime if part.get("format") == "date-time" else PLAIN[part["type"]])


@pytest.mark.parametrize(("shape", "action", "direction"), MESSAGES)
def test_shape_has_the_properties_of_its_schema(shape: type, action: str, direction: Direction) -> None:
    agree(shape, schemas_of(faults.V16).schema(action, direction))
