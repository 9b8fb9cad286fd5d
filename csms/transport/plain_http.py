"""Several who speak plain HTTP on one port: the first that wants a request gets it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from csms.transport.websocket import Admit, ConnectionAttempt, PlainHttp


class PlainHttpTable:
    """A `csms.transport.websocket.PlainHttp` made of others. A connection stays with whom it began at."""

    def __init__(self, members: Sequence[PlainHttp]) -> None:
        self._members = tuple(members)

    def wants(self, head: bytes) -> bool:
        """See `PlainHttp.wants`."""
        return any(member.wants(head) for member in self._members)

    async def serve(self, sock: socket.socket, first: bytes, knock: ConnectionAttempt, admit: Admit[Any]) -> None:
        """See `PlainHttp.serve`."""
        for member in self._members:
            if member.wants(first):
                await member.serve(sock, first, knock, admit)
                return
        sock.close()
