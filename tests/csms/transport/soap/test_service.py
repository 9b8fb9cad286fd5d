"""The service in spyne: its types, its WSDL, requests and responses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lxml import etree

from csms.ocpp.faults import Fault
from csms.transport.soap.service import OPERATIONS, CentralSystemService, element_name
from tests.csms.transport.soap.messages import CS

SERVICE = CentralSystemService()
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def decode(operation: str, content: str) -> dict[str, object]:
    name = element_name(operation, "Request")
    return SERVICE.decode(etree.fromstring(f'<{name} xmlns="{CS}">{content}</{name}>'))


def test_requests_are_known_by_their_element() -> None:
    assert SERVICE.operation(f"{{{CS}}}startTransactionRequest") == "StartTransaction"
    assert SERVICE.operation("{urn://Ocpp/Cs/2010/08/}startTransactionRequest") is None
    assert SERVICE.operation("startTransactionRequest") is None


def test_meter_values_keep_their_attributes() -> None:
    content = (
        "<connectorId>1</connectorId><values><timestamp>2026-03-01T12:00:00Z</timestamp>"
        '<value unit="kWh" measurand="Energy.Active.Import.Register">1.5</value><value>2</value></values>'
    )
    payload = decode("MeterValues", content)
    (values,) = payload["values"]  # type: ignore[misc]
    assert values["timestamp"] == AT
    assert values["value"] == [
        {"value": "1.5", "measurand": "Energy.Active.Import.Register", "unit": "kWh"},
        {"value": "2"},
    ]


def test_elements_in_another_order_and_strange_ones_are_no_harm() -> None:
    content = "<errorCode>NoError</errorCode><vendorThing>x</vendorThing><status>Available</status>"
    payload = decode("StatusNotification", f"{content}<connectorId>1</connectorId>")
    assert payload == {"connectorId": 1, "status": "Available", "errorCode": "NoError"}


@pytest.mark.parametrize(
    ("operation", "content"),
    [
        ("Authorize", ""),
        ("Authorize", "<idTag>123456789012345678901</idTag>"),
        ("Authorize", "<idTag>a</idTag><idTag>b</idTag>"),
        ("StatusNotification", "<connectorId>1</connectorId><status>Busy</status><errorCode>NoError</errorCode>"),
        ("StatusNotification", "<connectorId>x</connectorId><status>Available</status><errorCode>NoError</errorCode>"),
        ("FirmwareStatusNotification", "<status>Thinking</status>"),
        ("StartTransaction", "<connectorId>99999999999</connectorId>"),
    ],
)
def test_what_breaks_the_schema_is_a_fault(operation: str, content: str) -> None:
    with pytest.raises(Fault):
        decode(operation, content)


@pytest.mark.parametrize(
    ("operation", "payload", "content"),
    [
        ("Heartbeat", {"currentTime": AT}, "<currentTime>2026-03-01T12:00:00Z</currentTime>"),
        ("MeterValues", {}, ""),
        ("StopTransaction", {}, ""),
        (
            "StartTransaction",
            {"transactionId": 7, "idTagInfo": {"status": "Accepted"}},
            "<transactionId>7</transactionId><idTagInfo><status>Accepted</status></idTagInfo>",
        ),
    ],
)
def test_responses(operation: str, payload: dict[str, object], content: str) -> None:
    made = SERVICE.encode(operation, payload)
    name = element_name(operation, "Response")
    wanted = etree.fromstring(f'<tns:{name} xmlns:tns="{CS}">{content}</tns:{name}>')
    assert made.tag == wanted.tag
    assert [(etree.QName(e).localname, e.text) for e in made.iter()][1:] == [(e.tag, e.text) for e in wanted.iter()][1:]
    assert {etree.QName(e).namespace for e in made.iter()} == {CS}


def test_the_wsdl_has_what_the_specifications_has() -> None:
    root = etree.fromstring(SERVICE.wsdl("http://here:9000/Ocpp/CentralSystemService15"))
    spaces = {
        "w": "http://schemas.xmlsoap.org/wsdl/",
        "s": "http://schemas.xmlsoap.org/wsdl/soap12/",
        "a": "http://www.w3.org/2006/05/addressing/wsdl",
    }
    assert root.get("targetNamespace") == CS
    assert root.xpath("//s:address/@location", namespaces=spaces) == ["http://here:9000/Ocpp/CentralSystemService15"]
    actions = set(root.xpath("//s:operation/@soapAction", namespaces=spaces))
    assert actions == {f"/{operation}" for operation in OPERATIONS}
    assert len(root.xpath("//w:binding//s:header[@message='tns:Header']", namespaces=spaces)) == len(OPERATIONS)
    assert set(root.xpath("//w:portType/w:operation/w:output/@a:Action", namespaces=spaces)) == {
        f"/{operation}Response" for operation in OPERATIONS
    }
    assert root.xpath("//s:binding/@transport", namespaces=spaces) == ["http://schemas.xmlsoap.org/soap/http"]
