"""What comes of events, monitors and streams."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.domain.applying import Applied, Context
from csms.domain.authorization import AuthorizationStatus
from csms.domain.device_model import Component, VariableName
from csms.domain.facts import ConnectorStatus, Fact, IdTokenInfo, RegistrationStatus, Reply
from csms.domain.monitoring import (
    EventData,
    EventsNotified,
    EventStream,
    Monitor,
    MonitoringReportReceived,
    MonitorsKnown,
    StreamClosed,
    StreamKnown,
    StreamOpened,
    StreamOpenedReply,
    StreamParams,
    StreamValue,
    StreamValuesReceived,
    sentence_of,
)
from csms.domain.records import EventRecord, ItemRecord, JobKind, JobRecord, StatusRecord, VariableRecord
from csms.domain.station import StationState
from csms.domain.values import Evse
from csms.domain.variable_names import VariablePlace

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TEMPERATURE = Component("EVSE", evse=Evse(1)), VariableName("Temperature")
CONNECTOR = Component("Connector", evse=Evse(1, 2)), VariableName("AvailabilityState")
pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")


def apply(fact: Fact, consulted: Reply | None = None, state: StationState | None = None) -> Applied:
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED)
    context = Context(NOW, lambda _tag, _session: info, lambda: 1, consulted=consulted)
    return (state or StationState(3, "CP-3", RegistrationStatus.ACCEPTED)).apply(fact, context)


def an_event(
    value: str = "80", at: datetime = NOW, what: tuple[Component, VariableName] = TEMPERATURE, **more: object
) -> EventData:
    told: dict[str, object] = {"trigger": "Alerting", "event_notification_type": "CustomMonitor", **more}
    trigger, kind = str(told.pop("trigger")), str(told.pop("event_notification_type"))
    return EventData(1, at, trigger, value, *what, kind, **told)  # type: ignore[arg-type]


def notified(*events: EventData) -> EventsNotified:
    return EventsNotified(NOW, 0, last=True, events=events)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (an_event(), "Alarm: EVSE@1.Temperature is 80."),
        (an_event("40", cleared=True), "EVSE@1.Temperature is 40: the alarm is over."),
        (an_event("41", trigger="Delta"), "EVSE@1.Temperature changed to 41."),
        (an_event("41", trigger="Periodic"), "EVSE@1.Temperature is 41."),
        (
            an_event("", tech_code="E17", tech_info="fan stuck", cause=4),
            "Alarm: EVSE@1.Temperature is empty. The station says: E17 fan stuck. It comes from event 4.",
        ),
    ],
)
def test_an_event_is_a_sentence(data: EventData, sentence: str) -> None:
    assert sentence_of(data) == sentence


def test_an_event_is_logged_and_its_value_kept() -> None:
    applied = apply(notified(an_event(variable_monitoring_id=5)), MonitorsKnown(((5, 2),)))
    event, variable = applied.records
    assert isinstance(event, EventRecord)
    assert isinstance(variable, VariableRecord)
    assert (event.kind, event.severity, event.evse_id, event.at) == ("NotifyEvent", 2, 1, NOW)
    assert msgspec.json.decode(event.body)["actualValue"] == "80"
    assert (variable.component, variable.evse_id, variable.variable, variable.value) == ("EVSE", 1, "Temperature", "80")
    assert (variable.mutability, variable.characteristics) == ("", None)


def test_a_severity_that_the_event_tells_counts_most() -> None:
    told = an_event(variable_monitoring_id=5, severity=8)
    (event, _) = apply(notified(told), MonitorsKnown(((5, 2),))).records
    assert isinstance(event, EventRecord)
    assert event.severity == 8
    (unknown, _) = apply(notified(an_event(variable_monitoring_id=6))).records
    assert isinstance(unknown, EventRecord)
    assert unknown.severity is None


def test_an_old_event_told_late_is_no_news_and_a_clock_ahead_is_not_believed() -> None:
    old, new = NOW - timedelta(hours=3), NOW + timedelta(days=9)
    records = apply(notified(an_event("2", old), an_event("3", old - timedelta(hours=1)))).records
    (variable,) = (record for record in records if isinstance(record, VariableRecord))
    assert (variable.value, variable.at) == ("2", old)
    records = apply(notified(an_event("4", new))).records
    (variable,) = (record for record in records if isinstance(record, VariableRecord))
    assert variable.at == NOW


def test_the_state_of_a_connector_is_its_status() -> None:
    state = StationState(3, "CP-3", RegistrationStatus.ACCEPTED)
    events = [
        an_event("Available", NOW, CONNECTOR, trigger="Delta"),
        an_event("Faulted", NOW - timedelta(minutes=1), CONNECTOR, trigger="Delta"),
    ]
    applied = apply(notified(*events), state=state)
    statuses = [record for record in applied.records if isinstance(record, StatusRecord)]
    assert [(s.evse_id, s.connector_id, s.status) for s in statuses] == [
        (1, 2, ConnectorStatus.FAULTED),
        (1, 2, ConnectorStatus.AVAILABLE),
    ]
    assert state.statuses[1, 2].status is ConnectorStatus.AVAILABLE
    assert applied.changed


def test_only_connectors_and_the_station_itself_have_a_status() -> None:
    evse = (Component("EVSE", evse=Evse(1)), VariableName("AvailabilityState"))
    station = (Component("ChargingStation"), VariableName("AvailabilityState"))
    nowhere = (Component("Connector"), VariableName("AvailabilityState"))
    for what, expected in ((evse, []), (nowhere, []), (TEMPERATURE, []), (station, [(0, 0)])):
        records = apply(notified(an_event("Unavailable", NOW, what))).records
        assert [(r.evse_id, r.connector_id) for r in records if isinstance(r, StatusRecord)] == expected
    records = apply(notified(an_event("Dreaming", NOW, CONNECTOR))).records
    assert not [record for record in records if isinstance(record, StatusRecord)]


def test_reported_monitors_are_items_and_the_part_is_counted() -> None:
    monitor = Monitor(5, *TEMPERATURE, "UpperThreshold", 70.0, 2, transaction=False)
    item, step = apply(MonitoringReportReceived(8, NOW, 0, last=False, monitors=(monitor,))).records
    assert isinstance(item, ItemRecord)
    assert (item.kind, item.key) == ("monitor", "5")
    assert item.body is not None
    assert msgspec.json.decode(item.body, type=Monitor) == monitor
    assert step == JobRecord(3, JobKind.MONITORING_REPORT, NOW, 8, part=0)
    _, step, event = apply(MonitoringReportReceived(8, NOW, 1, last=True, monitors=(monitor,))).records
    assert isinstance(event, EventRecord)
    assert event.summary == "Monitoring report 8 came to its end with part 2."
    _, event = apply(MonitoringReportReceived(8, NOW, 1, last=False)).records
    assert isinstance(event, EventRecord)
    assert event.summary == "Part 2 of monitoring report 8 is empty."


def test_a_stream_is_kept_while_it_is_open() -> None:
    stream = EventStream(4, 5, StreamParams(interval=10))
    opened = apply(StreamOpened(stream))
    assert opened.reply == StreamOpenedReply(accepted=True)
    closed = apply(StreamClosed(4))
    (item, _), (gone, _) = opened.records, closed.records
    assert isinstance(item, ItemRecord)
    assert isinstance(gone, ItemRecord)
    assert item.body == b'{"id":4,"variableMonitoringId":5,"params":{"interval":10}}'
    assert (gone.kind, gone.key, gone.body) == ("event_stream", "4", None)


def test_the_newest_value_of_a_stream_is_kept_and_the_log_is_spared() -> None:
    values = (StreamValue(0.0, "1"), StreamValue(2.5, "3"), StreamValue(1.0, "2"))
    fact = StreamValuesReceived(4, NOW, 0, values)
    place = VariablePlace("EVSE", "Power", evse_id=1)
    (variable,) = apply(fact, StreamKnown(place, event_due=False)).records
    assert isinstance(variable, VariableRecord)
    assert (variable.variable, variable.value, variable.mutability) == ("Power", "3", "")
    _, event = apply(fact, StreamKnown(place, event_due=True)).records
    assert isinstance(event, EventRecord)
    assert event.summary == "Stream 4: EVSE@1.Power is 3, the last of 3 values."
    assert event.evse_id == 1


def test_values_of_a_stream_that_nobody_knows_are_logged() -> None:
    fact = StreamValuesReceived(4, NOW, 7, (StreamValue(0.0, "1"),))
    (event,) = apply(fact).records
    assert isinstance(event, EventRecord)
    assert event.summary == "Stream 4: a variable that is not known is 1. 7 more wait in the station."
    assert msgspec.json.decode(event.body)["data"] == [{"t": 0.0, "v": "1"}]
