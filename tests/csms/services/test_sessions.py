"""Sessions for people."""

from __future__ import annotations

import pytest

from csms.domain.errors import NotFound, PermissionDenied, Unavailable
from csms.ports.queries import SessionFilter
from csms.services.sessions import position_of
from tests.kit.service_world import STRANGER, SUPPORT, ServiceWorld


async def test_a_page_and_its_totals() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    for session in (1, 2, 3):
        world.add_session(session, number, ended=True)
    page = await world.sessions.page(SUPPORT, SessionFilter(), size=2, after=None)
    assert [view.transaction.id for view in page.sessions] == [3, 2]
    assert (page.totals.count, page.totals.energy_wh) == (3, 3000.0)
    rest = await world.sessions.page(SUPPORT, SessionFilter(), size=2, after=position_of(page.sessions[-1]))
    assert [view.transaction.id for view in rest.sessions] == [1]


async def test_a_session_whose_start_was_never_seen_stands_where_it_was_first_heard_of() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    transaction = world.add_session(1, number)
    transaction.started_at = None
    view = await world.sessions.get(SUPPORT, 1)
    assert view.began_at == transaction.logged_at


async def test_no_session_no_meter_values_and_the_end_of_them_are_told_apart() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    world.add_session(1, number, values=2)
    world.add_session(2, number)
    values = await world.sessions.meter_values(SUPPORT, 1, size=10, after=None)
    assert len(values) == 2
    last = values[-1][1].timestamp, values[-1][0]
    assert await world.sessions.meter_values(SUPPORT, 1, size=10, after=last) == []
    assert await world.sessions.meter_values(SUPPORT, 2, size=10, after=None) == []
    with pytest.raises(NotFound):
        await world.sessions.meter_values(SUPPORT, 3, size=10, after=None)


async def test_a_driver_exports_nothing_and_a_database_that_is_away_says_so() -> None:
    world = ServiceWorld()
    for caller, kind in ((STRANGER, PermissionDenied), (SUPPORT, Unavailable)):
        world.tables.away = True
        batches = world.sessions.export(caller, SessionFilter(), after=None)
        with pytest.raises(kind):
            await anext(batches)
