"""SOAP on the port of OCPP-J: the listener hands the connection over, in the clear and by TLS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from csms.transport.connection import WebSocketConnection
from csms.transport.security import AttemptLimiter, AttemptLimits
from csms.transport.soap.endpoint import PATH, SoapEndpoint
from csms.transport.sockets import open_listen_socket
from csms.transport.websocket import WRONG_CREDENTIALS, Admitted, ConnectionAttempt, OcppListener, Refused, Tls
from tests.csms.transport.soap.messages import envelope
from tests.csms.transport.soap.test_endpoint import AUTHORIZE, INFO, ROW, FakeStations
from tests.csms.transport.station_client import make_certificate
from tests.kit.soap_station import Reply, http, read_http, reply_of


class Admission:
    def __init__(self) -> None:
        self.attempts: list[ConnectionAttempt] = []
        self.refuses = False

    async def admit(self, attempt: ConnectionAttempt) -> Admitted[object] | Refused:
        await trio.lowlevel.checkpoint()
        self.attempts.append(attempt)
        return WRONG_CREDENTIALS if self.refuses else Admitted(attempt.identity, ROW)


@asynccontextmanager
async def a_door(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, Admission, FakeStations]]:
    admission, stations = Admission(), FakeStations(INFO)

    async def no_links(_connection: WebSocketConnection, _admitted: Admitted[object]) -> None:
        raise AssertionError("nobody speaks WebSocket here")

    listener = OcppListener(
        admission,
        no_links,
        attempts=AttemptLimiter(AttemptLimits(pair=2)),
        plain_http=SoapEndpoint(stations),
    )
    sock = open_listen_socket("127.0.0.1", 0)
    async with trio.open_nursery() as links:
        secured = None if tls is None else Tls(lambda: tls, shared=True)
        await links.start(partial(listener.run, [sock], links, tls=secured))
        yield sock.getsockname()[1], admission, stations
        links.cancel_scope.cancel()


async def test_a_message_in_the_clear() -> None:
    async with a_door() as (port, admission, stations):
        reply = await http(port, "POST", PATH, envelope(AUTHORIZE))
        assert (reply.status, reply.element) == (200, "authorizeResponse")
        assert stations.calls[0].remote_address == "127.0.0.1"
        assert admission.attempts[0].tls is False


async def test_a_message_by_tls(tmp_path: Path) -> None:
    server, client = make_certificate(tmp_path)
    async with a_door(server) as (port, admission, _stations):
        body = envelope(AUTHORIZE)
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        stream = trio.SSLStream(
            await trio.open_tcp_stream("127.0.0.1", port), client, server_hostname="localhost", https_compatible=True
        )
        replies: list[Reply] = []
        async with stream:
            for _ in range(2):  # the connection stays
                await stream.send_all(head.encode() + body)
                replies.append(reply_of(*await read_http(stream)))
        assert [reply.status for reply in replies] == [200, 200]
        assert admission.attempts[0].tls is True


async def test_guessing_is_slowed_down_as_for_websockets() -> None:
    async with a_door() as (port, admission, _stations):
        admission.refuses = True
        basic = {"Authorization": "Basic Qk9YOmd1ZXNz"}
        statuses = [(await http(port, "POST", PATH, envelope(AUTHORIZE), basic)).status for _ in range(3)]
        assert statuses == [401, 401, 429]


async def test_the_rest_of_the_port_is_as_it_was() -> None:
    async with a_door() as (port, _admission, _stations):
        assert (await http(port, "GET", "/healthz")).status == 200
        assert (await http(port, "GET", "/ocpp/CP-1")).status == 426
