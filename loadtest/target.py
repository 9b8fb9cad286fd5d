"""Where the stations knock, and from where: addresses, ports, certificates, open files."""

from __future__ import annotations

import contextlib
import math
import resource
import socket
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from urllib.parse import quote, urlsplit

import trio

from loadtest.client import Address, Dial

SPARE_FILES = 64  # what the process itself keeps open
USUAL_PORTS = (32_768, 60_999)
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the stations knock: `ws://host:port/path`, to which the identity is appended."""

    host: str
    port: int
    path: str
    tls: bool

    @property
    def loopback(self) -> bool:
        """True when it is this machine itself, by its address or as `localhost`."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def address(self, identity: str, password: str | None) -> Address:
        """The address of one station."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        resource_path = f"{self.path}/{quote(identity, safe='')}"
        return Address(f"{host}:{self.port}", resource_path, identity, password)


def parse_target(url: str, flag: str = "--target") -> Target:
    """Read a target, as `flag` gives it. Raises ValueError with a sentence for people."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"{flag} must look like ws://127.0.0.1:9000/ocpp, not {url!r}")
    tls = parts.scheme == "wss"
    return Target(parts.hostname, parts.port or (443 if tls else 80), parts.path.rstrip("/"), tls)


def make_tls(target: Target, ca: str | None, *, insecure: bool) -> ssl.SSLContext | None:
    """How to trust the server of a `wss://` target; None for `ws://`. Raises ValueError with a sentence for people."""
    if not target.tls:
        if ca or insecure:
            raise ValueError("--ca and --insecure are for a --target that begins with wss://")
        return None
    context = ssl.create_default_context()
    if insecure:
        if not target.loopback:
            raise ValueError(
                f"--insecure is only for this machine itself, not for {target.host}: give the certificate "
                "authority of the server as --ca FILE"
            )
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if ca:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as error:  # ssl.SSLError is one as well
            raise ValueError(f"--ca {ca} holds no certificates in PEM that can be read: {error}") from error
    return context


def raise_file_limit(stations: int, listening: float = 0.0) -> str | None:
    """Lift the soft limit of open files as far as needed; returns what to do when the hard limit is too low.

    `stations` are those of one process; its children inherit the limit. `listening` is the share of them that speak
    SOAP: these listen as well, and the server connects to them.
    """
    files = 1 + 2 * listening  # of a station
    needed = math.ceil(stations * files) + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return None
    unlimited = hard == resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed if unlimited else min(needed, hard), hard))
    if unlimited or hard >= needed:
        return None
    return (
        f"{stations} stations in a process need {needed} open files, but it may have only {hard}: "
        f"use --stations {int((hard - SPARE_FILES) / files)}, or share them among more --processes, or raise the "
        "hard limit (ulimit -Hn) and start again."
    )


def ports_per_address() -> int:
    """How many connections one local address can have to the same server."""
    low, high = USUAL_PORTS
    with contextlib.suppress(OSError, ValueError):
        low, high = (int(word) for word in PORT_RANGE.read_text("ascii").split())
    return high - low - 200  # others on this machine need some


def too_few_ports(stations: int, sources: Sequence[str]) -> str | None:
    """What to do when the stations will run out of local ports; None when they will not."""
    each = ports_per_address()
    room = each * max(1, len(sources))
    if stations <= room:
        return None
    more = -(-stations // each)
    return (
        f"{stations} connections do not fit into {room} local ports: give --source-addresses 127.0.0.1-127.0.0.{more} "
        "(or others of this machine that reach the server)."
    )


def loopback_sources(stations: int, target: Target) -> tuple[str, ...]:
    """127.0.0.2 and on, as many as it takes, when the server is on this machine and one address has too few ports.

    Twice as many ports as stations, since those of connections that have just ended are not free at once. Linux
    alone has all of 127.0.0.0/8 without further ado.
    """
    room = ports_per_address() // 2
    if not target.loopback or ":" in target.host or sys.platform != "linux" or stations <= room:
        return ()
    first = IPv4Address("127.0.0.2")
    return tuple(str(first + number) for number in range(-(-stations // room)))


class Dialler:
    """The ways to a target. Its addresses are asked for once, not once per connection."""

    def __init__(self, target: Target, tls: ssl.SSLContext | None) -> None:
        self._target = target
        self._tls = tls
        self._lock = trio.Lock()
        self._addresses: list[tuple[int, tuple[object, ...]]] = []

    def dial_from(self, source: str | None) -> Dial:
        """A way that begins at the local address `source`, if one is given."""

        async def dial() -> trio.abc.Stream:
            stream = await _connected(await self._resolved(), source)
            if self._tls is None:
                return stream
            return await self._encrypted(stream, self._tls)

        return dial

    async def _encrypted(self, stream: trio.SocketStream, tls: ssl.SSLContext) -> trio.abc.Stream:
        """TLS, its handshake done: trio-websocket would wait for ever where that fails. Raises ssl.SSLError."""
        encrypted = trio.SSLStream(stream, tls, server_hostname=self._target.host, https_compatible=True)
        try:
            await encrypted.do_handshake()
        except trio.BrokenResourceError as error:
            await trio.aclose_forcefully(stream)
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from error
            raise
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return encrypted

    async def _resolved(self) -> list[tuple[int, tuple[object, ...]]]:
        """(family, address) of each; raises OSError when the name is not known."""
        async with self._lock:
            if not self._addresses:
                rows = await trio.socket.getaddrinfo(self._target.host, self._target.port, type=socket.SOCK_STREAM)
                self._addresses = [(family, address) for family, _, _, _, address in rows]
        return self._addresses


async def _connected(addresses: Sequence[tuple[int, tuple[object, ...]]], source: str | None) -> trio.SocketStream:
    """A connection to the first address that will have one."""
    wanted = None if source is None else socket.AF_INET6 if ":" in source else socket.AF_INET
    failure: OSError = OSError(f"no address of the target can be reached from {source}")
    for family, address in addresses:
        if wanted is not None and family != wanted:
            continue
        sock = trio.socket.socket(family, socket.SOCK_STREAM)
        try:
            if source is not None:
                if sys.platform == "linux":  # the port is chosen at connect: one may serve several servers
                    sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
                await sock.bind((source, 0))
            await sock.connect(address)
        except OSError as error:
            failure = error
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return trio.SocketStream(sock)
    raise failure
