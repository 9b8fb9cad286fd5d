"""Requests to stations' own addresses, with httpx. A `csms.ports.soap.SoapClient`.

No redirects, no proxies, no cookies: the address that was trusted is the address that is asked. What comes back is as
much a stranger's XML as a request is.
"""

from __future__ import annotations

from typing import Final

import httpx
import trio
from lxml import etree

from csms.ocpp.v15.faults import FaultCode
from csms.ocpp.v15.payloads import REPEATED, Payload
from csms.ports.soap import PrintedRequest, StationAnswer, StationSilent, StationUnreachable
from csms.transport.soap.envelope import CP, SOAP_11, SOAP_12, Envelope, SoapFault, read_envelope
from csms.transport.soap.printing import new_message_id, print_request
from csms.transport.soap.xml import MAX_BYTES, local_name, namespace, text_of

CONNECT_SECONDS: Final = 10.0
_DEPTH: Final = 8


class HttpSoapClient:
    """`sender` is our own address, for wsa:From. Use it inside `async with`."""

    def __init__(self, sender: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._sender = sender
        # Deadlines are the caller's; a station that cannot be reached is told sooner.
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    def print(self, identity: str, address: str, action: str, payload: Payload) -> PrintedRequest:
        """See `SoapClient.print`."""
        message_id = new_message_id()
        content = print_request(
            action, identity, to=address, sender=self._sender, message_id=message_id, payload=payload
        )
        return PrintedRequest(action, message_id, content)

    async def send(self, address: str, request: PrintedRequest) -> StationAnswer:
        """See `SoapClient.send`."""
        headers = {
            "Content-Type": f'{SOAP_12.content_type}; action="/{request.action}"',
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        try:
            async with self._http.stream("POST", address, content=request.content, headers=headers) as response:
                content = await _bounded(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise StationUnreachable(_why(error)) from error
        except httpx.HTTPError as error:
            raise StationSilent(_why(error)) from error
        if content is None:
            return _unreadable(b"", f"The station's answer is longer than {MAX_BYTES} bytes.")
        content_type = response.headers.get("content-type", "")
        return await trio.to_thread.run_sync(read_answer, request, response.status_code, content, content_type)


async def _bounded(response: httpx.Response) -> bytes | None:
    """None: too much. It is read to its end all the same, to nowhere, because httpx's nested generators cannot be left
    half-way; the caller's deadline bounds it. Raw, because nothing was asked to be packed, and what is packed may
    unpack to anything."""
    content = bytearray()
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size <= MAX_BYTES:
            content += chunk
    return bytes(content) if size <= MAX_BYTES else None


def _why(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__


def read_answer(request: PrintedRequest, status: int, content: bytes, content_type: str) -> StationAnswer:
    """What a station answered. Never raises for what it sent."""
    try:
        envelope = read_envelope(content, content_type)
    except SoapFault as fault:
        said = f"HTTP {status}" if status >= 300 else fault.reason
        return _unreadable(content, f"The station's answer cannot be read: {said}")
    body = envelope.body
    remarks = _remarks(request, envelope)
    if body is not None and local_name(body) == "Fault" and namespace(body) in (SOAP_12.namespace, SOAP_11.namespace):
        code, reason = _fault(body)
        return StationAnswer(content, None, code, reason, remarks)
    wanted = f"{request.action[0].lower()}{request.action[1:]}Response"
    if body is None or local_name(body) != wanted:
        found = "nothing" if body is None else local_name(body)[:60]
        return _unreadable(content, f"The station answered with {found} where {wanted} was due.")
    if namespace(body) != CP:
        remarks += (f"The answer's namespace is {namespace(body)[:80]!r}, not {CP}.",)
    try:
        return StationAnswer(content, _payload(body), remarks=remarks)
    except ValueError as error:
        return _unreadable(content, str(error))


def _remarks(request: PrintedRequest, envelope: Envelope) -> tuple[str, ...]:
    relates_to = envelope.origin.addressing.relates_to
    if relates_to and relates_to != request.message_id:
        return (*envelope.remarks, f"The answer relates to {relates_to[:80]}, which is not what was asked.")
    return envelope.remarks


def _unreadable(content: bytes, sentence: str) -> StationAnswer:
    return StationAnswer(content, None, FaultCode.PROTOCOL_ERROR.value, sentence)


def _fault(body: etree._Element) -> tuple[str, str]:
    """(the innermost code, the reason) of SOAP 1.2 or 1.1."""
    values = body.findall(f".//{{{SOAP_12.namespace}}}Value") or body.findall("faultcode")
    code = text_of(values[-1]).rpartition(":")[2] if values else ""
    reason = body.find(f"{{{SOAP_12.namespace}}}Reason/{{{SOAP_12.namespace}}}Text")
    return code[:100] or "SoapFault", text_of(body.find("faultstring") if reason is None else reason)[:500]


def _payload(element: etree._Element, depth: int = 0) -> Payload:
    """Elements as texts and payloads. Raises ValueError."""
    if depth > _DEPTH:
        raise ValueError("The station's answer is nested too deeply.")
    payload: Payload = {}
    for child in element:
        name = local_name(child)
        value: object = _payload(child, depth + 1) if len(child) else (child.text or "").strip()
        if name in REPEATED:
            held = payload.setdefault(name, [])
            if isinstance(held, list):
                held.append(value)
        elif name in payload:
            raise ValueError(f"The station's answer has more than one {name[:60]}.")
        else:
            payload[name] = value
    return payload
