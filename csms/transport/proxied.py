"""Connections that come through a balancer: from which station they really are.

A balancer in front is trusted by its address, and only then is anything read before TLS and HTTP begin. It need not say
anything: its health checks speak for themselves. (HAProxy's specification wants a port to be either with or without the
header, never guessed; with trust by address only a balancer that is named and sends none leaves room for a lie.)
"""

from __future__ import annotations

import math
import socket
from typing import Final

import structlog
import trio
from trio.lowlevel import wait_readable

from csms.domain.networks import Networks
from csms.ports.wire import ConnectionClosed
from csms.transport.proxy_protocol import MAX_HEADER, BadProxyHeader, ProxyHeader, read_proxy_header

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_POLICY_VIOLATION: Final = 1008
_ABNORMAL_CLOSURE: Final = 1006
_LOG_SECONDS: Final = 60.0


class TrustedProxies:
    """Reads the PROXY protocol's header from connections of trusted peers. One for all listeners."""

    def __init__(self, trusted: Networks | None = None) -> None:
        self._trusted = trusted or Networks()
        self._told = -math.inf
        self.refused = 0
        """Connections of trusted peers that were closed because their header was broken, or came too late."""

    async def origin(self, sock: socket.socket, peer: str, timeout: float) -> str:
        """The address that the connection counts as coming from: `peer` itself, unless it is a trusted one that says
        another. Takes the header, and nothing else, from `sock` (connected, non-blocking); waits for it, `timeout`
        seconds at most. Raises ConnectionClosed."""
        if peer not in self._trusted:
            return peer
        header: ProxyHeader | None = None
        with trio.move_on_after(timeout):
            try:
                header = await _header(sock)
            except BadProxyHeader as error:
                raise self._refuse(peer, f"the PROXY header is broken: {error}") from None
        if header is None:
            raise self._refuse(peer, "neither a whole PROXY header nor anything else came in time")
        if header.length:
            sock.recv(header.length)  # all of it was seen there
        return header.source or peer

    def _refuse(self, peer: str, reason: str) -> ConnectionClosed:
        """Count it; a line a minute in the log, since a balancer that is set wrongly does nothing else."""
        self.refused += 1
        now = trio.current_time()
        if now >= self._told + _LOG_SECONDS:
            self._told = now
            _log.warning("connection through a balancer refused", peer=peer, reason=reason, refused=self.refused)
        return ConnectionClosed(_POLICY_VIOLATION, reason)


async def _header(sock: socket.socket) -> ProxyHeader:
    """Looks and takes nothing: what is not a header belongs to TLS or HTTP. Raises BadProxyHeader, ConnectionClosed."""
    seen = 0
    try:
        while True:
            await wait_readable(sock)
            try:
                data = sock.recv(MAX_HEADER, socket.MSG_PEEK)
            except BlockingIOError:
                continue
            found = read_proxy_header(data) if data else None
            if found is not None:
                return found
            if len(data) <= seen:  # it was woken for nothing new: the other side has hung up
                if not seen:
                    raise ConnectionClosed(_ABNORMAL_CLOSURE, "the peer left before it said anything")
                raise BadProxyHeader("it ends in the middle")
            seen = len(data)
            # Readable is, from now on, only a socket with more than what was seen. Or this would spin.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, seen + 1)
    finally:
        if seen:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
