"""A webhook over HTTP: signed, to public addresses unless a setting allows others."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import trio

from csms.outbox.guarded_http import GuardedHttp
from csms.outbox.webhooks import HttpWebhooks
from csms.ports.webhooks import Answered

pytestmark = pytest.mark.feature("F-ALM-3")
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@asynccontextmanager
async def a_receiver(status: str, seen: list[bytes]) -> AsyncIterator[str]:
    """Answers every request alike; its address."""

    async def serve(stream: trio.SocketStream) -> None:
        data = b""
        while b"\r\n\r\n" not in data or not data.rstrip().endswith(b"}"):
            data += await stream.receive_some(65536)
        seen.append(data)
        await stream.send_all(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await stream.aclose()

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield f"http://127.0.0.1:{port}/hook"
        nursery.cancel_scope.cancel()


async def posted(url: str, *, private: bool) -> Answered:
    http = GuardedHttp(private_addresses=private)
    try:
        return await HttpWebhooks(http, now=lambda: NOW).post(url, "secret", 7, '{"event":"test"}')
    finally:
        await http.aclose()


async def test_the_other_side_can_check_who_wrote() -> None:
    seen: list[bytes] = []
    async with a_receiver("204 No Content", seen) as url:
        answered = await posted(url, private=True)
    assert (answered.good, answered.status_code) == (True, 204)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    stamp = headers[b"chargehouse-timestamp"]
    digest = hmac.new(b"secret", stamp + b"." + body, hashlib.sha256).hexdigest()
    assert headers[b"chargehouse-signature"] == b"v1=" + digest.encode()
    assert int(stamp) == int(NOW.timestamp())
    assert headers[b"chargehouse-delivery"] == b"7"


@pytest.mark.parametrize(("status", "hopeless"), [("500 Oops", False), ("302 Found", False), ("410 Gone", True)])
async def test_what_is_not_taken_is_told(status: str, hopeless: bool) -> None:
    async with a_receiver(status, []) as url:
        answered = await posted(url, private=True)
    assert (answered.good, answered.hopeless, answered.status_code) == (False, hopeless, int(status[:3]))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "localhost"])
async def test_private_addresses_are_out_of_bounds(host: str) -> None:
    answered = await posted(f"http://{host}:9/hook", private=False)
    assert not answered.good
    assert "private network" in answered.error


async def test_nobody_there_is_told() -> None:
    async with a_receiver("200 OK", []) as url:
        pass
    answered = await posted(url, private=True)
    assert (answered.good, answered.status_code) == (False, None)
