"""SOAP envelopes as stations of 1.5 write and read them; the server's own reader and writer are the other side."""

from __future__ import annotations

import pytest

from csms.transport.soap.envelope import read_envelope
from csms.transport.soap.printing import print_request
from loadtest.client import Json
from loadtest.speech import soap

PAYLOAD: Json = {
    "connectorId": 1,
    "ok": True,
    "values": [
        {"timestamp": "2025-01-01T00:00:00Z", "value": [("5", {"unit": "Wh"}), ("6<", {"unit": '"W"'})]},
        {"timestamp": "2025-01-01T00:00:01Z"},
    ],
}


def test_the_server_reads_what_is_written() -> None:
    content = soap.request(
        "MeterValues", PAYLOAD, identity="A<&B", message_id="urn:x:1", own_address="http://127.0.0.1:5/", to="http://y/"
    )
    found = read_envelope(content, soap.CONTENT_TYPE)
    assert found.identity == "A<&B"
    assert found.origin.addressing.message_id == "urn:x:1"
    assert found.origin.addressing.from_address == "http://127.0.0.1:5/"
    assert found.origin.addressing.action == "/MeterValues"
    assert found.remarks == ()
    assert found.body is not None
    assert str(found.body.tag) == f"{{{soap.CS}}}meterValuesRequest"
    values = found.body.findall(f"{{{soap.CS}}}values/{{{soap.CS}}}value")
    assert [(each.text, each.get("unit")) for each in values] == [("5", "Wh"), ("6<", '"W"')]
    assert found.body.findtext(f"{{{soap.CS}}}ok") == "true"


def test_a_station_without_an_address_names_none() -> None:
    content = soap.request("Heartbeat", {}, identity="A", message_id="1", own_address="", to="http://y/")
    assert read_envelope(content, soap.CONTENT_TYPE).origin.addressing.from_address == ""


def test_orders_are_read_with_their_numbers_and_lists() -> None:
    entries = [{"idTag": "A", "idTagInfo": {"status": "Accepted"}}, {"idTag": "7"}]
    payload = {"updateType": "Full", "listVersion": 3, "localAuthorisationList": entries}
    content = print_request("SendLocalList", "BOX", to="http://x", sender="http://y", message_id="m", payload=payload)
    found = soap.read(content)
    assert (found.action, found.message_id, found.fault) == ("SendLocalList", "m", None)
    assert found.payload == payload
    stop = print_request(
        "RemoteStopTransaction", "BOX", to="", sender="", message_id="m", payload={"transactionId": 12}
    )
    assert soap.read(stop).payload == {"transactionId": 12}
    keys = print_request("GetConfiguration", "BOX", to="", sender="", message_id="m", payload={"key": ["A"]})
    assert soap.read(keys).payload == {"key": ["A"]}
    change = {"key": "HeartbeatInterval", "value": "60"}
    one = print_request("ChangeConfiguration", "BOX", to="", sender="", message_id="m", payload=change)
    assert soap.read(one).payload == change


def test_answers_and_faults_are_well_formed() -> None:
    answer = soap.read(soap.response("GetConfiguration", {"unknownKey": ["A", "B"]}, relates_to="m"))
    assert answer.action == "GetConfiguration"
    fault = soap.read(soap.fault("NotSupported", "no <such> thing", relates_to="m"))
    assert fault.fault == ("NotSupported", "no <such> thing")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"<a/>", soap.fault("A", "", relates_to="").replace(b"s:Body", b"s:B")]
)
def test_nonsense_is_no_envelope(content: bytes) -> None:
    with pytest.raises(soap.NotSoap):
        soap.read(content)
