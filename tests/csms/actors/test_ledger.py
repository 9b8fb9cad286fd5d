"""What is told, when, and in which order."""

from __future__ import annotations

import itertools

import pytest
import trio

from csms.actors.ledger import Ledger
from csms.actors.session_ids import SessionIds
from csms.actors.world import Nobody, World
from csms.cluster.local import LocalFeed
from csms.domain.applying import Applied
from csms.domain.errors import Unavailable
from csms.domain.facts import ACK
from csms.domain.records import LinkRecord, SeenRecord
from csms.ports.journal import RecordConflict
from tests.kit.actor_world import NOW, Clock, FakeJournal, FakeStores, FakeTokens


class Desk:
    """A ledger and what it writes to."""

    def __init__(self) -> None:
        clock = Clock()
        self.journal = FakeJournal()
        self.tokens = FakeTokens()
        self.feed = LocalFeed(clock)
        stores = FakeStores(self.journal)
        epochs = itertools.count(1)
        self.ledger = Ledger(
            1,
            World(
                clock,
                self.journal,
                self.feed,
                self.tokens,
                stores,
                stores,  # type: ignore[arg-type]
                stores,
                SessionIds(stores),
                lambda: next(epochs),
                Nobody(),
                Nobody(),
            ),
        )

    def told(self) -> int:
        return len(self.feed.since(self.feed.oldest_after))


def _opened(session_id: int) -> Applied:
    return Applied(ACK, [SeenRecord(1, NOW)], changed_sessions=[session_id], opened=[("TAG1", session_id)])


async def test_nothing_is_told_before_the_disk(autojump_clock: object) -> None:
    desk = Desk()
    desk.ledger.keep(_opened(7))
    assert not desk.ledger.settled
    assert desk.told() == 0
    desk.journal.flush()
    await desk.ledger.durable()
    assert desk.ledger.settled
    assert desk.tokens.in_use == {("TAG1", 7)}
    assert desk.told() == 1


async def test_what_nobody_waited_for_is_told_with_the_next_and_in_order(autojump_clock: object) -> None:
    desk = Desk()
    desk.journal.away = True
    desk.ledger.keep(_opened(7))
    with pytest.raises(Unavailable):
        await desk.ledger.durable()
    desk.journal.away = False
    desk.ledger.keep(Applied(ACK, [SeenRecord(1, NOW)], ended=[("TAG1", 7)]))
    desk.journal.flush()
    await desk.ledger.durable()
    assert desk.tokens.in_use == set()
    assert desk.told() == 1


async def test_a_refusal_is_heard_however_late(autojump_clock: object) -> None:
    desk = Desk()
    desk.journal.away = True
    desk.ledger.keep(_opened(7))
    with pytest.raises(Unavailable):
        await desk.ledger.durable()
    desk.journal.away = False
    desk.journal.refuse = lambda record: isinstance(record, SeenRecord)
    desk.ledger.keep_link(LinkRecord(1, True, NOW, 1))
    desk.journal.flush()
    with pytest.raises(RecordConflict):
        await desk.ledger.durable()
    await desk.ledger.flush()
    assert desk.ledger.settled


async def test_links_that_come_and_go_during_an_outage_are_told_once(autojump_clock: object) -> None:
    desk = Desk()
    for epoch in range(1, 100):
        desk.ledger.keep_link(LinkRecord(1, epoch % 2 == 1, NOW, epoch))
    desk.journal.flush()
    await desk.ledger.durable()
    assert desk.told() == 1
    await trio.lowlevel.checkpoint()
