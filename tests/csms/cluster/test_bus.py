"""The connection to NATS: requests, nobody there, a server that goes away and comes back, a handler that breaks."""

from __future__ import annotations

import pytest
import trio

from csms.aio import Door
from csms.cluster.bus import DOUBT_SECONDS, Bus, BusSettings, BusUnavailable, NoAnswer, NobodyThere
from csms.cluster.nats_server import EmbeddedNats
from tests.kit.database import temporary_folder
from tests.kit.nats import fresh_prefix, nats_server, settings_of

__all__ = ["nats_server"]


async def echo(_subject: str, payload: bytes) -> bytes | None:
    if payload == b"break":
        raise ZeroDivisionError
    if payload == b"silence":
        await trio.sleep_forever()
    return payload.upper()


async def test_requests_are_answered_several_at_a_time_whatever_one_of_them_does(
    door: Door, nats_server: EmbeddedNats
) -> None:
    bus = Bus(door, settings_of(nats_server, fresh_prefix()), "a")
    bus.answer(bus.subject("echo"), echo)
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run)
        with pytest.raises(NobodyThere):
            await bus.request(bus.subject("nobody"), b"", 5)
        for word in (b"silence", b"break"):
            with pytest.raises(NoAnswer):
                await bus.request(bus.subject("echo"), word, 0.2)
        assert await bus.request(bus.subject("echo"), b"hello", 5) == b"HELLO"
        nursery.cancel_scope.cancel()


async def test_after_an_outage_it_is_there_again_and_says_so(door: Door) -> None:
    with temporary_folder() as folder:
        server = EmbeddedNats(folder / "nats")
        server.start()
        bus, back = Bus(door, settings_of(server, "t"), "a"), trio.Event()
        bus.answer(bus.subject("echo"), echo)

        async def is_back() -> None:
            back.set()

        bus.on_back(is_back)
        assert bus.away_s > 0
        async with trio.open_nursery() as nursery:
            await nursery.start(bus.run)
            assert (bus.away_s, bus.outages) == (0.0, 0)
            server.kill()
            with trio.fail_after(60):
                while bus.connected or not bus.away_s:
                    await trio.sleep(0.01)
            with pytest.raises(BusUnavailable) as caught:
                await bus.request(bus.subject("echo"), b"hello", 0.1)
            assert caught.value.reason == "BUS_UNAVAILABLE"
            bus.tell(bus.subject("echo"), b"lost")
            server.start()
            with trio.fail_after(60):
                await back.wait()
            assert (bus.away_s, bus.outages) == (0.0, 1)
            assert bus.missed_s > DOUBT_SECONDS
            assert await bus.request(bus.subject("echo"), b"hello", 5) == b"HELLO"
            nursery.cancel_scope.cancel()
        server.stop()


async def test_it_waits_for_a_server_that_is_not_there_yet(door: Door) -> None:
    bus = Bus(door, BusSettings(("nats://127.0.0.1:9",)), "a")
    with trio.move_on_after(1.0) as patience:
        await bus.run()
    assert patience.cancelled_caught
    with pytest.raises(BusUnavailable):
        await bus.request("x", b"", 0.1)


async def test_a_wrong_password_lets_nobody_in(door: Door, nats_server: EmbeddedNats) -> None:
    bus = Bus(door, BusSettings((nats_server.url,), nats_server.user, "wrong"), "a")
    with trio.move_on_after(1.5) as patience:
        await bus.run()
    assert patience.cancelled_caught
    assert not bus.connected
