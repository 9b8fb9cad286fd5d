"""Live parts: one upstream watch a token, nothing missed, nothing sent that did not change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
import pytest

from control.v1 import stations_pb2
from tests.kit.portal_client import Portal, running_portal
from webui import streams
from webui.api import Client
from webui.pages.station import LogView
from webui.pages.stations import StationList


@pytest.fixture
def fresh():
    """A portal of its own: these tests change the world and its connections."""
    with running_portal() as portal:
        yield portal


class Tab:
    """Reads a stream as a browser would."""

    def __init__(self, portal: Portal, token: str, view: object, log: LogView | None = None) -> None:
        client = Client(portal.app.state.control, token)
        self.events = streams.stream(portal.app.state.hubs, token, client, view(client), log)

    async def until(self, text: str, timeout_s: float = 60) -> str:
        """The first event with this text."""
        async with asyncio.timeout(timeout_s):
            async for event in self.events:
                if text in event:
                    return event
        raise AssertionError(f"the stream ended before {text!r}")


@contextlib.asynccontextmanager
async def tab(portal: Portal, token: str, view: object, log: LogView | None = None) -> AsyncIterator[Tab]:
    opened = Tab(portal, token, view, log)
    try:
        yield opened
    finally:
        await opened.events.aclose()


def stations_view(client: Client) -> streams.View:
    return streams.StationsView(client, StationList())


def token_of(portal: Portal) -> str:
    return portal.browser(signed_in="admin@example.org").cookies["chargehouse"]


def test_a_change_arrives_as_the_one_row_that_changed(fresh: Portal):
    token = token_of(fresh)

    async def scene() -> str:
        async with tab(fresh, token, stations_view) as page:
            await page.until('id="station-104"')
            station = fresh.fake.world.stations["104"]
            station.connection_state = stations_pb2.CONNECTION_STATE_OFFLINE
            fresh.fake.publish_station(station)
            return await page.until('id="station-104"')

    event = fresh.run(scene())
    assert 'class="is-offline"' in event
    assert event.count("<tr ") == 1


def test_many_tabs_of_one_person_share_one_upstream_watch_that_ends_with_the_last(fresh: Portal):
    token = token_of(fresh)

    async def scene() -> None:
        async with tab(fresh, token, stations_view) as one, tab(fresh, token, streams.PendingView) as two:
            await one.until("lamp")
            await one.until('id="stations"')
            await two.until('id="pending-list"')
            async with asyncio.timeout(60):
                while not fresh.fake.watchers:
                    await asyncio.sleep(0.02)
            assert len(fresh.fake.watchers) == 1
            assert len(fresh.app.state.hubs) == 1
        async with asyncio.timeout(60):
            while fresh.fake.watchers:
                await asyncio.sleep(0.02)
        assert len(fresh.app.state.hubs) == 0

    fresh.run(scene())


def test_the_watch_begins_where_the_list_was_so_that_nothing_is_missed(fresh: Portal):
    token = token_of(fresh)

    async def scene() -> None:
        async with tab(fresh, token, stations_view) as page:
            await page.until('id="stations"')
            async with asyncio.timeout(60):
                while not fresh.fake.started_revisions:
                    await asyncio.sleep(0.02)

    fresh.run(scene())
    assert fresh.fake.started_revisions[0] == 1000


@pytest.mark.parametrize("reason", ["REVISION_TOO_OLD", "WATCHER_TOO_SLOW"])
def test_a_watcher_that_fell_behind_lists_again(fresh: Portal, reason: str):
    token = token_of(fresh)
    fresh.fake.watch_refusals.append((grpc.StatusCode.OUT_OF_RANGE, reason))

    async def scene() -> None:
        async with tab(fresh, token, stations_view) as page:
            await page.until('id="stations"')
            await page.until('id="stations"')
            station = fresh.fake.world.stations["104"]
            async with asyncio.timeout(60):
                while not fresh.fake.watchers:
                    await asyncio.sleep(0.02)
            fresh.fake.publish_station(station)
            await page.until('id="station-104"')

    fresh.run(scene())
    assert len(fresh.fake.started_revisions) == 2


def test_a_control_plane_that_goes_away_is_told_and_found_again(fresh: Portal):
    token = token_of(fresh)
    address = fresh.fake.address

    async def scene() -> None:
        async with tab(fresh, token, stations_view) as page:
            await page.until('id="stations"')
            async with asyncio.timeout(60):
                while not fresh.fake.watchers:
                    await asyncio.sleep(0.02)
            await fresh.fake.stop()
            await page.until("data: down")
            await fresh.fake.start(address)
            await page.until("data: live", 20)
            station = fresh.fake.world.stations["104"]
            fresh.fake.publish_station(station)
            await page.until('id="station-104"')

    fresh.run(scene())
    assert fresh.fake.started_revisions[-1] >= 1000


def test_a_station_that_knocks_appears_among_the_pending_without_a_reload(fresh: Portal):
    token = token_of(fresh)

    async def scene() -> str:
        async with tab(fresh, token, streams.PendingView) as page:
            await page.until('id="pending-list"')
            fresh.fake.publish_station(fresh.fake.world.add_pending("CP-NEW"))
            return await page.until("CP-NEW")

    assert "Accept" in fresh.run(scene())


def test_messages_are_followed_as_the_filter_says(fresh: Portal):
    token = token_of(fresh)
    log = LogView("104", action="Heartbeat")

    def station_view(client: Client) -> streams.View:
        return streams.StationView(client, "104")

    async def scene() -> str:
        async with tab(fresh, token, station_view, log) as page:
            await page.until('id="station-head"')
            async with asyncio.timeout(60):
                while not fresh.fake.tails:
                    await asyncio.sleep(0.02)
            world = fresh.fake.world
            for action in ("StatusNotification", "Heartbeat"):
                for entry in world.exchange(world.stations["104"], action, "{}", "{}", world.now):
                    fresh.fake.publish_message("stations/104", entry)
            return await page.until("event: log")

    event = fresh.run(scene())
    assert "Heartbeat" in event
    assert "StatusNotification" not in event


def test_messages_that_came_between_the_page_and_its_stream_are_not_missed(fresh: Portal):
    token = token_of(fresh)
    world = fresh.fake.world
    world.exchange(world.stations["104"], "FirmwareStatusNotification", "{}", "{}", world.now)

    async def scene() -> str:
        view = LogView("104", action="FirmwareStatusNotification")
        async with tab(fresh, token, lambda client: streams.StationView(client, "104"), view) as page:
            return await page.until("event: log")

    assert "FirmwareStatusNotification" in fresh.run(scene())


def test_a_deleted_stations_page_leads_back_to_the_list(fresh: Portal):
    token = token_of(fresh)

    async def scene() -> str:
        async with tab(fresh, token, lambda client: streams.StationView(client, "105")) as page:
            await page.until('id="station-head"')
            del fresh.fake.world.stations["105"]
            fresh.fake.publish_deleted("stations/105")
            return await page.until("event: goto")

    assert "data: /" in fresh.run(scene())


def test_a_session_under_way_sends_its_chart_on(fresh: Portal):
    token = token_of(fresh)
    session = next(s for s in fresh.fake.world.sessions.values() if s.power_w)
    key = session.name.partition("/")[2]

    async def scene() -> str:
        async with tab(fresh, token, lambda client: streams.SessionView(client, key)) as page:
            await page.until('id="session-head"')
            session.power_w = 4321
            fresh.fake.publish_session(session)
            return await page.until("event: point")

    assert '"power": 4.321' in fresh.run(scene())


def test_an_ended_session_of_the_person_ends_the_stream(fresh: Portal):
    token = token_of(fresh)
    fresh.fake.tokens.clear()

    async def scene() -> None:
        async with tab(fresh, token, streams.MenuView) as page:
            await page.until("event: signin")

    fresh.run(scene())


def test_when_the_portal_stops_streams_end_at_once(fresh: Portal):
    token = token_of(fresh)

    async def scene() -> None:
        async with tab(fresh, token, streams.MenuView) as page:
            await page.until("lamp")
            asyncio.get_running_loop().call_later(0.1, fresh.app.state.hubs.stop)
            async with asyncio.timeout(60):
                async for _event in page.events:
                    pass

    fresh.run(scene())


def test_several_lines_of_html_stay_one_event():
    assert streams.event("<p>\n</p>", "x") == "event: x\ndata: <p>\ndata: </p>\n\n"
