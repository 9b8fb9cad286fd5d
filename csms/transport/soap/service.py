"""The central system's service of OCPP 1.5 in spyne: types, WSDL, requests in, responses out. Nobody else imports it.

spyne is not maintained, so it gets nothing but what `csms.transport.soap.envelope` has looked at: one element, in
UTF-8, with dates that it can read. It is never asked to call anything: `decode` and `encode` are the two halves of its
pipeline, and what stands between them (the station's actor) is not its business. Both take 100 to 300 µs: call them
from a worker thread.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from lxml import etree

from csms.ocpp.faults import ErrorCode, Fault, shorten
from csms.ocpp.v15.payloads import Payload
from csms.transport.soap.shim import importable

with importable():
    from spyne import Application, ComplexModel, DateTime, Int, MethodContext, ServiceBase, Unicode, rpc
    from spyne.interface.wsdl import Wsdl11
    from spyne.model.complex import XmlAttribute, XmlData
    from spyne.model.enum import Enum
    from spyne.protocol.soap import Soap12
    from spyne.server import ServerBase

logging.getLogger("spyne").setLevel(logging.CRITICAL)  # it logs what stations do wrong, with tracebacks

CS: Final = "urn://Ocpp/Cs/2012/06/"
"""The namespace of the central system's service."""

MANY: Final = {"max_occurs": "unbounded"}


def _text(name: str, longest: int) -> Any:
    return Unicode(max_len=longest, type_name=name, __namespace__=CS)


def _words(name: str, *words: str) -> Any:
    return Enum(*words, type_name=name, __namespace__=CS)


def _type(name: str, *fields: tuple[str, Any, Mapping[str, Any]]) -> Any:
    """A complex type; fields are (name, type, occurrence)."""
    members = []
    for field, kind, occurrence in fields:
        marked = kind if isinstance(kind, XmlData | XmlAttribute) else _member(kind, occurrence)
        members.append((field, marked))
    return type(name, (ComplexModel,), {"__namespace__": CS, "_type_info": members})


def _member(kind: Any, occurrence: Mapping[str, Any]) -> Any:
    return kind.customize(nillable=False, **occurrence)


_ONE: Final[Mapping[str, Any]] = {"min_occurs": 1}
_MAYBE: Final[Mapping[str, Any]] = {"min_occurs": 0}
_ANY: Final[Mapping[str, Any]] = {"min_occurs": 0, **MANY}
_SOME: Final[Mapping[str, Any]] = {"min_occurs": 1, **MANY}

# -- the types, in the words and the order of the specification ----------------------------------------------------

_ID_TOKEN: Final = _text("IdToken", 20)
_ID_TAG_INFO: Final = _type(
    "IdTagInfo",
    ("status", _words("AuthorizationStatus", "Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"), _ONE),
    ("expiryDate", DateTime, _MAYBE),
    ("parentIdTag", _ID_TOKEN, _MAYBE),
)
_CONTEXTS: Final = _words(
    "ReadingContext",
    "Interruption.Begin",
    "Interruption.End",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
)
_MEASURANDS: Final = _words(
    "Measurand",
    *(
        f"{what}.{kind}.{way}.{how}"
        for what, how in (("Energy", "Register"), ("Energy", "Interval"))
        for kind in ("Active", "Reactive")
        for way in ("Export", "Import")
    ),
    *(f"Power.{kind}.{way}" for kind in ("Active", "Reactive") for way in ("Export", "Import")),
    "Current.Export",
    "Current.Import",
    "Voltage",
    "Temperature",
)
_UNITS: Final = _words(
    "UnitOfMeasure", "Wh", "kWh", "varh", "kvarh", "W", "kW", "var", "kvar", "Amp", "Volt", "Celsius"
)
_VALUE: Final = _type(
    "Value",
    ("value", XmlData(Unicode), {}),
    ("context", XmlAttribute(_CONTEXTS), {}),
    ("format", XmlAttribute(_words("ValueFormat", "Raw", "SignedData")), {}),
    ("measurand", XmlAttribute(_MEASURANDS), {}),
    ("location", XmlAttribute(_words("Location", "Inlet", "Outlet", "Body")), {}),
    ("unit", XmlAttribute(_UNITS), {}),
)
_METER_VALUE: Final = _type("MeterValue", ("timestamp", DateTime, _ONE), ("value", _VALUE, _SOME))
_TRANSACTION_DATA: Final = _type("TransactionData", ("values", _METER_VALUE, _ANY))
_ERROR_CODES: Final = _words(
    "ChargePointErrorCode",
    "ConnectorLockFailure",
    "HighTemperature",
    "Mode3Error",
    "NoError",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "GroundFailure",
    "OverCurrentFailure",
    "UnderVoltage",
    "WeakSignal",
    "OtherError",
)
_STATUSES: Final = _words("ChargePointStatus", "Available", "Occupied", "Faulted", "Unavailable", "Reserved")
_DATA_TRANSFER_STATUSES: Final = _words(
    "DataTransferStatus", "Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"
)

_Fields = tuple[tuple[str, Any, Mapping[str, Any]], ...]

OPERATIONS: Final[Mapping[str, tuple[_Fields, _Fields]]] = {
    "Authorize": ((("idTag", _ID_TOKEN, _ONE),), (("idTagInfo", _ID_TAG_INFO, _ONE),)),
    "BootNotification": (
        (
            ("chargePointVendor", _text("ChargePointVendor", 20), _ONE),
            ("chargePointModel", _text("ChargePointModel", 20), _ONE),
            ("chargePointSerialNumber", _text("ChargePointSerialNumber", 25), _MAYBE),
            ("chargeBoxSerialNumber", _text("ChargeBoxSerialNumber", 25), _MAYBE),
            ("firmwareVersion", _text("FirmwareVersion", 50), _MAYBE),
            ("iccid", _text("IccidString", 20), _MAYBE),
            ("imsi", _text("ImsiString", 20), _MAYBE),
            ("meterType", _text("MeterType", 25), _MAYBE),
            ("meterSerialNumber", _text("MeterSerialNumber", 25), _MAYBE),
        ),
        (
            ("status", _words("RegistrationStatus", "Accepted", "Rejected"), _ONE),
            ("currentTime", DateTime, _ONE),
            ("heartbeatInterval", Int, _ONE),
        ),
    ),
    "DataTransfer": (
        (("vendorId", Unicode, _ONE), ("messageId", Unicode, _MAYBE), ("data", Unicode, _MAYBE)),
        (("status", _DATA_TRANSFER_STATUSES, _ONE), ("data", Unicode, _MAYBE)),
    ),
    "DiagnosticsStatusNotification": (
        (("status", _words("DiagnosticsStatus", "Uploaded", "UploadFailed"), _ONE),),
        (),
    ),
    "FirmwareStatusNotification": (
        (
            (
                "status",
                _words("FirmwareStatus", "Downloaded", "DownloadFailed", "InstallationFailed", "Installed"),
                _ONE,
            ),
        ),
        (),
    ),
    "Heartbeat": ((), (("currentTime", DateTime, _ONE),)),
    "MeterValues": (
        (("connectorId", Int, _ONE), ("transactionId", Int, _MAYBE), ("values", _METER_VALUE, _ANY)),
        (),
    ),
    "StartTransaction": (
        (
            ("connectorId", Int, _ONE),
            ("idTag", _ID_TOKEN, _ONE),
            ("timestamp", DateTime, _ONE),
            ("meterStart", Int, _ONE),
            ("reservationId", Int, _MAYBE),
        ),
        (("transactionId", Int, _ONE), ("idTagInfo", _ID_TAG_INFO, _ONE)),
    ),
    "StatusNotification": (
        (
            ("connectorId", Int, _ONE),
            ("status", _STATUSES, _ONE),
            ("errorCode", _ERROR_CODES, _ONE),
            ("info", Unicode, _MAYBE),
            ("timestamp", DateTime, _MAYBE),
            ("vendorId", Unicode, _MAYBE),
            ("vendorErrorCode", Unicode, _MAYBE),
        ),
        (),
    ),
    "StopTransaction": (
        (
            ("transactionId", Int, _ONE),
            ("idTag", _ID_TOKEN, _MAYBE),
            ("timestamp", DateTime, _ONE),
            ("meterStop", Int, _ONE),
            ("transactionData", _TRANSACTION_DATA, _ANY),
        ),
        (("idTagInfo", _ID_TAG_INFO, _MAYBE),),
    ),
}
"""Operation → (fields of the request, fields of the response)."""


def element_name(operation: str, kind: str) -> str:
    """("StartTransaction", "Request") → "startTransactionRequest"."""
    return f"{operation[0].lower()}{operation[1:]}{kind}"


# -- the service ---------------------------------------------------------------------------------------------------


def _method(operation: str) -> Any:
    request, response = OPERATIONS[operation]

    def never_called(_context: object, _request: object) -> None:
        raise AssertionError("requests are handled by the station's actor")

    def never_called_without(_context: object) -> None:
        raise AssertionError("requests are handled by the station's actor")

    # spyne wants no parameter at all where there is nothing in it.
    function = never_called if request else never_called_without
    parameters = [_type(f"{operation}Request", *request)] if request else []
    function.__name__ = operation
    return rpc(
        *parameters,
        _returns=_type(f"{operation}Response", *response),
        _body_style="bare",
        _in_message_name=f"{{{CS}}}{element_name(operation, 'Request')}",
        _out_message_name=f"{{{CS}}}{element_name(operation, 'Response')}",
        _operation_name=operation,
    )(function)


class _Server(ServerBase):  # type: ignore[misc]  # spyne has no types
    transport = "http://schemas.xmlsoap.org/soap/http"


class CentralSystemService:
    """Requests and responses of the ten operations. Stateless; calls may come from several threads."""

    def __init__(self) -> None:
        methods = {operation: _method(operation) for operation in OPERATIONS}
        service = type("CentralSystemService", (ServiceBase,), methods)
        printer = Soap12()
        printer._to_unicode_handlers[DateTime] = _print_moment  # it has no setting for SOAP
        self._application = Application(
            [service],
            tns=CS,
            name="CentralSystemService",
            in_protocol=Soap12(validator="soft"),
            out_protocol=printer,
        )
        self._server = _Server(self._application)
        self._names = {f"{{{CS}}}{element_name(operation, 'Request')}": operation for operation in OPERATIONS}

    def operation(self, tag: str) -> str | None:
        """Which operation an element with this tag ("{namespace}name") asks for."""
        return self._names.get(tag)

    def decode(self, request: etree._Element) -> Payload:
        """What stands in a request's element. Raises Fault for what breaks the schema."""
        context = self._context(request)
        if context.in_error is None:
            self._server.get_in_object(context)
        if context.in_error is not None:
            raise Fault(ErrorCode.PROTOCOL_ERROR, shorten(str(context.in_error.faultstring), 200))
        value = context.in_object
        if isinstance(value, list | tuple):  # spyne's word for "nothing in it"
            value = value[0] if value else None
        return {} if value is None else _plain(value)

    def encode(self, operation: str, payload: Payload) -> etree._Element:
        """The response's element."""
        request = etree.Element(f"{{{CS}}}{element_name(operation, 'Request')}")
        context = self._context(request)
        context.out_object = [_object(context.descriptor.out_message, payload)]
        context.out_error = None
        self._application.out_protocol.serialize(context, self._application.out_protocol.RESPONSE)
        body = context.out_body_doc
        return body[0]

    def wsdl(self, address: str) -> bytes:
        """The service's description; `address` is where stations send to."""
        interface = Wsdl11(self._application.interface)
        interface.build_interface_document(address)
        return _finished(etree.fromstring(interface.get_interface_document()))

    def _context(self, request: etree._Element) -> Any:
        context = MethodContext(self._server, MethodContext.SERVER)
        context.in_document = request
        context.in_header_doc = None
        context.in_body_doc = request
        context.method_request_string = request.tag
        (found,) = self._application.in_protocol.generate_method_contexts(context)
        return found


def _print_moment(_kind: object, moment: datetime) -> str:
    """In UTC, with the Z that the simplest of stations know."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(value: Any) -> Payload:
    """spyne's object as a payload, without what was not given."""
    payload: Payload = {}
    for name in type(value).get_flat_type_info(type(value)):
        found = getattr(value, name, None)
        if isinstance(found, list | tuple):
            payload[name] = [_plain_one(item) for item in found]
        elif found is not None:
            payload[name] = _plain_one(found)
    return payload


def _plain_one(value: Any) -> object:
    if isinstance(value, ComplexModel):
        return _plain(value)
    return value if isinstance(value, int | float | str | datetime) else str(value)  # a word of an enumeration


def _object(kind: Any, payload: Payload) -> Any:
    """A payload as spyne's object."""
    made = (kind.__orig__ or kind)()
    members = kind.get_flat_type_info(kind)
    for name, value in payload.items():
        setattr(made, name, _object(members[name], value) if isinstance(value, dict) else value)
    return made


# -- what the specification's WSDL has, and spyne does not write ------------------------------------------------------

_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
_SOAP12: Final = "{http://schemas.xmlsoap.org/wsdl/soap12/}"
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_WSAW: Final = "{http://www.w3.org/2006/05/addressing/wsdl}"


def _finished(definitions: etree._Element) -> bytes:
    """The header with the identity, the actions, and the word that WS-Addressing is used."""
    (schema,) = definitions.iter(f"{_XSD}schema")
    etree.SubElement(schema, f"{_XSD}element", name="chargeBoxIdentity", type="xs:string")
    header = etree.Element(f"{_WSDL}message", name="Header")
    etree.SubElement(header, f"{_WSDL}part", name="ChargeBoxIdentity", element="tns:chargeBoxIdentity")
    types = definitions.find(f"{_WSDL}types")
    types.addnext(header)
    for operation in definitions.find(f"{_WSDL}portType"):
        name = operation.get("name")
        operation.attrib.pop("parameterOrder", None)
        operation.find(f"{_WSDL}input").set(f"{_WSAW}Action", f"/{name}")
        operation.find(f"{_WSDL}output").set(f"{_WSAW}Action", f"/{name}Response")
    binding = definitions.find(f"{_WSDL}binding")
    for operation in binding.findall(f"{_WSDL}operation"):
        operation.find(f"{_SOAP12}operation").set("soapAction", f"/{operation.get('name')}")
        part = etree.Element(f"{_SOAP12}header", message="tns:Header", part="ChargeBoxIdentity", use="literal")
        operation.find(f"{_WSDL}input").insert(0, part)
    using = etree.Element(f"{_WSAW}UsingAddressing")
    binding.insert(1, using)
    service = definitions.find(f"{_WSDL}service")
    definitions.append(service)
    # The order that the WSDL schema wants: types, messages, port type, binding, service.
    for kind in ("portType", "binding", "service"):
        definitions.append(definitions.find(f"{_WSDL}{kind}"))
    etree.cleanup_namespaces(definitions, keep_ns_prefixes=["tns", "xs"])
    return bytes(etree.tostring(definitions, xml_declaration=True, encoding="UTF-8", pretty_print=True))
