"""A station that stays connected while a test in a browser goes on."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio

from tests.kit.patience import PATIENCE_S
from tests.kit.product import Product, Station, station


class Online:
    """A 1.6 station on a thread of its own."""

    def __init__(self, made: Station, token: trio.lowlevel.TrioToken) -> None:
        self.station = made
        self._token = token

    def call(self, action: str, **payload: Any) -> dict[str, Any]:
        """Say something, hear the answer."""
        work = functools.partial(self.station.call, action, **payload)
        answer: dict[str, Any] = trio.from_thread.run(work, trio_token=self._token)
        return answer

    def status(self, status: str, connector: int = 1, error: str = "NoError") -> None:
        """What a connector does."""
        self.call("StatusNotification", connectorId=connector, errorCode=error, status=status)


@contextmanager
def online(product: Product, identity: str, **answers: dict[str, Any]) -> Iterator[Online]:
    """Connected, booted, with one free connector; `answers`: what it says to which command."""
    ready, done = threading.Event(), trio.Event()
    found: list[Online] = []

    async def live() -> None:
        async with station(product, identity) as made:
            made.answers.update(answers)
            found.append(Online(made, trio.lowlevel.current_trio_token()))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=trio.run, args=(live,), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S), f"{identity} did not connect"
    link = found[0]
    try:
        link.call("BootNotification", chargePointVendor="Acme", chargePointModel="One", firmwareVersion="1.0.0")
        link.status("Available", 0)
        link.status("Available")
        yield link
    finally:
        trio.from_thread.run_sync(done.set, trio_token=link._token)
        thread.join(timeout=10)
