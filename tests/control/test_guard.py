"""What is remembered of a request id, and what is not."""

from __future__ import annotations

import pytest
import trio
from google.protobuf.message import Message

from control.guard import Call, Guard, request_id_of
from control.v1 import remote_pb2, stations_pb2
from csms.domain.errors import (
    DeadlineExceeded,
    DomainError,
    FailedPrecondition,
    InvalidArgument,
    Unauthenticated,
    Unavailable,
)
from tests.kit.fake_stores import FakeRequests
from tests.kit.service_world import ADMIN, ServiceWorld

METHOD = "/control.v1.StationService/CreateStation"
SECRET = "/control.v1.StationService/SetStationPassword"


class Work:
    """Counts how often it is done; raises `error` or waits when told."""

    def __init__(self, error: Exception | None = None, *, hang: bool = False) -> None:
        self.error, self.hang, self.done = error, hang, 0

    async def __call__(self) -> bytes:
        self.done += 1
        await trio.lowlevel.checkpoint()
        if self.hang:
            await trio.sleep_forever()
        if self.error is not None:
            raise self.error
        return b"answer"


def a_guard(memory: FakeRequests | None = None) -> Guard:
    return Guard(ServiceWorld().access, memory or FakeRequests())


def a_call(method: str = METHOD, deadline: float | None = None) -> Call:
    return Call(method, caller=ADMIN, deadline=deadline)


def a_request(request_id: str = "r") -> Message:
    return stations_pb2.CreateStationRequest(request_id=request_id)


async def test_without_a_request_id_nothing_is_remembered() -> None:
    guard, work = a_guard(), Work()
    for _ in range(2):
        assert await guard.answer(a_call(), a_request(""), work) == b"answer"
    assert work.done == 2


async def test_a_repeat_gets_the_same_bytes_and_is_marked() -> None:
    guard, work, repeat = a_guard(), Work(), a_call()
    await guard.answer(a_call(), a_request(), work)
    assert await guard.answer(repeat, a_request(), work) == b"answer"
    assert (work.done, repeat.repeated) == (1, True)


@pytest.mark.parametrize("error", [InvalidArgument("No."), Unavailable("Later."), FailedPrecondition("Not now.")])
async def test_what_did_not_happen_may_be_asked_again(error: DomainError) -> None:
    guard = a_guard()
    with pytest.raises(type(error)):
        await guard.answer(a_call(), a_request(), Work(error))
    assert await guard.answer(a_call(), a_request(), Work()) == b"answer"


async def test_what_may_have_happened_is_answered_the_same_and_not_done_again() -> None:
    guard, again = a_guard(), Work()
    silence = DeadlineExceeded("Silence.", reason="NO_ANSWER", station="7")
    with pytest.raises(DeadlineExceeded):
        await guard.answer(a_call(), a_request(), Work(silence))
    with pytest.raises(DeadlineExceeded) as raised:
        await guard.answer(a_call(), a_request(), again)
    assert (raised.value.reason, raised.value.details, again.done) == ("NO_ANSWER", {"station": "7"}, 0)


@pytest.mark.parametrize("how", ["bug", "cancelled"])
async def test_a_bug_or_a_caller_that_left_is_never_repeated(how: str, autojump_clock: trio.testing.MockClock) -> None:
    guard, again = a_guard(), Work()
    if how == "bug":
        with pytest.raises(ZeroDivisionError):
            await guard.answer(a_call(), a_request(), Work(ZeroDivisionError()))
    else:
        with trio.move_on_after(1):
            await guard.answer(a_call(), a_request(), Work(hang=True))
    with pytest.raises(DeadlineExceeded) as raised:
        await guard.answer(a_call(), a_request(), again)
    assert (raised.value.reason, again.done) == ("OUTCOME_UNKNOWN", 0)


async def test_a_deadline_ends_the_work(autojump_clock: trio.testing.MockClock) -> None:
    call = a_call(deadline=trio.current_time() + 2)
    with pytest.raises(DeadlineExceeded):
        await a_guard().answer(call, a_request(""), Work(hang=True))
    assert call.remaining() == 0.0


async def test_a_secret_is_kept_in_memory_for_a_while_and_nowhere_else(
    autojump_clock: trio.testing.MockClock,
) -> None:
    memory = FakeRequests()
    guard, work = a_guard(memory), Work()
    await guard.answer(a_call(SECRET), a_request(), work)
    assert await guard.answer(a_call(SECRET), a_request(), work) == b"answer"
    assert all(b"answer" not in (answer or b"") for _, answer in memory._known.values())
    await trio.sleep(601)
    with pytest.raises(FailedPrecondition) as raised:
        await guard.answer(a_call(SECRET), a_request(), work)
    assert (raised.value.reason, work.done) == ("ANSWER_NOT_KEPT", 1)


async def test_a_memory_that_fails_does_not_turn_a_success_into_a_failure() -> None:
    class Away(FakeRequests):
        async def finish(self, caller: str, method: str, request_id: str, answer: bytes) -> None:
            raise Unavailable("The database is away.")

        async def forget(self, caller: str, method: str, request_id: str) -> None:
            raise Unavailable("The database is away.")

    guard = a_guard(Away())
    assert await guard.answer(a_call(), a_request("1"), Work()) == b"answer"
    with pytest.raises(InvalidArgument):
        await guard.answer(a_call(), a_request("2"), Work(InvalidArgument("No.")))


@pytest.mark.parametrize("request_id", ["x" * 101, "line\nbreak"])
async def test_a_request_id_is_short_and_printable(request_id: str) -> None:
    with pytest.raises(InvalidArgument):
        await a_guard().answer(a_call(), a_request(request_id), Work())


def test_the_request_id_is_found_where_the_request_has_it() -> None:
    target = remote_pb2.CommandTarget(request_id="inside")
    assert request_id_of(a_request("top")) == "top"
    assert request_id_of(remote_pb2.ResetRequest(target=target)) == "inside"
    assert request_id_of(stations_pb2.GetStationRequest()) == ""


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic eHg6eQ==", b"\xff\xfe"])
async def test_a_header_that_is_none_is_refused(header: str | bytes) -> None:
    with pytest.raises(Unauthenticated):
        await a_guard().admit(a_call(), {"authorization": header}, None)
