"""Tags: decisions from memory, and how the memory stays true."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
import trio

from csms.domain.access import Principal, Role
from csms.domain.authorization import TagKind, TagType, Token
from csms.domain.errors import AlreadyExists, InvalidArgument, NotFound, PermissionDenied, StaleVersion
from csms.domain.facts import AuthorizationStatus
from csms.ports.tokens import TagPolicy, TokenFilter
from csms.services.tokens import ImportRow, MemoryTokenIndex
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
        nursery.start_soon(world.index.catch_up_for_ever, world.token_store)
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
    read, reads = world.token_store.load_changed, 0

    async def slow(since: datetime | None) -> object:
        nonlocal reads
        reads += 1
        tokens = await read(since)
        if reads == 1:
            await world.tokens.update(ADMIN, kept.id, Token(0, "", blocked=True), ["blocked"])
        return tokens

    world.token_store.load_changed = slow  # type: ignore[assignment, method-assign]
    await world.index.catch_up(world.token_store)
    assert (reads, world.index.decide("A", NOW).status) == (2, BLOCKED)


# -- people and their tags ---------------------------------------------------------------------------------------------


async def a_driver(world: ServiceWorld) -> Principal:
    user = await world.access_store.create_user("ann@example.org", "Ann", "", Role.EV_USER)
    return Principal(f"users/{user.id}", "Ann", Role.EV_USER, user_id=user.id)


@pytest.mark.feature("F-TAG-1", "F-TAG-2")
async def test_drivers_see_and_edit_their_own_tags_only_and_only_some_of_it() -> None:
    world = ServiceWorld()
    ann = await a_driver(world)
    own = await world.tokens.create(ADMIN, Token(0, "A", user_id=ann.user_id))
    other = await world.tokens.create(ADMIN, Token(0, "B"))
    page = await world.tokens.page(ann, TokenFilter(), size=9)
    assert ([(t.id_token, t.user_email) for t in page.tokens], page.total) == ([("A", "ann@example.org")], 1)
    assert (await world.tokens.page(ann, TokenFilter(user_id=99), size=9)).total == 0
    wanted = Token(0, "", alias="Mine", type=TagType.PRIVATE, note="n")
    changed = await world.tokens.update(ann, own.id, wanted, ["alias", "type", "note"])
    assert (changed.alias, changed.type, changed.user_id) == ("Mine", TagType.PRIVATE, ann.user_id)
    for field in ("user_id", "expires_at", "valid_station_ids", "allow_concurrent"):
        with pytest.raises(PermissionDenied):
            await world.tokens.update(ann, own.id, Token(0, ""), [field])
    for call in (
        world.tokens.get(ann, other.id),
        world.tokens.update(ann, other.id, wanted, ["alias"]),
        world.tokens.look_up(ann, "B"),
    ):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(PermissionDenied):
        await world.tokens.delete(ann, own.id)


@pytest.mark.feature("F-TAG-1")
async def test_a_driver_unblocks_what_they_blocked_but_not_what_an_operator_blocked() -> None:
    world = ServiceWorld()
    ann = await a_driver(world)
    own = await world.tokens.create(ADMIN, Token(0, "A", user_id=ann.user_id))
    blocked, free = Token(0, "", blocked=True), Token(0, "")
    assert (await world.tokens.update(ann, own.id, blocked, ["blocked"])).blocked_by_user
    assert world.index.decide("A", NOW).status is BLOCKED
    assert not (await world.tokens.update(ann, own.id, free, ["blocked"])).blocked
    assert not (await world.tokens.update(ADMIN, own.id, blocked, ["blocked"])).blocked_by_user
    with pytest.raises(PermissionDenied) as denied:
        await world.tokens.update(ann, own.id, free, ["blocked"])
    assert denied.value.reason == "BLOCKED_BY_OPERATOR"


@pytest.mark.feature("F-TAG-2")
async def test_drivers_register_tags_where_they_are_let_and_decide_little_of_them() -> None:
    world = ServiceWorld()
    ann = await a_driver(world)
    with pytest.raises(PermissionDenied):
        await world.tokens.create(ann, Token(0, "A"))
    with pytest.raises(PermissionDenied):
        await world.tokens.set_policy(ann, TagPolicy(True))
    await world.tokens.set_policy(ADMIN, TagPolicy(True))
    assert (await world.tokens.policy(ann)).users_register_tags
    greedy = Token(0, "a", alias="Mine", user_id=99, allow_concurrent=True, parent_id_token="FLEET")
    made = await world.tokens.create(ann, greedy)
    assert (made.id_token, made.alias, made.user_id) == ("A", "Mine", ann.user_id)
    assert (made.allow_concurrent, made.parent_id_token) == (False, None)
    for number in range(19):
        await world.tokens.create(ann, Token(0, f"TAG{number}"))
    with pytest.raises(InvalidArgument):
        await world.tokens.create(ann, Token(0, "TOO-MANY"))


@pytest.mark.feature("F-TAG-1")
async def test_a_virtual_tag_gets_an_id_that_fits_every_station_and_repeats_never() -> None:
    world = ServiceWorld()
    made = {(await world.tokens.create(ADMIN, Token(0, "", kind=TagKind.VIRTUAL))).id_token for _ in range(50)}
    assert len(made) == 50
    assert {len(id_token) for id_token in made} == {20}
    with pytest.raises(InvalidArgument):
        await world.tokens.create(ADMIN, Token(0, ""))


@pytest.mark.feature("F-TAG-1")
async def test_a_card_is_looked_up_in_any_form_and_kept_once() -> None:
    world = ServiceWorld()
    made = await world.tokens.create(ADMIN, Token(0, "04A2B3C4"))
    for text in ("0077771716", "04:a2:b3:c4", "3300106756", "C4B3A204"):
        assert await world.tokens.look_up(ADMIN, text) == made
        assert (await world.tokens.page(ADMIN, TokenFilter(query=text), size=5)).total == 1
    with pytest.raises(AlreadyExists) as refused:
        await world.tokens.create(ADMIN, Token(0, "0077771716"))
    assert refused.value.reason == "SAME_CARD"
    await world.tokens.create(ADMIN, Token(0, "12345678"))
    await world.tokens.create(ADMIN, Token(0, "0305419896"))  # may be 12345678 in hexadecimal, or not
    assert (await world.tokens.look_up(ADMIN, "12345678")).id_token == "12345678"
    for text in ("9999", "78563412"):
        with pytest.raises(NotFound):
            await world.tokens.look_up(ADMIN, text)


async def test_where_and_when_a_tag_is_valid_must_make_sense() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    made = await world.tokens.create(ADMIN, Token(0, "A", valid_station_ids=(number, number), valid_place_ids=(1,)))
    assert made.valid_station_ids == (number,)
    found = await world.tokens.page(ADMIN, TokenFilter(station_id=number), size=5)
    assert [token.id_token for token in found.tokens] == ["A"]
    for token in (Token(0, "B", valid_station_ids=(99,)), Token(0, "B", valid_place_ids=(99,))):
        with pytest.raises(NotFound):
            await world.tokens.create(ADMIN, token)
    for token in (
        Token(0, "B", valid_from=NOW, expires_at=NOW),
        Token(0, "B", valid_station_ids=tuple(range(1, 1002))),
    ):
        with pytest.raises(InvalidArgument):
            await world.tokens.create(ADMIN, token)


@pytest.mark.feature("F-TAG-1")
async def test_an_import_names_every_bad_row_and_does_all_or_nothing() -> None:
    world = ServiceWorld()
    await a_driver(world)
    await world.tokens.create(ADMIN, Token(0, "04A2B3C4"))
    good = [ImportRow(Token(0, "x1", alias="X"), "ANN@example.org"), ImportRow(Token(0, "", kind=TagKind.VIRTUAL))]
    bad = [
        ImportRow(Token(0, "")),
        ImportRow(Token(0, "X1")),
        ImportRow(Token(0, "0077771716")),
        ImportRow(Token(0, "x2"), "nobody@example.org"),
        ImportRow(Token(0, "04a2b3c4")),
        ImportRow(Token(0, "x3", valid_station_ids=(99,))),
    ]
    for dry_run in (True, False):
        report = await world.tokens.import_rows(ADMIN, [*good, *bad], dry_run=dry_run)
        assert report.imported == 0
        assert [(error.row, error.reason) for error in report.errors] == [
            (2, "INVALID_ID_TOKEN"),
            (3, "DUPLICATE_ROW"),
            (4, "SAME_CARD"),
            (5, "USER_NOT_FOUND"),
            (6, "ID_TOKEN_TAKEN"),
            (7, "STATION_NOT_FOUND"),
        ]
    assert (await world.tokens.page(ADMIN, TokenFilter(), size=9)).total == 1
    assert (await world.tokens.import_rows(ADMIN, good, dry_run=True)).imported == 0
    assert (await world.tokens.import_rows(ADMIN, good, dry_run=False)).imported == 2
    assert world.index.decide("X1", NOW).status is ACCEPTED
    with pytest.raises(InvalidArgument):
        await world.tokens.import_rows(ADMIN, good * 2501, dry_run=True)
