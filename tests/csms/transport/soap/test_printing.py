"""SOAP envelopes, written."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
from lxml import etree

from csms.ocpp.v15.faults import FaultCode
from csms.transport.soap.envelope import (
    CS,
    SOAP_11,
    WSA,
    WSA_2004,
    Addressing,
    Origin,
    SoapFault,
    ocpp_fault,
    read_envelope,
)
from csms.transport.soap.printing import print_fault, print_request, print_response

BODY = f"{{{CS}}}heartbeatResponse"


def texts(content: bytes) -> dict[str, str]:
    return {e.tag.rpartition("}")[2]: e.text or "" for e in ET.fromstring(content).iter()}


@pytest.mark.parametrize(("wsa", "anonymous"), [(WSA, "/anonymous"), (WSA_2004, "/role/anonymous")])
def test_a_response_relates_to_its_request(wsa: str, anonymous: str) -> None:
    origin = Origin(addressing=Addressing(wsa, "id-1"))
    read = read_envelope(print_response(origin, "Heartbeat", etree.Element(BODY)))
    addressing = read.origin.addressing
    assert (addressing.relates_to, addressing.action) == ("id-1", "/HeartbeatResponse")
    assert addressing.message_id.startswith("urn:uuid:")
    assert texts(print_response(origin, "Heartbeat", etree.Element(BODY)))["To"] == wsa + anonymous


def test_who_uses_no_addressing_gets_none() -> None:
    read = read_envelope(print_response(Origin(), "Heartbeat", etree.Element(BODY)))
    assert read.origin.addressing.namespace == ""
    assert read.body is not None
    assert read.body.tag == BODY


def test_a_request_without_an_id_is_answered_without_a_relation() -> None:
    content = print_response(Origin(addressing=Addressing(WSA)), "Heartbeat", etree.Element(BODY))
    assert "RelatesTo" not in texts(content)


def test_a_fault_of_soap_12() -> None:
    content = print_fault(ocpp_fault(FaultCode.SECURITY_ERROR, "no <\x01>", Origin(addressing=Addressing(WSA, "i"))))
    root = ET.fromstring(content)
    assert [e.text for e in root.iter() if e.tag.endswith("}Value")] == ["soap:Sender", "cs:SecurityError"]
    found = texts(content)
    assert (found["Text"], found["RelatesTo"], found["Action"]) == ("no <>", "i", f"{WSA}/soap/fault")


def test_a_fault_of_soap_11() -> None:
    found = texts(print_fault(ocpp_fault(FaultCode.INTERNAL_ERROR, "why", Origin(SOAP_11))))
    assert (found["faultcode"], found["faultstring"]) == ("soap:Server", "why")
    assert "InternalError" in found


def test_a_fault_of_addressing_has_its_own_action() -> None:
    fault = SoapFault("Sender", "x", (WSA, "InvalidAddressingHeader"), origin=Origin(addressing=Addressing(WSA, "i")))
    assert texts(print_fault(fault))["Action"] == f"{WSA}/fault"


def test_headers_that_were_not_understood_are_named() -> None:
    fault = SoapFault("MustUnderstand", "x", not_understood=("{urn:x}security",))
    root = ET.fromstring(print_fault(fault))
    (named,) = [e for e in root.iter() if e.tag.endswith("}NotUnderstood")]
    assert named.get("qname") == "h:security"


def test_a_request_of_ours() -> None:
    payload: dict[str, object] = {
        "text": "a<&>\x00b",
        "yes": True,
        "number": 5,
        "moment": datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC),
        "many": ["1", "2"],
        "nested": [{"idTag": "A", "idTagInfo": {"status": "Accepted"}}],
        "none": [],
    }
    content = print_request(
        "SendLocalList", "BOX", to="http://b/", sender="http://us/", message_id="i", payload=payload
    )
    read = read_envelope(content)
    assert (read.identity, read.origin.addressing.action) == ("BOX", "/SendLocalList")
    assert read.origin.addressing.from_address == "http://us/"
    assert read.body is not None
    assert read.body.tag == "{urn://Ocpp/Cp/2012/06/}sendLocalListRequest"
    assert [(etree.QName(e).localname, e.text) for e in read.body.iter() if not len(e)] == [
        ("text", "a<&>b"),
        ("yes", "true"),
        ("number", "5"),
        ("moment", "2026-03-01T12:00:00Z"),
        ("many", "1"),
        ("many", "2"),
        ("idTag", "A"),
        ("status", "Accepted"),
    ]
