"""Remote Trigger profile."""

from __future__ import annotations

import json

import pytest

from csms.domain import commands
from csms.domain.errors import InvalidArgument, NotSupported
from csms.ocpp import faults
from csms.ocpp.schemas import Direction, schemas_of
from csms.ocpp.v16.routes import Dialect16
from csms.ocpp.v16.trigger import TRIGGERS

DIALECT = Dialect16()


@pytest.mark.feature("F-OCPP-1")
def test_every_trigger_of_the_schema_can_be_asked_for() -> None:
    schema = schemas_of(faults.V16).schema("TriggerMessage", Direction.REQUEST)
    assert frozenset(schema["properties"]["requestedMessage"]["enum"]) == TRIGGERS
    for trigger in TRIGGERS:
        action, payload = DIALECT.encode(commands.TriggerMessage(trigger))
        assert (action, json.loads(payload)) == ("TriggerMessage", {"requestedMessage": trigger})


@pytest.mark.feature("F-OCPP-1")
def test_trigger_for_one_connector() -> None:
    _, payload = DIALECT.encode(commands.TriggerMessage("MeterValues", 2))
    assert json.loads(payload) == {"requestedMessage": "MeterValues", "connectorId": 2}
    assert DIALECT.outcome(commands.TriggerMessage("MeterValues"), b'{"status":"NotImplemented"}').accepted is False


def test_trigger_that_only_2_x_knows_is_not_supported() -> None:
    with pytest.raises(NotSupported, match="MeterValues"):
        DIALECT.encode(commands.TriggerMessage("TransactionEvent"))
    with pytest.raises(InvalidArgument):
        DIALECT.encode(commands.TriggerMessage("MeterValues", -2))
