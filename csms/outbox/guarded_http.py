"""Requests to addresses that somebody else has said: only where they may lead.

The name is resolved here, all its addresses are looked at, and the connection goes to one that was found good: a name
that says something else a moment later leads nowhere. Private networks and this machine are out of bounds, unless a
setting lets them in. Redirects are not followed, and answers are read up to a bound.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import httpcore
import msgspec
import trio

from csms.domain.errors import DomainError

TIMEOUT_SECONDS: Final = 20.0
MAX_ANSWER: Final = 8 * 1024 * 1024
MAX_CONNECTIONS: Final = 20


class Unreachable(DomainError):
    """Nobody answered there, or not in HTTP; the message says why."""

    default_reason = "UNREACHABLE"


class AddressRefused(Unreachable):
    """It leads to a private network, where requests of ours must not go."""

    default_reason = "PRIVATE_ADDRESS"


class Answer(msgspec.Struct, frozen=True):
    """Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_public(address: str) -> bool:
    """An address that anybody on the internet could have."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


class GuardedHttp:
    """Makes requests, from trio. `aclose` at the end."""

    def __init__(self, *, private_addresses: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=30.0,
            network_backend=_Guarded(private_addresses),
        )

    async def aclose(self) -> None:
        """Close its connections."""
        await self._pool.aclose()

    async def close_at_the_end(self) -> None:
        """A task for the nursery of the application."""
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(1.0):
                await self.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        timeout: float = TIMEOUT_SECONDS,
        max_answer: int = MAX_ANSWER,
    ) -> Answer:
        """One request, whatever its status. Raises Unreachable, AddressRefused."""
        try:
            with trio.fail_after(timeout):
                return await self._read(method, url, headers, body, max_answer)
        except trio.TooSlowError as error:
            raise Unreachable("There was no answer in time.") from error
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            httpcore.TimeoutException,
            OSError,
            UnicodeError,
            ValueError,
        ) as error:
            raise Unreachable(f"{str(error) or type(error).__name__}.") from error

    async def _read(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, max_answer: int
    ) -> Answer:
        content = bytearray()
        answer: Answer | None = None
        # An answer that is too long is cancelled where it is read: leaving the loop would leave its generators open.
        with trio.CancelScope() as reading:
            async with self._pool.stream(method, url, headers=list(headers.items()), content=body) as response:
                async for chunk in response.aiter_stream():
                    content += chunk
                    if len(content) > max_answer:
                        content.clear()
                        reading.cancel()
                found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                if not reading.cancel_called:
                    answer = Answer(response.status, found, bytes(content))
        if answer is None:
            raise Unreachable("The answer is too long.")
        return answer


class _Guarded(httpcore.AsyncNetworkBackend):
    """Resolves, looks, connects."""

    def __init__(self, private_addresses: bool) -> None:
        self._private_addresses = private_addresses
        self._inner = httpcore.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises AddressRefused, and what the network raises."""
        found = await trio.socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not self._private_addresses and not all(is_public(address) for address in addresses):
            raise AddressRefused(
                f"{host} leads to a private network. Requests go there only if the setting outgoing_private_addresses"
                " says so."
            )
        failure: Exception | None = None
        for address in addresses[:4]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or OSError(f"{host} has no address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise AddressRefused("Requests go to the network only.")

    async def sleep(self, seconds: float) -> None:
        """As it says."""
        await trio.sleep(seconds)
