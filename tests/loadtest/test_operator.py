"""An operator who gives commands while stations charge."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from control.v1 import remote_pb2, remote_pb2_grpc, sessions_pb2, sessions_pb2_grpc, stations_pb2, stations_pb2_grpc
from loadtest.operator import OperatorJob, plan_orders
from loadtest.processes import Go
from loadtest.scenario import COMMANDS, Scenario
from loadtest.tally import Pulse

SCENARIO = Scenario(
    stations=4, minutes=1, ramp=10, commands_per_second=50, versions={"1.6": 1, "2.0.1": 1}, connectors=1
)
GOOD = remote_pb2.CommandResult(accepted=True, status="Accepted")


@dataclass
class Control(
    stations_pb2_grpc.StationServiceServicer,
    sessions_pb2_grpc.SessionServiceServicer,
    remote_pb2_grpc.RemoteServiceServicer,
):
    """A control API that obeys and remembers; `sulks` is what it does not do."""

    asked: list[object] = field(default_factory=list)
    sulks: bool = False

    def ListStations(
        self, request: stations_pb2.ListStationsRequest, context: grpc.ServicerContext
    ) -> stations_pb2.ListStationsResponse:
        if self.sulks:
            context.abort(grpc.StatusCode.UNAVAILABLE, "closed: for today")
        number = int(request.page_token or 1)
        station = stations_pb2.Station(name=f"stations/{number}", identity=f"LT-0000{number}")
        return stations_pb2.ListStationsResponse(
            stations=[station], next_page_token=str(number + 1) if number < 4 else ""
        )

    def ListSessions(
        self, request: sessions_pb2.ListSessionsRequest, context: grpc.ServicerContext
    ) -> sessions_pb2.ListSessionsResponse:
        assert request.filter.state == sessions_pb2.SESSION_STATE_ACTIVE
        found = [
            sessions_pb2.Session(name="sessions/1", station_identity="LT-00002"),
            sessions_pb2.Session(name="sessions/2", station_identity="SOMEBODY-ELSE"),
        ]
        return sessions_pb2.ListSessionsResponse(sessions=found)

    def RequestStartTransaction(
        self, request: remote_pb2.RequestStartTransactionRequest, context: grpc.ServicerContext
    ) -> remote_pb2.RequestStartTransactionResponse:
        self.asked.append(request)
        result = GOOD if request.target.station != "stations/1" else remote_pb2.CommandResult(status="Rejected")
        return remote_pb2.RequestStartTransactionResponse(result=result)

    def RequestStopTransaction(
        self, request: remote_pb2.RequestStopTransactionRequest, context: grpc.ServicerContext
    ) -> remote_pb2.RequestStopTransactionResponse:
        self.asked.append(request)
        return remote_pb2.RequestStopTransactionResponse(result=GOOD)

    def Reset(self, request: remote_pb2.ResetRequest, context: grpc.ServicerContext) -> remote_pb2.ResetResponse:
        self.asked.append(request)
        return remote_pb2.ResetResponse(result=GOOD)

    def GetVariables(
        self, request: remote_pb2.GetVariablesRequest, context: grpc.ServicerContext
    ) -> remote_pb2.GetVariablesResponse:
        self.asked.append(request)
        return remote_pb2.GetVariablesResponse(result=GOOD)

    def TriggerMessage(
        self, request: remote_pb2.TriggerMessageRequest, context: grpc.ServicerContext
    ) -> remote_pb2.TriggerMessageResponse:
        self.asked.append(request)
        info = any_pb2.Any()
        info.Pack(error_details_pb2.ErrorInfo(reason="STATION_OFFLINE"))
        refusal = status_pb2.Status(code=9, message=f"{request.target.station} is offline", details=[info])
        context.abort_with_status(rpc_status.to_status(refusal))
        raise AssertionError


@contextmanager
def serving(control: Control) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(8))
    stations_pb2_grpc.add_StationServiceServicer_to_server(control, server)
    sessions_pb2_grpc.add_SessionServiceServicer_to_server(control, server)
    remote_pb2_grpc.add_RemoteServiceServicer_to_server(control, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@dataclass
class Hurried:
    """A line to a parent for whom all of the run lies in the past, so that nobody waits."""

    stops_after: int = 1_000_000

    def ready(self) -> Go:
        return Go(-1000.0, datetime.now(UTC))

    def pulse(self, pulse: Pulse) -> None: ...

    def stopped(self, patience: float) -> bool:
        self.stops_after -= 1
        return self.stops_after < 0

    def fileno(self) -> int:
        return -1


def test_commands_come_evenly_by_weight_and_the_same_each_time() -> None:
    scenario = replace(SCENARIO, commands={"start": 1, "read": 3})
    orders = list(plan_orders(scenario))
    assert orders == list(plan_orders(scenario))
    assert [order.at for order in orders] == pytest.approx([11 + n / 50 for n in range(len(orders))])
    assert orders[-1].at < 55
    kinds = [order.kind for order in orders]
    assert kinds.count("read") == pytest.approx(3 * kinds.count("start"), rel=0.2)
    assert {order.station for order in orders} == {0, 1, 2, 3}


def test_each_command_is_given_timed_and_counted_by_its_outcome() -> None:
    control = Control()
    with serving(control) as where:
        result = OperatorJob(replace(SCENARIO, minutes=0.5), where, "k").run(Hurried())
    requests = result.tally.requests
    assert set(requests) == {
        "→RequestStartTransaction",
        "→RequestStartTransaction (Rejected)",
        "→RequestStopTransaction",
        "→Reset",
        "→GetVariables",
    }
    (failure,) = result.tally.errors
    assert failure == "trigger of an operator: FAILED_PRECONDITION STATION_OFFLINE"
    reads = [request for request in control.asked if isinstance(request, remote_pb2.GetVariablesRequest)]
    assert requests["→GetVariables"].latency.count == len(reads)
    assert {tuple(request.names) for request in reads} == {("HeartbeatInterval",), ("OCPPCommCtrlr.HeartbeatInterval",)}
    starts = [request for request in control.asked if isinstance(request, remote_pb2.RequestStartTransactionRequest)]
    assert {(request.target.station, request.id_token) for request in starts} == {
        (f"stations/{number}", f"LT-0000{number}-1") for number in range(1, 5)
    }
    stops = [request for request in control.asked if isinstance(request, remote_pb2.RequestStopTransactionRequest)]
    assert {request.session for request in stops} == {"sessions/1"}  # nobody else's
    assert set(SCENARIO.commands) == set(COMMANDS)


def test_an_operator_stops_when_the_run_does() -> None:
    control = Control()
    with serving(control) as where:
        OperatorJob(SCENARIO, where, "k").run(Hurried(stops_after=5))
    assert len(control.asked) <= 5


def test_a_control_api_that_is_away_is_told_in_words() -> None:
    with serving(Control(sulks=True)) as where, pytest.raises(OSError, match="did not tell the stations: UNAVAILABLE"):
        OperatorJob(SCENARIO, where, "k").run(Hurried())
