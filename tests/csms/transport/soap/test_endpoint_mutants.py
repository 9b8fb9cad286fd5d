"""Mutated messages are understood or refused with a fault; nothing else ever comes of them."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from csms.domain.facts import Fact
from csms.ocpp.faults import Fault
from csms.ocpp.v15.routes import Dialect15
from csms.transport.soap.endpoint import SoapEndpoint
from csms.transport.soap.envelope import SoapFault, read_envelope
from csms.transport.soap.printing import print_fault
from tests.csms.transport.soap.messages import IDENTITY, WSA, envelope, reference
from tests.csms.transport.soap.test_endpoint import INFO, FakeStations

ENDPOINT: Final = SoapEndpoint(FakeStations(INFO))
DIALECT: Final = Dialect15()
AT: Final = "2026-03-01T12:00:00Z"


def elements(**fields: object) -> str:
    return "".join(f"<cs:{name}>{value}</cs:{name}>" for name, value in fields.items())


VALUES: Final = (
    f"<cs:values><cs:timestamp>{AT}</cs:timestamp>"
    '<cs:value unit="kWh" context="Sample.Clock">1.5</cs:value></cs:values>'
)
HEADER: Final = (
    f"{IDENTITY}<w:MessageID>id</w:MessageID><w:Action>/X</w:Action>{reference('From', 'http://b/')}"
    f"{reference('ReplyTo', WSA + '/anonymous')}"
)
BODIES: Final = {
    "heartbeat": "",
    "authorize": "<cs:idTag>TAG</cs:idTag>",
    "meterValues": f"<cs:connectorId>1</cs:connectorId>{VALUES}",
    "startTransaction": elements(connectorId=1, idTag="T", timestamp=AT, meterStart=0),
    "stopTransaction": elements(transactionId=1, timestamp=AT, meterStop=9)
    + f"<cs:transactionData>{VALUES}</cs:transactionData>",
    "statusNotification": elements(connectorId=1, status="Occupied", errorCode="NoError", timestamp=AT),
    "bootNotification": elements(chargePointVendor="V", chargePointModel="M"),
}
MESSAGES: Final = [
    envelope(f"<cs:{name}Request>{content}</cs:{name}Request>", HEADER) for name, content in BODIES.items()
]
PIECES: Final = st.sampled_from(
    [
        b"",
        b"<",
        b">",
        b"&",
        b"&amp;",
        b"]]>",
        b"<!--",
        b"<![CDATA[",
        b"cs:",
        b"<x/>",
        b"\0",
        b"\xff",
        b"-1",
        b"NaN",
        b"\xc3",
    ]
)
WORDS: Final = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [
        "-1",
        "0",
        "1e400",
        "NaN",
        "9" * 400,
        "true",
        "0x10",
        "2026-02-30T00:00:00Z",
        "24:00",
        "9999-12-31T23:59:59-14:00",
        " 1 ",
    ]
)


def understand(content: bytes) -> Fact | None:
    """None: a fault, and one that can be printed. Raises what must not be raised."""
    try:
        message = ENDPOINT._understand(read_envelope(content))
    except SoapFault as fault:
        etree.fromstring(print_fault(fault))
        return None
    try:
        return DIALECT.decode(message.operation, message.payload)
    except Fault:
        return None


@pytest.mark.parametrize("content", MESSAGES, ids=range(len(MESSAGES)))
def test_the_originals_are_understood(content: bytes) -> None:
    assert understand(content) is not None


@given(st.sampled_from(MESSAGES), st.integers(0, 2000), st.integers(0, 40), PIECES)
def test_bytes_that_went_wrong(content: bytes, at: int, length: int, piece: bytes) -> None:
    at %= len(content)
    understand(content[:at] + piece + content[at + length :])


@given(st.sampled_from(MESSAGES), st.data())
def test_elements_that_went_wrong(content: bytes, data: st.DataObject) -> None:
    root = etree.fromstring(content)
    elements = list(root.iter())
    for _ in range(data.draw(st.integers(1, 3))):
        element = data.draw(st.sampled_from(elements))
        other = data.draw(st.sampled_from(elements))
        match data.draw(st.sampled_from(["drop", "double", "rename", "move", "attribute"])):
            case "drop" if element.getparent() is not None:
                element.getparent().remove(element)
            case "double" if element.getparent() is not None:
                element.addnext(etree.fromstring(etree.tostring(element, with_tail=False)))
            case "rename":
                element.tag = other.tag
            case "move" if element is not other and other not in element.iterdescendants():
                other.append(element)
            case "attribute":
                element.set(data.draw(st.sampled_from(["unit", "context", "format", "id", "href"])), "x")
    understand(etree.tostring(root))


@given(st.sampled_from(MESSAGES), st.data(), WORDS)
def test_values_that_went_wrong(content: bytes, data: st.DataObject, word: str) -> None:
    root = etree.fromstring(content)
    leaf = data.draw(st.sampled_from([e for e in root.iter() if not len(e)]))
    try:
        leaf.text = word
    except ValueError:  # XML has no such character
        return
    understand(etree.tostring(root))


@given(st.binary(max_size=300))
def test_noise(content: bytes) -> None:
    assert understand(content) is None
