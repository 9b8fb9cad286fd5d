"""A message wire to one station, whatever carries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class ConnectionClosed(Exception):
    """The wire is gone, or told to go. `code` is a WebSocket close code (1006: no farewell was heard)."""

    def __init__(self, code: int, reason: str, *, by_peer: bool = False) -> None:
        super().__init__(f"{code} {reason}".rstrip())
        self.code = code
        self.reason = reason
        self.by_peer = by_peer


@dataclass(frozen=True, slots=True)
class BinaryMessage:
    """A binary message, which OCPP-J does not know (OCPP-J 1.6 §4.1: text frames in UTF-8)."""

    data: bytes


class Wire(Protocol):
    """What a link needs of its connection."""

    @property
    def remote_address(self) -> str:
        """The peer, for people."""

    async def receive(self) -> bytes | BinaryMessage:
        """The next message. Raises ConnectionClosed."""

    async def send(self, data: bytes) -> None:
        """Send one text message. Raises ConnectionClosed."""

    def close_soon(self, code: int, reason: str) -> None:
        """Say farewell and make `receive` raise; never blocks, idempotent, the first reason stays."""
