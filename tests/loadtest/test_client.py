"""The OCPP-J client of the load tester."""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from loadtest.client import (
    Address,
    Answer,
    CallRefused,
    CallTimeout,
    ConnectFailed,
    Json,
    LinkLost,
    OcppClient,
    OnCall,
    Refusal,
    connect,
)
from loadtest.tally import Tally
from tests.kit.fake_csms import FakeCsms


def obey(action: str, payload: Json) -> Answer:
    if action == "Strange":
        raise Refusal("NotImplemented", "never heard of it")
    return Answer({"status": "Accepted"})


@asynccontextmanager
async def connected(
    csms: FakeCsms, tally: Tally, *, password: str | None = None, on_call: OnCall = obey, call_timeout: float = 30
) -> AsyncIterator[OcppClient]:
    address = Address("csms:9000", "/ocpp/LT-1", "LT-1", password)
    ids = (str(number) for number in itertools.count(1))
    async with connect(
        csms.dial, address, on_call=on_call, tally=tally, message_ids=ids, call_timeout=call_timeout
    ) as client:
        yield client


async def test_call_and_answer_with_basic_auth(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    async with connected(csms, tally, password="s:ecret") as client:
        assert (await client.call("BootNotification", {}))["status"] == "Accepted"
    assert csms.paths == ["/ocpp/LT-1"]
    assert csms.headers[0]["authorization"] == "Basic " + base64.b64encode(b"LT-1:s:ecret").decode()
    assert tally.connects.count == 1
    assert tally.answered_total == 1


async def test_no_password_no_authorization_header(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    async with connected(csms, Tally(0)):
        pass
    assert "authorization" not in csms.headers[0]


async def test_a_slow_answer_makes_the_waiting_calls_late_too(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """No coordinated omission: a call that queued behind a slow one counts from when it was wanted."""
    csms, tally = FakeCsms(nursery), Tally(trio.current_time())
    csms.delays["Authorize"] = 2.0
    async with connected(csms, tally) as client, trio.open_nursery() as calls:
        calls.start_soon(client.call, "Authorize", {})
        await trio.testing.wait_all_tasks_blocked()
        calls.start_soon(client.call, "Heartbeat", {})
    heartbeat = tally.actions["Heartbeat"]
    assert heartbeat.service.highest < 100
    assert heartbeat.latency.highest == pytest.approx(2000, rel=0.01)


async def test_intended_time_in_the_past_counts(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    async with connected(csms, tally) as client:
        await client.call("Heartbeat", {}, intended=trio.current_time() - 7)
    assert tally.actions["Heartbeat"].latency.highest == pytest.approx(7000, rel=0.01)


async def test_only_one_call_in_flight(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms = FakeCsms(nursery)
    csms.delays["Heartbeat"] = 1.0
    async with connected(csms, Tally(0)) as client, trio.open_nursery() as calls:
        for _ in range(3):
            calls.start_soon(client.call, "Heartbeat", {})
    times = [call.at for call in csms.received]
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([1.0, 1.0])


async def test_lost_answer_times_out(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    csms.lost_answers["Heartbeat"] = 1
    async with connected(csms, tally, call_timeout=5) as client:
        with pytest.raises(CallTimeout):
            await client.call("Heartbeat", {})
        assert await client.call("Heartbeat", {})
    assert tally.errors == {"time-out of Heartbeat": 1}
    assert tally.actions["Heartbeat"].service.count == 1


async def test_late_answer_is_not_taken_for_the_next_one(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    csms.delays["Authorize"] = 6.0
    async with connected(csms, tally, call_timeout=5) as client:
        with pytest.raises(CallTimeout):
            await client.call("Authorize", {})
        assert "currentTime" in await client.call("Heartbeat", {})
    assert tally.errors["answer that nobody waits for"] == 1


async def test_doubled_answer_and_nonsense_are_counted(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    csms.doubled_answers["Heartbeat"] = 1
    async with connected(csms, tally) as client:
        await client.call("Heartbeat", {})
        for nonsense in ("{", "[]", "[7]", '[2,"x"]', "42", '[3,"a",null]'):
            await csms.send_raw("LT-1", nonsense)
        await client.call("Heartbeat", {})
    assert tally.errors == {"answer that nobody waits for": 1, "frame of the server that is not OCPP-J": 6}


async def test_callerror_says_its_code(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    csms.refusals["Authorize"] = 1
    async with connected(csms, tally) as client:
        with pytest.raises(CallRefused) as caught:
            await client.call("Authorize", {})
    assert caught.value.code == "InternalError"
    assert tally.errors == {"CALLERROR InternalError to Authorize": 1}


async def test_server_calls_are_answered_before_their_consequences(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    order: list[str] = []

    def on_call(action: str, payload: Json) -> Answer:
        order.append("asked")
        return Answer({"status": "Accepted"}, lambda: order.append("then"))

    async with connected(csms, Tally(0), on_call=on_call) as client:
        await client.call("Heartbeat", {})
        frame = await csms.command("LT-1", "ClearCache", {})
        await trio.testing.wait_all_tasks_blocked()
    assert frame[0] == 3
    assert frame[2] == {"status": "Accepted"}
    assert order == ["asked", "then"]


async def test_refusal_becomes_a_callerror(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms = FakeCsms(nursery)
    async with connected(csms, Tally(0)) as client:
        await client.call("Heartbeat", {})
        frame = await csms.command("LT-1", "Strange", {})
    assert frame[0] == 4
    assert frame[2] == "NotImplemented"


async def test_cable_cut_while_waiting(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    csms.delays["Heartbeat"] = 60
    async with connected(csms, tally, call_timeout=100) as client:

        async def cut() -> None:
            await trio.sleep(1)
            csms.cut()

        nursery.start_soon(cut)
        with pytest.raises(LinkLost):
            await client.call("Heartbeat", {})
        assert client.closed.is_set()
        with pytest.raises(LinkLost):
            await client.call("Heartbeat", {})
    assert trio.current_time() == pytest.approx(1, abs=0.1)


async def test_failure_inside_comes_out_bare(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms = FakeCsms(nursery)
    csms.lost_answers["BootNotification"] = 1
    with pytest.raises(CallTimeout):
        async with connected(csms, Tally(0), call_timeout=1) as client:
            await client.call("BootNotification", {})


@pytest.mark.parametrize(
    ("mishap", "kind"),
    [
        ({"unreachable": True}, "connect: ConnectionRefusedError"),
        ({"reject_with": 401}, "handshake: HTTP 401"),
        ({"hang_up_in_handshake": True}, "handshake: closed by the server"),
        ({"subprotocol": None}, "handshake: no subprotocol"),
    ],
)
async def test_no_connection_is_told_by_its_kind(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, mishap: dict[str, object], kind: str
) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    for name, value in mishap.items():
        setattr(csms, name, value)
    with pytest.raises(ConnectFailed) as caught:
        async with connected(csms, tally):
            pass
    assert caught.value.kind == kind
    assert tally.connects.count == 0


async def test_server_that_never_answers_the_handshake(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    _kept, theirs = trio.testing.memory_stream_pair()

    async def dial() -> trio.abc.Stream:
        return theirs

    with pytest.raises(ConnectFailed, match="time-out"):
        async with connect(
            dial, Address("h", "/x", "x"), on_call=obey, tally=Tally(0), message_ids=iter("12"), connect_timeout=3
        ):
            pass
    assert trio.current_time() == pytest.approx(3, abs=0.1)


async def test_a_message_goes_again_under_its_id(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    async with connected(csms, tally) as client:
        await client.call("Heartbeat", {})
        await client.call("Heartbeat", {}, message_id=client.last_id)
        await client.call("Heartbeat", {})
    assert [call.message_id for call in csms.received] == ["1", "1", "2"]


async def test_who_sends_nonsense_forgives_the_answers(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms, tally = FakeCsms(nursery), Tally(0)
    async with connected(csms, tally) as client:
        client.forgiving = True
        await client.send_raw("not JSON")
        await client.send_raw([2, "mine", "Heartbeat", {}])
        await csms.send_raw("LT-1", "[7]")
        await client.call("Heartbeat", {})
    assert csms.garbage == ["not JSON"]
    assert csms.actions() == ["Heartbeat", "Heartbeat"]
    assert tally.errors == {}


async def test_a_connection_that_ends_before_the_handshake_is_sent(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    async def dial() -> trio.abc.Stream:
        ours, _ = trio.testing.memory_stream_pair()
        await ours.aclose()
        return ours

    began = trio.current_time()
    with pytest.raises(ConnectFailed, match="closed by the server"):
        async with connect(dial, Address("h", "/x", "LT-1"), on_call=obey, tally=Tally(0), message_ids=iter(())):
            pass
    assert trio.current_time() - began < 1
