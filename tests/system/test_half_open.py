"""A cable is cut and nobody is told: the station is found to be gone, and may come back before that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from control.v1 import messages_pb2, remote_pb2, stations_pb2
from tests.kit.cable import Cable, cable
from tests.kit.chargers import ask
from tests.kit.product import Api, Product, api, product, station

pytestmark = [pytest.mark.system, pytest.mark.feature("F-OCPP-6")]

ONLINE = stations_pb2.CONNECTION_STATE_ONLINE
OFFLINE = stations_pb2.CONNECTION_STATE_OFFLINE


@asynccontextmanager
async def installation(*, ping: str, bound: str) -> AsyncIterator[tuple[Product, Api, Cable]]:
    """A running product, its API, and a cable to its OCPP port. `bound`: how long it waits for a pong, in seconds."""
    with product(unknown_stations="accept", ping_interval=ping, ping_timeout=bound) as running, api(running) as control:
        async with cable(lambda: trio.open_tcp_stream("127.0.0.1", running.ocpp_port)) as wire:
            yield running, control, wire


async def the_station(control: Api, identity: str) -> stations_pb2.Station:
    wanted = stations_pb2.StationFilter(query=identity)
    listed = await ask(control.stations.ListStations, stations_pb2.ListStationsRequest(filter=wanted))
    (found,) = listed.stations
    assert isinstance(found, stations_pb2.Station)
    return found


async def becomes(control: Api, identity: str, state: int) -> None:
    with trio.fail_after(60):
        while (await the_station(control, identity)).connection_state != state:
            await trio.sleep(0.05)


async def test_a_station_whose_cable_was_cut_is_found_by_pings() -> None:
    async with (
        installation(ping="1", bound="6") as (running, control, wire),
        station(running, "SILENT") as silent,
        station(running, "CUT", port=wire.port) as cut,
    ):
        await silent.boot()
        await cut.boot()
        await becomes(control, "CUT", ONLINE)
        began = trio.current_time()
        wire.pull()
        await becomes(control, "CUT", OFFLINE)
        assert trio.current_time() - began > 1  # by its silence, not by luck
        assert not cut.closed.is_set()
        # Who answers pings may say nothing for as long as it likes.
        assert (await the_station(control, "SILENT")).connection_state == ONLINE
        assert not silent.closed.is_set()
        request = messages_pb2.ListMessagesRequest(station=(await the_station(control, "CUT")).name)
        with trio.fail_after(60):
            while True:
                entries = (await ask(control.messages.ListMessages, request)).entries
                if any("half-open" in entry.content for entry in entries):
                    break
                await trio.sleep(0.05)
        wire.plug_in(reset=True)


async def test_the_reconnect_wins_while_the_old_socket_still_hangs() -> None:
    async with (
        installation(ping="120", bound="120") as (running, control, wire),
        station(running, "BACK", port=wire.port) as old,
    ):
        await old.boot()
        wire.pull()
        with trio.fail_after(60):
            async with station(running, "BACK") as new:
                assert (await new.boot())["status"] == "Accepted"
                found = await the_station(control, "BACK")
                assert found.connection_state == ONLINE
                target = remote_pb2.CommandTarget(station=found.name)
                request = remote_pb2.ResetRequest(target=target, type=remote_pb2.RESET_TYPE_ON_IDLE)
                assert (await ask(control.remote.Reset, request)).result.accepted
                assert [action for action, _ in new.asked] == ["Reset"]
                wire.plug_in(reset=True)  # the old socket's end is the old link's, and nobody else's
                await old.closed.wait()
                await new.call("Heartbeat")
                assert (await the_station(control, "BACK")).connection_state == ONLINE
        assert old.asked == []
