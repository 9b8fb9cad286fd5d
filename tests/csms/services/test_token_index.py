"""Who may charge where, from memory."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
import trio

from csms.domain.authorization import Token
from csms.domain.facts import AuthorizationStatus as Status
from csms.domain.reservation import Reservation, ReservationState
from csms.ports.outlets import OpenOutlets
from csms.ports.tokens import TokenChanges
from csms.services.token_index import MemoryTokenIndex
from tests.kit.service_world import NOW

CARD = "04A2B3C4"
PRINTED, PRINTED_REVERSED = "0077771716", "3300106756"


@pytest.mark.feature("F-TAG-1", "F-TAG-3")
@pytest.mark.parametrize("kept", [CARD, "C4B3A204", PRINTED, PRINTED_REVERSED, "77771716"])
def test_a_card_is_known_in_whatever_form_it_was_typed_in(kept: str) -> None:
    index = MemoryTokenIndex([Token(1, kept)])
    for sent in (CARD, CARD.lower(), "C4B3A204", PRINTED, PRINTED_REVERSED):
        assert index.decide(sent, NOW).status is Status.ACCEPTED, sent
    assert index.decide("04A2B3C5", NOW).status is Status.INVALID


def test_a_number_that_several_tags_may_mean_is_nobodys() -> None:
    index = MemoryTokenIndex([Token(1, PRINTED), Token(2, PRINTED_REVERSED, blocked=True)])
    assert index.decide(CARD, NOW).status is Status.INVALID
    assert index.decide(PRINTED, NOW).status is Status.ACCEPTED
    assert {token.id for token in index.same_card(CARD)} == {1, 2}
    index.remove(Token(2, PRINTED_REVERSED))
    assert index.decide(CARD, NOW).status is Status.ACCEPTED
    index.remove(Token(1, PRINTED))
    assert index.decide(CARD, NOW).status is Status.INVALID


def test_a_card_is_in_use_in_all_its_spellings() -> None:
    index = MemoryTokenIndex([Token(1, PRINTED)])
    index.session_opened(CARD, 7)
    assert index.decide("C4B3A204", NOW, starting=8).status is Status.CONCURRENT_TX
    assert index.decide(CARD, NOW, starting=7).status is Status.ACCEPTED
    index.remove(Token(1, PRINTED))
    index.session_ended(CARD, 7)
    index.put(Token(1, PRINTED))
    assert index.decide(CARD, NOW, starting=8).status is Status.ACCEPTED


@pytest.mark.feature("F-TAG-3")
def test_a_tag_counts_only_where_it_is_valid() -> None:
    tags = [Token(1, "A", valid_station_ids=(10,)), Token(2, "B", valid_place_ids=(5,)), Token(3, "C")]
    index = MemoryTokenIndex(tags)
    index.set_open(OpenOutlets(), {10: frozenset({1, 4}), 11: frozenset({1, 5, 6})})

    def may(tag: str, station_id: int | None) -> bool:
        return index.decide(tag, NOW, station_id=station_id).status is Status.ACCEPTED

    assert [may("A", 10), may("A", 11), may("A", 12), may("A", None)] == [True, False, False, True]
    assert [may("B", 10), may("B", 11), may("B", 12)] == [False, True, False]
    assert [may("C", 10), may("C", 12)] == [True, True]
    assert index.decide("A", NOW, station_id=11).status is Status.NOT_AT_THIS_LOCATION


@pytest.mark.feature("F-TAG-3")
def test_reasons_come_in_their_order() -> None:
    soon, past = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
    index = MemoryTokenIndex(
        [
            Token(1, "EARLY", valid_from=soon),
            Token(2, "LATE", valid_from=past - timedelta(1), expires_at=past),
            Token(3, "LOCKED", user_id=1, user_blocked=True, expires_at=past),
            Token(4, "SPENT", user_id=2),
            Token(5, "FLEET1", parent_id_token="FLEET"),
        ]
    )
    index.set_spent(frozenset({2}), frozenset({"FLEET"}))
    told = {tag: index.decide(tag, NOW).status for tag in ("EARLY", "LATE", "LOCKED", "SPENT", "FLEET1")}
    assert told == {
        "EARLY": Status.NOT_AT_THIS_TIME,
        "LATE": Status.EXPIRED,
        "LOCKED": Status.BLOCKED,
        "SPENT": Status.NO_CREDIT,
        "FLEET1": Status.NO_CREDIT,
    }


def test_who_has_charged_all_they_may_can_still_stop() -> None:
    index = MemoryTokenIndex([Token(1, "A", user_id=2)])
    index.session_opened("A", 7)
    index.set_spent(frozenset({2}), frozenset())
    assert index.decide("A", NOW).status is Status.ACCEPTED
    assert index.decide("A", NOW, starting=7).status is Status.ACCEPTED
    assert index.decide("A", NOW, starting=8).status is Status.NO_CREDIT
    index.session_ended("A", 7)
    assert index.decide("A", NOW).status is Status.NO_CREDIT


@pytest.mark.feature("F-STA-10", "F-TAG-3")
def test_anyone_may_where_the_station_or_the_outlet_is_open() -> None:
    index = MemoryTokenIndex()
    index.set_open(OpenOutlets(frozenset({10}), frozenset({(11, 2, 1)})), {})
    assert index.anyone_may(10, None, None)
    assert index.anyone_may(10, 7, 7)
    assert [index.anyone_may(11, *where) for where in ((None, None), (2, None), (2, 1))] == [True, True, True]
    assert [index.anyone_may(11, *where) for where in ((1, None), (1, 1), (2, 2))] == [False, False, False]
    assert not index.anyone_may(12, None, None)


@pytest.mark.feature("F-TAG-3")
def test_a_decision_asks_nobody_and_takes_far_less_than_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_way(*_: object) -> None:
        raise AssertionError("a decision went outside")

    index = MemoryTokenIndex(
        Token(number, f"{number * 2654435761 % 2**32:08X}", valid_place_ids=(5,)) for number in range(1, 20_000)
    )
    index.set_open(OpenOutlets(), {number: frozenset({1, 5}) for number in range(2_000)})
    monkeypatch.setattr(socket.socket, "send", no_way)
    monkeypatch.setattr("builtins.open", no_way)
    asked = [f"{int(f'{number * 2654435761 % 2**32:08X}', 16):010d}" for number in range(1, 20_000, 10)]
    begin = time.process_time()
    for number, text in enumerate(asked):
        index.anyone_may(number, 1, 1)
        index.decide(text, NOW, starting=1, station_id=number)
    assert (time.process_time() - begin) / len(asked) < 0.0005


@pytest.mark.feature("F-RES-1")
def test_a_reserved_outlet_is_kept_from_others_while_it_is_reserved() -> None:
    index = MemoryTokenIndex([Token(1, CARD)])
    later = NOW + timedelta(hours=1)
    fields = (ReservationState.ACTIVE, CARD, NOW, later, NOW, NOW)
    index.reserve([Reservation(1, 7, *fields, evse_id=2, group_id_token="FAMILY")])
    assert index.kept_from(7, 2, "OTHER", None, NOW)
    assert index.kept_from(7, 2, "OTHER", "STRANGERS", NOW)
    assert not index.kept_from(7, 2, CARD, None, NOW)
    assert not index.kept_from(7, 2, PRINTED, None, NOW), "the same card, as it is printed"
    assert not index.kept_from(7, 2, "OTHER", "FAMILY", NOW)
    assert not index.kept_from(7, 1, "OTHER", None, NOW)
    assert not index.kept_from(8, 2, "OTHER", None, NOW)
    assert not index.kept_from(7, 2, "OTHER", None, later)
    index.reserve([])
    assert not index.kept_from(7, 2, "OTHER", None, NOW)


class Shelf:
    """A TokenStore that says what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[datetime | None] = []
        self.answers: list[TokenChanges] = []
        self.meanwhile: Callable[[], None] = lambda: None

    async def load_changed(self, since: datetime | None) -> TokenChanges:
        await trio.lowlevel.checkpoint()
        self.asked.append(since)
        self.meanwhile()
        self.meanwhile = lambda: None
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_what_other_processes_changed_is_read_and_no_more_than_that(autojump_clock: object) -> None:
    shelf, index = Shelf(), MemoryTokenIndex()
    later = NOW + timedelta(minutes=1)
    shelf.answers = [
        TokenChanges(NOW, (Token(1, "A"), Token(2, "B"), Token(3, "C"))),
        TokenChanges(later, (Token(1, "A", blocked=True), Token(4, "C")), ("B", "C", "unheard of")),
    ]
    await index.catch_up(shelf)  # type: ignore[arg-type]
    assert len(index) == 3
    await index.catch_up(shelf)  # type: ignore[arg-type]
    assert shelf.asked == [None, NOW]
    assert index.decide("A", NOW).status is Status.BLOCKED
    assert index.find("B") is None
    assert index.find("C") == Token(4, "C")  # deleted, and made anew
    shelf.answers = [TokenChanges(later, ())]
    shelf.meanwhile = lambda: index.put(Token(5, "D"))  # while it was read
    await index.catch_up(shelf)  # type: ignore[arg-type]
    assert shelf.asked[2:] == [later, later]
    assert index.find("D") == Token(5, "D")


async def test_now_and_then_all_is_read_whatever_was_noted(autojump_clock: object) -> None:
    shelf, index = Shelf(), MemoryTokenIndex([Token(1, "A")])
    shelf.answers = [TokenChanges(NOW, ())]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(index.catch_up_for_ever, shelf, every=60))  # type: ignore[arg-type]
        await trio.sleep(2.5 * 3600)
        nursery.cancel_scope.cancel()
    assert index.find("A") is None
    assert 2 <= sum(each is None for each in shelf.asked[1:]) <= 3
    assert len(shelf.asked) >= 149
