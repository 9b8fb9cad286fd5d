"""SOAP envelopes, written: responses and faults to stations, and our own requests."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from csms.ocpp.v15.payloads import Payload
from csms.transport.soap.envelope import CP, CS, SOAP_11, SOAP_12, WSA, Origin, SoapFault, SoapVersion

_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


def new_message_id() -> str:
    """For wsa:MessageID."""
    return f"urn:uuid:{uuid.uuid4()}"


def print_response(origin: Origin, action: str, body: etree._Element) -> bytes:
    """The answer to a request. `action` is that of the request: "Heartbeat"."""
    envelope, header, holder = _envelope(origin.soap, {"cs": CS, **_wsa(origin)})
    _reply_headers(header, origin, f"/{action}Response")
    holder.append(body)
    return _bytes(envelope)


def print_fault(fault: SoapFault) -> bytes:
    """The answer to a request that cannot be answered."""
    origin = fault.origin
    envelope, header, body = _envelope(origin.soap, {"cs": CS, **_wsa(origin)})
    addressing = any(namespace == origin.addressing.namespace for namespace, _ in fault.subcodes)
    action = f"{origin.addressing.namespace}/fault" if addressing else f"{origin.addressing.namespace}/soap/fault"
    _reply_headers(header, origin, action)
    for tag in fault.not_understood:
        _not_understood(header, origin.soap, tag)
    if origin.soap is SOAP_11:
        _fault_11(body, fault)
    else:
        _fault_12(body, fault)
    return _bytes(envelope)


def print_request(action: str, identity: str, *, to: str, sender: str, message_id: str, payload: Payload) -> bytes:
    """A request to a station: the operation's element with its payload, and all headers that OCPP 1.5 asks for."""
    envelope, header, body = _envelope(SOAP_12, {"cp": CP, "wsa": WSA})
    _add(header, f"{{{CP}}}chargeBoxIdentity", identity)
    action_header = _add(header, f"{{{WSA}}}Action", f"/{action}")
    action_header.set(f"{{{SOAP_12.namespace}}}mustUnderstand", "true")
    _add(header, f"{{{WSA}}}MessageID", message_id)
    for name, address in (("From", sender), ("ReplyTo", f"{WSA}/anonymous")):
        _add(etree.SubElement(header, f"{{{WSA}}}{name}"), f"{{{WSA}}}Address", address)
    _add(header, f"{{{WSA}}}To", to)
    element = etree.SubElement(body, f"{{{CP}}}{action[0].lower()}{action[1:]}Request")
    _fill(element, CP, payload)
    return _bytes(envelope)


def _fill(element: etree._Element, namespace: str, payload: Mapping[str, object]) -> None:
    for name, value in payload.items():
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        for one in values:
            child = etree.SubElement(element, f"{{{namespace}}}{name}")
            if isinstance(one, Mapping):
                _fill(child, namespace, one)
            else:
                child.text = _printed(one)


def _printed(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _legal(str(value))


def _legal(text: str) -> str:
    """Without what XML cannot say."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe"))


# -- parts ---------------------------------------------------------------------------------------------------------


def _wsa(origin: Origin) -> dict[str, str]:
    return {"wsa": origin.addressing.namespace} if origin.addressing.namespace else {}


def _envelope(soap: SoapVersion, prefixes: dict[str, str]) -> tuple[etree._Element, etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{soap.namespace}}}Envelope", nsmap={"soap": soap.namespace, **prefixes})
    header = etree.SubElement(envelope, f"{{{soap.namespace}}}Header")
    return envelope, header, etree.SubElement(envelope, f"{{{soap.namespace}}}Body")


def _reply_headers(header: etree._Element, origin: Origin, action: str) -> None:
    """Only for those who use WS-Addressing; some of them insist on wsa:MessageID and wsa:To."""
    addressing = origin.addressing
    wsa = addressing.namespace
    if not wsa:
        return
    _add(header, f"{{{wsa}}}Action", action)
    _add(header, f"{{{wsa}}}MessageID", new_message_id())
    if addressing.message_id:
        _add(header, f"{{{wsa}}}RelatesTo", addressing.message_id)
    anonymous = f"{wsa}/anonymous" if wsa == WSA else f"{wsa}/role/anonymous"
    _add(header, f"{{{wsa}}}To", anonymous)


def _not_understood(header: etree._Element, soap: SoapVersion, tag: str) -> None:
    """SOAP 1.2 part 1 §5.4.8."""
    name = etree.QName(tag)
    block = etree.SubElement(header, f"{{{soap.namespace}}}NotUnderstood", nsmap={"h": name.namespace or CS})
    block.set("qname", f"h:{name.localname}")


def _fault_12(body: etree._Element, fault: SoapFault) -> None:
    namespace = SOAP_12.namespace
    element = etree.SubElement(body, f"{{{namespace}}}Fault")
    code = etree.SubElement(element, f"{{{namespace}}}Code")
    _add(code, f"{{{namespace}}}Value", f"soap:{fault.whose}")
    for owner, name in fault.subcodes:
        code = etree.SubElement(code, f"{{{namespace}}}Subcode")
        _add(code, f"{{{namespace}}}Value", f"{'cs' if owner == CS else 'wsa'}:{name}")
    reason = etree.SubElement(element, f"{{{namespace}}}Reason")
    _add(reason, f"{{{namespace}}}Text", _legal(fault.reason)).set(_XML_LANG, "en")


def _fault_11(body: etree._Element, fault: SoapFault) -> None:
    whose = {"Sender": SOAP_11.sender, "Receiver": SOAP_11.receiver}.get(fault.whose, fault.whose)
    element = etree.SubElement(body, f"{{{SOAP_11.namespace}}}Fault")
    _add(element, "faultcode", f"soap:{whose}")
    _add(element, "faultstring", _legal(fault.reason)).set(_XML_LANG, "en")
    if fault.subcodes:
        detail = etree.SubElement(element, "detail")
        for owner, name in fault.subcodes:
            etree.SubElement(detail, f"{{{owner}}}{name}")


def _add(parent: etree._Element, tag: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, tag)
    element.text = text
    return element


def _bytes(envelope: etree._Element) -> bytes:
    return bytes(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))
