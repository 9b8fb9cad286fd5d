"""Session ids at hand: never twice, some left in an outage."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from csms.actors.session_ids import SessionIds
from csms.domain.errors import Unavailable
from tests.kit.actor_world import FakeJournal, FakeStores


async def test_many_at_once_get_different_ids(autojump_clock: trio.testing.MockClock) -> None:
    ids, taken = SessionIds(FakeStores(FakeJournal())), []
    async with trio.open_nursery() as nursery:

        async def take() -> None:
            taken.append(await ids.take())

        for _ in range(350):
            nursery.start_soon(take)
    assert len(set(taken)) == 350


async def test_while_the_database_is_away_the_last_block_is_used_up(autojump_clock: trio.testing.MockClock) -> None:
    journal = FakeJournal()
    ids = SessionIds(FakeStores(journal), block=8)
    first = await ids.take()
    journal.away = True
    for _ in range(5):
        await ids.take()
    taken = [await ids.take(), await ids.take()]
    assert taken == [first + 6, first + 7]
    with pytest.raises(Unavailable):
        await ids.take()
    journal.away = False
    assert await ids.take() > first


async def test_what_was_given_back_is_used_next(autojump_clock: trio.testing.MockClock) -> None:
    ids = SessionIds(FakeStores(FakeJournal()))
    first = await ids.take()
    ids.give_back(first)
    assert await ids.take() == first
