"""What nodes say to each other: every command and result of the domain, both ways, and what other versions say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import FieldInfo
from msgspec.structs import fields as fields_of

from csms.cluster.codec import (
    Closed,
    Disconnect,
    Done,
    FencedOff,
    Gone,
    Holder,
    Send,
    Unreadable,
    decode_command,
    decode_holder,
    decode_order,
    decode_report,
    encode,
    encode_command,
    encode_settled,
    settled_of,
)
from csms.domain.commands import (
    Answer,
    Command,
    GetVariables,
    Outcome,
    RequestStartTransaction,
    Reset,
    ResetType,
    Result,
    TransactionStarted,
)
from csms.ports.directory import Settled
from csms.ports.processes import Process
from tests.kit.value_strategy import values


def families(base: type) -> list[type]:
    found = []
    for each in base.__subclasses__():
        found += [each, *families(each)]
    return found


def test_every_command_has_a_name_of_its_own() -> None:
    names = [each.__name__ for each in families(Command)]
    assert len(names) > 40
    assert len(set(names)) == len(names)


CONTRACT = Path(__file__).with_name("said_over_the_bus.json")
"""What versions in use say to each other: class → field → whether it must be there. To add a class or a field, add it
here; to take one away is not possible while versions run side by side."""
BUS = (Send, Disconnect, FencedOff, Gone, Done, Closed, Holder, Answer, Process)


@pytest.mark.parametrize(
    "command",
    [
        Reset(ResetType.IMMEDIATE, evse_id=2),
        GetVariables(("A.B", "C.D")),
        RequestStartTransaction("TAG", 1, remote_start_id=7, token_type="ISO14443"),
    ],
)
def test_a_command_arrives_as_it_was_sent(command: Command) -> None:
    order = decode_order(encode(Send(17, 4099, 2.5, encode_command(command))))
    assert isinstance(order, Send)
    assert (order.station_id, order.epoch, order.timeout) == (17, 4099, 2.5)
    assert decode_command(order.command) == command


@pytest.mark.parametrize(
    "settled",
    [
        Settled(Outcome.OFFLINE),
        Settled(Outcome.REFUSED, reason="MAILBOX_FULL", message="Too many."),
        Settled(Outcome.ANSWERED, Answer("Accepted", True), 0.25),
        Settled(Outcome.ANSWERED, Answer("Accepted", True, result=TransactionStarted("T1")), 0.25),
    ],
)
def test_an_outcome_comes_back_as_it_was(settled: Settled) -> None:
    report = decode_report(encode_settled(settled))
    assert isinstance(report, Done)
    assert settled_of(report) == settled


def test_what_another_version_says_is_not_mistaken() -> None:
    unknown = msgspec.Raw(msgspec.msgpack.encode({"kind": "TravelInTime", "to": 1985}))
    with pytest.raises(Unreadable):
        decode_command(unknown)
    for data in (b"", b"\xff\xff", msgspec.msgpack.encode({"type": "Else"})):
        with pytest.raises(Unreadable):
            decode_order(data)
        with pytest.raises(Unreadable):
            decode_report(data)
        with pytest.raises(Unreadable):
            decode_holder(data)
    assert isinstance(decode_report(encode(Gone())), Gone)
    assert decode_holder(encode(Holder("node-1", 5))) == Holder("node-1", 5)


def said() -> dict[str, type[msgspec.Struct]]:
    """Everything that goes over the bus, by name."""
    return {each.__name__: each for each in (*families(Command), *families(Result), *BUS)}


def required(field: FieldInfo) -> bool:
    return field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT


def test_what_is_said_over_the_bus_only_grows_and_what_is_new_may_be_missing() -> None:
    contract: dict[str, dict[str, bool]] = json.loads(CONTRACT.read_text())
    now = {name: {field.encode_name: required(field) for field in fields_of(each)} for name, each in said().items()}
    for name, known in contract.items():
        assert name in now, f"{name} is still said by older versions"
        assert known.keys() <= now[name].keys(), f"older versions say and read all of these of {name}"
        for field, must in now[name].items():
            assert not must or known.get(field), f"{name}.{field} needs a default: older versions do not say it"
            assert must or not known.get(field), (
                f"{name}.{field} is needed by older versions: say so in {CONTRACT.name}"
            )
    assert {name: fields.keys() for name, fields in now.items()} == {
        name: fields.keys() for name, fields in contract.items()
    }, f"add what is new to {CONTRACT.name}"


def decoded(value: msgspec.Struct, said_as: dict[str, Any]) -> object:
    """What is read when it is said like this."""
    data = msgspec.msgpack.encode(said_as)
    if isinstance(value, Command):
        return decode_command(msgspec.Raw(data))
    if isinstance(value, Result):
        packed = msgspec.msgpack.encode(Done(Outcome.ANSWERED, Answer("Accepted", True), data))
        settled = settled_of(msgspec.msgpack.decode(packed, type=Done))
        return None if settled.answer is None else settled.answer.result
    if isinstance(value, Holder):
        return decode_holder(data)
    if isinstance(value, Answer | Process):
        return msgspec.msgpack.decode(data, type=type(value))
    return decode_report(data) if isinstance(value, Done | Closed | Gone) else decode_order(data)


@given(st.data())
def test_fields_of_a_newer_version_are_passed_over_and_those_an_older_one_lacks_have_defaults(
    data: st.DataObject,
) -> None:
    kind = data.draw(st.sampled_from([each for each in said().values() if each not in (Send, Done, Answer)]))
    value = data.draw(values(kind))
    try:
        whole = msgspec.msgpack.decode(msgspec.msgpack.encode(value))
    except OverflowError:  # no number of OCPP is that long
        return
    assert decoded(value, whole) == value
    assert decoded(value, {**whole, "of_a_newer_version": {"nested": [1, "x"]}}) == value
    short = {
        name: part
        for name, part in whole.items()
        if not any(field.encode_name == name and not required(field) for field in fields_of(kind))
    }
    assert type(decoded(value, short)) is kind


@pytest.mark.parametrize(
    "message", [Send(1, 2, 3.0, msgspec.Raw(b"\xc0")), Done(Outcome.OFFLINE), Answer("Accepted", True)]
)
def test_messages_that_carry_others_are_read_with_more_or_less_in_them(message: msgspec.Struct) -> None:
    whole = msgspec.msgpack.decode(msgspec.msgpack.encode(message))
    assert decoded(message, {**whole, "of_a_newer_version": 7}) == message
    short = {name: part for name, part in whole.items() if name not in ("answer", "result", "reason", "message")}
    assert type(decoded(message, short)) is type(message)
