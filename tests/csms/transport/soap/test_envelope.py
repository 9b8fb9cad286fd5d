"""SOAP envelopes, read: versions, headers and the WS-Addressing matrix."""

from __future__ import annotations

import pytest

from csms.ocpp.faults import ErrorCode, Fault
from csms.transport.soap.envelope import (
    SOAP_11,
    SOAP_12,
    WSA,
    WSA_2004,
    Origin,
    SoapFault,
    read_envelope,
    soap_fault,
)
from tests.csms.transport.soap import messages
from tests.csms.transport.soap.messages import HEARTBEAT, IDENTITY, envelope, reference

pytestmark = pytest.mark.feature("F-OCPP-3")


def refused(content: bytes) -> SoapFault:
    with pytest.raises(SoapFault) as caught:
        read_envelope(content)
    return caught.value


def test_a_message_without_addressing() -> None:
    read = read_envelope(envelope())
    assert (read.identity, read.origin.soap, read.origin.addressing.namespace) == ("BOX", SOAP_12, "")
    assert read.body is not None
    assert read.remarks == ()


def test_soap_11_is_tolerated() -> None:
    assert read_envelope(envelope(soap=messages.SOAP_11)).origin.soap is SOAP_11


@pytest.mark.parametrize("content", [b"<html/>", envelope(soap="urn:soap-of-tomorrow"), b"<Envelope/>"])
def test_another_envelope_is_a_version_mismatch(content: bytes) -> None:
    assert refused(content).whose == "VersionMismatch"


@pytest.mark.parametrize(
    "content",
    [
        b"<",
        f'<s:Envelope xmlns:s="{messages.SOAP_12}"/>'.encode(),
        f'<s:Envelope xmlns:s="{messages.SOAP_12}"><s:Body/><s:Body/></s:Envelope>'.encode(),
        envelope(HEARTBEAT * 2),
    ],
)
def test_a_broken_message_is_a_protocol_error(content: bytes) -> None:
    assert refused(content).subcodes[-1][1] == "ProtocolError"


def test_an_empty_body_is_seen() -> None:
    assert read_envelope(envelope("")).body is None


# -- the identity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "<cs:chargeBoxIdentity> BOX\n</cs:chargeBoxIdentity>",
        "<chargeBoxIdentity>BOX</chargeBoxIdentity>",
        '<chargeBoxIdentity xmlns="urn://Ocpp/Cp/2012/06/">BOX</chargeBoxIdentity>',
        '<cs:chargeBoxIdentity s:mustUnderstand="true">BOX</cs:chargeBoxIdentity>',
        IDENTITY * 2,
    ],
)
def test_the_identity_is_found(header: str) -> None:
    assert read_envelope(envelope(header=header)).identity == "BOX"


def test_no_identity_is_empty() -> None:
    assert read_envelope(envelope(header="")).identity == ""
    assert read_envelope(envelope(header="<x:chargeBoxIdentity>BOX</x:chargeBoxIdentity>")).identity == ""


def test_two_identities_are_none() -> None:
    fault = refused(envelope(header=IDENTITY + IDENTITY.replace("BOX", "OTHER")))
    assert fault.subcodes[-1][1] == "IdentityMismatch"


# -- mustUnderstand ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["1", "true", " true "])
def test_a_strange_header_that_must_be_understood_is_not(value: str) -> None:
    fault = refused(envelope(header=f'{IDENTITY}<x:security s:mustUnderstand="{value}"/>'))
    assert (fault.whose, fault.not_understood) == ("MustUnderstand", ("{urn:strange}security",))


@pytest.mark.parametrize(
    "header",
    [
        "<x:hint/>",
        '<x:hint s:mustUnderstand="0"/>',
        '<x:hint s:mustUnderstand="false"/>',
        '<x:hint s:mustUnderstand="1" s:role="http://www.w3.org/2003/05/soap-envelope/role/none"/>',
        '<x:hint s:mustUnderstand="1" s:role="urn:somebody-else"/>',
        '<w:Action s:mustUnderstand="1">/Heartbeat</w:Action>',
    ],
)
def test_other_headers_are_let_be(header: str) -> None:
    assert read_envelope(envelope(header=IDENTITY + header)).identity == "BOX"


def test_headers_for_the_next_node_are_for_us() -> None:
    role = "http://www.w3.org/2003/05/soap-envelope/role/next"
    header = f'{IDENTITY}<x:hint s:mustUnderstand="1" s:role="{role}"/>'
    assert refused(envelope(header=header)).whose == "MustUnderstand"


# -- WS-Addressing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wsa", [WSA, WSA_2004])
def test_addressing_is_read(wsa: str) -> None:
    header = (
        f"{IDENTITY}<w:MessageID>id-1</w:MessageID><w:Action>/Heartbeat</w:Action><w:To>http://here/</w:To>"
        f"{reference('From', 'http://box/')}{reference('ReplyTo', wsa + '/anonymous')}"
    )
    addressing = read_envelope(envelope(header=header, wsa=wsa)).origin.addressing
    assert (addressing.namespace, addressing.message_id, addressing.action) == (wsa, "id-1", "/Heartbeat")
    assert (addressing.from_address, addressing.wants_reply) == ("http://box/", True)


@pytest.mark.parametrize(
    ("header", "wants_reply"),
    [
        ("", True),
        (reference("ReplyTo", f"{WSA}/anonymous"), True),
        (reference("ReplyTo", ""), True),
        (reference("ReplyTo", f"{WSA}/none"), False),
        (reference("FaultTo", f"{WSA}/none"), True),
        ("<w:ReplyTo/>", True),
    ],
)
def test_where_the_answer_goes(header: str, wants_reply: bool) -> None:
    read = read_envelope(envelope(header=f"{IDENTITY}<w:MessageID>i</w:MessageID>{header}"))
    assert read.origin.addressing.wants_reply is wants_reply


@pytest.mark.parametrize("name", ["ReplyTo", "FaultTo"])
def test_answers_to_other_addresses_are_refused(name: str) -> None:
    header = f"{IDENTITY}<w:MessageID>id-1</w:MessageID>{reference(name, 'http://192.0.2.66/')}"
    fault = refused(envelope(header=header))
    assert [code for _, code in fault.subcodes] == ["InvalidAddressingHeader", "OnlyAnonymousAddressSupported"]
    assert fault.origin.addressing.message_id == "id-1"


def test_a_header_twice_is_invalid() -> None:
    header = f"{IDENTITY}<w:MessageID>a</w:MessageID><w:MessageID>b</w:MessageID>"
    assert refused(envelope(header=header)).subcodes[-1][1] == "InvalidAddressingHeader"


@pytest.mark.parametrize(
    "action", ["/Heartbeat", "Heartbeat", "urn://Ocpp/Cs/2012/06/Heartbeat", "/heartbeatRequest", "urn:x:Heartbeat", ""]
)
def test_actions_that_agree(action: str) -> None:
    assert read_envelope(envelope(header=f"{IDENTITY}<w:Action>{action}</w:Action>")).remarks == ()


def test_an_action_unlike_the_body_is_remarked() -> None:
    (remark,) = read_envelope(envelope(header=f"{IDENTITY}<w:Action>/StopTransaction</w:Action>")).remarks
    assert "the body counts" in remark


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "whose", "name"),
    [
        (ErrorCode.PROTOCOL_ERROR, "Sender", "ProtocolError"),
        (ErrorCode.SECURITY_ERROR, "Sender", "SecurityError"),
        (ErrorCode.NOT_SUPPORTED, "Receiver", "NotSupported"),
        (ErrorCode.INTERNAL_ERROR, "Receiver", "InternalError"),
    ],
)
def test_faults_of_the_dialect(code: ErrorCode, whose: str, name: str) -> None:
    fault = soap_fault(Fault(code, "why"), Origin())
    assert (fault.whose, fault.subcodes[0][1], fault.reason) == (whose, name, "why")
