"""What the addresses of the alarm tables say."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from webui.alarm_list import AlarmsWanted, EventsWanted, event_severity


def test_nonsense_counts_as_not_given() -> None:
    query = QueryParams("kind=X&severity=Y&noticed=Z&order=A&place=b&station=c&since=d&size=7")
    assert AlarmsWanted.parse("/alarms", query) == AlarmsWanted(path="/alarms")
    assert EventsWanted.parse(QueryParams("source=X&grave=Y&kind=a b")) == EventsWanted(path="/alarms/events")


def test_active_alarms_begin_with_the_worst_and_history_with_the_newest() -> None:
    assert AlarmsWanted(path="/alarms").asked_order == "SEVERITY"
    assert AlarmsWanted(path="/alarms").filter["state"] == "ACTIVE"
    assert AlarmsWanted(path="/alarms/history").asked_order == "NEWEST"
    assert AlarmsWanted(path="/alarms/history").filter["state"] == "UNSPECIFIED"


def test_a_change_of_filter_begins_at_the_first_page() -> None:
    wanted = AlarmsWanted.parse("/alarms", QueryParams("q=hot&severity=MAJOR&after=x&size=100"))
    assert wanted.url() == "/alarms?q=hot&size=100&severity=MAJOR"
    assert wanted.url(after="y") == "/alarms?q=hot&size=100&severity=MAJOR&after=y"
    assert wanted.filtered


def test_the_last_day_is_in_the_span() -> None:
    wanted = EventsWanted.parse(QueryParams("since=2026-03-01&until=2026-03-02&source=ALARM&grave=4&kind=AlarmRaised"))
    assert wanted.filter["start_time"] == datetime(2026, 3, 1, tzinfo=UTC)
    assert wanted.filter["end_time"] == datetime(2026, 3, 3, tzinfo=UTC)
    assert (wanted.filter["sources"], wanted.filter["kinds"], wanted.filter["severity"]) == (
        ["ALARM"],
        ["AlarmRaised"],
        4,
    )


def test_severities_of_ocpp_have_words() -> None:
    assert [event_severity(number) for number in (None, 0, 9, 12)] == ["", "Danger", "Debug", "12"]
