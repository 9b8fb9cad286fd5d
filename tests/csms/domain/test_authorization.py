"""The decision on a tag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from csms.domain.authorization import Token, canonical, decide, decide_typed, judged_at, not_now
from csms.domain.facts import AuthorizationStatus, IdTokenInfo

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PAST, FUTURE = NOW - timedelta(days=1), NOW + timedelta(days=1)


@pytest.mark.feature("F-TAG-3")
@pytest.mark.parametrize(
    ("token", "in_use", "expected"),
    [
        (None, False, AuthorizationStatus.INVALID),
        (Token(1, "A"), False, AuthorizationStatus.ACCEPTED),
        (Token(1, "A", blocked=True, expires_at=PAST), True, AuthorizationStatus.BLOCKED),
        (Token(1, "A", expires_at=PAST), True, AuthorizationStatus.EXPIRED),
        (Token(1, "A", expires_at=NOW), False, AuthorizationStatus.EXPIRED),
        (Token(1, "A", expires_at=FUTURE), False, AuthorizationStatus.ACCEPTED),
        (Token(1, "A"), True, AuthorizationStatus.CONCURRENT_TX),
        (Token(1, "A", allow_concurrent=True), True, AuthorizationStatus.ACCEPTED),
    ],
)
def test_decisions(token: Token | None, in_use: bool, expected: AuthorizationStatus) -> None:
    assert decide(token, NOW, in_use_elsewhere=in_use).status is expected


def test_the_parent_and_the_expiry_are_told() -> None:
    info = decide(Token(1, "A", expires_at=FUTURE, parent_id_token="P"), NOW)
    assert (info.expires_at, info.parent_id_token) == (FUTURE, "P")


@pytest.mark.feature("F-OCPP-4")
@pytest.mark.parametrize(
    ("known", "kind", "ours", "expected"),
    [
        (AuthorizationStatus.INVALID, "ISO14443", False, AuthorizationStatus.INVALID),
        (AuthorizationStatus.INVALID, "NoAuthorization", False, AuthorizationStatus.ACCEPTED),
        (AuthorizationStatus.INVALID, "Local", False, AuthorizationStatus.ACCEPTED),
        (AuthorizationStatus.BLOCKED, "Local", False, AuthorizationStatus.BLOCKED),
        (AuthorizationStatus.INVALID, "Central", False, AuthorizationStatus.INVALID),
        (AuthorizationStatus.INVALID, "Central", True, AuthorizationStatus.ACCEPTED),
        (AuthorizationStatus.BLOCKED, "ISO14443", True, AuthorizationStatus.ACCEPTED),
    ],
)
def test_types_of_tokens_that_cannot_be_known(
    known: AuthorizationStatus, kind: str, ours: bool, expected: AuthorizationStatus
) -> None:
    info = decide_typed(lambda _token, _session: IdTokenInfo(known, FUTURE, "FAMILY"), "X", kind, 5, ours=ours)
    assert info.status is expected
    if ours:
        assert info.parent_id_token == "FAMILY"


def test_tags_are_compared_in_one_spelling() -> None:
    assert (canonical(None), canonical(" a1 "), canonical("x" * 40)) == ("", "A1", "X" * 40)


def test_a_start_is_judged_by_our_clock_but_for_what_waited_in_a_queue() -> None:
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    for minutes in (-4, 0, 4):
        assert judged_at(now + timedelta(minutes=minutes), now) == now
    long_ago = now - timedelta(hours=3)
    assert judged_at(long_ago, now) == long_ago


def test_a_reserved_outlet_refuses_good_tags_and_tells_what_is_wrong_with_bad_ones() -> None:
    good, bad = IdTokenInfo(AuthorizationStatus.ACCEPTED), IdTokenInfo(AuthorizationStatus.BLOCKED)
    assert not_now(good).status is AuthorizationStatus.NOT_AT_THIS_TIME
    assert not_now(bad) is bad
