"""Requests that must not lead into private networks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import trio

from csms.domain.roaming import PartyRefused, PartyUnreachable
from csms.outbox.guarded_http import AddressRefused, GuardedHttp, Unreachable, is_public
from csms.outbox.ocpi import OcpiClient

pytestmark = pytest.mark.feature("F-SYS-2")


class Handler(BaseHTTPRequestHandler):
    status, body = 200, b'{"status_code":1000,"timestamp":"2026-11-21T08:00:00Z","data":[1]}'
    headers_out: ClassVar[dict[str, str]] = {}
    seen: ClassVar[dict[str, str]] = {}

    def log_message(self, *args: Any) -> None:
        """Quietly."""

    def do_GET(self) -> None:
        type(self).seen = dict(self.headers)
        self.send_response(self.status)
        for name, value in self.headers_out.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)


@pytest.fixture
def handler() -> Iterator[tuple[type[Handler], str]]:
    class Mine(Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Mine, f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("8.8.8.8", True),
        ("2a00:1450:4001::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("nonsense", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(address: str, wanted: bool) -> None:
    assert is_public(address) is wanted


async def test_nobody_makes_us_knock_at_our_neighbours(handler: tuple[type[Handler], str]) -> None:
    made, url = handler
    http = GuardedHttp()
    for address in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "[::1]")):
        with pytest.raises(Unreachable) as refused:
            await http.request("GET", address, headers={})
        assert isinstance(refused.value, AddressRefused)
        assert "outgoing_private_addresses" in refused.value.message
    assert made.seen == {}
    await http.aclose()


async def test_a_setting_lets_them_in_and_redirects_are_not_followed(handler: tuple[type[Handler], str]) -> None:
    made, url = handler
    made.status, made.headers_out = 302, {"Location": "http://169.254.169.254/"}
    http = GuardedHttp(private_addresses=True)
    answer = await http.request("GET", url, headers={"X-One": "1"})
    assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/")
    assert made.seen["X-One"] == "1"
    await http.aclose()


async def test_an_answer_that_is_too_long_or_too_late_is_none(handler: tuple[type[Handler], str]) -> None:
    _, url = handler
    http = GuardedHttp(private_addresses=True)
    with pytest.raises(Unreachable, match="too long"):
        await http.request("GET", url, headers={}, max_answer=10)
    listener = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener[0].socket.getsockname()[1]
    with pytest.raises(Unreachable, match="in time"):
        await http.request("GET", f"http://127.0.0.1:{port}/", headers={}, timeout=0.05)
    await listener[0].aclose()
    for nowhere in (f"http://127.0.0.1:{port}/", "ftp://127.0.0.1/", "http://no-such-host.invalid/"):
        with pytest.raises(Unreachable):
            await http.request("GET", nowhere, headers={}, timeout=5)
    await http.aclose()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, b"", PartyUnreachable),
        (503, b"", PartyUnreachable),
        (429, b"", PartyUnreachable),
        (200, b"<html>", PartyUnreachable),
        (200, b'{"status_code":3000,"timestamp":"2026-11-21T08:00:00Z"}', PartyUnreachable),
        (200, b'{"status_code":2001,"timestamp":"2026-11-21T08:00:00Z","status_message":"uid missing"}', PartyRefused),
        (404, b"", PartyRefused),
        (401, b'{"status_code":2000,"status_message":"who?"}', PartyRefused),
        (302, b"", PartyRefused),
    ],
)
async def test_what_may_go_better_later_is_told_from_what_will_not(
    handler: tuple[type[Handler], str], status: int, body: bytes, error: type[Exception]
) -> None:
    made, url = handler
    made.status, made.body = status, body
    http = GuardedHttp(private_addresses=True)
    client = OcpiClient(http, lambda: ("SE", "CHA"))
    with pytest.raises(error):
        await client.call("GET", url, "secret")
    await http.aclose()


async def test_a_call_says_who_it_is_from_and_for(handler: tuple[type[Handler], str]) -> None:
    made, url = handler
    made.headers_out = {"Link": f'<{url}?offset=1>; rel="next"'}
    http = GuardedHttp(private_addresses=True)
    client = OcpiClient(http, lambda: ("SE", "CHA"))
    got = await client.call("GET", url, "secret", party=("NL", "TNM"))
    assert (got.data, got.next_url) == (b"[1]", f"{url}?offset=1")
    seen = {name.lower(): value for name, value in made.seen.items()}
    assert seen["authorization"] == "Token c2VjcmV0"
    assert (seen["ocpi-to-party-id"], seen["ocpi-from-party-id"]) == ("TNM", "CHA")
    assert seen["x-request-id"] != seen["x-correlation-id"]
    await http.aclose()
