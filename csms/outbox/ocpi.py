"""Calls to parties of roaming by OCPI 2.2.1."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Final

from csms.domain.roaming import PartyRefused, PartyUnreachable
from csms.ocpi.envelope import next_link, print_authorization, read_answer
from csms.ocpi.faults import SUCCESS, OcpiFault
from csms.outbox.guarded_http import TIMEOUT_SECONDS, GuardedHttp, Unreachable
from csms.ports.roaming import Received

_LATER: Final = frozenset({408, 425, 429})


class OcpiClient:
    """csms.ports.roaming.PartyClient. `who_we_are`: (country code, party id), for routing headers."""

    def __init__(self, http: GuardedHttp, who_we_are: Callable[[], tuple[str, str]]) -> None:
        self._http = http
        self._who_we_are = who_we_are

    async def call(
        self,
        method: str,
        url: str,
        token: str,
        body: bytes | None = None,
        *,
        party: tuple[str, str] = ("", ""),
        timeout: float | None = None,
    ) -> Received:
        """See `PartyClient.call`."""
        headers = {
            "Authorization": print_authorization(token),
            "Accept": "application/json",
            "User-Agent": "chargehouse",
            "X-Request-ID": secrets.token_hex(16),
            "X-Correlation-ID": secrets.token_hex(16),
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        ours = self._who_we_are()
        if party[1] and ours[1]:
            headers["OCPI-to-country-code"], headers["OCPI-to-party-id"] = party
            headers["OCPI-from-country-code"], headers["OCPI-from-party-id"] = ours
        try:
            answer = await self._http.request(
                method, url, headers=headers, body=body, timeout=timeout or TIMEOUT_SECONDS
            )
        except Unreachable as error:
            raise PartyUnreachable(f"The party cannot be reached: {error.message}", reason=error.reason) from error
        told = _told(answer.body)
        if answer.status >= 500 or answer.status in _LATER:
            raise PartyUnreachable(f"The party answered with HTTP {answer.status}{told}.")
        if answer.status >= 300:
            raise PartyRefused(f"The party refused with HTTP {answer.status}{told}.", http_status=str(answer.status))
        if not answer.body and method != "GET":
            return Received(b"", location=answer.headers.get("location", ""))
        try:
            envelope = read_answer(answer.body)
        except OcpiFault as error:
            raise PartyUnreachable("The party answered with something that is not OCPI.") from error
        if envelope.status_code >= 3000:
            raise PartyUnreachable(f"The party has a problem of its own: {envelope.status_code}{told}.")
        if envelope.status_code != SUCCESS and not 1000 <= envelope.status_code < 2000:
            raise PartyRefused(
                f"The party refused: {envelope.status_code}{told}.", ocpi_status=str(envelope.status_code)
            )
        following = next_link(answer.headers.get("link", ""))
        return Received(bytes(envelope.data), following, answer.headers.get("location", ""))


def _told(body: bytes) -> str:
    """What the party says about it."""
    try:
        message = json.loads(body[:10_000]).get("status_message")
    except (ValueError, AttributeError):
        return ""
    return f" ({str(message)[:200]})" if message else ""
