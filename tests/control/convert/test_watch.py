"""Changes."""

from __future__ import annotations

from control.convert.watch import change
from csms.ports.queries import SessionView
from csms.services.watch import Change
from tests.kit.records import a_transaction
from tests.kit.service_world import NOW


def test_a_change_is_one_thing_and_a_tick_is_none() -> None:
    assert change(Change(5, NOW)).WhichOneof("change") is None
    session = SessionView(a_transaction(7, 1), 1, "", "")
    assert change(Change(5, NOW, session=session)).WhichOneof("change") == "session"
    gone = change(Change(5, NOW, deleted_station_id=7))
    assert (gone.WhichOneof("change"), gone.deleted_station, gone.revision) == ("deleted_station", "stations/7", 5)
