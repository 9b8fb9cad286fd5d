"""HTTP/1.1 as stations that speak SOAP use it, on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from csms.transport.http import HttpConnection, HttpLimits, HttpRequest, HttpResponse
from tests.csms.transport.station_client import tcp_pair
from tests.kit.soap_station import Reply, read_http, reply_of

LIMITS = HttpLimits(max_body=1000, request_timeout=5.0, idle_timeout=20.0)


async def echo(request: HttpRequest) -> HttpResponse:
    await trio.lowlevel.checkpoint()
    said = f"{request.method} {request.target} {request.header('x-name')} ".encode()
    return HttpResponse(200, said + request.body, headers=(("X-Here", "yes"),))


Handle = Callable[[HttpRequest], Awaitable[HttpResponse]]


@asynccontextmanager
async def served(
    first: bytes = b"", handle: Handle = echo, limits: HttpLimits = LIMITS
) -> AsyncIterator[trio.SocketStream]:
    """The client's end of a connection that is served."""
    ours, theirs = tcp_pair()
    client = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
    async with trio.open_nursery() as nursery, client:
        nursery.start_soon(HttpConnection(ours, limits).serve, first, handle)
        yield client
        nursery.cancel_scope.cancel()


def post(body: bytes, *headers: str) -> bytes:
    lines = ("POST /x HTTP/1.1", "Host: h", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


async def reply(client: trio.SocketStream) -> Reply:
    return reply_of(*await read_http(client))


async def test_what_was_read_before_counts() -> None:
    message = post(b"hello", "X-Name: n")
    async with served(message[:30]) as client:
        await client.send_all(message[30:])
        got = await reply(client)
        assert (got.status, got.body, got.headers["x-here"]) == (200, b"POST /x n hello", "yes")


async def test_one_request_after_another_on_one_connection() -> None:
    async with served() as client:
        for number in range(3):
            await client.send_all(post(str(number).encode()))
            assert (await reply(client)).body.endswith(str(number).encode())


async def test_requests_that_come_at_once_are_answered_in_order() -> None:
    async with served(post(b"1") + post(b"2", "Connection: close")) as client:
        data = b""
        while more := await client.receive_some():
            data += more
        assert data.index(b"  1") < data.index(b"  2")


async def test_chunks_are_put_together() -> None:
    head = b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with served(head) as client:
        await client.send_all(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert (await reply(client)).body.endswith(b"abcde")


async def test_who_asks_whether_to_go_on_is_told() -> None:
    message = post(b"hello", "Expect: 100-continue")
    async with served(message[:-5]) as client:
        head, _ = await read_http(client)
        assert head.startswith("HTTP/1.1 100")
        await client.send_all(b"hello")
        assert (await reply(client)).status == 200


async def test_head_gets_no_body() -> None:
    async with served(b"HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n") as client:
        data = b""
        while more := await client.receive_some():
            data += more
        assert data.startswith(b"HTTP/1.1 200")
        assert data.endswith(b"\r\n\r\n")


async def test_a_giant_body_is_refused_before_it_is_kept() -> None:
    async with served(post(b"x" * 1001)) as client:
        assert (await reply(client)).status == 413


@pytest.mark.parametrize(
    "content",
    [
        b"NONSENSE\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n",  # no Host
        b"POST /x HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 20_000,
        b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=lambda content: repr(content[:40]),
)
async def test_what_is_no_http_is_refused(content: bytes) -> None:
    async with served(content) as client:
        assert (await reply(client)).status in (400, 431)


async def test_a_body_that_trickles_is_too_slow(autojump_clock: object) -> None:
    ours, theirs = tcp_pair()
    with theirs:
        theirs.setblocking(False)
        await HttpConnection(ours, LIMITS).serve(post(b"hello")[:-3], echo)
        assert theirs.recv(20).startswith(b"HTTP/1.1 408")


async def test_an_idle_connection_ends(autojump_clock: object) -> None:
    ours, theirs = tcp_pair()
    with theirs:
        began = trio.current_time()
        await HttpConnection(ours, LIMITS).serve(b"", echo)
        assert trio.current_time() - began >= 20.0


async def test_a_peer_that_leaves_within_its_request_is_no_error() -> None:
    ours, theirs = tcp_pair()
    theirs.close()
    await HttpConnection(ours, LIMITS).serve(post(b"hello")[:-3], echo)


async def test_the_socket_is_closed_when_the_handler_breaks() -> None:
    async def broken(_request: HttpRequest) -> HttpResponse:
        await trio.lowlevel.checkpoint()
        raise RuntimeError("bug")

    ours, theirs = tcp_pair()
    with theirs:
        with pytest.raises(RuntimeError, match="bug"):
            await HttpConnection(ours, LIMITS).serve(post(b""), broken)
        assert ours.fileno() == -1
