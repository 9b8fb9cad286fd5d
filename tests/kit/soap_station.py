"""A charger that speaks OCPP 1.5 over SOAP, written by hand: string templates, the standard library's XML and HTTP.

Nothing of the server's code is in here. It sends what a real box sends (WS-Addressing, its own address in wsa:From) and
serves the operations of the charge point on a port of its own.

    async with soap_station(9000, "BOX-1") as box:
        boot = await box.boot()
        box.on("Reset", "<status>Rejected</status>")
        order = await box.asked("Reset")
"""

from __future__ import annotations

import base64
import contextlib
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from xml.sax.saxutils import escape

import trio

PATH: Final = "/Ocpp/CentralSystemService15"
SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
WSA: Final = "http://www.w3.org/2005/08/addressing"
CS: Final = "urn://Ocpp/Cs/2012/06/"
CP: Final = "urn://Ocpp/Cp/2012/06/"
PATIENCE: Final = 60.0

ENVELOPE: Final = """<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="{soap}" xmlns:wsa5="{wsa}" xmlns:cs="{ns}">
<SOAP-ENV:Header>{header}</SOAP-ENV:Header><SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>"""

DEFAULTS: Final = {
    "GetConfiguration": "<cs:configurationKey><cs:key>HeartBeatInterval</cs:key><cs:readonly>false</cs:readonly>"
    "<cs:value>300</cs:value></cs:configurationKey><cs:unknownKey>Nonsense</cs:unknownKey>",
    "GetDiagnostics": "<cs:fileName>diagnostics.zip</cs:fileName>",
    "GetLocalListVersion": "<cs:listVersion>7</cs:listVersion>",
    "UpdateFirmware": "",
}
ACCEPTED: Final = "<cs:status>Accepted</cs:status>"


@dataclass
class Reply:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def root(self) -> ET.Element:
        return ET.fromstring(self.body)

    def header(self, name: str) -> str | None:
        """The text of a WS-Addressing header."""
        return next((e.text for e in self.root.iter() if e.tag.rpartition("}")[2] == name), None)

    def find(self, name: str) -> str | None:
        """The text of the first element with that name."""
        return self.header(name)

    @property
    def element(self) -> str:
        """The name of the element in the body."""
        body = next(e for e in self.root if e.tag.endswith("}Body"))
        return body[0].tag.rpartition("}")[2] if len(body) else ""

    @property
    def fault(self) -> list[str]:
        """The codes of a fault, the outer one first, without their prefixes; empty when it is none."""
        if self.element != "Fault":
            return []
        return [str(e.text).rpartition(":")[2] for e in self.root.iter() if e.tag in (f"{{{SOAP}}}Value", "faultcode")]


@dataclass
class Order:
    """A request of the central system: its operation, its headers and what stands in it."""

    action: str
    headers: dict[str, str]
    fields: dict[str, list[str]]
    content: bytes


@dataclass
class SoapStation:
    """One box. `own_port`: where it serves its operations; `own_address`: what it says in wsa:From."""

    port: int
    identity: str
    own_port: int = 0
    own_address: str = ""
    password: str = ""
    orders: list[Order] = field(default_factory=list)
    silent: bool = False
    """Take requests and never answer."""
    answers: dict[str, str] = field(default_factory=dict)
    news: trio.Event = field(default_factory=trio.Event)
    seen: int = 0

    # -- what it says --------------------------------------------------------------------------------------------

    async def call(self, action: str, fields: str = "", **headers: str) -> Reply:
        """One operation. `fields` is XML with the prefix cs."""
        name = f"{action[0].lower()}{action[1:]}Request"
        return await self.post(self.envelope(action, f"<cs:{name}>{fields}</cs:{name}>"), **headers)

    def envelope(self, action: str, body: str) -> str:
        """As its toolkit would print it."""
        header = (
            f'<cs:chargeBoxIdentity SOAP-ENV:mustUnderstand="true">{escape(self.identity)}</cs:chargeBoxIdentity>'
            f"<wsa5:MessageID>urn:uuid:{uuid.uuid4()}</wsa5:MessageID>"
            f"<wsa5:From><wsa5:Address>{escape(self.own_address)}</wsa5:Address></wsa5:From>"
            f"<wsa5:ReplyTo><wsa5:Address>{WSA}/anonymous</wsa5:Address></wsa5:ReplyTo>"
            f'<wsa5:To SOAP-ENV:mustUnderstand="true">http://127.0.0.1:{self.port}{PATH}</wsa5:To>'
            f'<wsa5:Action SOAP-ENV:mustUnderstand="true">/{action}</wsa5:Action>'
        )
        return ENVELOPE.format(soap=SOAP, wsa=WSA, ns=CS, header=header, body=body)

    async def post(self, content: str | bytes, **headers: str) -> Reply:
        """Anything."""
        body = content.encode() if isinstance(content, str) else content
        return await http(self.port, "POST", PATH, body, self._headers(headers))

    def _headers(self, given: dict[str, str]) -> dict[str, str]:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        if self.password:
            pair = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        return headers | {name.replace("_", "-"): value for name, value in given.items()}

    async def boot(self) -> Reply:
        """BootNotification."""
        return await self.call(
            "BootNotification",
            "<cs:chargePointVendor>Acme</cs:chargePointVendor><cs:chargePointModel>Box</cs:chargePointModel>"
            "<cs:chargePointSerialNumber>S-1</cs:chargePointSerialNumber><cs:firmwareVersion>1.5.0</cs:firmwareVersion>",
        )

    # -- what it is asked ----------------------------------------------------------------------------------------

    def on(self, action: str, fields: str) -> None:
        """What stands in its answers to an operation from now on. "!code: reason" is a fault."""
        self.answers[action] = fields

    async def asked(self, action: str) -> Order:
        """The next request with this operation that was not asked for before."""
        with trio.fail_after(PATIENCE):
            while True:
                for index in range(self.seen, len(self.orders)):
                    if self.orders[index].action == action:
                        self.seen = index + 1
                        return self.orders[index]
                await self.news.wait()

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection of the central system."""
        async with stream:
            head, body = await read_http(stream)
            order = self._order(head, body)
            self.orders.append(order)
            news, self.news = self.news, trio.Event()
            news.set()
            if self.silent:
                await trio.sleep_forever()
            content = self._answer(order).encode()
            lines = (
                "HTTP/1.1 200 OK",
                "Content-Type: application/soap+xml; charset=utf-8",
                f"Content-Length: {len(content)}",
                "Connection: close",
            )
            await stream.send_all("\r\n".join((*lines, "", "")).encode() + content)

    def _order(self, head: str, body: bytes) -> Order:
        root = ET.fromstring(body)
        header, holder = (next(e for e in root if e.tag == f"{{{SOAP}}}{name}") for name in ("Header", "Body"))
        element = holder[0]
        assert element.tag.startswith(f"{{{CP}}}"), element.tag
        name = element.tag.rpartition("}")[2].removesuffix("Request")
        headers = {e.tag.rpartition("}")[2]: "".join(e.itertext()).strip() for e in header}
        headers["http"] = head
        fields: dict[str, list[str]] = {}
        for each in element.iter():
            if each is not element and not len(each):
                fields.setdefault(each.tag.rpartition("}")[2], []).append(each.text or "")
        return Order(f"{name[0].upper()}{name[1:]}", headers, fields, body)

    def _answer(self, order: Order) -> str:
        fields = self.answers.get(order.action, DEFAULTS.get(order.action, ACCEPTED))
        header = (
            f"<wsa5:Action>/{order.action}Response</wsa5:Action>"
            f"<wsa5:RelatesTo>{escape(order.headers['MessageID'])}</wsa5:RelatesTo>"
        )
        if fields.startswith("!"):
            code, _, reason = fields[1:].partition(": ")
            body = (
                "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Receiver</SOAP-ENV:Value><SOAP-ENV:Subcode>"
                f"<SOAP-ENV:Value>cs:{code}</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason>"
                f'<SOAP-ENV:Text xml:lang="en">{reason}</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>'
            )
        else:
            name = f"{order.action[0].lower()}{order.action[1:]}Response"
            body = f"<cs:{name}>{fields}</cs:{name}>"
        return ENVELOPE.format(soap=SOAP, wsa=WSA, ns=CP, header=header, body=body)


@asynccontextmanager
async def soap_station(port: int, identity: str, *, password: str = "") -> AsyncIterator[SoapStation]:
    """A box that listens on a port of its own."""
    box = SoapStation(port, identity, password=password)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, box.serve, 0, host="127.0.0.1"))
        box.own_port = listeners[0].socket.getsockname()[1]
        box.own_address = f"http://127.0.0.1:{box.own_port}/box"
        yield box
        nursery.cancel_scope.cancel()


# -- HTTP ------------------------------------------------------------------------------------------------------------


async def http(port: int, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
    """One request on a connection of its own."""
    given = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
    head = "\r\n".join((f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""))
    with trio.fail_after(PATIENCE):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            with contextlib.suppress(trio.BrokenResourceError):  # it has heard enough: its answer is there
                await stream.send_all(head.encode("latin-1") + body)
            return reply_of(*await read_http(stream))


def reply_of(head: str, body: bytes) -> Reply:
    first, _, rest = head.partition("\r\n")
    headers = dict(line.split(": ", 1) for line in rest.split("\r\n") if ": " in line)
    return Reply(int(first.split()[1]), {name.lower(): value for name, value in headers.items()}, body)


async def read_http(stream: trio.abc.ReceiveStream) -> tuple[str, bytes]:
    """(head, body) of one message with a length."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some()
        assert more, f"the peer left after {data[:200]!r}"
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while found is not None and len(body) < int(found[1]):
        more = await stream.receive_some()
        if not more:
            break
        body += more
    return head.decode("latin-1"), body


def moment(seconds: float = 0.0) -> str:
    """A time as a box writes it, that many seconds from now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
