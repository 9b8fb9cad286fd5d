"""Requests to stations over HTTP: what comes back, and what does not."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import trio

from csms.ports.soap import PrintedRequest, StationSilent, StationUnreachable
from csms.transport.soap.client import HttpSoapClient, read_answer
from csms.transport.soap.xml import MAX_BYTES
from tests.csms.transport.soap.messages import SOAP_11, WSA, envelope
from tests.kit.soap_station import soap_station

CP = "urn://Ocpp/Cp/2012/06/"
RESET = PrintedRequest("Reset", "id-1", b"<x/>")
LIST = PrintedRequest("GetConfiguration", "id-1", b"<x/>")


@asynccontextmanager
async def a_client(transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[HttpSoapClient]:
    client = HttpSoapClient("http://us.example/", transport=transport)
    try:
        yield client
    finally:
        await client.aclose()


def answer(content: str, header: str = "", *, soap: str = "", namespace: str = CP) -> bytes:
    name, _, inside = content.partition(" ")
    body = f'<p:{name} xmlns:p="{namespace}">{inside}</p:{name}>'
    return envelope(body, header, soap=soap) if soap else envelope(body, header)


async def test_a_station_is_asked_and_answers() -> None:
    async with soap_station(1, "BOX") as box, a_client() as client:
        request = client.print("BOX", box.own_address, "Reset", {"type": "Hard"})
        got = await client.send(box.own_address, request)
        assert (got.payload, got.error_code, got.remarks) == ({"status": "Accepted"}, "", ())
        (order,) = box.orders
        assert (order.action, order.fields, order.content) == ("Reset", {"type": ["Hard"]}, request.content)
        assert order.headers["MessageID"] == request.message_id
        assert order.headers["From"] == "http://us.example/"
        assert 'action="/Reset"' in order.headers["http"]


async def test_nobody_there_is_unreachable() -> None:
    async with soap_station(1, "BOX") as box:
        address = box.own_address
    async with a_client() as client:
        for wrong in (address, "gopher://x/", "http://"):
            with pytest.raises(StationUnreachable):
                await client.send(wrong, client.print("BOX", wrong, "Reset", {}))


async def test_a_station_that_hangs_up_was_silent() -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.aclose()

    async with trio.open_nursery() as nursery, a_client() as client:
        (listener,) = await nursery.start(partial(trio.serve_tcp, hang_up, 0, host="127.0.0.1"))
        address = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
        with pytest.raises(StationSilent):
            await client.send(address, client.print("BOX", address, "Reset", {}))
        nursery.cancel_scope.cancel()


async def test_redirects_are_not_followed() -> None:
    asked = []

    def redirect(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": "http://192.0.2.66/"}, stream=httpx.ByteStream(b""))

    async with a_client(httpx.MockTransport(redirect)) as client:
        got = await client.send("http://192.0.2.7/", RESET)
    assert asked == ["http://192.0.2.7/"]
    assert "HTTP 302" in got.error_description


async def test_a_giant_answer_is_cut_off() -> None:
    giant = httpx.MockTransport(lambda _request: httpx.Response(200, stream=httpx.ByteStream(b"x" * (MAX_BYTES + 1))))
    async with a_client(giant) as client:
        got = await client.send("http://192.0.2.7/", RESET)
    assert (got.payload, got.error_code, got.content) == (None, "ProtocolError", b"")


async def test_what_is_packed_is_not_unpacked() -> None:
    bomb = httpx.MockTransport(
        lambda _request: httpx.Response(
            200, stream=httpx.ByteStream(gzip.compress(b" " * 10_000_000)), headers={"Content-Encoding": "gzip"}
        )
    )
    async with a_client(bomb) as client:
        got = await client.send("http://192.0.2.7/", RESET)
    assert (got.payload, len(got.content) < 20_000) == (None, True)


# -- answers -----------------------------------------------------------------------------------------------------------


def test_lists_come_as_lists_even_when_there_is_one() -> None:
    content = answer(
        "getConfigurationResponse <p:configurationKey><p:key>A</p:key></p:configurationKey>"
        "<p:unknownKey>B</p:unknownKey>"
    )
    got = read_answer(LIST, 200, content, "")
    assert got.payload == {"configurationKey": [{"key": "A"}], "unknownKey": ["B"]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Not found",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        envelope("", ""),
        answer("clearCacheResponse <p:status>Accepted</p:status>"),
        answer("resetResponse <p:status>Accepted</p:status><p:status>Rejected</p:status>"),
        answer("resetResponse " + "<p:a>" * 20 + "</p:a>" * 20),
        envelope("<cs:resetResponse/>", '<x:y s:mustUnderstand="1"/>'),
    ],
    ids=range(8),
)
def test_answers_that_are_none(content: bytes) -> None:
    got = read_answer(RESET, 200, content, "")
    assert (got.payload, got.error_code) == (None, "ProtocolError")
    assert got.error_description


def test_another_namespace_is_tolerated_and_remarked() -> None:
    got = read_answer(RESET, 200, answer("resetResponse <p:status>Accepted</p:status>", namespace="urn:x"), "")
    assert got.payload == {"status": "Accepted"}
    assert "urn:x" in got.remarks[0]


def test_an_answer_to_something_else_is_remarked() -> None:
    content = answer("resetResponse <p:status>Accepted</p:status>", "<w:RelatesTo>other</w:RelatesTo>")
    assert "other" in read_answer(RESET, 200, content, "").remarks[0]
    right = answer("resetResponse <p:status>Accepted</p:status>", "<w:RelatesTo>id-1</w:RelatesTo>")
    assert read_answer(RESET, 200, right, "").remarks == ()


FAULT_12 = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>cs:SecurityError</s:Value></s:Subcode></s:Code>"
    "<s:Reason><s:Text>no</s:Text></s:Reason></s:Fault>"
)
FAULT_11 = "<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring></s:Fault>"


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (envelope(FAULT_12, ""), "SecurityError", "no"),
        (envelope(FAULT_11, "", soap=SOAP_11), "Client", "no"),
        (envelope("<s:Fault/>", ""), "SoapFault", ""),
    ],
)
def test_faults_of_stations(content: bytes, code: str, reason: str) -> None:
    got = read_answer(RESET, 500, content, "")
    assert (got.payload, got.error_code, got.error_description) == (None, code, reason)


def test_headers_of_addressing_are_no_trouble() -> None:
    header = f"<w:Action s:mustUnderstand='1'>/ResetResponse</w:Action><w:To>{WSA}/anonymous</w:To>"
    got = read_answer(RESET, 200, answer("resetResponse <p:status>Accepted</p:status>", header), "")
    assert (got.payload, got.remarks) == ({"status": "Accepted"}, ())
