"""Monitors and streams: set, cleared, known."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
import trio
import trio.testing

from csms.domain.commands import Answer, Command, Outcome
from csms.domain.device_model import Component, ComponentVariable, VariableName
from csms.domain.errors import FailedPrecondition, InvalidArgument, PermissionDenied
from csms.domain.facts import ACK
from csms.domain.monitoring import (
    AdjustPeriodicEventStream,
    ClearMonitoringResult,
    ClearVariableMonitoring,
    EventData,
    EventsNotified,
    EventStream,
    EventStreams,
    GetMonitoringReport,
    Monitor,
    MonitoringBase,
    MonitoringCriterion,
    MonitoringReportReceived,
    MonitorsCleared,
    MonitorsKnown,
    MonitorsSet,
    MonitorType,
    SetMonitoringBase,
    SetMonitoringData,
    SetMonitoringLevel,
    SetMonitoringResult,
    SetVariableMonitoring,
    StreamClosed,
    StreamOpened,
    StreamParams,
    StreamValue,
    StreamValuesReceived,
)
from csms.domain.records import ItemRecord, JobKind, JobRecord, VariableRecord
from csms.domain.values import Evse
from csms.domain.variable_names import VariablePlace
from csms.ports.directory import Settled
from csms.services.monitoring import EVENT_SECONDS, MAX_MONITORS
from csms.services.remote import Target
from tests.kit.service_world import NOW, STRANGER, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
EVSE = Component("EVSE", evse=Evse(1))


async def a_world() -> tuple[ServiceWorld, int]:
    world = ServiceWorld()
    world.time = NOW
    return world, await world.add_station("CP-1")


def sent(world: ServiceWorld) -> list[Command]:
    return [command for _, command, _, _ in world.directory.sent]


def answers(world: ServiceWorld, answer: Answer) -> None:
    world.directory.settled.append(Settled(Outcome.ANSWERED, answer, 0.1))


def wanted(variable: str = "Temperature", severity: int = 2, **more: object) -> SetMonitoringData:
    return SetMonitoringData(70.0, MonitorType.UPPER_THRESHOLD, severity, EVSE, VariableName(variable), **more)  # type: ignore[arg-type]


def result(status: str, each: SetMonitoringData, number: int | None = None) -> SetMonitoringResult:
    return SetMonitoringResult(status, each.type.value, each.severity, each.component, each.variable, number)


def monitors_set(*results: SetMonitoringResult) -> Answer:
    return Answer("Accepted", True, result=MonitorsSet(results))


def kept(number: int, *monitors: Monitor) -> list[ItemRecord]:
    return [ItemRecord(number, "monitor", str(each.id), NOW, msgspec.json.encode(each)) for each in monitors]


def a_monitor(number: int, variable: str = "Temperature", severity: int = 2) -> Monitor:
    return Monitor(number, EVSE, VariableName(variable), "UpperThreshold", 70.0, severity, transaction=False)


async def test_accepted_monitors_are_kept_whatever_the_order_of_the_results() -> None:
    world, number = await a_world()
    a, b, c = wanted("A"), wanted("B", periodic_event_stream=StreamParams(10)), wanted("C", id=9)
    answers(world, monitors_set(result("Rejected", c), result("Accepted", b, 5), result("Accepted", a, 4)))
    outcome = await world.monitoring.set_variable_monitoring(SUPPORT, Target(number), [a, b, c])
    assert sent(world) == [SetVariableMonitoring((a, b, c))]
    assert isinstance(outcome.answer.result, MonitorsSet)
    assert [(r.status, r.id) for r in outcome.answer.result.results] == [
        ("Accepted", 4),
        ("Accepted", 5),
        ("Rejected", None),
    ]
    views = await world.monitoring.list_monitors(SUPPORT, number)
    assert [(v.monitor.id, v.monitor.variable.name, v.monitor.event_notification_type) for v in views] == [
        (4, "A", "CustomMonitor"),
        (5, "B", "CustomMonitor"),
    ]
    assert views[1].monitor.periodic_event_stream == StreamParams(10)


async def test_a_replaced_monitor_keeps_its_number() -> None:
    world, number = await a_world()
    each = wanted(id=4)
    answers(world, monitors_set(result("Accepted", each)))
    await world.monitoring.set_variable_monitoring(SUPPORT, Target(number), [each])
    (view,) = await world.monitoring.list_monitors(SUPPORT, number)
    assert view.monitor.id == 4


async def test_a_list_that_is_too_long_is_sent_in_portions_and_stops_at_silence() -> None:
    world, number = await a_world()
    limit = VariableRecord(
        number, "MonitoringCtrlr", "", 0, 0, "ItemsPerMessage", "SetVariableMonitoring", "Actual", NOW, "1"
    )
    world.inventory_store.apply([limit])
    a, b = wanted("A"), wanted("B")
    answers(world, monitors_set(result("Accepted", a, 4)))
    world.directory.settled.append(Settled(Outcome.UNKNOWN))
    outcome = await world.monitoring.set_variable_monitoring(SUPPORT, Target(number), [a, b])
    assert isinstance(outcome.answer.result, MonitorsSet)
    assert [(r.status, r.reason_code) for r in outcome.answer.result.results] == [("Accepted", ""), ("", "NO_ANSWER")]


async def test_an_error_for_all_is_told_for_each() -> None:
    world, number = await a_world()
    answers(world, Answer("", False, error_code="NotSupported"))
    outcome = await world.monitoring.set_variable_monitoring(SUPPORT, Target(number), [wanted()])
    assert isinstance(outcome.answer.result, MonitorsSet)
    assert [(r.status, r.reason_code) for r in outcome.answer.result.results] == [("", "NotSupported")]
    answers(world, Answer("", False, error_code="NotSupported"))
    cleared = await world.monitoring.clear_variable_monitoring(SUPPORT, Target(number), [5])
    assert cleared.answer.error_code == "NotSupported"


async def test_cleared_and_unknown_monitors_are_forgotten() -> None:
    world, number = await a_world()
    world.inventory_store.apply(kept(number, a_monitor(4), a_monitor(5), a_monitor(6)))
    told = (
        ClearMonitoringResult(4, "Accepted"),
        ClearMonitoringResult(5, "Rejected"),
        ClearMonitoringResult(6, "NotFound"),
    )
    answers(world, Answer("Rejected", False, result=MonitorsCleared(told)))
    outcome = await world.monitoring.clear_variable_monitoring(SUPPORT, Target(number), [4, 5, 6, 4])
    assert sent(world) == [ClearVariableMonitoring((4, 5, 6))]
    assert outcome.answer.result == MonitorsCleared(told)
    assert [view.monitor.id for view in await world.monitoring.list_monitors(SUPPORT, number)] == [5]


async def test_a_clearing_that_falls_silent_half_way_says_so() -> None:
    world, number = await a_world()
    answers(world, Answer("Accepted", True, result=MonitorsCleared((ClearMonitoringResult(1, "Accepted"),))))
    world.directory.settled.append(Settled(Outcome.UNKNOWN))
    outcome = await world.monitoring.clear_variable_monitoring(SUPPORT, Target(number), range(1, 22))
    assert isinstance(outcome.answer.result, MonitorsCleared)
    assert outcome.answer.result.results[-1] == ClearMonitoringResult(21, "", "NO_ANSWER")


async def test_half_an_order_is_not_sent() -> None:
    world, number = await a_world()
    target = Target(number)
    use = world.monitoring
    nameless = SetMonitoringData(1.0, MonitorType.DELTA, 1, Component(""), VariableName("A"))
    for monitors in ([], [wanted()] * (MAX_MONITORS + 1), [nameless], [wanted(severity=10)]):
        with pytest.raises(InvalidArgument):
            await use.set_variable_monitoring(SUPPORT, target, monitors)
    for ids in ([], [-1]):
        with pytest.raises(InvalidArgument):
            await use.clear_variable_monitoring(SUPPORT, target, ids)
    with pytest.raises(InvalidArgument):
        await use.set_monitoring_level(SUPPORT, target, 10)
    with pytest.raises(InvalidArgument):
        await use.adjust_periodic_event_stream(SUPPORT, target, 4, StreamParams())
    with pytest.raises(PermissionDenied):
        await use.set_variable_monitoring(STRANGER, target, [wanted()])
    assert sent(world) == []


async def test_silence_at_the_first_message_is_an_error() -> None:
    world, _ = await a_world()
    offline = await world.add_station("CP-2", online=False)
    with pytest.raises(FailedPrecondition):
        await world.monitoring.set_variable_monitoring(SUPPORT, Target(offline), [wanted()])
    with pytest.raises(FailedPrecondition):
        await world.monitoring.clear_variable_monitoring(SUPPORT, Target(offline), [1])


async def test_a_new_base_asks_which_monitors_are_left() -> None:
    world, number = await a_world()
    await world.monitoring.set_monitoring_base(SUPPORT, Target(number), MonitoringBase.FACTORY_DEFAULT)
    assert sent(world) == [SetMonitoringBase(MonitoringBase.FACTORY_DEFAULT), GetMonitoringReport(1)]
    await world.monitoring.set_monitoring_level(SUPPORT, Target(number), 4)
    assert sent(world)[2:] == [SetMonitoringLevel(4)]
    items = await world.inventory_store.items(number, "monitoring")
    assert [(item.key, msgspec.json.decode(item.body)) for item in items] == [
        ("base", {"monitoringBase": "FactoryDefault"}),
        ("level", {"severity": 4}),
    ]
    answers(world, Answer("NotSupported", False))
    await world.monitoring.set_monitoring_base(SUPPORT, Target(number), MonitoringBase.ALL)
    assert len(sent(world)) == 4
    answers(world, Answer("Accepted", True))
    world.directory.settled.append(Settled(Outcome.UNKNOWN))
    assert (await world.monitoring.set_monitoring_base(SUPPORT, Target(number), MonitoringBase.ALL)).answer.accepted


async def test_after_a_report_of_all_monitors_the_others_are_gone() -> None:
    world, number = await a_world()
    world.inventory_store.apply(kept(number, a_monitor(4), a_monitor(5)))
    world.time = NOW + timedelta(minutes=1)
    some = [ComponentVariable(EVSE)]
    criteria = [MonitoringCriterion.THRESHOLD]
    ordered = await world.monitoring.get_monitoring_report(SUPPORT, Target(number), some, criteria)
    assert sent(world) == [GetMonitoringReport(ordered.job.id, tuple(some), tuple(criteria))]
    for job, left in ((ordered.job, ["4", "5"]), (None, ["5"])):
        if job is None:
            job = (await world.monitoring.get_monitoring_report(SUPPORT, Target(number), [], [])).job
        step = JobRecord(number, JobKind.MONITORING_REPORT, world.time, job.id, part=0, last=True)
        told = msgspec.structs.replace(kept(number, a_monitor(5))[0], at=world.time)
        world.inventory_store.apply([told])
        await world.monitoring.on_monitoring_report(number, MonitoringReportReceived(job.id, NOW, 0, True), ACK)
        world.inventory_store.apply([step])
        await world.monitoring.on_monitoring_report(number, MonitoringReportReceived(job.id, NOW, 0, True), ACK)
        assert [item.key for item in await world.inventory_store.items(number, "monitor")] == left


def notified(*monitors: int | None, severity: int | None = None) -> EventsNotified:
    events = tuple(
        EventData(
            1,
            NOW,
            "Alerting",
            "80",
            EVSE,
            VariableName("Temperature"),
            "CustomMonitor",
            variable_monitoring_id=number,
            severity=severity,
        )
        for number in monitors
    )
    return EventsNotified(NOW, 0, True, events)


async def test_how_grave_an_event_is_the_monitor_knows() -> None:
    world, number = await a_world()
    world.inventory_store.apply(kept(number, a_monitor(4, severity=3), a_monitor(5, severity=6)))
    known = await world.monitoring.monitors_of(number, notified(5, 6, None))
    assert known == MonitorsKnown(((5, 6),))
    assert await world.monitoring.monitors_of(number, notified(None)) is None
    assert await world.monitoring.monitors_of(number, notified(5, severity=1)) is None


STREAM = EventStream(7, 4, StreamParams(10))
VALUES = StreamValuesReceived(7, NOW, 0, (StreamValue(0.0, "1"),))


def open_stream(world: ServiceWorld, number: int, stream: EventStream = STREAM) -> None:
    item = ItemRecord(number, "event_stream", str(stream.id), NOW, msgspec.json.encode(stream))
    world.inventory_store.apply([item])


async def test_a_stream_is_known_by_its_monitor_and_the_log_is_spared(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    world, number = await a_world()
    open_stream(world, number)
    world.inventory_store.apply(kept(number, a_monitor(4), a_monitor(5, "Power")))
    first = await world.monitoring.stream_of(number, VALUES)
    assert (first.place, first.event_due) == (VariablePlace("EVSE", "Temperature", evse_id=1), True)
    assert not (await world.monitoring.stream_of(number, VALUES)).event_due
    await trio.sleep(EVENT_SECONDS)
    assert (await world.monitoring.stream_of(number, VALUES)).event_due
    again = EventStream(7, 5, StreamParams(10))
    open_stream(world, number, again)
    await world.monitoring.on_stream_changed(number, StreamOpened(again), ACK)
    known = await world.monitoring.stream_of(number, VALUES)
    assert known.place == VariablePlace("EVSE", "Power", evse_id=1)
    await world.monitoring.on_stream_changed(number, StreamClosed(7), ACK)
    world.inventory_store.apply([ItemRecord(number, "event_stream", "7", NOW, None)])
    assert (await world.monitoring.stream_of(number, VALUES)).place is None


async def test_a_stream_whose_monitor_is_told_later_finds_its_variable(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    world, number = await a_world()
    open_stream(world, number)
    assert (await world.monitoring.stream_of(number, VALUES)).place is None
    world.inventory_store.apply(kept(number, a_monitor(4)))
    assert (await world.monitoring.stream_of(number, VALUES)).place is None
    await trio.sleep(EVENT_SECONDS)
    assert (await world.monitoring.stream_of(number, VALUES)).place is not None


async def test_streams_are_asked_for_listed_and_adjusted() -> None:
    world, number = await a_world()
    open_stream(world, number, EventStream(3, 4, StreamParams(5)))
    world.time = NOW + timedelta(minutes=1)
    answers(world, Answer("Accepted", True, result=EventStreams((STREAM,))))
    await world.monitoring.get_periodic_event_stream(SUPPORT, Target(number))
    (view,) = await world.monitoring.list_periodic_event_streams(SUPPORT, number)
    assert (view.stream, view.at) == (STREAM, world.time)
    faster = StreamParams(1, 50)
    await world.monitoring.adjust_periodic_event_stream(SUPPORT, Target(number), 7, faster)
    assert sent(world)[-1] == AdjustPeriodicEventStream(7, faster)
    (view,) = await world.monitoring.list_periodic_event_streams(SUPPORT, number)
    assert view.stream.params == faster
    answers(world, Answer("Rejected", False))
    await world.monitoring.adjust_periodic_event_stream(SUPPORT, Target(number), 7, StreamParams(9))
    (view,) = await world.monitoring.list_periodic_event_streams(SUPPORT, number)
    assert view.stream.params == faster
    answers(world, Answer("", False, error_code="InternalError"))
    await world.monitoring.get_periodic_event_stream(SUPPORT, Target(number))
    assert len(await world.monitoring.list_periodic_event_streams(SUPPORT, number)) == 1
