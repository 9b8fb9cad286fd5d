"""Work in small pieces, and a rest after each."""

from __future__ import annotations

import asyncio

import pytest

from csms.storage.pace import LONGEST, PIECE, Pace


def test_a_rest_is_as_long_as_the_work_but_not_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept = [0.0], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += 7.0  # others work meanwhile: it is not ours

    monkeypatch.setattr(asyncio, "sleep", sleep)

    async def work() -> None:
        pace = Pace(rest=1.0, worked=lambda: clock[0])
        for length in (PIECE / 4, PIECE / 4, PIECE / 2, PIECE / 2, 3 * PIECE, 10.0):
            clock[0] += length
            await pace.breathe()

    asyncio.run(work())
    assert slept == pytest.approx([PIECE, 3.5 * PIECE, LONGEST])


def test_without_rest_others_get_their_turn() -> None:
    async def work() -> list[str]:
        said: list[str] = []

        async def other() -> None:
            said.append("other")

        task = asyncio.ensure_future(other())
        worked = iter((0.0, 1.0, 1.0))
        await Pace(rest=0.0, worked=lambda: next(worked)).breathe()
        said.append("we")
        await task
        return said

    assert asyncio.run(work()) == ["other", "we"]
