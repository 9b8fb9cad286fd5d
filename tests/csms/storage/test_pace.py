"""Work in small pieces, and a rest after each."""

from __future__ import annotations

import asyncio

import pytest

from csms.storage.pace import PIECE, Pace


def test_a_rest_is_as_long_as_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept = [0.0], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(asyncio, "sleep", sleep)

    async def work() -> None:
        pace = Pace(rest=1.0, now=lambda: clock[0])
        for _ in range(4):
            clock[0] += PIECE / 2
            await pace.breathe()
        clock[0] += 10.0  # waited for the database
        pace.start()
        await pace.breathe()

    asyncio.run(work())
    assert slept == [PIECE, PIECE]


def test_without_rest_others_get_their_turn() -> None:
    async def work() -> list[str]:
        said: list[str] = []

        async def other() -> None:
            said.append("other")

        task = asyncio.ensure_future(other())
        now = iter((0.0, 1.0, 1.0))
        await Pace(rest=0.0, now=lambda: next(now)).breathe()
        said.append("we")
        await task
        return said

    assert asyncio.run(work()) == ["other", "we"]
