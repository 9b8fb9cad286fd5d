"""What a lease counts for: its holder's own clock, and a token that only grows. The rest is in tests/contracts."""

from __future__ import annotations

import pytest
import trio

from csms.aio import Door
from csms.cluster.bus import Bus
from csms.cluster.nats_lease import NatsLease
from csms.cluster.nats_server import EmbeddedNats
from tests.kit.database import temporary_folder
from tests.kit.nats import fresh_prefix, nats_server, settings_of

__all__ = ["nats_server"]


async def a_lease(
    door: Door, nursery: trio.Nursery, server: EmbeddedNats, prefix: str, *, ttl: float = 1.0, valid: float = 0.7
) -> NatsLease:
    bus = Bus(door, settings_of(server, prefix), prefix)
    await nursery.start(bus.run)
    return NatsLease(bus, "work", ttl=ttl, valid=valid)


def token_of(lease: NatsLease) -> tuple[int, int] | None:
    return lease.token


async def connected(lease: NatsLease, wanted: bool) -> None:
    while lease._bus.connected is not wanted:
        await trio.sleep(0.01)


async def test_a_grant_that_takes_long_to_arrive_counts_from_when_it_was_asked_for(
    door: Door, nats_server: EmbeddedNats, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a process that is paused before it reads the answer would believe in it when it is another one's."""
    lease = await a_lease(door, nursery, nats_server, fresh_prefix(), ttl=30.0, valid=0.2)
    real = door.call

    async def call(work: object, *args: object) -> object:
        found = await real(work, *args)  # type: ignore[arg-type, var-annotated]
        await trio.sleep(0.4)
        return found

    monkeypatch.setattr(lease._bus, "door", type("Slow", (), {"call": staticmethod(call)})())
    assert not await lease.holds()
    assert not lease.valid
    assert lease.seconds_left == 0.0


async def test_a_token_stays_while_it_is_renewed_and_is_gone_with_the_lease(
    door: Door, nats_server: EmbeddedNats, nursery: trio.Nursery
) -> None:
    prefix = fresh_prefix()
    one = await a_lease(door, nursery, nats_server, prefix)
    other = await a_lease(door, nursery, nats_server, prefix)
    assert await one.holds()
    first = one.token
    assert first is not None
    for _ in range(3):
        assert await one.holds()
    assert one.token == first, "what it wrote under the first one would be refused"
    with trio.fail_after(60):
        while not await other.holds():
            await trio.sleep(0.05)
    assert other.token is not None
    assert other.token > first
    assert not await one.holds()
    assert token_of(one) is None
    assert one.seconds_left == 0.0


async def test_a_token_is_greater_also_when_the_bus_has_lost_its_data(door: Door, nursery: trio.Nursery) -> None:
    with temporary_folder() as folder:
        server = EmbeddedNats(folder / "nats")
        server.start()
        try:
            one = await a_lease(door, nursery, server, "t", ttl=30.0, valid=20.0)
            for _ in range(5):  # its revisions are far
                assert await one.holds()
                await one.release()
            assert await one.holds()
            before = one.token
            server.kill()
            with trio.fail_after(60):
                await connected(one, False)
                server.start()
                await connected(one, True)
            other = await a_lease(door, nursery, server, "t", ttl=30.0, valid=20.0)
            assert await other.holds()
            assert before is not None
            assert other.token is not None
            assert other.token[1] < before[1], "else this shows nothing"
            assert other.token > before
            nursery.cancel_scope.cancel()
        finally:
            server.stop()
