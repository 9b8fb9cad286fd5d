"""A search for addresses at a server that speaks as Nominatim does (`/search?format=jsonv2`).

Only the operator's setting says where it is, and only this process asks it, never a browser. What somebody typed goes
into one parameter, and redirects are not followed, so nobody can be led elsewhere. It is asked at most once a second,
as such servers wish, and what it said is remembered for an hour.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
import trio

from csms.outbox.guarded_http import GuardedHttp, Unreachable
from csms.ports.geocoder import MAX_FOUND, FoundAddress, GeocoderFailed

TIMEOUT_SECONDS: Final = 8.0
MAX_ANSWER: Final = 512 * 1024
MAX_TEXT: Final = 400
SPACING_SECONDS: Final = 1.0
MAX_WAITING: Final = 5
REMEMBER: Final = 500
REMEMBER_SECONDS: Final = 3600.0


class _Hit(msgspec.Struct, frozen=True):
    lat: float
    lon: float
    display_name: str = ""


class HttpGeocoder:
    """csms.ports.geocoder.Geocoder. Whoever makes the client closes it."""

    def __init__(self, http: GuardedHttp, url: str, *, agent: str = "chargehouse") -> None:
        self._http = http
        self._url = urlsplit(url)
        self._agent = agent
        self._decoder = msgspec.json.Decoder(list[_Hit], strict=False)
        self._turn = trio.Lock()
        self._not_before = 0.0
        self._known: OrderedDict[tuple[str, str], tuple[float, tuple[FoundAddress, ...]]] = OrderedDict()

    async def find(self, query: str, language: str) -> Sequence[FoundAddress]:
        """See `Geocoder.find`."""
        key = (" ".join(query.casefold().split()), language)
        known = self._remembered(key)
        if known is not None:
            return known
        if self._turn.statistics().tasks_waiting >= MAX_WAITING:
            raise GeocoderFailed("Too many people look for addresses. Try again in a few seconds.", reason="BUSY")
        async with self._turn:
            known = self._remembered(key)
            if known is not None:  # somebody asked the same while we waited
                return known
            await trio.sleep(max(0.0, self._not_before - trio.current_time()))
            try:
                found = await self._ask(query, language)
            finally:
                self._not_before = trio.current_time() + SPACING_SECONDS
        self._known[key] = (trio.current_time() + REMEMBER_SECONDS, found)
        while len(self._known) > REMEMBER:
            self._known.popitem(last=False)
        return found

    def _remembered(self, key: tuple[str, str]) -> tuple[FoundAddress, ...] | None:
        kept = self._known.get(key)
        return kept[1] if kept is not None and trio.current_time() < kept[0] else None

    async def _ask(self, query: str, language: str) -> tuple[FoundAddress, ...]:
        headers = {"accept": "application/json", "user-agent": self._agent}
        url = address_of(self._url.geturl(), query, language)
        try:
            answer = await self._http.request(
                "GET", url, headers=headers, timeout=TIMEOUT_SECONDS, max_answer=MAX_ANSWER
            )
        except Unreachable as error:
            raise GeocoderFailed(f"The address search cannot be reached: {error.message}") from error
        if answer.status == 429:
            raise GeocoderFailed("The address search has had too many questions. Try again later.", reason="BUSY")
        if answer.status != 200:
            raise GeocoderFailed(f"The address search answered {answer.status}.")
        try:
            hits = self._decoder.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise GeocoderFailed("The address search answered something else than a list of addresses.") from error
        return tuple(
            FoundAddress(_tidy(hit.display_name), hit.lat, hit.lon)
            for hit in hits[:MAX_FOUND]
            if -90 <= hit.lat <= 90 and -180 <= hit.lon <= 180 and _tidy(hit.display_name)
        )


def address_of(url: str, query: str, language: str) -> str:
    """What is asked for. Parameters of the setting stay: some servers want a key."""
    parts = urlsplit(url)
    asked = {
        "q": query,
        "format": "jsonv2",
        "limit": str(MAX_FOUND),
        **({"accept-language": language} if language else {}),
    }
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in asked]
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/search", urlencode([*kept, *asked.items()]), ""))


def is_written_out(url: str) -> bool:
    """Does the setting itself name an address, or this machine? Then whoever wrote it meant to let requests go there,
    private or not; a name's addresses are looked at as everywhere."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _tidy(text: str) -> str:
    """One line of printable characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:MAX_TEXT]
