"""What the tests of the door send through it: answers, errors, and tasks that hang and remember what became of them."""

from __future__ import annotations

import asyncio
import threading

import trio


class Oops(Exception):
    """Stands for any error of the other side."""


async def add(a: int, b: int = 0) -> int:
    await asyncio.sleep(0)
    return a + b


async def fail(message: str) -> None:
    await asyncio.sleep(0)
    raise Oops(message)


class AsyncioTask:
    """Hangs on the asyncio side and remembers what became of it."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.fate = ""

    async def hang(self) -> str:
        self.started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # a clean-up that takes a while
            self.fate = "cancelled"
            raise
        return "never"

    async def wait_started(self) -> None:
        await trio.to_thread.run_sync(self.started.wait)


class TrioTask:
    """Hangs on the trio side and remembers what became of it."""

    def __init__(self) -> None:
        self.started = trio.Event()
        self.fate = ""

    async def hang(self) -> str:
        self.started.set()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.lowlevel.checkpoint()
            self.fate = "cancelled"
