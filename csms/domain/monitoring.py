"""Monitors of variables, what they report, and streams of values (OCPP 2.x block N; 2.1 periodic event streams)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.commands import Command, Result
from csms.domain.device_model import Component, ComponentVariable, VariableName, place_of, value_record
from csms.domain.facts import ACK, Fact, Reply, StatusChanged
from csms.domain.ids import StationId
from csms.domain.occupancy import availability
from csms.domain.records import ItemRecord, JobKind, JobRecord, Record, VariableRecord
from csms.domain.values import Value
from csms.domain.variable_names import VariablePlace, print_name

MONITOR_ITEM: Final = "monitor"
"""Kind of `ItemRecord` for a monitor; its key is the monitor's id, its body a `Monitor`."""
STREAM_ITEM: Final = "event_stream"
"""Kind of `ItemRecord` for an open stream of values; its key is the stream's id, its body an `EventStream`."""
MONITORING_ITEM: Final = "monitoring"
"""Kind of `ItemRecord` for what was last set: keys "base" and "level"."""

MOST_HARMLESS: Final = 9
"""The other end of OCPP's severities; 0 is danger."""

_encode = msgspec.json.Encoder().encode


class MonitorType(StrEnum):
    """OCPP 2.x MonitorEnumType; the last two are 2.1's."""

    UPPER_THRESHOLD = "UpperThreshold"
    LOWER_THRESHOLD = "LowerThreshold"
    DELTA = "Delta"
    PERIODIC = "Periodic"
    PERIODIC_CLOCK_ALIGNED = "PeriodicClockAligned"
    TARGET_DELTA = "TargetDelta"
    TARGET_DELTA_RELATIVE = "TargetDeltaRelative"


class MonitoringBase(StrEnum):
    """OCPP 2.x MonitoringBaseEnumType."""

    ALL = "All"
    FACTORY_DEFAULT = "FactoryDefault"
    HARD_WIRED_ONLY = "HardWiredOnly"


class MonitoringCriterion(StrEnum):
    """OCPP 2.x MonitoringCriterionEnumType."""

    THRESHOLD = "ThresholdMonitoring"
    DELTA = "DeltaMonitoring"
    PERIODIC = "PeriodicMonitoring"


class StreamParams(Value, frozen=True):
    """OCPP 2.1 PeriodicEventStreamParamsType: seconds between messages, and values after which one is sent anyway."""

    interval: int | None = None
    values: int | None = None


class Monitor(Value, frozen=True):
    """A monitor that a station holds. `event_notification_type` (2.1) says who made it."""

    id: int
    component: Component
    variable: VariableName
    type: str
    value: float
    severity: int
    transaction: bool
    event_notification_type: str | None = None
    periodic_event_stream: StreamParams | None = None


class EventStream(Value, frozen=True):
    """OCPP 2.1 ConstantStreamDataType: a stream that a station keeps open."""

    id: int
    variable_monitoring_id: int
    params: StreamParams


class EventData(Value, frozen=True):
    """OCPP 2.x EventDataType. `severity` is 2.1's."""

    event_id: int
    timestamp: datetime
    trigger: str
    actual_value: str
    component: Component
    variable: VariableName
    event_notification_type: str
    cause: int | None = None
    tech_code: str | None = None
    tech_info: str | None = None
    cleared: bool = False
    transaction_id: str | None = None
    variable_monitoring_id: int | None = None
    severity: int | None = None


class StreamValue(Value, frozen=True):
    """OCPP 2.1 StreamDataElementType: `t` is seconds after the message's base time."""

    t: float
    v: str


# -- facts and replies ---------------------------------------------------------------------------------------------


class MonitoringReportReceived(Fact, frozen=True):
    """NotifyMonitoringReport (N02): part `seq_no` of a report; `last` says that none follows it."""

    request_id: int
    generated_at: datetime
    seq_no: int
    last: bool
    monitors: tuple[Monitor, ...] = ()


class EventsNotified(Fact, frozen=True):
    """NotifyEvent (N07, N08): variables changed, monitors alarm."""

    generated_at: datetime
    seq_no: int
    last: bool
    events: tuple[EventData, ...]


class MonitorsKnown(Reply, frozen=True):
    """What is known of the monitors that an event names: (id, severity). 2.0.1 events do not tell it themselves."""

    severities: tuple[tuple[int, int], ...]


class StreamOpened(Fact, frozen=True):
    """OpenPeriodicEventStream (2.1, N11): values of a monitored variable will come."""

    stream: EventStream


class StreamOpenedReply(Reply, frozen=True):
    """Whether we take them."""

    accepted: bool


class StreamClosed(Fact, frozen=True):
    """ClosePeriodicEventStream (2.1, N12)."""

    stream_id: int


class StreamValuesReceived(Fact, frozen=True):
    """NotifyPeriodicEventStream (2.1, N11): values; `pending` more wait in the station. Has no answer."""

    stream_id: int
    base_time: datetime
    pending: int
    values: tuple[StreamValue, ...]


class StreamKnown(Reply, frozen=True):
    """What is known of a stream: its variable (None: nothing), and whether an entry in the event log is due. A stream
    may send many messages a second; its values are kept in the variable, the event log gets one now and then."""

    place: VariablePlace | None
    event_due: bool


# -- commands and results ------------------------------------------------------------------------------------------


class SetMonitoringData(Value, frozen=True):
    """OCPP 2.x SetMonitoringDataType. With an id: replace that monitor. `value` is a threshold, a difference or an
    interval in seconds. 2.1 alone has streams and the target deltas."""

    value: float
    type: MonitorType
    severity: int
    component: Component
    variable: VariableName
    id: int | None = None
    transaction: bool = False
    periodic_event_stream: StreamParams | None = None


class SetMonitoringResult(Value, frozen=True):
    """What became of one."""

    status: str
    type: str
    severity: int
    component: Component
    variable: VariableName
    id: int | None = None
    reason_code: str = ""
    additional_info: str = ""


class ClearMonitoringResult(Value, frozen=True):
    """What became of one."""

    id: int
    status: str
    reason_code: str = ""
    additional_info: str = ""


class MonitorsSet(Result, frozen=True):
    """The answer to SetVariableMonitoring."""

    results: tuple[SetMonitoringResult, ...]


class MonitorsCleared(Result, frozen=True):
    """The answer to ClearVariableMonitoring."""

    results: tuple[ClearMonitoringResult, ...]


class EventStreams(Result, frozen=True):
    """The answer to GetPeriodicEventStream."""

    streams: tuple[EventStream, ...]


class SetVariableMonitoring(Command, frozen=True):
    """N04: watch these variables."""

    monitors: tuple[SetMonitoringData, ...]


class ClearVariableMonitoring(Command, frozen=True):
    """N06: remove these monitors."""

    ids: tuple[int, ...]


class SetMonitoringBase(Command, frozen=True):
    """N03: which monitors are active; what was set before is lost unless it is All."""

    monitoring_base: MonitoringBase


class SetMonitoringLevel(Command, frozen=True):
    """N05: report events of this severity and graver: 0 (danger) to 9 (debug)."""

    severity: int


class GetMonitoringReport(Command, frozen=True):
    """N02: tell your monitors. No criteria and no variables: all."""

    request_id: int
    component_variables: tuple[ComponentVariable, ...] = ()
    monitoring_criteria: tuple[MonitoringCriterion, ...] = ()


class GetPeriodicEventStream(Command, frozen=True):
    """2.1: which streams are open?"""


class AdjustPeriodicEventStream(Command, frozen=True):
    """2.1, N13: change the pace of a stream."""

    id: int
    params: StreamParams


# -- what comes of the facts ---------------------------------------------------------------------------------------


def _monitors_reported(fact: MonitoringReportReceived, station_id: StationId, context: Context) -> Applied:
    records: list[Record] = [
        ItemRecord(station_id, MONITOR_ITEM, str(monitor.id), context.now, _encode(monitor))
        for monitor in fact.monitors
    ]
    records.append(
        JobRecord(station_id, JobKind.MONITORING_REPORT, context.now, fact.request_id, part=fact.seq_no, last=fact.last)
    )
    if fact.last or not fact.monitors:
        body = {"requestId": fact.request_id, "seqNo": fact.seq_no, "monitors": len(fact.monitors)}
        summary = f"Monitoring report {fact.request_id} came to its end with part {fact.seq_no + 1}."
        if not fact.last:
            summary = f"Part {fact.seq_no + 1} of monitoring report {fact.request_id} is empty."
        records.append(event(station_id, context, "NotifyMonitoringReport", summary, at=fact.generated_at, body=body))
    return Applied(records=records)


def sentence_of(data: EventData) -> str:
    """An event for people."""
    name = print_name(place_of(data.component, data.variable))
    value = data.actual_value[:200] or "empty"
    if data.cleared:
        told = f"{name} is {value}: the alarm is over."
    elif data.trigger == "Alerting":
        told = f"Alarm: {name} is {value}."
    elif data.trigger == "Delta":
        told = f"{name} changed to {value}."
    else:
        told = f"{name} is {value}."
    if data.tech_code or data.tech_info:
        told += f" The station says: {' '.join(filter(None, (data.tech_code, data.tech_info)))}."
    if data.cause is not None:
        told += f" It comes from event {data.cause}."
    return told


def _events_notified(fact: EventsNotified, station_id: StationId, context: Context) -> Applied:
    known = context.consulted
    severities: Mapping[int, int] = dict(known.severities) if isinstance(known, MonitorsKnown) else {}
    records: list[Record] = []
    newest: dict[VariablePlace, tuple[datetime, VariableRecord]] = {}
    for data in fact.events:
        severity = data.severity
        if severity is None and data.variable_monitoring_id is not None:
            severity = severities.get(data.variable_monitoring_id)
        evse = data.component.evse
        records.append(
            event(
                station_id,
                context,
                "NotifyEvent",
                sentence_of(data),
                at=data.timestamp,
                evse_id=None if evse is None else evse.id,
                severity=severity,
                body=data,
            )
        )
        place = place_of(data.component, data.variable)
        if place not in newest or newest[place][0] <= data.timestamp:
            # A station that was offline tells old events late: they must not pass for news.
            at = min(data.timestamp, context.now)
            newest[place] = data.timestamp, value_record(station_id, place, data.actual_value, at)
    records += [record for _, record in newest.values()]
    connectors = [status for data in fact.events if (status := connector_status(data)) is not None]
    connectors.sort(key=lambda status: status.timestamp or context.now)
    return Applied(records=records, connectors=connectors, changed=bool(connectors))


def connector_status(data: EventData) -> StatusChanged | None:
    """The StatusNotification that an event stands for (G01; the way of 2.1): AvailabilityState of a Connector, or of
    the ChargingStation as a whole. That of an EVSE sums up its connectors, which speak for themselves: None."""
    if data.variable.name.casefold() != "availabilitystate":
        return None
    component, evse = data.component.name.casefold(), data.component.evse
    if component == "chargingstation":
        return availability(0, 0, data.actual_value, data.timestamp)
    if component == "connector" and evse is not None and evse.id > 0:
        return availability(evse.id, evse.connector_id or 1, data.actual_value, data.timestamp)
    return None


def _stream_opened(fact: StreamOpened, station_id: StationId, context: Context) -> Applied:
    stream = fact.stream
    item = ItemRecord(station_id, STREAM_ITEM, str(stream.id), context.now, _encode(stream))
    summary = f"Stream {stream.id} of monitor {stream.variable_monitoring_id} was opened."
    told = event(station_id, context, "OpenPeriodicEventStream", summary, body=stream)
    return Applied(StreamOpenedReply(accepted=True), [item, told])


def _stream_closed(fact: StreamClosed, station_id: StationId, context: Context) -> Applied:
    item = ItemRecord(station_id, STREAM_ITEM, str(fact.stream_id), context.now, None)
    summary = f"Stream {fact.stream_id} was closed."
    told = event(station_id, context, "ClosePeriodicEventStream", summary, body={"id": fact.stream_id})
    return Applied(ACK, [item, told])


def _stream_values(fact: StreamValuesReceived, station_id: StationId, context: Context) -> Applied:
    known = context.consulted if isinstance(context.consulted, StreamKnown) else StreamKnown(None, event_due=True)
    latest = max(fact.values, key=lambda value: value.t)
    records: list[Record] = []
    if known.place is not None:
        records.append(value_record(station_id, known.place, latest.v, context.now))
    if known.event_due:
        what = "a variable that is not known" if known.place is None else print_name(known.place)
        waiting = f" {fact.pending} more wait in the station." if fact.pending else ""
        count = len(fact.values)
        summary = (
            f"Stream {fact.stream_id}: {what} is {latest.v[:200] or 'empty'}, the last of {count} values.{waiting}"
            if count > 1
            else f"Stream {fact.stream_id}: {what} is {latest.v[:200] or 'empty'}.{waiting}"
        )
        body = {
            "id": fact.stream_id,
            "basetime": fact.base_time,
            "pending": fact.pending,
            "data": fact.values,
        }
        evse_id = None if known.place is None else known.place.evse_id or None
        records.append(
            event(
                station_id, context, "NotifyPeriodicEventStream", summary, at=fact.base_time, evse_id=evse_id, body=body
            )
        )
    return Applied(records=records, wait=False)


HANDLERS: Final[dict[type[Fact], Handler]] = {
    MonitoringReportReceived: _monitors_reported,
    EventsNotified: _events_notified,
    StreamOpened: _stream_opened,
    StreamClosed: _stream_closed,
    StreamValuesReceived: _stream_values,
}
