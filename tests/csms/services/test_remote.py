"""Commands: whom they reach, and what is said when there is no answer."""

from __future__ import annotations

import pytest

from csms.domain.commands import Answer, Outcome, RequestStopTransaction, ResetType, SetVariable
from csms.domain.errors import (
    DomainError,
    Exhausted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    NotSupported,
    PermissionDenied,
    Unavailable,
)
from csms.ports.directory import Settled
from csms.services.remote import MAX_VARIABLES, Target, _failure
from tests.kit.service_world import STRANGER, SUPPORT, ServiceWorld


async def test_a_session_knows_its_station_and_the_station_s_word_for_it() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    world.add_session(7, number).transaction_id = "tx-7"
    await world.remote.request_stop_transaction(SUPPORT, None, 7, timeout_s=12.0)
    assert world.directory.sent == [(number, RequestStopTransaction("tx-7"), 12.0, False)]


async def test_a_session_that_is_over_gone_or_elsewhere_is_not_stopped() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    world.add_session(1, number, ended=True)
    world.add_session(2, number)
    world.add_session(3, 99)
    for session, target, kind, reason in (
        (1, None, FailedPrecondition, "SESSION_ENDED"),
        (2, Target(99), InvalidArgument, "STATION_MISMATCH"),
        (3, None, FailedPrecondition, "STATION_DELETED"),
        (4, None, NotFound, "SESSION_NOT_FOUND"),
    ):
        with pytest.raises(kind) as raised:
            await world.remote.request_stop_transaction(SUPPORT, target, session)
        assert raised.value.reason == reason
    assert world.directory.sent == []


async def test_offline_and_unknown_are_told_apart() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1", online=False)
    with pytest.raises(FailedPrecondition):
        await world.remote.clear_cache(SUPPORT, Target(number))
    with pytest.raises(NotFound):
        await world.remote.clear_cache(SUPPORT, Target(99))


async def test_a_first_variable_without_an_answer_is_an_error() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1", online=False)
    with pytest.raises(FailedPrecondition):
        await world.remote.set_variables(SUPPORT, Target(number), [SetVariable("A", "1")])
    too_many = [SetVariable("A", "1")] * (MAX_VARIABLES + 1)
    with pytest.raises(InvalidArgument):
        await world.remote.set_variables(SUPPORT, Target(number), too_many)


async def test_a_rejected_variable_does_not_stop_the_next() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Rejected", accepted=False), 0.1))
    wanted = [SetVariable("A", "1"), SetVariable("B", "2")]
    outcomes = await world.remote.set_variables(SUPPORT, Target(number), wanted)
    assert [o.outcome.answer.status for o in outcomes if o.outcome] == ["Rejected", "Accepted"]


async def test_a_driver_sends_nothing() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    with pytest.raises(PermissionDenied):
        await world.remote.reset(STRANGER, Target(number), ResetType.ON_IDLE)
    assert world.directory.sent == []


async def test_an_evse_below_zero_is_a_mistake() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    with pytest.raises(InvalidArgument):
        await world.remote.request_start_transaction(SUPPORT, Target(number), "TAG", -1)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("NOT_SUPPORTED", NotSupported),
        ("STATION_DELETED", NotFound),
        ("STATION_DOWN", Unavailable),
        ("INTERNAL_ERROR", Unavailable),
        ("VALUE_TOO_LONG", InvalidArgument),
        ("MAILBOX_FULL", Exhausted),
        ("DRAINING", Unavailable),
    ],
)
def test_every_reason_of_a_refusal_has_its_own_error(reason: str, kind: type[DomainError]) -> None:
    error = _failure(Settled(Outcome.REFUSED, reason=reason))
    assert type(error) is kind
    assert "nothing was sent" in error.message.lower()
