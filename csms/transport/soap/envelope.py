"""SOAP envelopes, read: version, headers, WS-Addressing, the one element in the body.

what a request brings                         what comes of it
--------------------------------------------  -------------------------------------------------------------------
SOAP 1.2                                      answered in SOAP 1.2
SOAP 1.1                                      tolerated, answered in SOAP 1.1
another envelope                              fault VersionMismatch
a header with mustUnderstand that we do not   fault MustUnderstand (SOAP 1.2 part 1 §5.4.8)
no chargeBoxIdentity, or two different ones   fault IdentityMismatch
wsa:MessageID                                 wsa:RelatesTo of the answer
wsa:ReplyTo or FaultTo: anonymous, or none    answered in the HTTP response (WS-Addressing 1.0 SOAP binding §5.1)
wsa:ReplyTo: …/none                           HTTP 202, nothing in it
wsa:ReplyTo or FaultTo: anywhere else         fault OnlyAnonymousAddressSupported: we do not write to strangers
WS-Addressing of August 2004                  tolerated, answered in the same
wsa:Action unlike the body                    the body counts; a remark in the message log
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from lxml import etree

from csms.ocpp.faults import Fault
from csms.ocpp.v15.faults import RECEIVERS, FaultCode, fault_code
from csms.transport.soap.xml import Unreadable, local_name, namespace, parse, text_of

CS: Final = "urn://Ocpp/Cs/2012/06/"
CP: Final = "urn://Ocpp/Cp/2012/06/"
WSA: Final = "http://www.w3.org/2005/08/addressing"
WSA_2004: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_WSA_NAMES: Final = frozenset({"Action", "FaultTo", "From", "MessageID", "RelatesTo", "ReplyTo", "To"})


@dataclass(frozen=True, slots=True)
class SoapVersion:
    """What differs between the two."""

    name: str
    namespace: str
    content_type: str
    sender: str
    receiver: str
    role: str
    next_role: str


SOAP_12: Final = SoapVersion(
    "1.2",
    "http://www.w3.org/2003/05/soap-envelope",
    "application/soap+xml; charset=utf-8",
    "Sender",
    "Receiver",
    "role",
    "http://www.w3.org/2003/05/soap-envelope/role/next",
)
SOAP_11: Final = SoapVersion(
    "1.1",
    "http://schemas.xmlsoap.org/soap/envelope/",
    "text/xml; charset=utf-8",
    "Client",
    "Server",
    "actor",
    "http://schemas.xmlsoap.org/soap/actor/next",
)
_VERSIONS: Final = {version.namespace: version for version in (SOAP_12, SOAP_11)}
_ULTIMATE: Final = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"


@dataclass(frozen=True, slots=True)
class Addressing:
    """WS-Addressing of a message. `namespace` is empty when it has none."""

    namespace: str = ""
    message_id: str = ""
    action: str = ""
    from_address: str = ""
    relates_to: str = ""
    wants_reply: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """What an answer must know of its request."""

    soap: SoapVersion = SOAP_12
    addressing: Addressing = field(default_factory=Addressing)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message that was understood. `body` is the element in the body, None when it is empty."""

    origin: Origin
    identity: str
    body: etree._Element | None
    remarks: tuple[str, ...] = ()


class SoapFault(Exception):
    """A request that cannot be answered, in SOAP's terms. `whose` is Sender, Receiver, MustUnderstand or
    VersionMismatch; `subcodes` are (namespace, name), the outer one first."""

    def __init__(
        self,
        whose: str,
        reason: str,
        *subcodes: tuple[str, str],
        origin: Origin | None = None,
        not_understood: tuple[str, ...] = (),
        status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(reason)
        self.whose = whose
        self.reason = reason
        self.subcodes = subcodes
        self.origin = origin or Origin()
        self.not_understood = not_understood
        self.status = status
        """HTTP status, where it is not the one that goes with `whose`."""
        self.headers = headers


def ocpp_fault(
    code: FaultCode,
    reason: str,
    origin: Origin | None = None,
    *,
    status: int | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> SoapFault:
    """One of the faults that OCPP 1.5 names."""
    whose = "Receiver" if code in RECEIVERS else "Sender"
    return SoapFault(whose, reason, (CS, code.value), origin=origin, status=status, headers=headers)


def soap_fault(fault: Fault, origin: Origin) -> SoapFault:
    """A fault of the dialect."""
    return ocpp_fault(fault_code(fault.code), fault.description, origin)


# -- reading -------------------------------------------------------------------------------------------------------


def read_envelope(content: bytes, content_type: str = "") -> Envelope:
    """A message, looked at from all sides but its body's. Raises SoapFault."""
    try:
        root = parse(content, content_type)
    except Unreadable as error:
        raise ocpp_fault(FaultCode.PROTOCOL_ERROR, str(error)) from None
    soap = _VERSIONS.get(namespace(root))
    if local_name(root) != "Envelope" or soap is None:
        raise SoapFault("VersionMismatch", "This is no envelope of SOAP 1.2 or 1.1.")
    headers, body = _parts(root, soap)
    addressing = _addressing(headers, Origin(soap))
    remarks = []
    origin = Origin(soap, addressing)
    _understand(headers, origin)
    if len(body) > 1:
        raise ocpp_fault(FaultCode.PROTOCOL_ERROR, "The body has more than one element.", origin)
    element = body[0] if len(body) else None
    if element is not None and addressing.action and not _agree(addressing.action, local_name(element)):
        remarks.append(
            f"wsa:Action is {addressing.action[:100]}, the body {local_name(element)[:60]}: the body counts."
        )
    return Envelope(origin, _identity(headers, origin), element, tuple(remarks))


def _parts(root: etree._Element, soap: SoapVersion) -> tuple[list[etree._Element], etree._Element]:
    header = root.find(f"{{{soap.namespace}}}Header")
    bodies = root.findall(f"{{{soap.namespace}}}Body")
    if len(bodies) != 1:
        raise ocpp_fault(FaultCode.PROTOCOL_ERROR, "The envelope must have one body.", Origin(soap))
    return ([] if header is None else [e for e in header if isinstance(e.tag, str)]), bodies[0]


def _addressing(headers: list[etree._Element], origin: Origin) -> Addressing:
    """Raises SoapFault. The answer to a fault in here must relate to the request too, so the id comes first."""
    mine = [h for h in headers if namespace(h) in (WSA, WSA_2004) and local_name(h) in _WSA_NAMES]
    if not mine:
        return Addressing()
    wsa = namespace(mine[0])
    found: dict[str, etree._Element] = {}
    twice = ""
    for header in mine:
        name = local_name(header)
        if name in found and name != "RelatesTo":
            twice = name
        found.setdefault(name, header)
    made = Addressing(
        wsa,
        text_of(found.get("MessageID")),
        text_of(found.get("Action")),
        _address(found.get("From")),
        text_of(found.get("RelatesTo")),
    )
    known = replace(origin, addressing=made)
    if twice:
        raise SoapFault("Sender", f"There are two wsa:{twice} headers.", (wsa, "InvalidAddressingHeader"), origin=known)
    for name in ("ReplyTo", "FaultTo"):
        address = _address(found.get(name))
        if name == "ReplyTo" and address.endswith("/none"):
            made = replace(made, wants_reply=False)
        elif address and not address.endswith(("/anonymous", "/none")):
            raise SoapFault(
                "Sender",
                f"wsa:{name} asks for an answer to another address. Answers go back on the same connection only.",
                (wsa, "InvalidAddressingHeader"),
                (wsa, "OnlyAnonymousAddressSupported"),
                origin=known,
            )
    return made


def _address(header: etree._Element | None) -> str:
    """An endpoint reference's address."""
    if header is None:
        return ""
    return next((text_of(e) for e in header if isinstance(e.tag, str) and local_name(e) == "Address"), "")


def _understand(headers: list[etree._Element], origin: Origin) -> None:
    """Raises SoapFault for a header that must be understood and is not."""
    soap = origin.soap
    strange = []
    for header in headers:
        demanded = header.get(f"{{{soap.namespace}}}mustUnderstand", "").strip() in ("1", "true")
        role = header.get(f"{{{soap.namespace}}}{soap.role}", "").strip()
        if demanded and role in ("", _ULTIMATE, soap.next_role) and not _known(header):
            strange.append(str(header.tag))
    if strange:
        raise SoapFault(
            "MustUnderstand",
            f"These headers are not understood here: {', '.join(strange)[:200]}.",
            origin=origin,
            not_understood=tuple(strange),
        )


def _known(header: etree._Element) -> bool:
    if local_name(header) == "chargeBoxIdentity":
        return namespace(header) in (CS, CP, "")
    return namespace(header) in (WSA, WSA_2004) and local_name(header) in _WSA_NAMES


def _identity(headers: list[etree._Element], origin: Origin) -> str:
    """Empty when there is none. Raises SoapFault where there are two different ones."""
    given = {text_of(header) for header in headers if local_name(header) == "chargeBoxIdentity" and _known(header)}
    if len(given) > 1:
        raise ocpp_fault(FaultCode.IDENTITY_MISMATCH, "There are two different chargeBoxIdentity headers.", origin)
    return given.pop() if given else ""


def _agree(action: str, element: str) -> bool:
    """/Heartbeat, urn://Ocpp/Cs/2012/06/Heartbeat and …/HeartbeatRequest all agree with heartbeatRequest."""
    last = action.rstrip("/").rpartition("/")[2].rpartition(":")[2].lower()
    name = element.lower()
    return last in (name, name.removesuffix("request"), name.removesuffix("response"), "")
