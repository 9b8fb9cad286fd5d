"""What nodes say to each other: every command and result of the domain, both ways, and what other versions say."""

from __future__ import annotations

import msgspec
import pytest

from csms.cluster.codec import (
    Done,
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
    TransactionStarted,
)
from csms.ports.directory import Settled


def families(base: type) -> list[type]:
    found = []
    for each in base.__subclasses__():
        found += [each, *families(each)]
    return found


def test_every_command_has_a_name_of_its_own() -> None:
    names = [each.__name__ for each in families(Command)]
    assert len(names) > 40
    assert len(set(names)) == len(names)


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
