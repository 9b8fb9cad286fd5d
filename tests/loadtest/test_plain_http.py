"""HTTP as simulated stations speak it."""

from __future__ import annotations

from functools import partial

import pytest
import trio
import trio.testing

from loadtest.plain_http import HttpMessage, HttpProblem, HttpStream, head, is_near, request


async def read(*pieces: bytes, body: bool = True) -> list[HttpMessage | None]:
    """All messages out of these pieces."""
    ours, theirs = trio.testing.memory_stream_pair()
    for piece in pieces:
        await ours.send_all(piece)
    await ours.send_eof()
    talk = HttpStream(theirs)
    found: list[HttpMessage | None] = []
    while not found or found[-1] is not None:
        found.append(await talk.receive(body=body))
    return found


async def test_messages_come_in_pieces_and_one_after_the_other() -> None:
    one, two, end = await read(
        b"HTTP/1.1 200 OK\r\nContent-Len", b"gth: 5\r\nX-A:b\r\n\r\nhel", b"loPOST /x HTTP/1.1\r\n\r\n"
    )
    assert one is not None
    assert two is not None
    assert end is None
    assert (one.status, one.body, one.headers["x-a"]) == (200, b"hello", "b")
    assert (two.target, two.status, two.body) == ("/x", 0, b"")


async def test_chunks_are_put_together() -> None:
    found, _ = await read(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3;x=y\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"
    )
    assert found is not None
    assert found.body == b"abcde"


@pytest.mark.parametrize(
    "pieces",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"x" * 70_000,
    ],
)
async def test_what_is_no_message_is_told(pieces: bytes) -> None:
    with pytest.raises(HttpProblem):
        await read(pieces)


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://127.0.0.1:9001/a", True),
        ("http://127.8.8.8/a", True),
        ("http://localhost/a", True),
        ("http://[::1]:80/a", True),
        ("https://127.0.0.1/a", False),
        ("ftp://127.0.0.1/a", False),
        ("http://192.0.2.1/a", False),
        ("http://example.org/a", False),
        ("nonsense", False),
    ],
)
def test_only_this_machine_is_near(url: str, *, near: bool) -> None:
    assert is_near(url) is near


async def test_a_request_over_a_real_socket(nursery: trio.Nursery) -> None:
    heard: list[HttpMessage | None] = []

    async def serve(stream: trio.SocketStream) -> None:
        talk = HttpStream(stream)
        heard.append(await talk.receive())
        await talk.send(head("HTTP/1.1 201 Created", [("Content-Length", "2")]), b"ok")

    listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
    port = listeners[0].socket.getsockname()[1]
    answer = await request("PUT", f"http://127.0.0.1:{port}/a/b?c=d", b"log")
    assert (answer.status, answer.body) == (201, b"ok")
    assert heard[0] is not None
    assert heard[0].first == "PUT /a/b?c=d HTTP/1.1"
    assert heard[0].body == b"log"
