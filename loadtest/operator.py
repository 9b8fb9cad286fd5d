"""An operator at work while the stations charge: commands over control.v1, at a fixed rate, each one timed.

The model is open here as well: when a command is given was decided before the run, and its latency counts
from then. It runs in a process of its own, so that it neither slows the stations nor waits for them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import cast

import grpc
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from control.v1 import remote_pb2, remote_pb2_grpc, sessions_pb2, sessions_pb2_grpc, stations_pb2, stations_pb2_grpc
from loadtest.processes import Line
from loadtest.scenario import Scenario, identity, version_of
from loadtest.swarm import SwarmResult
from loadtest.tally import Tally

AT_ONCE = 64  # commands under way
DEADLINE = 30.0
PAGE = 1000
FRESH = 2.0  # seconds between looks at which sessions go on
ERRAND = "{} of an operator: {}"
VARIABLE = {"1.6": "HeartbeatInterval", "1.5": "HeartBeatInterval"}
VARIABLE_2X = "OCPPCommCtrlr.HeartbeatInterval"

Answer = tuple[str, remote_pb2.CommandResult]


@dataclass(frozen=True, slots=True)
class Order:
    """One command: `at` seconds after the begin of the run, for station number `station`."""

    at: float
    kind: str
    station: int


def plan_orders(scenario: Scenario) -> Iterator[Order]:
    """The commands of a run, from the seed: evenly from the end of the ramp to the end of the run."""
    random = Random(f"{scenario.seed}/operator")  # noqa: S311 - repeatable on purpose, guards nothing
    kinds, weights = list(scenario.commands), list(scenario.commands.values())
    at = scenario.ramp + 1.0
    while at < scenario.run_seconds - scenario.tail_seconds:
        yield Order(at, random.choices(kinds, weights)[0], random.randrange(scenario.stations))
        at += 1 / scenario.commands_per_second


@dataclass(frozen=True, slots=True)
class OperatorJob:
    """The operator's process."""

    scenario: Scenario
    control: str
    api_key: str

    @property
    def name(self) -> str:
        """Who this is."""
        return "the process that gives commands"

    def run(self, line: Line) -> SwarmResult:
        """Give the commands as planned. Raises OSError when the control API cannot be reached."""
        with open_channel(self.control) as channel:
            desk = Desk(channel, self.scenario, self.api_key)
            desk.learn()
            go = line.ready()
            tally = desk.tally = Tally(go.monotonic)
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="order") as pool:
                for order in plan_orders(self.scenario):
                    due = go.monotonic + order.at
                    if line.stopped(max(0.0, due - time.monotonic())):
                        break
                    tally.late(max(0.0, time.monotonic() - due))
                    pool.submit(desk.give, order, due)
                pool.shutdown(cancel_futures=line.stopped(0))
            return SwarmResult(go.date, 0.0, tally)


def open_channel(control: str) -> grpc.Channel:
    """A channel to `host:port`, or to `https://host:port` with TLS."""
    if control.startswith("https://"):
        return grpc.secure_channel(control.removeprefix("https://"), grpc.ssl_channel_credentials())
    return grpc.insecure_channel(control)


@dataclass(slots=True, eq=False)
class Desk:
    """Where the operator sits."""

    channel: grpc.Channel
    scenario: Scenario
    api_key: str
    tally: Tally = field(default_factory=lambda: Tally(0.0))
    names: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _going_on: list[tuple[str, str]] = field(default_factory=list)
    _looked: float = float("-inf")
    _random: Random = field(default_factory=lambda: Random(0))  # noqa: S311

    def learn(self) -> None:
        """Find out the names of the stations. Raises OSError with a sentence."""
        try:
            stub = stations_pb2_grpc.StationServiceStub(self.channel)
            token = ""
            while True:
                found = stations_pb2.StationFilter(query=self.scenario.prefix)
                request = stations_pb2.ListStationsRequest(page_size=PAGE, page_token=token, filter=found)
                page = stub.ListStations(request, timeout=DEADLINE, metadata=self._metadata)
                self.names |= {station.identity: station.name for station in page.stations}
                token = page.next_page_token
                if not token:
                    return
        except grpc.RpcError as error:
            raise OSError(f"control.v1 did not tell the stations: {_why(error)}") from error

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.api_key}"),)

    def give(self, order: Order, due: float) -> None:
        """Give one command and count how it went. `due` is a time of `time.monotonic()`."""
        doing: dict[str, Callable[[Order], Answer | None]] = {
            "start": self._start,
            "stop": self._stop,
            "reset": self._reset,
            "read": self._read,
            "trigger": self._trigger,
        }
        sent = time.monotonic()
        try:
            if order.kind == "stop":
                self._look_for_sessions()
                due, sent = due + time.monotonic() - sent, time.monotonic()  # the look is not the command
            answer = doing[order.kind](order)
        except grpc.RpcError as error:
            with self._lock:
                self.tally.error(ERRAND.format(order.kind, _why(error)), time.monotonic())
            return
        if answer is None:
            return
        method, result = answer
        said = "" if result.accepted else f" ({result.status or result.error_code})"
        with self._lock:
            self.tally.requested(f"→{method}{said}", intended=due, sent=sent, now=time.monotonic())

    def _target(self, order: Order) -> remote_pb2.CommandTarget:
        return remote_pb2.CommandTarget(station=self.names.get(identity(self.scenario, order.station), ""))

    @property
    def _remote(self) -> remote_pb2_grpc.RemoteServiceStub:
        return remote_pb2_grpc.RemoteServiceStub(self.channel)

    def _start(self, order: Order) -> Answer:
        tag = self.scenario.id_tag or f"{identity(self.scenario, order.station)}-1"
        request = remote_pb2.RequestStartTransactionRequest(target=self._target(order), id_token=tag)
        if self._version(order).startswith("2"):
            request.evse_id = 1
        answer = self._remote.RequestStartTransaction(request, timeout=DEADLINE, metadata=self._metadata)
        return "RequestStartTransaction", answer.result

    def _stop(self, order: Order) -> Answer | None:
        with self._lock:
            if not self._going_on:
                return None
            station, session = self._going_on.pop(order.station % len(self._going_on))
        target = remote_pb2.CommandTarget(station=station)
        request = remote_pb2.RequestStopTransactionRequest(target=target, session=session)
        answer = self._remote.RequestStopTransaction(request, timeout=DEADLINE, metadata=self._metadata)
        return "RequestStopTransaction", answer.result

    def _look_for_sessions(self) -> None:
        """Which sessions go on; what was found two seconds ago is good enough."""
        with self._lock:
            if time.monotonic() - self._looked < FRESH and self._going_on:
                return
            self._looked = time.monotonic()
        stub = sessions_pb2_grpc.SessionServiceStub(self.channel)
        wanted = sessions_pb2.SessionFilter(state=sessions_pb2.SESSION_STATE_ACTIVE)
        request = sessions_pb2.ListSessionsRequest(page_size=PAGE, filter=wanted)
        found = stub.ListSessions(request, timeout=DEADLINE, metadata=self._metadata)
        ours = [
            (self.names[session.station_identity], session.name)
            for session in found.sessions
            if session.station_identity in self.names
        ]
        with self._lock:
            self._going_on = ours

    def _reset(self, order: Order) -> Answer:
        request = remote_pb2.ResetRequest(target=self._target(order), type=remote_pb2.RESET_TYPE_ON_IDLE)
        answer = self._remote.Reset(request, timeout=DEADLINE, metadata=self._metadata)
        return "Reset", answer.result

    def _read(self, order: Order) -> Answer:
        name = VARIABLE.get(self._version(order), VARIABLE_2X)
        request = remote_pb2.GetVariablesRequest(target=self._target(order), names=[name])
        answer = self._remote.GetVariables(request, timeout=DEADLINE, metadata=self._metadata)
        return "GetVariables", answer.result

    def _trigger(self, order: Order) -> Answer:
        request = remote_pb2.TriggerMessageRequest(target=self._target(order), requested_message="Heartbeat")
        answer = self._remote.TriggerMessage(request, timeout=DEADLINE, metadata=self._metadata)
        return "TriggerMessage", answer.result

    def _version(self, order: Order) -> str:
        return version_of(self.scenario, order.station)


def _why(error: grpc.RpcError) -> str:
    """The code and the server's reason, if it gives one: words that are the same for all stations, to count by."""
    call = cast(grpc.Call, error)  # what a call raises is both
    reason = ""
    for key, value in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status, info = status_pb2.Status.FromString(value), error_details_pb2.ErrorInfo()
            reason = next((f" {info.reason}" for detail in status.details if detail.Unpack(info)), "")
    return f"{call.code().name}{reason}"
