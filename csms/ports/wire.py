"""A message wire to one station, whatever carries it."""

from __future__ import annotations

from collections.abc import Callable
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


Taker = Callable[[bytes], bool]
"""Takes a text message over, or says False; sync, and never raises."""


class Wire(Protocol):
    """What a link needs of its connection.

    A message comes in one of two ways. `receive` returns it to the task that reads; or, while that task sleeps in
    `receive`, it is offered to the taker, and the task sleeps on when that takes it. Then no other message is offered
    or returned before `proceed` or `hand_back`. A wire may never offer anything.
    """

    @property
    def remote_address(self) -> str:
        """The peer, for people."""

    async def receive(self) -> bytes | BinaryMessage:
        """The next message. Raises ConnectionClosed."""

    def offer_to(self, taker: Taker) -> None:
        """From now on, offer text messages to `taker`."""

    def proceed(self) -> None:
        """What was taken is done with: read on. Sync; nothing happens on a wire that is over."""

    def hand_back(self, data: bytes) -> None:
        """What was taken shall be returned by `receive` after all. Sync; nothing happens on a wire that is over."""

    def send_now(self, data: bytes) -> None:
        """Send one text message without waiting: what the kernel does not take at once follows before anything else is
        read. Sync; nothing happens on a wire that is over."""

    async def send(self, data: bytes) -> None:
        """Send one text message. Raises ConnectionClosed."""

    def close_soon(self, code: int, reason: str) -> None:
        """Say farewell and make `receive` raise; never blocks, idempotent, the first reason stays."""
