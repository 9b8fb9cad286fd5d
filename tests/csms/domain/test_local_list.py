"""Lists, their differences, and the messages that carry them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from csms.domain.authorization import Token
from csms.domain.facts import AuthorizationStatus
from csms.domain.local_list import (
    MAX_VERSION,
    LocalListEntry,
    SendLocalList,
    applied,
    differences,
    entries_of,
    fits,
    trimmed,
    updates,
)

NOW = datetime(2026, 5, 4, tzinfo=UTC)
ACCEPTED, BLOCKED = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED


def entry(tag: str, status: AuthorizationStatus = ACCEPTED) -> LocalListEntry:
    return LocalListEntry(tag, status)


LISTS = st.dictionaries(st.sampled_from("ABCDEFGH"), st.sampled_from([ACCEPTED, BLOCKED])).map(
    lambda found: tuple(entry(tag, found[tag]) for tag in sorted(found))
)


def test_tags_become_entries_with_todays_decision() -> None:
    tokens = [
        Token(3, "C", blocked=True),
        Token(1, "A", parent_id_token="P"),
        Token(2, "B", expires_at=NOW - timedelta(days=1)),
    ]
    assert entries_of(tokens, NOW) == (
        LocalListEntry("A", ACCEPTED, None, "P"),
        LocalListEntry("B", AuthorizationStatus.EXPIRED, NOW - timedelta(days=1)),
        LocalListEntry("C", BLOCKED),
    )


@given(LISTS, LISTS, st.booleans(), st.integers(1, 3), st.integers(0, 100))
def test_whatever_a_station_held_it_holds_the_list_in_the_end(
    held: tuple[LocalListEntry, ...],
    wanted: tuple[LocalListEntry, ...],
    full: bool,
    per_message: int,
    above: int,
) -> None:
    carried = wanted if full else differences(held, wanted)
    version = above
    for update in updates(carried, full=full, above=above, per_message=per_message):
        assert len(update.entries) <= per_message
        assert update.version == version + 1
        version = update.version
        held = applied(held, update)
    assert held == wanted


def test_a_tag_that_is_gone_is_taken_out_and_one_that_changed_is_sent_again() -> None:
    held = (entry("A"), entry("B"), entry("C"))
    assert differences(held, (entry("A"), entry("B", BLOCKED))) == (entry("B", BLOCKED), LocalListEntry("C"))
    assert differences(held, held) == ()


def test_an_empty_list_is_one_message() -> None:
    assert updates((), full=True, above=4, per_message=10) == (SendLocalList(5, True),)


def test_versions_stay_within_31_bits() -> None:
    assert fits(MAX_VERSION - 1, 1)
    assert not fits(MAX_VERSION - 1, 2)
    two = (entry("A"), entry("B"))
    assert [u.version for u in updates(two, full=True, above=MAX_VERSION - 1, per_message=1)] == [1, 2]


def test_what_cannot_be_held_is_left_out_the_useless_first() -> None:
    entries = (entry("A"), entry("B", BLOCKED), entry("X" * 21))
    assert trimmed(entries, limit=None, longest=20) == ((entry("A"), entry("B", BLOCKED)), ("X" * 21,))
    assert trimmed(entries, limit=2, longest=None) == ((entry("A"), entry("X" * 21)), ("B",))
    assert trimmed(entries, limit=3, longest=None) == (entries, ())
