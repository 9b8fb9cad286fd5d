"""A simulated station (tests.kit.simulators) on a thread of its own, for tests that are not in trio."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio

from tests.kit.patience import PATIENCE_S
from tests.kit.product import Product
from tests.kit.simulators import Simulator, simulator


@contextmanager
def simulated(
    product: Product, identity: str, version: str, prepare: Callable[[Simulator, trio.Nursery], Any]
) -> Iterator[Any]:
    """Connected and booted until the block ends; gives what `prepare` makes of it."""
    made: list[Any] = []
    ready, done = threading.Event(), trio.Event()
    token: list[trio.lowlevel.TrioToken] = []

    async def live() -> None:
        token.append(trio.lowlevel.current_trio_token())
        async with simulator(product, identity, version) as cp, trio.open_nursery() as nursery:
            made.append(prepare(cp, nursery))
            if version == "1.6":
                boot = cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One")
            else:
                boot = cp.calls.BootNotification(charging_station={"vendorName": "A", "model": "B"}, reason="PowerUp")
            await cp.send(boot)
            ready.set()
            await done.wait()
            nursery.cancel_scope.cancel()

    thread = threading.Thread(target=trio.run, args=(live,), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S), f"{identity} did not connect"
    try:
        yield made[0]
    finally:
        trio.from_thread.run_sync(done.set, trio_token=token[0])
        thread.join(10)
