"""Tags: decisions from memory, and how the memory stays true."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import trio

from csms.domain.authorization import Token
from csms.domain.errors import AlreadyExists, InvalidArgument, NotFound, StaleVersion
from csms.domain.facts import AuthorizationStatus
from csms.services.tokens import MemoryTokenIndex
from tests.kit.service_world import ADMIN, NOW, ServiceWorld

ACCEPTED, BLOCKED, INVALID = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED, AuthorizationStatus.INVALID


@pytest.mark.feature("F-TAG-3")
def test_case_and_blanks_do_not_matter_and_rubbish_is_invalid() -> None:
    index = MemoryTokenIndex([Token(1, "04A2", parent_id_token="FLEET")])
    for text in ("04A2", "04a2", " 04a2 "):
        info = index.decide(text, NOW)
        assert (info.status, info.parent_id_token) == (ACCEPTED, "FLEET")
    for text in ("", "x" * 100, "\0", "04A3"):
        assert index.decide(text, NOW).status is INVALID


@pytest.mark.feature("F-TAG-3")
def test_a_tag_in_use_may_not_start_elsewhere_but_may_go_on_and_stop() -> None:
    index = MemoryTokenIndex([Token(1, "A"), Token(2, "B", allow_concurrent=True)])
    index.session_opened("a", 7)
    index.session_opened("B", 8)
    assert index.decide("A", NOW).status is ACCEPTED
    assert index.decide("A", NOW, starting=7).status is ACCEPTED
    assert index.decide("A", NOW, starting=9).status is AuthorizationStatus.CONCURRENT_TX
    assert index.decide("B", NOW, starting=9).status is ACCEPTED
    index.session_ended("A", 7)
    index.session_ended("A", 7)
    assert index.decide("A", NOW, starting=9).status is ACCEPTED
    index.session_opened("", 10)
    index.session_ended("", 10)


@pytest.mark.feature("F-TAG-3")
def test_blocked_and_expired_tags_are_refused() -> None:
    index = MemoryTokenIndex([Token(1, "A", blocked=True), Token(2, "B", expires_at=NOW - timedelta(seconds=1))])
    assert index.decide("A", NOW).status is BLOCKED
    assert index.decide("B", NOW).status is AuthorizationStatus.EXPIRED


@pytest.mark.feature("F-TAG-3")
def test_a_decision_among_fifty_thousand_tags_takes_far_less_than_a_millisecond() -> None:
    index = MemoryTokenIndex(Token(number, f"TAG{number:08}") for number in range(50_000))
    asked = [f"tag{number:08}" for number in range(0, 50_000, 25)]
    begin = time.process_time()
    for text in asked:
        index.decide(text, NOW, starting=1)
    assert (time.process_time() - begin) / len(asked) < 0.0005


async def test_the_index_is_loaded_with_the_sessions_that_are_open() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    world.add_session(7, number)
    world.add_session(8, number, ended=True)
    await world.tokens.create(ADMIN, Token(0, "tag"))
    index = MemoryTokenIndex()
    await index.load(world.token_store, world.transactions)  # type: ignore[arg-type]
    assert len(index) == 1
    assert index.decide("TAG", NOW, starting=9).status is AuthorizationStatus.CONCURRENT_TX
    assert index.decide("TAG", NOW, starting=7).status is ACCEPTED


def test_groups_follow_changes() -> None:
    index = MemoryTokenIndex([Token(1, "A", parent_id_token="P"), Token(2, "B", parent_id_token="P")])
    assert index.group("p") == {"A", "B"}
    index.put(Token(1, "A", parent_id_token="Q"))
    assert (index.group("P"), index.group("Q")) == ({"B"}, {"A"})
    index.remove(Token(2, "B"))
    assert index.group("P") == frozenset()
    index.remove(Token(2, "B"))


async def test_a_change_counts_at_once() -> None:
    world = ServiceWorld()
    kept = await world.tokens.create(ADMIN, Token(0, " tag ", alias=" Red "))
    assert (kept.id_token, kept.alias) == ("TAG", "Red")
    assert world.index.decide("TAG", NOW).status is ACCEPTED
    blocked = await world.tokens.update(ADMIN, kept.id, Token(0, "OTHER", blocked=True), ["blocked"])
    assert (blocked.id_token, blocked.alias) == ("TAG", "Red")
    assert world.index.decide("TAG", NOW).status is BLOCKED
    with pytest.raises(StaleVersion):
        await world.tokens.update(ADMIN, kept.id, Token(0, ""), ["blocked"], version=kept.version)
    await world.tokens.delete(ADMIN, kept.id)
    assert world.index.decide("TAG", NOW).status is INVALID
    for refused in (world.tokens.get(ADMIN, kept.id), world.tokens.delete(ADMIN, kept.id)):
        with pytest.raises(NotFound):
            await refused


async def test_a_tag_that_cannot_be_kept_is_not_in_the_index() -> None:
    world = ServiceWorld()
    await world.tokens.create(ADMIN, Token(0, "A"))
    with pytest.raises(AlreadyExists):
        await world.tokens.create(ADMIN, Token(0, "a", blocked=True))
    assert world.index.decide("A", NOW).status is ACCEPTED
    for token in (Token(0, ""), Token(0, "B", alias="x" * 201), Token(0, "B", parent_id_token="x" * 37)):
        with pytest.raises(InvalidArgument):
            await world.tokens.create(ADMIN, token)


async def test_a_change_by_another_process_counts_within_a_minute(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    await world.token_store.create(Token(0, "A"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.index.reload_for_ever, world.token_store)
        world.tables.away = True
        await trio.sleep(61)
        assert world.index.decide("A", NOW).status is INVALID
        world.tables.away = False
        await trio.sleep(60)
        assert world.index.decide("A", NOW).status is ACCEPTED
        nursery.cancel_scope.cancel()


async def test_a_reload_does_not_undo_a_change_that_came_meanwhile() -> None:
    world = ServiceWorld()
    kept = await world.tokens.create(ADMIN, Token(0, "A"))
    read, reads = world.token_store.load_all, 0

    async def slow() -> object:
        nonlocal reads
        reads += 1
        tokens = await read()
        if reads == 1:
            await world.tokens.update(ADMIN, kept.id, Token(0, "", blocked=True), ["blocked"])
        return tokens

    world.token_store.load_all = slow  # type: ignore[assignment, method-assign]
    await world.index.reload(world.token_store)
    assert (reads, world.index.decide("A", NOW).status) == (2, BLOCKED)
