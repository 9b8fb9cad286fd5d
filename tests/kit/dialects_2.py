"""The dialects of 2.x with Python values on the wire side, for tests that compare word by word."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from csms.domain import commands
from csms.domain.commands import Command
from csms.domain.facts import ACK, Fact, Reply
from csms.ocpp.frame import Call
from csms.ocpp.routing import RoutedDialect
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

D201, D21 = Dialect201(), Dialect21()
both = pytest.mark.parametrize("dialect", [D201, D21], ids=["2.0.1", "2.1"])


def decode(dialect: RoutedDialect, action: str, payload: dict[str, Any]) -> Fact:
    """What the station means; it is acknowledged with nothing more."""
    call = Call("17", action, msgspec.Raw(json.dumps(payload).encode()))
    fact = dialect.decode(call)
    assert dialect.reply(call, ACK) == b"{}"
    return fact


def fact_of(dialect: RoutedDialect, action: str, payload: dict[str, Any]) -> Fact:
    """What the station means, where the answer says more than that it came."""
    return dialect.decode(Call("17", action, msgspec.Raw(json.dumps(payload).encode())))


def replied(dialect: RoutedDialect, action: str, reply: Reply) -> Any:
    """The payload of the answer."""
    return json.loads(dialect.reply(Call("17", action, msgspec.Raw(b"{}")), reply))


def printed(dialect: RoutedDialect, command: Command) -> tuple[str, Any]:
    """(action, payload) of a command."""
    action, payload = dialect.encode(command)
    return action, json.loads(payload)


def answer(dialect: RoutedDialect, command: Command, payload: dict[str, Any]) -> commands.Answer:
    """What a station's answer says."""
    return dialect.outcome(command, json.dumps(payload).encode())
