"""The hub's bookkeeping; what tabs see of it is in test_streams."""

from __future__ import annotations

import asyncio

from control.v1 import sessions_pb2, stations_pb2
from webui.api import convert
from webui.hub import News, Seat
from webui.values import Change


def station(display_name: str) -> Change:
    message = stations_pb2.Station(name="stations/1", display_name=display_name)
    return Change(revision=1, station=convert.station(message))


def test_of_many_changes_of_one_station_the_newest_counts():
    news = News()
    for name in ("old", "newer", "newest"):
        news.add(station(name))
    assert [s.display_name for s in news.stations.values()] == ["newest"]


def test_a_deleted_station_is_not_shown_once_more():
    news = News()
    news.add(station("gone"))
    news.add(Change(revision=2, deleted_station="stations/1"))
    assert news.stations == {}
    assert news.deleted == {"stations/1"}


def test_sessions_are_kept_by_name():
    news = News()
    news.add(Change(revision=1, session=convert.session(sessions_pb2.Session(name="sessions/1", energy_wh=5))))
    assert news.sessions["sessions/1"].energy_wh == 5


def test_a_seat_waits_until_it_is_rung_and_gives_its_news_once():
    async def scene() -> None:
        seat = Seat(lambda _change: True)
        assert not await seat.wait(0.01)
        seat.news.add(station("x"))
        seat.ring()
        assert await seat.wait(1)
        assert seat.take().stations
        assert not seat.take().stations
        assert not await seat.wait(0.01)

    asyncio.run(scene())
