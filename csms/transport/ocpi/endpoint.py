"""`/ocpi/…` and `/map/…`: where roaming parties and map services ask, on the same port as stations.

request                        answer
-----------------------------  ------------------------------------------------------------------------------------
no token, or a wrong one       401 and an envelope
roaming is off                 404
bad input                      400 (or 200) and an envelope with 2xxx
our fault, or not our moment   500 or 503 and an envelope with 3000
"""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog

from csms.actors.supervise import contain
from csms.domain.errors import DomainError, NotFound, Unavailable
from csms.ocpi.envelope import print_fault, print_object
from csms.ocpi.faults import SERVER_ERROR, OcpiFault
from csms.services.third_parties import ThirdParties
from csms.transport.http import HttpConnection, HttpLimits, HttpRequest, HttpResponse
from csms.transport.ocpi.routes import Asked, OcpiRoutes, read_query
from csms.transport.websocket import Admit, ConnectionAttempt

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

JSON: Final = "application/json; charset=utf-8"
GEOJSON: Final = "application/geo+json; charset=utf-8"
_WANTED: Final = re.compile(rb"[A-Z]+ /(?:ocpi|map)(?:/[^ ]*)? HTTP/1\.[01]\r\n")
_ECHOED: Final = ("x-request-id", "x-correlation-id")
_SAFE: Final = re.compile(r"[\x21-\x7e]{1,100}")
_ANYBODY: Final = (("Access-Control-Allow-Origin", "*"), ("Cache-Control", "max-age=30"))


class OcpiEndpoint:
    """A `csms.transport.websocket.PlainHttp`."""

    def __init__(
        self,
        routes: OcpiRoutes,
        services: ThirdParties,
        *,
        now: Callable[[], datetime],
        limits: HttpLimits | None = None,
    ) -> None:
        self._routes = routes
        self._services = services
        self._now = now
        self._limits = limits or HttpLimits()

    def wants(self, head: bytes) -> bool:
        """See `PlainHttp.wants`."""
        return _WANTED.match(head) is not None and b"\r\nupgrade: websocket" not in head.lower()

    async def serve(self, sock: socket.socket, first: bytes, knock: ConnectionAttempt, admit: Admit[Any]) -> None:
        """See `PlainHttp.serve`."""
        await HttpConnection(sock, self._limits).serve(first, self.answer)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """One HTTP request. Never raises but Cancelled."""
        answers: list[HttpResponse] = []
        path, _, query = request.target.partition("?")

        async def work() -> None:
            if path.startswith("/map/"):
                answers.append(await self._map(path, request, read_query(query)))
            else:
                answers.append(await self._ocpi(path, request, read_query(query)))

        await contain(work, self._report)
        if answers:
            return answers[0]
        fault = OcpiFault(SERVER_ERROR, "The server failed on this.", http_status=500)
        return self._faulty(fault, request)

    # -- OCPI --------------------------------------------------------------------------------------------------------

    async def _ocpi(self, path: str, request: HttpRequest, query: dict[str, str]) -> HttpResponse:
        try:
            told = await self._routes.answer(
                Asked(request.method, path, query, request.header("authorization"), request.body)
            )
        except OcpiFault as fault:
            _log.debug("OCPI fault", path=path, code=fault.code, why=fault.message)
            return self._faulty(fault, request)
        except Unavailable as error:
            return self._faulty(OcpiFault(SERVER_ERROR, error.message, http_status=503), request)
        except DomainError as error:
            return self._faulty(OcpiFault(2000, error.message), request)
        return HttpResponse(200, told.body, JSON, (*_echo(request), *told.headers))

    def _faulty(self, fault: OcpiFault, request: HttpRequest) -> HttpResponse:
        more = (("WWW-Authenticate", "Token"),) if fault.http_status == 401 else ()
        return HttpResponse(fault.http_status, print_fault(self._now(), fault), JSON, (*_echo(request), *more))

    # -- maps --------------------------------------------------------------------------------------------------------

    async def _map(self, path: str, request: HttpRequest, query: dict[str, str]) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(405, b"This can be read only.\n", headers=(("Allow", "GET, HEAD"),))
        scheme, _, bearer = request.header("authorization").partition(" ")
        key = bearer.strip() if scheme.lower() == "bearer" else query.get("key", "")
        try:
            if not self._services.may_read_map(key):
                return HttpResponse(
                    401,
                    b"Show the key: Authorization: Bearer ..., or ?key=...\n",
                    headers=(("WWW-Authenticate", "Bearer"),),
                )
            if path == "/map/locations.geojson":
                return HttpResponse(200, print_object(await self._services.map_features()), GEOJSON, _ANYBODY)
            if path == "/map/locations":
                found = list(await self._services.map_locations())
                return HttpResponse(200, self._routes.envelope(print_object(found)), JSON, _ANYBODY)
        except Unavailable as error:
            return HttpResponse(503, error.message.encode(), headers=(("Retry-After", "15"),))
        except NotFound:
            pass
        return HttpResponse(404, b"There is nothing here.\n")

    def _report(self, error: Exception) -> None:
        _log.error("an OCPI request failed", exc_info=error)


def _echo(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """X-Request-ID and X-Correlation-ID come back (4.1.2); and who it is for and from, the other way round (4.1.4)."""
    headers = []
    for name in _ECHOED:
        text = request.header(name)
        headers.append((name, text if _SAFE.fullmatch(text) else secrets.token_hex(16)))
    for part in ("country-code", "party-id"):
        for here, there in (("to", "from"), ("from", "to")):
            text = request.header(f"ocpi-{here}-{part}")
            if _SAFE.fullmatch(text):
                headers.append((f"OCPI-{there}-{part}", text))
    return tuple(headers)
