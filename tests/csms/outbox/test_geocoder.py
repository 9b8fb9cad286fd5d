"""The search for addresses outside: asked rarely, believed little, and only where the operator said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import trio

from csms.outbox.geocoder import HttpGeocoder, address_of, is_written_out
from csms.outbox.guarded_http import Answer, GuardedHttp, Unreachable
from csms.ports.geocoder import FoundAddress, GeocoderFailed

pytestmark = pytest.mark.feature("F-STA-8")
HIT = {"lat": "57.7", "lon": "11.95", "display_name": "Quay 7,\n Gothenburg", "place_id": 9}


class Server(BaseHTTPRequestHandler):
    body: ClassVar[bytes] = json.dumps([HIT]).encode()
    asked: ClassVar[list[str]] = []

    def log_message(self, *args: Any) -> None:
        """Quietly."""

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/search?key=abc"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class Said(GuardedHttp):
    """Answers with what it was given; counts."""

    def __init__(self, status: int = 200, body: bytes = b"[]", error: str = "") -> None:
        self.status, self.body, self.error = status, body, error
        self.times: list[float] = []

    async def request(self, method: str, url: str, **_more: Any) -> Answer:
        self.times.append(trio.current_time())
        await trio.sleep(0)
        if self.error:
            raise Unreachable(self.error)
        return Answer(self.status, {}, self.body)


async def test_an_address_becomes_a_point(url: str) -> None:
    Server.asked.clear()
    http = GuardedHttp(private_addresses=is_written_out(url))
    try:
        found = await HttpGeocoder(http, url).find("Quay 7 & more", "sv")
    finally:
        await http.aclose()
    assert list(found) == [FoundAddress("Quay 7, Gothenburg", 57.7, 11.95)]
    asked = parse_qs(urlsplit(Server.asked[0]).query)
    assert asked == {
        "key": ["abc"],
        "q": ["Quay 7 & more"],
        "format": ["jsonv2"],
        "limit": ["8"],
        "accept-language": ["sv"],
    }


async def test_a_name_that_leads_into_the_private_network_is_not_followed(url: str) -> None:
    named = url.replace("127.0.0.1", "localhost.localdomain")
    assert not is_written_out(named)
    http = GuardedHttp(private_addresses=is_written_out(named))
    Server.asked.clear()
    try:
        with pytest.raises(GeocoderFailed):
            await HttpGeocoder(http, named).find("Quay", "")
    finally:
        await http.aclose()
    assert Server.asked == []


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("http://10.0.0.5:8080/search", True),
        ("http://localhost:8080/search", True),
        ("http://[::1]/search", True),
        ("https://nominatim.example.org/search", False),
        ("https://localhost.example.org/search", False),
    ],
)
def test_only_an_address_that_stands_in_the_setting_may_be_private(url: str, wanted: bool) -> None:
    assert is_written_out(url) is wanted


def test_what_was_typed_stays_in_its_parameter() -> None:
    url = address_of("https://geo.example.org", "a&q=b#c/../x@evil.example", "")
    parts = urlsplit(url)
    assert (parts.netloc, parts.path, parts.fragment) == ("geo.example.org", "/search", "")
    assert parse_qs(parts.query)["q"] == ["a&q=b#c/../x@evil.example"]


@pytest.mark.parametrize(
    ("said", "why", "reason"),
    [
        (Said(500), "answered 500", "GEOCODER_FAILED"),
        (Said(429), "too many questions", "BUSY"),
        (Said(302), "answered 302", "GEOCODER_FAILED"),
        (Said(body=b"<html>"), "something else", "GEOCODER_FAILED"),
        (Said(body=b'[{"lat": "north", "lon": 1}]'), "something else", "GEOCODER_FAILED"),
        (Said(body=b"\xff\xfe"), "something else", "GEOCODER_FAILED"),
        (Said(error="There was no answer in time."), "no answer in time", "GEOCODER_FAILED"),
    ],
)
async def test_whatever_goes_wrong_is_a_sentence(said: Said, why: str, reason: str) -> None:
    with pytest.raises(GeocoderFailed, match=why) as caught:
        await HttpGeocoder(said, "https://geo.example.org/search").find("Quay", "")
    assert caught.value.reason == reason


async def test_points_beside_the_earth_and_addresses_without_words_are_left_out() -> None:
    hits = [{**HIT, "lat": "91"}, {**HIT, "lon": "-181"}, {**HIT, "display_name": " \x00 "}, HIT] + [HIT] * 20
    found = await HttpGeocoder(Said(body=json.dumps(hits).encode()), "https://geo.example.org/search").find("Quay", "")
    assert len(found) == 5  # of the first eight


async def test_it_is_asked_once_a_second_at_most_and_the_same_only_once(autojump_clock: trio.testing.MockClock) -> None:
    said = Said()
    geocoder = HttpGeocoder(said, "https://geo.example.org/search")
    async with trio.open_nursery() as nursery:
        for query in ("Quay 7", "quay  7", "Quay 8", "Quay 9"):
            nursery.start_soon(geocoder.find, query, "")
    assert len(said.times) == 3
    assert all(later - earlier >= 1.0 for earlier, later in zip(said.times, said.times[1:], strict=False))
    await trio.sleep(3700)
    await geocoder.find("Quay 7", "")
    assert len(said.times) == 4


async def test_who_comes_when_many_wait_is_told_so(autojump_clock: trio.testing.MockClock) -> None:
    geocoder = HttpGeocoder(Said(), "https://geo.example.org/search")
    busy: list[str] = []

    async def ask(number: int) -> None:
        try:
            await geocoder.find(f"Quay {number}", "")
        except GeocoderFailed as error:
            busy.append(error.reason)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(ask, number)
    assert set(busy) == {"BUSY"}
    assert 3 <= len(busy) <= 5
