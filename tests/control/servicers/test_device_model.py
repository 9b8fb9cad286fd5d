"""DeviceModelService over the wire."""

from __future__ import annotations

import grpc
import msgspec
import pytest
from google.protobuf.message import Message

from control.v1 import device_model_pb2 as pb
from control.v1 import inventory_pb2, remote_pb2
from csms.domain.commands import Answer, Outcome
from csms.domain.customer import CustomerInformation
from csms.domain.device_model import (
    Component,
    ComponentCriterion,
    ComponentVariable,
    GetBaseReport,
    GetReport,
    NetworkConnectionProfile,
    ReportBase,
    SetNetworkProfile,
    VariableName,
)
from csms.domain.monitoring import (
    AdjustPeriodicEventStream,
    ClearMonitoringResult,
    ClearVariableMonitoring,
    EventStream,
    EventStreams,
    GetMonitoringReport,
    GetPeriodicEventStream,
    MonitoringBase,
    MonitoringCriterion,
    MonitorsCleared,
    MonitorsSet,
    MonitorType,
    SetMonitoringBase,
    SetMonitoringData,
    SetMonitoringLevel,
    SetMonitoringResult,
    SetVariableMonitoring,
    StreamParams,
)
from csms.domain.records import ItemRecord, VariableRecord
from csms.domain.values import Evse
from csms.ports.directory import Settled
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
EVSE, POWER = Component("EVSE", evse=Evse(1)), VariableName("Power")
WHERE = pb.Component(name="EVSE", evse_id=1)


def to(station: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{station}")


def answers(world: ControlWorld, answer: Answer) -> None:
    world.directory.settled.append(Settled(Outcome.ANSWERED, answer, 0.1))


async def test_reports_name_the_job_that_gathers_them(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    where = pb.ComponentVariable(component=WHERE, variable="Power")
    wanted = (ComponentVariable(EVSE, POWER),)
    calls: list[tuple[str, Message, object]] = [
        ("GetBaseReport", pb.GetBaseReportRequest(target=to(station)), GetBaseReport(1, ReportBase.FULL)),
        (
            "GetReport",
            pb.GetReportRequest(target=to(station), component_variables=[where], component_criteria=["Active"]),
            GetReport(2, wanted, (ComponentCriterion.ACTIVE,)),
        ),
        (
            "GetMonitoringReport",
            pb.GetMonitoringReportRequest(
                target=to(station), component_variables=[where], monitoring_criteria=["DeltaMonitoring"]
            ),
            GetMonitoringReport(3, wanted, (MonitoringCriterion.DELTA,)),
        ),
        (
            "RequestCustomerInformation",
            pb.RequestCustomerInformationRequest(
                target=to(station), report=True, id_token="04A2", id_token_type="ISO14443"
            ),
            CustomerInformation(4, True, False, "04A2", "ISO14443"),
        ),
    ]
    for number, (method, request, command) in enumerate(calls, 1):
        done = await world.client.call(f"device_model.{method}", request)
        assert (done.result.accepted, done.job.name) == (True, f"stations/{station}/jobs/{number}")
        assert done.job.state == inventory_pb2.JOB_STATE_RUNNING
        assert world.directory.sent[-1][1] == command


async def test_variables_are_listed_filtered_and_paged(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    world.inventory_store.apply(
        [
            VariableRecord(station, "EVSE", "", 1, 0, name, "", "Actual", NOW, value)
            for name, value in (("A", "1"), ("B", "2"), ("C", "3"))
        ]
    )
    request = pb.ListVariablesRequest(station=f"stations/{station}", page_size=2)
    first = await world.client.call("device_model.ListVariables", request)
    assert [(v.name, v.value) for v in first.variables] == [("EVSE@1.A", "1"), ("EVSE@1.B", "2")]
    assert first.total_size == 3
    request.page_token = first.next_page_token
    second = await world.client.call("device_model.ListVariables", request)
    assert ([v.name for v in second.variables], second.next_page_token) == (["EVSE@1.C"], "")
    request.filter.variable = "B"
    with pytest.raises(Refused) as refused:  # a token of another query
        await world.client.call("device_model.ListVariables", request)
    assert refused.value.reason == "INVALID_PAGE_TOKEN"
    request.page_token = ""
    found = await world.client.call("device_model.ListVariables", request)
    assert [v.name for v in found.variables] == ["EVSE@1.B"]


async def test_monitors_are_set_listed_and_cleared(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    told = SetMonitoringResult("Accepted", "Delta", 4, EVSE, POWER, 5)
    answers(world, Answer("Accepted", True, result=MonitorsSet((told,))))
    setting = pb.MonitorSetting(component=WHERE, variable="Power", type="Delta", value=2.5, severity=4)
    done = await world.client.call(
        "device_model.SetVariableMonitoring",
        pb.SetVariableMonitoringRequest(target=to(station), monitors=[setting]),
    )
    assert [(r.status, r.id) for r in done.results] == [("Accepted", 5)]
    monitor = SetMonitoringData(2.5, MonitorType.DELTA, 4, EVSE, POWER)
    assert world.directory.sent[-1][1] == SetVariableMonitoring((monitor,))
    listing = pb.ListMonitorsRequest(station=f"stations/{station}")
    listed = await world.client.call("device_model.ListMonitors", listing)
    assert [(m.id, m.component, m.variable, m.value) for m in listed.monitors] == [(5, WHERE, "Power", 2.5)]
    cleared = (ClearMonitoringResult(5, "Accepted"), ClearMonitoringResult(6, "Rejected", "HardWired", "No."))
    answers(world, Answer("Rejected", False, result=MonitorsCleared(cleared)))
    done = await world.client.call(
        "device_model.ClearVariableMonitoring", pb.ClearVariableMonitoringRequest(target=to(station), ids=[5, 6])
    )
    assert [(r.id, r.status, r.reason_code) for r in done.results] == [
        (5, "Accepted", ""),
        (6, "Rejected", "HardWired"),
    ]
    assert world.directory.sent[-1][1] == ClearVariableMonitoring((5, 6))
    assert not (await world.client.call("device_model.ListMonitors", listing)).monitors


async def test_base_and_level_are_set(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    answers(world, Answer("NotSupported", False))
    done = await world.client.call(
        "device_model.SetMonitoringBase",
        pb.SetMonitoringBaseRequest(target=to(station), monitoring_base="HardWiredOnly"),
    )
    assert (done.result.accepted, done.result.status) == (False, "NotSupported")
    assert world.directory.sent[-1][1] == SetMonitoringBase(MonitoringBase.HARD_WIRED_ONLY)
    await world.client.call(
        "device_model.SetMonitoringLevel", pb.SetMonitoringLevelRequest(target=to(station), severity=4)
    )
    assert world.directory.sent[-1][1] == SetMonitoringLevel(4)


async def test_a_connection_is_set(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    profile = pb.NetworkConnectionProfile(
        ocpp_csms_url="wss://csms.example.org", ocpp_interface="Wired0", message_timeout_seconds=30, security_profile=2
    )
    request = pb.SetNetworkProfileRequest(target=to(station), configuration_slot=2, connection_data=profile)
    assert (await world.client.call("device_model.SetNetworkProfile", request)).result.accepted
    expected = NetworkConnectionProfile("wss://csms.example.org", "JSON", "Wired0", 30, 2)
    assert world.directory.sent[-1][1] == SetNetworkProfile(2, expected)


async def test_streams_are_listed_asked_for_and_adjusted(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    stream = EventStream(7, 5, StreamParams(10))
    world.inventory_store.apply([ItemRecord(station, "event_stream", "7", NOW, msgspec.json.encode(stream))])
    listed = await world.client.call(
        "device_model.ListPeriodicEventStreams", pb.ListPeriodicEventStreamsRequest(station=f"stations/{station}")
    )
    assert [(s.id, s.variable_monitoring_id, s.params.interval_seconds) for s in listed.streams] == [(7, 5, 10)]
    answers(world, Answer("Accepted", True, result=EventStreams((stream,))))
    asked = await world.client.call(
        "device_model.GetPeriodicEventStream", pb.GetPeriodicEventStreamRequest(target=to(station))
    )
    assert [s.id for s in asked.streams] == [7]
    assert world.directory.sent[-1][1] == GetPeriodicEventStream()
    params = pb.PeriodicEventStreamParams(values=9)
    request = pb.AdjustPeriodicEventStreamRequest(target=to(station), id=7, params=params)
    assert (await world.client.call("device_model.AdjustPeriodicEventStream", request)).result.accepted
    assert world.directory.sent[-1][1] == AdjustPeriodicEventStream(7, StreamParams(values=9))


@pytest.mark.parametrize(
    ("method", "request_", "reason"),
    [
        ("GetBaseReport", pb.GetBaseReportRequest(report_base="All"), "INVALID_WORD"),
        ("GetReport", pb.GetReportRequest(component_variables=[pb.ComponentVariable()]), "COMPONENT_MISSING"),
        ("SetVariableMonitoring", pb.SetVariableMonitoringRequest(), "INVALID_MONITORS"),
        ("ClearVariableMonitoring", pb.ClearVariableMonitoringRequest(), "INVALID_MONITORS"),
        ("SetMonitoringBase", pb.SetMonitoringBaseRequest(), "INVALID_WORD"),
        ("SetMonitoringLevel", pb.SetMonitoringLevelRequest(severity=10), "INVALID_SEVERITY"),
        ("RequestCustomerInformation", pb.RequestCustomerInformationRequest(), "NOTHING_ASKED"),
        ("AdjustPeriodicEventStream", pb.AdjustPeriodicEventStreamRequest(id=7), "NOTHING_TO_CHANGE"),
    ],
)
async def test_half_an_order_is_not_sent(world: ControlWorld, method: str, request_: Message, reason: str) -> None:
    station = await world.add_station("CP-1")
    request_.target.CopyFrom(to(station))  # type: ignore[attr-defined]
    with pytest.raises(Refused) as refused:
        await world.client.call(f"device_model.{method}", request_)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert world.directory.sent == []
