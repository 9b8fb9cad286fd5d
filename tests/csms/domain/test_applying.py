"""Charging where anyone may: whatever tag is shown, the start is accepted and the session is nobody's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from csms.domain.applying import Applied, Context
from csms.domain.authorization import Token, decide
from csms.domain.facts import (
    AuthorizationAsked,
    AuthorizationReply,
    AuthorizationStatus,
    Fact,
    IdTokenInfo,
    RegistrationStatus,
    TransactionEventSeen,
    TransactionEventType,
    TransactionReply,
)
from csms.domain.records import SessionRecord
from csms.domain.station import StationState
from csms.domain.transaction import Authentication, Flag, Transaction

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCEPTED, BLOCKED, INVALID = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED, AuthorizationStatus.INVALID


class World:
    """A station whose connector (2, 1) is open to anyone, and (1, 1) is not."""

    def __init__(self) -> None:
        self.state = StationState(1, "CP-1", RegistrationStatus.ACCEPTED)
        self.ids = count(100)
        self.tokens = {"AA": Token(1, "AA", parent_id_token="P"), "BAD": Token(2, "BAD", blocked=True)}

    def authorize(self, token: str, starting: int | None) -> IdTokenInfo:
        return decide(self.tokens.get(token.upper()), T0)

    def anyone_may(self, evse_id: int | None, connector_id: int | None) -> bool:
        return evse_id in (None, 2) and connector_id in (None, 1)

    def tell(self, fact: Fact) -> Applied:
        new_id: Callable[[], int] = lambda: next(self.ids)  # noqa: E731
        return self.state.apply(fact, Context(T0, self.authorize, new_id, anyone_may=self.anyone_may))

    def start(self, evse_id: int, token: str | None, **more: object) -> tuple[Transaction, IdTokenInfo | None]:
        fact = TransactionEventSeen(
            TransactionEventType.STARTED,
            T0 + timedelta(seconds=next(self.ids)),
            evse_id=evse_id,
            connector_id=1,
            id_token=token,
            meter_wh=1.0,
            **more,  # type: ignore[arg-type]
        )
        applied = self.tell(fact)
        assert isinstance(applied.reply, TransactionReply)
        return [r.transaction for r in applied.records if isinstance(r, SessionRecord)][-1], applied.reply.info


@pytest.mark.feature("F-STA-10", "F-TAG-3")
@pytest.mark.parametrize("token", ["AA", "BAD", "STRANGER"])
@pytest.mark.parametrize("more", [{}, {"transaction_id": "T1", "seq_no": 0, "token_type": "ISO14443"}])
def test_whatever_tag_is_shown_at_an_open_outlet_the_session_is_anonymous(token: str, more: dict[str, object]) -> None:
    session, info = World().start(2, token, **more)
    assert info is not None
    assert info.status is ACCEPTED
    assert session.authentication is Authentication.ANONYMOUS
    assert session.id_token == token
    assert Flag.NOT_AUTHORIZED not in session.flags
    assert info.parent_id_token == ("P" if token == "AA" else None)


@pytest.mark.parametrize("more", [{}, {"transaction_id": "T1", "seq_no": 0, "token_type": "ISO14443"}])
def test_the_outlet_beside_it_asks_for_a_good_tag(more: dict[str, object]) -> None:
    world = World()
    session, info = world.start(1, "BAD", **more)
    assert info is not None
    assert (info.status, session.authentication) == (BLOCKED, Authentication.RFID)
    assert Flag.NOT_AUTHORIZED in session.flags


@pytest.mark.parametrize("more", [{}, {"transaction_id": "T1", "seq_no": 0}])
def test_no_tag_at_all_is_good_enough(more: dict[str, object]) -> None:
    session, _ = World().start(2, None, **more)
    assert session.authentication is Authentication.ANONYMOUS


@pytest.mark.feature("F-TAG-3")
def test_asked_before_the_outlet_is_known_the_most_lenient_one_counts() -> None:
    world = World()

    def asked(token: str) -> AuthorizationStatus:
        reply = world.tell(AuthorizationAsked(token)).reply
        assert isinstance(reply, AuthorizationReply)
        return reply.info.status

    assert [asked("AA"), asked("BAD"), asked("STRANGER")] == [ACCEPTED] * 3
    world.anyone_may = lambda *_: False  # type: ignore[method-assign]
    assert [asked("AA"), asked("BAD"), asked("STRANGER")] == [ACCEPTED, BLOCKED, INVALID]
