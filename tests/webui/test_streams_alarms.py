"""Alarms in the portal's streams: the badge on every page, and the pages that show alarms, with nobody asking."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest

from control.v1 import alarms_pb2 as pb
from tests.kit.portal_client import Portal, running_portal
from webui import streams, streams_alarms
from webui.alarm_list import AlarmsWanted, EventsWanted
from webui.api import Client
from webui.pages.station_alarms import Wanted

pytestmark = pytest.mark.feature("F-ALM-1")


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    monkeypatch.setattr(streams, "RELIST_S", 0.2)
    monkeypatch.setattr(streams, "GATHER_S", 0.05)
    with running_portal() as made:
        made.browser(signed_in="admin@example.org")
        yield made


def alarm(number: int, station: str = "104", **fields: object) -> pb.Alarm:
    return pb.Alarm(
        name=f"alarms/{number}",
        kind=pb.ALARM_KIND_TEMPERATURE,
        severity=pb.ALARM_SEVERITY_MAJOR,
        state=pb.ALARM_STATE_ACTIVE,
        station=f"stations/{station}",
        station_display_name=f"Station {station}",
        text="Too hot.",
        count=1,
        **fields,  # type: ignore[arg-type]
    )


class Tab:
    """A page's stream; `until` reads on."""

    def __init__(self, portal: Portal, view: object) -> None:
        token = next(iter(portal.fake.tokens))
        client = Client(portal.app.state.control, token)
        self.events = streams.stream(portal.app.state.hubs, token, client, view(client))  # type: ignore[operator]

    async def until(self, *texts: str) -> str:
        async with asyncio.timeout(60):
            async for event in self.events:
                if all(text in event for text in texts):
                    return event
        raise AssertionError(f"the stream ended before {texts!r}")


@contextlib.asynccontextmanager
async def tab(portal: Portal, view: object) -> AsyncIterator[Tab]:
    opened = Tab(portal, view)
    try:
        yield opened
    finally:
        await opened.events.aclose()


async def until(condition: object) -> None:
    async with asyncio.timeout(60):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


def test_the_badge_of_every_page_follows_alarms_and_costs_no_look_at_stations(portal: Portal) -> None:
    asked: list[str] = []

    async def scene() -> None:
        async with tab(portal, streams.MenuView) as page:
            assert "badge alarm" not in await page.until('id="alarm-badge"')
            await until(lambda: portal.fake.watchers)
            portal.fake.calls.clear()
            portal.fake.publish_alarm(alarm(1))
            assert ">1<" in await page.until('id="alarm-badge"', "badge alarm")
            asked.extend(method for method, _ in portal.fake.calls)
            portal.fake.publish_alarm(alarm(1, acknowledge_time={"seconds": 1}))
            assert "badge alarm" not in await page.until('id="alarm-badge"')

    portal.run(scene())
    assert "SummarizeStations" not in asked


def test_a_storm_of_alarms_is_read_now_and_then_and_its_end_is_not_lost(portal: Portal) -> None:
    async def scene() -> None:
        async with tab(portal, streams.MenuView) as page:
            await page.until('id="alarm-badge"')
            await until(lambda: portal.fake.watchers)
            portal.fake.calls.clear()
            for number in range(50):
                portal.fake.publish_alarm(alarm(number))
            await page.until('id="alarm-badge"', ">50<")

    portal.run(scene())
    assert [method for method, _ in portal.fake.calls].count("SummarizeAlarms") < 25


def test_the_table_the_numbers_and_the_badge_come_together(portal: Portal) -> None:
    wanted = AlarmsWanted(path="/alarms", q="hot")

    async def scene() -> None:
        async with tab(portal, lambda client: streams_alarms.AlarmsView(client, wanted)) as page:
            assert "No alarm matches." in await page.until('id="alarms-table"')
            await until(lambda: portal.fake.watchers)
            await asyncio.sleep(streams.RELIST_S)
            portal.fake.publish_alarm(alarm(1))
            table = await page.until('id="alarms-table"')
            assert 'id="alarm-1"' in table
            assert "Station 104" in table
            numbers = await page.until('id="alarm-numbers"')
            assert 'id="alarm-badge"' in numbers
            assert "Major 1" in numbers
            portal.fake.publish_alarm(alarm(1, clear_time={"seconds": 9}))
            del portal.fake.world.alarms["alarms/1"]
            portal.fake.publish_deleted("stations/104")  # its alarms go with it
            assert "No alarm is active" in await page.until('id="alarm-numbers"')

    portal.run(scene())


def test_the_event_log_gets_the_new_line(portal: Portal) -> None:
    async def scene() -> None:
        wanted = EventsWanted(path="/alarms/events")
        async with tab(portal, lambda client: streams_alarms.EventsView(client, wanted)) as page:
            await page.until('id="events-table"')
            await until(lambda: portal.fake.watchers)
            portal.fake.publish_alarm(alarm(1))
            assert "Too hot." in await page.until('id="events-table"', "AlarmRaised")

    portal.run(scene())


def test_one_alarms_page_changes_with_it_and_leads_back_when_it_is_gone(portal: Portal) -> None:
    portal.fake.world.alarms["alarms/1"] = alarm(1)

    async def scene() -> None:
        async with tab(portal, lambda client: streams_alarms.AlarmView(client, "1")) as page:
            assert "End by hand" in await page.until('id="alarm-head"', 'id="alarm-facts"', 'id="alarm-buttons"')
            await until(lambda: portal.fake.watchers)
            over = alarm(1, clear_time={"seconds": 9})
            over.state = pb.ALARM_STATE_CLEARED
            portal.fake.publish_alarm(over)
            assert "End by hand" not in await page.until('id="alarm-head"', "Over")
            del portal.fake.world.alarms["alarms/1"]
            portal.fake.publish_deleted("stations/104")
            assert "data: /alarms" in await page.until("event: goto")

    portal.run(scene())


def test_a_stations_alarms_follow_its_own_only(portal: Portal) -> None:
    async def scene() -> list[str]:
        async with tab(portal, lambda client: streams_alarms.StationAlarmsView(client, Wanted("104"))) as page:
            await page.until('id="station-alarms"')
            await until(lambda: portal.fake.watchers)
            await asyncio.sleep(streams.RELIST_S)
            portal.fake.calls.clear()
            portal.fake.publish_alarm(alarm(1, "105"))
            await page.until('id="alarm-badge"', "badge alarm")
            before = [method for method, _ in portal.fake.calls]
            portal.fake.publish_alarm(alarm(2))
            shown = await page.until('id="station-alarms"')
            assert "alarm-2" in shown
            assert "alarm-1" not in shown
            return before

    assert "ListAlarms" not in portal.run(scene())


def test_whoever_may_not_see_alarms_has_everything_else(portal: Portal) -> None:
    portal.fake.failures["SummarizeAlarms"] = (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")

    async def scene() -> None:
        async with tab(portal, streams.PendingView) as page:
            await page.until('id="pending-list"')
            portal.fake.publish_station(portal.fake.world.add_pending("CP-NEW"))
            await page.until("CP-NEW")

    portal.run(scene())


def test_no_page_is_the_worse_for_alarms_that_cannot_be_read(portal: Portal) -> None:
    portal.fake.failures["SummarizeAlarms"] = (grpc.StatusCode.UNAVAILABLE, "")
    answer = portal.browser(signed_in="admin@example.org").get("/stations")
    assert answer.status == 200
    assert 'id="alarm-badge"' in answer.text


def test_the_badge_is_in_the_page_from_the_beginning(portal: Portal) -> None:
    portal.fake.world.alarms["alarms/1"] = alarm(1)
    page = portal.browser(signed_in="admin@example.org").get("/stations").text
    assert '<b class="badge alarm">1<' in page
    assert "every 15s" not in page
