"""The client: paging to the end, masks, streams that end."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.portal_client import Portal
from webui.api import Client
from webui.values import ApiError, LogQuery, SessionQuery, StationQuery


def test_a_page_says_how_many_match_in_all(portal: Portal, client: Client):
    page = portal.run(client.stations(StationQuery(), 5))
    assert len(page.stations) == 5
    assert page.total == 26
    assert page.revision == portal.fake.revision
    assert portal.run(client.stations(StationQuery(), 5, page.next_page_token)).stations[0] != page.stations[0]


def test_meter_values_are_read_to_the_last_page(portal: Portal, client: Client):
    session = next(iter(portal.fake.world.sessions.values()))
    found = portal.run(client.meter_values(session.name.partition("/")[2]))
    assert len(found) == session.meter_value_count


def test_an_update_changes_only_what_its_mask_names(portal: Portal, client: Client):
    before = portal.run(client.station("106"))
    after = portal.run(client.update_station("106", before.etag, {"description": "By the crane"}))
    assert after.description == "By the crane"
    assert (after.display_name, after.identity) == (before.display_name, before.identity)


def test_a_stale_update_is_refused(portal: Portal, client: Client):
    with pytest.raises(ApiError, match="ETAG_STALE"):
        portal.run(client.update_station("106", "0", {"description": "x"}))


def test_an_export_can_go_on_after_a_cursor(portal: Portal, client: Client):
    async def keys(cursor: str) -> list[str]:
        batches = client.export_sessions(SessionQuery(), cursor)
        return [session.key async for batch in batches for session in batch.sessions]

    everything = portal.run(keys(""))
    assert portal.run(keys("100")) == everything[100:]


def test_leaving_a_stream_ends_it_upstream(portal: Portal, client: Client):
    async def scene() -> None:
        watch = client.watch(0)
        assert (await anext(watch)).revision == portal.fake.revision
        tail = client.tail("101", LogQuery())
        assert await anext(tail) == ()
        assert portal.fake.watchers
        await watch.aclose()
        await tail.aclose()
        async with asyncio.timeout(60):
            while portal.fake.watchers or portal.fake.tails:
                await asyncio.sleep(0.02)

    portal.run(scene())
