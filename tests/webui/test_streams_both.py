"""Two streams as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from webui.live_dashboard import both


async def forever(word: str, closed: list[str]) -> AsyncIterator[str]:
    try:
        while True:
            yield word
            await asyncio.sleep(0)
    finally:
        closed.append(word)


async def some(*words: str) -> AsyncIterator[str]:
    for word in words:
        yield word
        await asyncio.sleep(0)


def test_it_ends_with_the_first_and_lets_go_of_the_second() -> None:
    closed: list[str] = []

    async def read() -> list[object]:
        return [part async for part in both(some("a", "b"), forever("x", closed))]

    seen = asyncio.run(read())
    assert [part for part in seen if part != "x"] == ["a", "b"]
    assert "x" in seen
    assert closed == ["x"]


def test_it_goes_on_when_only_the_figures_end() -> None:
    async def read() -> list[object]:
        return [part async for part in both(some("a", "b", "c"), some("x"))]

    assert sorted(map(str, asyncio.run(read()))) == ["a", "b", "c", "x"]
