"""A real NATS server for tests: one for the whole run; each test has a prefix of its own, and so sees nobody else.

Import the fixture `nats_server` into the module that needs it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import trio

from csms.aio import Door
from csms.cluster.bus import Bus, BusSettings
from csms.cluster.nats_server import EmbeddedNats
from tests.kit.database import temporary_folder

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def nats_server() -> Iterator[EmbeddedNats]:
    with temporary_folder() as folder:
        server = EmbeddedNats(folder / "nats")
        server.start()
        yield server
        server.stop()


def fresh_prefix() -> str:
    """Nobody else's."""
    return f"t{os.getpid()}-{next(_numbers)}"


def settings_of(server: EmbeddedNats, prefix: str, *, in_memory: bool = True) -> BusSettings:
    return BusSettings((server.url,), server.user, server.password, prefix=prefix, in_memory=in_memory)


@asynccontextmanager
async def running_bus(
    door: Door, server: EmbeddedNats, prefix: str, name: str, *, in_memory: bool = True
) -> AsyncIterator[tuple[Bus, trio.Nursery]]:
    """Not yet connected, so that handlers can be added: start `bus.run` in the nursery."""
    async with trio.open_nursery() as nursery:
        yield Bus(door, settings_of(server, prefix, in_memory=in_memory), name), nursery
        nursery.cancel_scope.cancel()
