"""A 1.5 station's way to its server, and the server's way to it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from csms.transport.soap.printing import print_request
from loadtest.client import (
    Address,
    Answer,
    CallRefused,
    CallTimeout,
    ConnectFailed,
    Json,
    LinkLost,
    OnCall,
    Refusal,
)
from loadtest.plain_http import HttpMessage, HttpStream, head
from loadtest.speech import soap
from loadtest.speech.soap_link import RESTED, SoapLink, local_host, soap_connect
from loadtest.tally import Tally
from loadtest.troubled_wire import TroubledWire
from tests.kit.fake_csms_2 import FakeCsms15

ADDRESS = Address("csms:9000", "/ocpp/BOX", "BOX", "secret")


def obey(action: str, payload: Json) -> Answer:
    return Answer({"status": "Accepted"})


@asynccontextmanager
async def connected(
    csms: FakeCsms15, tally: Tally, *, on_call: OnCall = obey, call_timeout: float = 5.0
) -> AsyncIterator[SoapLink]:
    ids = (str(number) for number in itertools.count(1))
    async with soap_connect(
        csms.dial, ADDRESS, on_call=on_call, tally=tally, message_ids=ids, call_timeout=call_timeout
    ) as link:
        yield link


async def test_calls_go_over_one_connection_and_are_counted(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms, tally, dialled = FakeCsms15(nursery), Tally(0), []

    async def dial() -> trio.abc.Stream:
        dialled.append(trio.current_time())
        return await csms.dial()

    async with soap_connect(dial, ADDRESS, on_call=obey, tally=tally, message_ids=iter("12345")) as link:
        answer = await link.call("Heartbeat", {}, intended=trio.current_time() - 2)
        assert "currentTime" in answer
        await link.call("Authorize", {"idTag": "A"})
        assert len(dialled) == 1
        await trio.sleep(RESTED + 1)
        await link.call("Heartbeat", {})
        assert len(dialled) == 2  # a connection that rested may have been closed by the server
    assert tally.actions["Heartbeat"].service.count == 2
    assert tally.actions["Heartbeat"].latency.highest >= 2000
    assert tally.connects.count == 2
    assert set(csms.paths) == {"/Ocpp/CentralSystemService15"}


async def test_a_call_that_is_not_answered_times_out_and_the_next_one_is(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms, tally = FakeCsms15(nursery), Tally(0)
    csms.lost_answers["Heartbeat"] = 1
    async with connected(csms, tally) as link:
        with pytest.raises(CallTimeout):
            await link.call("Heartbeat", {})
        assert await link.call("Heartbeat", {})
    assert tally.errors == {"time-out of Heartbeat": 1}


async def test_a_fault_is_a_refusal(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms, tally = FakeCsms15(nursery), Tally(0)
    csms.refusals["Authorize"] = 1
    async with connected(csms, tally) as link:
        with pytest.raises(CallRefused) as caught:
            await link.call("Authorize", {"idTag": "A"})
    assert caught.value.code == "InternalError"


async def test_a_cable_cut_ends_the_link(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms, tally = FakeCsms15(nursery), Tally(0)
    csms.delays["Heartbeat"] = 3.0
    async with connected(csms, tally) as link:

        async def cut() -> None:
            await trio.sleep(1)
            csms.cut()

        nursery.start_soon(cut)
        for _ in range(2):
            with pytest.raises(LinkLost):
                await link.call("Heartbeat", {})
        assert link.closed.is_set()


async def test_aborting_wakes_whoever_waits(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms, tally = FakeCsms15(nursery), Tally(0)
    csms.delays["Heartbeat"] = 60.0
    async with connected(csms, tally, call_timeout=100) as link:

        async def abort() -> None:
            await trio.sleep(1)
            link.abort()

        nursery.start_soon(abort)
        with pytest.raises(LinkLost):
            await link.call("Heartbeat", {})
    assert trio.current_time() == pytest.approx(1, abs=0.1)


async def test_nobody_there_is_told_by_its_kind(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    csms = FakeCsms15(nursery)
    csms.unreachable = True
    with pytest.raises(ConnectFailed) as caught:
        async with connected(csms, Tally(0)):
            pass
    assert caught.value.kind == "connect: ConnectionRefusedError"


async def test_a_dial_that_takes_for_ever_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async def dial() -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError

    with pytest.raises(ConnectFailed, match="time-out"):
        async with soap_connect(dial, ADDRESS, on_call=obey, tally=Tally(0), message_ids=iter("1"), connect_timeout=3):
            pass


# -- the other way ----------------------------------------------------------------------------------------------------


async def asked(link: SoapLink, nursery: trio.Nursery, content: bytes) -> HttpMessage:
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(link.serve, theirs)
    talk = HttpStream(ours)
    headers = [("Content-Length", str(len(content))), ("Connection", "close")]
    await talk.send(head("POST / HTTP/1.1", headers), content)
    answer = await talk.receive()
    assert answer is not None
    return answer


def order(action: str, payload: dict[str, object]) -> bytes:
    return print_request(action, "BOX", to="http://x", sender="http://y", message_id="m1", payload=payload)


async def test_orders_are_answered_before_their_consequences(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    told: list[object] = []

    def on_call(action: str, payload: Json) -> Answer:
        if action == "Reset":
            raise Refusal("FormationViolation", "type must be a string")
        told.append((action, payload))
        return Answer({"status": "Accepted"}, lambda: told.append("then"))

    tally = Tally(0)
    async with connected(FakeCsms15(nursery), tally, on_call=on_call) as link:
        answer = await asked(link, nursery, order("RemoteStopTransaction", {"transactionId": 5}))
        assert answer.status == 200
        assert soap.read(answer.body).payload == {"status": "Accepted"}
        await trio.testing.wait_all_tasks_blocked()
        assert told == [("RemoteStopTransaction", {"transactionId": 5}), "then"]
        refused = await asked(link, nursery, order("Reset", {"type": "Soft"}))
        assert soap.read(refused.body).fault == ("ProtocolError", "type must be a string")
        nonsense = await asked(link, nursery, b"<a")
        assert nonsense.status == 400
    assert tally.commands == {"RemoteStopTransaction": 1, "Reset": 1}
    assert tally.errors == {"request of the server that is not SOAP": 1}


async def test_over_real_sockets_it_listens_where_it_comes_from(nursery: trio.Nursery) -> None:
    csms = FakeCsms15(nursery)
    listeners = await nursery.start(partial(trio.serve_tcp, csms.serve, 0, host="127.0.0.1"))
    port = listeners[0].socket.getsockname()[1]

    async def dial() -> trio.abc.Stream:
        return await trio.open_tcp_stream("127.0.0.1", port, local_address="127.0.0.2")

    async with soap_connect(dial, ADDRESS, on_call=obey, tally=Tally(0), message_ids=iter("12")) as link:
        assert link.own_address.startswith("http://127.0.0.2:")
        await link.call("Heartbeat", {})
        own_port = int(link.own_address.rpartition(":")[2].rstrip("/"))
        content = order("ClearCache", {})
        async with await trio.open_tcp_stream("127.0.0.2", own_port) as stream:
            talk = HttpStream(stream)
            for _ in range(2):
                await talk.send(head("POST / HTTP/1.1", [("Content-Length", str(len(content)))]), content)
                answer = await talk.receive()
                assert answer is not None
                assert soap.read(answer.body).action == "ClearCache"


async def test_under_trouble_it_still_knows_where_it_comes_from(nursery: trio.Nursery) -> None:
    csms = FakeCsms15(nursery)
    listeners = await nursery.start(partial(trio.serve_tcp, csms.serve, 0, host="127.0.0.1"))
    port = listeners[0].socket.getsockname()[1]
    wire = TroubledWire(partial(trio.open_tcp_stream, "127.0.0.1", port))
    async with soap_connect(wire.dial, ADDRESS, on_call=obey, tally=Tally(0), message_ids=iter("1")) as link:
        assert link.own_address.startswith("http://127.0.0.1:")


def test_a_memory_stream_comes_from_nowhere() -> None:
    assert local_host(trio.testing.memory_stream_pair()[0]) == ""
