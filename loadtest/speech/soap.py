"""SOAP envelopes of OCPP 1.5, written and read: only what stations need, with the standard library alone.

A payload is a dictionary in the order of the schema: text and numbers become elements, dictionaries elements with
elements in them, lists the same element again and again, `(text, attributes)` an element with attributes.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from loadtest.client import Json

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
CS = "urn://Ocpp/Cs/2012/06/"
CP = "urn://Ocpp/Cp/2012/06/"
CONTENT_TYPE = "application/soap+xml; charset=utf-8"

_NUMBERS = frozenset(["connectorId", "listVersion", "reservationId", "retries", "retryInterval"])
_LISTS = frozenset({("getConfigurationRequest", "key"), ("sendLocalListRequest", "localAuthorisationList")})
_HEAD = (
    f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}" xmlns:a="{WSA}" xmlns:o="{{namespace}}">'
    "<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
)


class NotSoap(Exception):
    """Bytes that are no envelope of OCPP 1.5."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message that was read. `fault` is (code, reason) instead of a payload."""

    action: str
    payload: Json
    message_id: str = ""
    fault: tuple[str, str] | None = None


def request(action: str, payload: Json, *, identity: str, message_id: str, own_address: str, to: str) -> bytes:
    """A request to the central system."""
    name = f"{action[0].lower()}{action[1:]}Request"
    own = f"<a:From><a:Address>{escape(own_address)}</a:Address></a:From>" if own_address else ""
    header = (
        f'<o:chargeBoxIdentity s:mustUnderstand="true">{escape(identity)}</o:chargeBoxIdentity>'
        f"<a:MessageID>{escape(message_id)}</a:MessageID>{own}"
        f"<a:ReplyTo><a:Address>{WSA}/anonymous</a:Address></a:ReplyTo>"
        f'<a:To s:mustUnderstand="true">{escape(to)}</a:To><a:Action s:mustUnderstand="true">/{action}</a:Action>'
    )
    return _HEAD.format(namespace=CS, header=header, body=f"<o:{name}>{_elements(payload)}</o:{name}>").encode()


def response(action: str, payload: Json, *, relates_to: str) -> bytes:
    """An answer to the central system."""
    name = f"{action[0].lower()}{action[1:]}Response"
    header = f"<a:Action>/{action}Response</a:Action><a:RelatesTo>{escape(relates_to)}</a:RelatesTo>"
    return _HEAD.format(namespace=CP, header=header, body=f"<o:{name}>{_elements(payload)}</o:{name}>").encode()


def fault(code: str, reason: str, *, relates_to: str) -> bytes:
    """A refusal."""
    header = f"<a:Action>{WSA}/soap/fault</a:Action><a:RelatesTo>{escape(relates_to)}</a:RelatesTo>"
    body = (
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode>"
        f"<s:Value>o:{code}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{escape(reason or code)}</s:Text></s:Reason></s:Fault>'
    )
    return _HEAD.format(namespace=CP, header=header, body=body).encode()


def _elements(payload: Mapping[str, object]) -> str:
    out: list[str] = []
    for name, value in payload.items():
        for one in value if isinstance(value, list) else (value,):
            match one:
                case dict():
                    out.append(f"<o:{name}>{_elements(one)}</o:{name}>")
                case (str(text), dict(attributes)):
                    written = "".join(f" {key}={quoteattr(each)}" for key, each in attributes.items())
                    out.append(f"<o:{name}{written}>{escape(text)}</o:{name}>")
                case bool():
                    out.append(f"<o:{name}>{'true' if one else 'false'}</o:{name}>")
                case _:
                    out.append(f"<o:{name}>{escape(str(one))}</o:{name}>")
    return "".join(out)


def read(content: bytes) -> Envelope:
    """An envelope of the central system: a request, a response or a fault. Raises NotSoap."""
    try:
        root = ET.fromstring(content)  # noqa: S314 - from the server under test; expat stops entity bombs
    except ET.ParseError as error:
        raise NotSoap(str(error)) from error
    body = root.find(f"{{{SOAP}}}Body")
    if body is None or not len(body):
        raise NotSoap("there is no body")
    message_id = root.findtext(f"{{{SOAP}}}Header/{{{WSA}}}MessageID", "")
    element = body[0]
    name = _local(element)
    if name == "Fault":
        codes = [each.text or "" for each in element.iter(f"{{{SOAP}}}Value")]
        reason = element.findtext(f"{{{SOAP}}}Reason/{{{SOAP}}}Text", "")
        return Envelope("", {}, message_id, (codes[-1].rpartition(":")[2] if codes else "SoapFault", reason))
    action = name.removesuffix("Request").removesuffix("Response")
    return Envelope(f"{action[:1].upper()}{action[1:]}", _payload(element), message_id)


def _payload(element: ET.Element) -> Json:
    out: Json = {}
    for child in element:
        name = _local(child)
        value: object = _payload(child) if len(child) else (child.text or "").strip()
        if name in _NUMBERS or (name == "transactionId" and _is_order(element)):
            value = int(str(value)) if str(value).lstrip("-").isdigit() else value
        if (_local(element), name) in _LISTS:
            held = out.setdefault(name, [])
            if isinstance(held, list):
                held.append(value)
        else:
            out[name] = value
    return out


def _is_order(element: ET.Element) -> bool:
    return element.tag.startswith(f"{{{CP}}}")


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
