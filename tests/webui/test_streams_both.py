"""Two streams as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from webui.streams_both import both


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


async def broken() -> AsyncIterator[str]:
    yield "x"
    raise ValueError("a mistake of ours")


@pytest.mark.parametrize("which", ["first", "second"])
def test_one_that_breaks_is_logged_and_ends_the_whole(which: str) -> None:
    closed: list[str] = []
    streams = (broken(), forever("a", closed))

    async def read() -> None:
        async with asyncio.timeout(60):
            async for _ in both(*(streams if which == "first" else streams[::-1])):
                pass

    with structlog.testing.capture_logs() as logged:
        asyncio.run(read())
    assert [each["event"] for each in logged] == ["a page's stream broke"]
    assert closed == ["a"]
