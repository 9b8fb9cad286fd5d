"""Listening TCP sockets, and who is at the other end of what they accept."""

from __future__ import annotations

import socket


def open_listen_socket(host: str, port: int, *, reuse_port: bool = False, backlog: int = 4096) -> socket.socket:
    """A non-blocking listening TCP socket; port 0: any free one; `reuse_port`: several processes share it.

    Raises OSError with a sentence when the address cannot be had.
    """
    sock: socket.socket | None = None
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, number)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host not in ("", "::")))
        sock.bind(address)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError as error:
        if sock is not None:
            sock.close()
        why = f"Cannot listen for stations on {host}:{port} ({error.strerror or error}). Choose another address."
        raise OSError(error.errno, why) from error
    return sock


def host_of(address: object) -> str:
    """The host of a socket address; an IPv4 one that came in by IPv6 is written as IPv4."""
    host = str(address[0]) if isinstance(address, tuple) and address else "local"
    return host.removeprefix("::ffff:")
