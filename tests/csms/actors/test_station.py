"""The actor alone, between a link that only listens and a journal in memory."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
import trio.testing

from csms.actors.session_ids import SessionIds
from csms.actors.station import StationActor
from csms.actors.supervise import RestartLimits, supervise
from csms.actors.world import ActorSettings, LinkLost, Nobody, PreparedCall, World
from csms.cluster.local import LocalFeed
from csms.domain.commands import Answer, Command
from csms.domain.errors import Unavailable
from csms.domain.facts import (
    ConnectorStatus,
    HeartbeatSeen,
    StatusChanged,
    TransactionEventSeen,
    TransactionEventType,
    TransactionReply,
)
from csms.domain.records import MeterRecord, SessionRecord, StatusRecord
from csms.ports.directory import Claim
from tests.kit.actor_world import START, Clock, FakeJournal, FakeStores, FakeTokens

STATUS = StatusChanged(1, 1, ConnectorStatus.CHARGING)
STARTED = TransactionEventSeen(
    TransactionEventType.STARTED, START, evse_id=1, connector_id=1, id_token="TAG1", meter_wh=0.0
)


def _ended(transaction_id: int) -> TransactionEventSeen:
    return TransactionEventSeen(
        TransactionEventType.ENDED, START, transaction_id=str(transaction_id), meter_wh=10.0, reason="Local"
    )


class SilentLink:
    """A link that only remembers how it was closed."""

    def __init__(self) -> None:
        self.closed: tuple[int, str] | None = None

    def close_soon(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def finish_soon(self, code: int, reason: str) -> None:
        self.close_soon(code, reason)

    def prepare(self, command: Command) -> PreparedCall:
        raise NotImplementedError

    async def call(self, prepared: PreparedCall, deadline: float) -> tuple[Answer, float]:
        raise NotImplementedError


@dataclass
class Stage:
    actor: StationActor
    journal: FakeJournal
    stores: FakeStores
    tokens: FakeTokens
    feed: LocalFeed
    crashes: list[Exception]


@asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    clock, journal, tokens = Clock(), FakeJournal(), FakeTokens()
    stores, feed, crashes = FakeStores(journal), LocalFeed(clock), list[Exception]()
    stores.add(1)
    epochs = itertools.count(1)
    world = World(
        clock,
        journal,
        feed,
        tokens,
        stores,
        stores,  # type: ignore[arg-type]
        stores,
        SessionIds(stores),
        lambda: next(epochs),
        Nobody(),
        Nobody(),
    )
    actor = StationActor(1, world, ActorSettings())

    async def live() -> None:
        await supervise(actor.run, on_crash=crashes.append, limits=RestartLimits())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        nursery.start_soon(live)
        yield Stage(actor, journal, stores, tokens, feed, crashes)
        nursery.cancel_scope.cancel()


async def test_a_reply_means_on_disk(autojump_clock: object) -> None:
    async with _stage() as stage:
        epoch = stage.actor.attach(SilentLink())
        await stage.actor.handle(epoch, STATUS)
        assert len(stage.journal.of(StatusRecord)) == 1


async def test_a_heartbeat_does_not_wait_for_the_disk(autojump_clock: object) -> None:
    async with _stage() as stage:
        epoch = stage.actor.attach(SilentLink())
        await stage.actor.handle(epoch, STATUS)
        stage.journal.away = True
        before = trio.current_time()
        await stage.actor.handle(epoch, HeartbeatSeen())
        assert trio.current_time() == before


async def test_an_older_link_is_closed_and_its_facts_are_not_applied(autojump_clock: object) -> None:
    async with _stage() as stage:
        older, newer = SilentLink(), SilentLink()
        old = stage.actor.attach(older)
        new = stage.actor.attach(newer)
        assert older.closed is not None
        with pytest.raises(LinkLost):
            await stage.actor.handle(old, STATUS)
        stage.actor.detach(old)
        assert stage.actor.online
        await stage.actor.handle(new, STATUS)
        assert len(stage.journal.of(StatusRecord)) == 1


async def test_a_takeover_while_a_fact_is_looked_up_leaves_it_unapplied(autojump_clock: object) -> None:
    async with _stage() as stage:
        old = stage.actor.attach(SilentLink())
        await stage.actor.handle(old, STATUS)
        lost: list[bool] = []

        async def handle() -> None:
            with pytest.raises(LinkLost):
                await stage.actor.handle(old, STARTED)
            lost.append(True)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(handle)
            await trio.testing.wait_all_tasks_blocked()
            new = stage.actor.attach(SilentLink())
        assert lost == [True]
        reply = await stage.actor.handle(new, STARTED)
        assert isinstance(reply, TransactionReply)
        assert reply.transaction_id == 1000  # the id that the lost one had reserved went back
        assert len(stage.stores.sessions) == 1


async def test_a_full_journal_holds_back_before_anything_has_changed(autojump_clock: object) -> None:
    async with _stage() as stage:
        epoch = stage.actor.attach(SilentLink())
        stage.journal.full = True
        with pytest.raises(Unavailable):
            await stage.actor.handle(epoch, STARTED)
        stage.journal.full = False
        reply = await stage.actor.handle(epoch, STARTED)
        assert isinstance(reply, TransactionReply)
        assert len(stage.journal.of(SessionRecord)) == 1


async def test_the_database_is_not_asked_before_it_knows_what_we_know(autojump_clock: object) -> None:
    async with _stage() as stage:
        epoch = stage.actor.attach(SilentLink())
        await stage.actor.handle(epoch, STATUS)
        stage.journal._delay = 5.0
        with trio.move_on_after(1):
            await stage.actor.handle(epoch, STARTED)
        with trio.move_on_after(1):
            await stage.actor.handle(epoch, _ended(1000))
        await stage.actor.handle(epoch, _ended(1000))
        assert stage.stores.session_of(1).flags == ()
        assert stage.tokens.in_use == set()


async def test_what_is_under_way_is_on_disk_before_the_state_is_loaded_again(autojump_clock: object) -> None:
    async with _stage() as stage:
        epoch = stage.actor.attach(SilentLink())
        await stage.actor.handle(epoch, STATUS)
        stage.journal._delay = 5.0
        with trio.move_on_after(1):
            await stage.actor.handle(epoch, STARTED)
        stage.actor.crash(ZeroDivisionError())
        epoch = stage.actor.attach(SilentLink())
        reply = await stage.actor.handle(epoch, STARTED)
        assert isinstance(reply, TransactionReply)
        assert stage.tokens.in_use == {("TAG1", reply.transaction_id)}
        await stage.actor.handle(epoch, _ended(reply.transaction_id))
        assert stage.tokens.in_use == set()
        assert stage.stores.session_of(1).flags == ()
        assert len(stage.crashes) == 1


async def test_records_refused_after_nobody_waited_any_more_crash_it_all_the_same(autojump_clock: object) -> None:
    async with _stage() as stage:
        epoch = stage.actor.attach(SilentLink())
        await stage.actor.handle(epoch, STATUS)
        stage.journal.away = True
        with pytest.raises(Unavailable):
            await stage.actor.handle(epoch, StatusChanged(2, 1, ConnectorStatus.FAULTED))
        stage.journal.refuse = lambda record: isinstance(record, StatusRecord) and record.evse_id == 2
        with trio.move_on_after(1):
            await stage.actor.handle(epoch, STATUS)
        stage.journal.away = False
        with pytest.raises(LinkLost):
            await stage.actor.handle(epoch, STATUS)
        await trio.sleep(1)
        assert len(stage.crashes) == 1


async def test_what_changed_is_told_after_the_disk_and_in_order(autojump_clock: object) -> None:
    async with _stage() as stage:
        async with stage.feed.watch() as watch:
            epoch = stage.actor.attach(SilentLink())
            await stage.actor.told()
            reply = await stage.actor.handle(epoch, STARTED)
            assert isinstance(reply, TransactionReply)
            _, events = await watch.next_batch(tick=1)
        assert [(event.subject.name, event.session_id) for event in events] == [
            ("STATION", 0),
            ("SESSION", reply.transaction_id),
            ("STATION", 0),
        ]
        assert stage.journal.of(MeterRecord) == []


async def test_a_link_that_was_claimed_earlier_but_attached_later_is_turned_away(autojump_clock: object) -> None:
    async with _stage() as stage:
        stage.actor.attach(SilentLink(), claim=Claim(8))
        with pytest.raises(LinkLost):
            stage.actor.attach(SilentLink(), claim=Claim(7))
        assert stage.actor.epoch == 8


async def test_a_station_that_was_elsewhere_meanwhile_is_read_anew(autojump_clock: object) -> None:
    async with _stage() as stage:
        epoch = stage.actor.attach(SilentLink(), claim=Claim(1))
        await stage.actor.handle(epoch, STATUS)
        stage.actor.detach(epoch)
        loads = stage.stores.loads
        epoch = stage.actor.attach(SilentLink(), claim=Claim(3, moved=True))
        await stage.actor.handle(epoch, STATUS)
        assert stage.stores.loads == loads + 1
        assert stage.crashes == []


async def test_a_station_that_another_node_took_is_let_go_without_a_crash(autojump_clock: object) -> None:
    async with _stage() as stage:
        link = SilentLink()
        epoch = stage.actor.attach(link, claim=Claim(1))
        await stage.actor.handle(epoch, STATUS)
        stage.journal.fenced = True
        with pytest.raises(LinkLost):
            await stage.actor.handle(epoch, STARTED)
        assert link.closed is not None
        assert not stage.actor.online
        stage.journal.fenced = False
        epoch = stage.actor.attach(SilentLink(), claim=Claim(5, moved=True))
        await stage.actor.handle(epoch, STARTED)
        assert len(stage.stores.sessions) == 1
        assert stage.crashes == []
