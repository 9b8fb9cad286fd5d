"""Changes."""

from __future__ import annotations

from control.convert.watch import change
from csms.domain.alarms import Alarm, AlarmKind, AlarmSource, Severity, Subject
from csms.ports.alarms import AlarmView
from csms.ports.queries import SessionView
from csms.services.watch import Change
from tests.kit.records import a_transaction
from tests.kit.service_world import NOW


def name_of(place_id: int) -> str:
    return {3: "Harbour"}.get(place_id, "")


def test_a_change_is_one_thing_and_a_tick_is_none() -> None:
    assert change(Change(5, NOW), name_of).WhichOneof("change") is None
    session = SessionView(a_transaction(7, 1), 1, "", "")
    assert change(Change(5, NOW, session=session), name_of).WhichOneof("change") == "session"
    gone = change(Change(5, NOW, deleted_station_id=7), name_of)
    assert (gone.WhichOneof("change"), gone.deleted_station, gone.revision) == ("deleted_station", "stations/7", 5)


def test_an_alarm_is_told_with_its_place() -> None:
    alarm = Alarm(
        9, Subject(place_id=3), "k", AlarmKind.NO_NETWORK, Severity.MAJOR, AlarmSource.SILENCE, "", "", NOW, NOW
    )
    told = change(Change(5, NOW, alarm=AlarmView(alarm, "", 3)), name_of)
    assert (told.WhichOneof("change"), told.alarm.name, told.alarm.place_display_name) == (
        "alarm",
        "alarms/9",
        "Harbour",
    )
