"""`/Ocpp/CentralSystemService15`: where stations send SOAP, on the same port as OCPP-J.

request                     answer
--------------------------  --------------------------------------------------------------------------------------
GET …?wsdl                  the service's description, with the address that was asked for
GET                         405, a sentence
POST, well                  200 and the response (202 and nothing, where wsa:ReplyTo is …/none)
POST, the station's fault   400 and a fault of SOAP 1.2 (SOAP 1.1: 500)
POST, not let in            as for WebSockets (401, 403, 404, 429, 503), with a fault
POST, not our moment        503 and a fault: the station keeps its messages and sends them again
POST, our fault             500 and a fault
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple

import structlog
import trio

from csms.actors.soap_link import SoapCall
from csms.actors.world import LinkLost
from csms.domain.errors import Unavailable
from csms.ocpp.faults import Fault
from csms.ocpp.v15.faults import FaultCode
from csms.ocpp.v15.payloads import Payload
from csms.ocpp.v15.routes import PROTOCOL
from csms.ports.stores import StationRow
from csms.transport.http import HttpConnection, HttpLimits, HttpRequest, HttpResponse
from csms.transport.security import parse_basic
from csms.transport.soap.envelope import SOAP_12, Envelope, Origin, SoapFault, ocpp_fault, read_envelope, soap_fault
from csms.transport.soap.printing import print_fault, print_response
from csms.transport.soap.repair import repair
from csms.transport.soap.service import CentralSystemService
from csms.transport.websocket import Admit, Admitted, ConnectionAttempt, Refused

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATH: Final = "/Ocpp/CentralSystemService15"
THREADS: Final = 2
_WANTED: Final = re.compile(rb"[A-Z]+ /+(?i:ocpp)/+CentralSystemService15/*(?:\?[^ ]*)? HTTP/1\.[01]\r\n")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_MAX_IDENTITY: Final = 255
_RETRY: Final = (("Retry-After", "15"),)

_REFUSALS: Final = {401: FaultCode.SECURITY_ERROR, 403: FaultCode.SECURITY_ERROR, 404: FaultCode.IDENTITY_MISMATCH}


class Stations(Protocol):
    """Who takes in the messages of admitted stations: `csms.actors.soap_link.SoapStations`."""

    async def take_in(self, station_id: int, identity: str, call: SoapCall) -> bytes:
        """The answer's bytes. Raises Unavailable, LinkLost."""

    def note_refused(self, station_id: int, content: bytes, reason: str, answer: bytes) -> None:
        """A message of an admitted station was no request; for the message log."""


class _Request:
    """A message that was understood."""

    def __init__(self, envelope: Envelope, operation: str, payload: Payload, remarks: tuple[str, ...]) -> None:
        self.envelope = envelope
        self.operation = operation
        self.payload = payload
        self.remarks = remarks


class SoapEndpoint:
    """A `csms.transport.websocket.PlainHttp`. `public_address`: what the WSDL says, instead of the Host header."""

    def __init__(self, stations: Stations, *, public_address: str = "", limits: HttpLimits | None = None) -> None:
        self._stations = stations
        self._public_address = public_address
        self._limits = limits
        self._service = CentralSystemService()
        self._threads = trio.CapacityLimiter(THREADS)
        self._wsdl: dict[str, bytes] = {}

    def wants(self, head: bytes) -> bool:
        """See `PlainHttp.wants`."""
        return _WANTED.match(head) is not None and b"\r\nupgrade: websocket" not in head.lower()

    async def serve(self, sock: socket.socket, first: bytes, knock: ConnectionAttempt, admit: Admit[Any]) -> None:
        """See `PlainHttp.serve`."""

        async def handle(request: HttpRequest) -> HttpResponse:
            return await self.answer(request, knock, admit)

        await HttpConnection(sock, self._limits).serve(first, handle)

    async def answer(self, request: HttpRequest, knock: ConnectionAttempt, admit: Admit[StationRow]) -> HttpResponse:
        """One HTTP request. Never raises but Cancelled."""
        if not self.wants(f"{request.method} {request.target} HTTP/1.1\r\n".encode("latin-1")):
            return HttpResponse(404, b"Nothing is here. OCPP 1.5 is at " + PATH.encode() + b".\n")
        if request.method in ("GET", "HEAD"):
            return await self._describe(request, tls=knock.tls)
        if request.method != "POST":
            return HttpResponse(405, b"Send SOAP by POST.\n", headers=(("Allow", "GET, HEAD, POST"),))
        try:
            return await self._take_in(request, knock, admit)
        except SoapFault as fault:
            _log.debug("SOAP fault", remote_address=knock.remote_address, reason=fault.reason)
            return _faulty(fault)

    # -- a message ---------------------------------------------------------------------------------------------

    async def _take_in(self, request: HttpRequest, knock: ConnectionAttempt, admit: Admit[StationRow]) -> HttpResponse:
        """Raises SoapFault."""
        envelope = await self._run(read_envelope, request.body, request.header("content-type"))
        origin = envelope.origin
        identity = envelope.identity
        if not identity or len(identity) > _MAX_IDENTITY:
            raise ocpp_fault(
                FaultCode.IDENTITY_MISMATCH, "The header chargeBoxIdentity is missing, or too long.", origin
            )
        row = await self._admitted(identity, request, knock, admit, origin)
        try:
            message = await self._run(self._understand, envelope)
        except SoapFault as fault:
            self._stations.note_refused(row.id, request.body, fault.reason, print_fault(fault))
            raise
        refusal: SoapFault | None = None

        async def render(outcome: Payload | Fault) -> bytes:
            nonlocal refusal
            if isinstance(outcome, Fault):
                refusal = soap_fault(outcome, origin)
                return print_fault(refusal)
            return await self._run(self._render, message, outcome)

        call = SoapCall(
            message.operation,
            message.payload,
            request.body,
            origin.addressing.message_id[:100],
            knock.remote_address,
            origin.addressing.from_address,
            render,
            message.remarks,
        )
        try:
            content = await self._stations.take_in(row.id, identity, call)
        except (Unavailable, LinkLost) as error:
            raise ocpp_fault(
                FaultCode.INTERNAL_ERROR,
                f"The central system cannot take this now: {error}",
                origin,
                status=503,
                headers=_RETRY,
            ) from None
        if not origin.addressing.wants_reply:
            return HttpResponse(202)
        status = 200 if refusal is None else _status(refusal)
        return HttpResponse(status, content, origin.soap.content_type)

    async def _admitted(
        self,
        identity: str,
        request: HttpRequest,
        knock: ConnectionAttempt,
        admit: Admit[StationRow],
        origin: Origin,
    ) -> StationRow:
        """Raises SoapFault."""
        attempt = replace(
            knock,
            identity=identity,
            basic_credentials=parse_basic(request.header("authorization"), identity),
            subprotocols=(PROTOCOL,),
            subprotocol=PROTOCOL,
            path=request.target.partition("?")[0],
        )
        decision: Admitted[StationRow] | Refused = await admit(attempt)
        if isinstance(decision, Refused):
            code = _REFUSALS.get(decision.status, FaultCode.INTERNAL_ERROR)
            raise ocpp_fault(code, decision.message, origin, status=decision.status, headers=decision.headers)
        return decision.ticket

    def _understand(self, envelope: Envelope) -> _Request:
        """In a worker thread. Raises SoapFault."""
        body = envelope.body
        operation = None if body is None else self._service.operation(str(body.tag))
        if body is None or operation is None:
            said = "nothing" if body is None else str(body.tag)[:120]
            code = FaultCode.PROTOCOL_ERROR if body is None else FaultCode.NOT_SUPPORTED
            raise ocpp_fault(code, f"The body has {said}, which is no request of OCPP 1.5.", envelope.origin)
        try:
            remarks = repair(body)
            payload = self._service.decode(body)
        except Fault as fault:
            raise soap_fault(Fault(fault.code, f"{operation}: {fault.description}"), envelope.origin) from None
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
            # spyne raises all of these for values that it should refuse.
            raise ocpp_fault(
                FaultCode.PROTOCOL_ERROR, f"{operation}: a value cannot be read ({str(error)[:100]}).", envelope.origin
            ) from None
        return _Request(envelope, operation, payload, (*envelope.remarks, *remarks))

    def _render(self, message: _Request, payload: Payload) -> bytes:
        """In a worker thread."""
        body = self._service.encode(message.operation, payload)
        return print_response(message.envelope.origin, message.operation, body)

    async def _run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        return await trio.to_thread.run_sync(work, *args, limiter=self._threads)

    # -- the description ---------------------------------------------------------------------------------------

    async def _describe(self, request: HttpRequest, *, tls: bool) -> HttpResponse:
        query = request.target.partition("?")[2].lower()
        if query not in ("wsdl", "singlewsdl"):
            sentence = f"Stations send OCPP 1.5 here (SOAP over POST). Its description is at {PATH}?wsdl.\n"
            return HttpResponse(405, sentence.encode(), headers=(("Allow", "GET, HEAD, POST"),))
        host = request.header("host")
        if self._public_address:
            address = self._public_address
        elif _HOST.fullmatch(host):
            address = f"{'https' if tls else 'http'}://{host}{PATH}"
        else:
            return HttpResponse(400, b"The Host header is missing or no host.\n")
        if address not in self._wsdl:
            if len(self._wsdl) > 100:
                self._wsdl.clear()
            self._wsdl[address] = await self._run(self._service.wsdl, address)
        return HttpResponse(200, self._wsdl[address], "text/xml; charset=utf-8")


def _status(fault: SoapFault) -> int:
    """SOAP 1.2 part 2, table 20; SOAP 1.1 §6.2 knows 500 alone."""
    if fault.status is not None:
        return fault.status
    return 400 if fault.whose == "Sender" and fault.origin.soap is SOAP_12 else 500


def _faulty(fault: SoapFault) -> HttpResponse:
    return HttpResponse(_status(fault), print_fault(fault), fault.origin.soap.content_type, fault.headers)
