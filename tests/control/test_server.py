"""The server as a whole: credentials, request ids, deadlines, cancellation, health, reflection, drain, TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
import structlog
import trio
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from control.guard import Guard
from control.server import ControlServer, method_name
from control.servicers.stations import StationServicer
from control.v1 import auth_pb2, messages_pb2, remote_pb2, stations_pb2, watch_pb2
from csms.aio import open_door
from csms.domain.access import Role
from csms.services.access import CACHE_SECONDS
from tests.kit.control_world import ControlWorld, Refused, servicers_of
from tests.kit.service_world import PASSWORD, ServiceWorld

SUMMARIZE = stations_pb2.SummarizeStationsRequest()


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(60):
        while not condition():
            await trio.sleep(0.005)


async def refusal(world: ControlWorld, method: str, request: Any, **options: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        await world.client.call(method, request, **options)
    return refused.value


# -- credentials -----------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-SYS-4")
@pytest.mark.parametrize("token", ["", "wrong", "chk_wrong", "x" * 5_000])
async def test_without_good_credentials_nothing_is_told(world: ControlWorld, token: str) -> None:
    world.client.token = token
    refused = await refusal(world, "stations.SummarizeStations", SUMMARIZE)
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "NOT_SIGNED_IN")
    assert refused.info.domain == "chargehouse"


async def test_an_expired_session_is_refused(world: ControlWorld) -> None:
    world.time += timedelta(days=2)
    assert (await refusal(world, "stations.SummarizeStations", SUMMARIZE)).reason == "NOT_SIGNED_IN"


async def test_credentials_are_looked_up_once_in_five_seconds(world: ControlWorld) -> None:
    for _ in range(10):
        await world.client.call("auth.GetCaller", auth_pb2.GetCallerRequest())
    assert world.access_store.looked_up == 1
    assert CACHE_SECONDS <= 5


async def test_a_stream_ends_when_its_credentials_do(world: ControlWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control.server.RECHECK_SECONDS", 0.0)

    async def watch() -> None:
        call = world.client.open("watch.Watch", watch_pb2.WatchRequest())
        await call.read()
        world.door._token.run_sync_soon(world.access._known.clear)
        world.access_store._sign_ins.clear()
        while await call.read() is not grpc.aio.EOF:
            pass

    with pytest.raises(Refused) as refused:
        await world.client.asyncio(watch)
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED


# -- request ids -----------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-SYS-4")
async def test_the_same_request_id_does_it_once_and_answers_the_same(world: ControlWorld) -> None:
    request = stations_pb2.CreateStationRequest(station=stations_pb2.Station(identity="CP-1"), request_id="once")
    first = await world.client.call("stations.CreateStation", request)
    assert await world.client.call("stations.CreateStation", request) == first
    assert len(world.tables.stations) == 1
    request.station.identity = "CP-2"
    assert (await refusal(world, "stations.CreateStation", request)).reason == "REQUEST_ID_REUSED"


@pytest.mark.feature("F-OCPP-11")
async def test_a_command_that_may_have_happened_is_not_sent_again(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    target = remote_pb2.CommandTarget(station=f"stations/{number}", request_id="once")
    world.directory.hang = True
    refused = await refusal(world, "remote.ClearCache", remote_pb2.ClearCacheRequest(target=target), timeout=0.3)
    assert refused.code is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: not world.door._guests)
    world.directory.hang = False
    again = await refusal(world, "remote.ClearCache", remote_pb2.ClearCacheRequest(target=target))
    assert (again.code, again.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "OUTCOME_UNKNOWN")
    assert len(world.directory.sent) == 1


# -- trouble ---------------------------------------------------------------------------------------------------------


async def noted(logs: Sequence[Mapping[str, Any]]) -> None:
    """The caller may have its answer before the line is written."""
    with trio.fail_after(60):
        while not any(line["event"] == "call" for line in logs):
            await trio.sleep(0.01)


async def test_a_bug_is_told_as_a_number_and_logged_with_it(
    world: ControlWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr(world.station_queries, "summarize", broken)
    with structlog.testing.capture_logs() as logs:
        refused = await refusal(world, "stations.SummarizeStations", SUMMARIZE)
        await noted(logs)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in refused.message
    (line,) = [line for line in logs if line["event"] == "call"]
    assert line["incident"] in refused.message
    assert line["log_level"] == "error"


async def test_a_database_that_is_away_means_try_again(world: ControlWorld) -> None:
    world.tables.away = True
    refused = await refusal(world, "stations.SummarizeStations", SUMMARIZE)
    assert refused.code is grpc.StatusCode.UNAVAILABLE
    assert refused.retry.retry_delay.seconds > 0


async def test_each_call_is_one_line_without_secrets(world: ControlWorld) -> None:
    world.client.token = ""
    with structlog.testing.capture_logs() as logs:
        answer = await world.client.call(
            "auth.SignIn", auth_pb2.SignInRequest(email="support@example.org", password=PASSWORD)
        )
        await noted(logs)
    (line,) = logs
    assert (line["method"], line["caller"], line["code"]) == ("/control.v1.AuthService/SignIn", "users/3", "OK")
    assert PASSWORD not in str(line)
    assert answer.token not in str(line)


async def test_a_caller_that_goes_away_ends_the_work_in_trio(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    world.directory.hang = True
    request = remote_pb2.ClearCacheRequest(target=remote_pb2.CommandTarget(station=f"stations/{number}"))

    async def give_up() -> None:
        call = world.client.open("remote.ClearCache", request)
        while not world.directory.sent:
            await asyncio.sleep(0.005)
        call.cancel()

    await world.client.asyncio(give_up)
    await until(lambda: not world.door._guests)


async def test_a_request_that_is_too_big_is_refused(world: ControlWorld) -> None:
    huge = stations_pb2.CreateStationRequest(station=stations_pb2.Station(description="x" * 2_000_000))
    assert (await refusal(world, "stations.CreateStation", huge)).code is grpc.StatusCode.RESOURCE_EXHAUSTED


# -- health, reflection, the end -------------------------------------------------------------------------------------


async def health_of(world: ControlWorld, service: str = "") -> int:
    async def check() -> Any:
        stub = health_pb2_grpc.HealthStub(world.client.channel)
        return await stub.Check(health_pb2.HealthCheckRequest(service=service))

    return int((await world.client.asyncio(check)).status)


@pytest.mark.feature("F-SYS-4")
async def test_health_needs_no_credentials_and_follows_the_drain(world: ControlWorld) -> None:
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    assert await health_of(world) == serving
    assert await health_of(world, "control.v1.WatchService") == serving
    await world.server.set_serving(False)
    assert await health_of(world) == not_serving
    await world.server.set_serving(True)
    assert await health_of(world) == serving
    await world.server.drain()
    await world.server.set_serving(True)
    assert await health_of(world) == not_serving
    await world.client.call("stations.SummarizeStations", SUMMARIZE)  # still served


@pytest.mark.feature("F-SYS-4")
async def test_reflection_tells_every_service_and_its_comments_file(world: ControlWorld) -> None:
    async def ask(request: reflection_pb2.ServerReflectionRequest) -> Any:
        stub = reflection_pb2_grpc.ServerReflectionStub(world.client.channel)
        call = stub.ServerReflectionInfo()
        await call.write(request)
        await call.done_writing()
        return await call.read()

    listed = await world.client.asyncio(ask, reflection_pb2.ServerReflectionRequest(list_services=""))
    names = {service.name for service in listed.list_services_response.service}
    assert {servicer.service.full_name for servicer in servicers_of(world)} <= names
    symbol = reflection_pb2.ServerReflectionRequest(file_containing_symbol="control.v1.StationService")
    found = await world.client.asyncio(ask, symbol)
    file = FileDescriptorProto.FromString(found.file_descriptor_response.file_descriptor_proto[0])
    assert file.name == "control/v1/stations.proto"


async def test_the_end_tells_watchers_and_waits_for_nobody_for_ever(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    watch = watch_pb2.WatchRequest()
    tail = messages_pb2.TailMessagesRequest(station=f"stations/{number}")
    refusals: list[Refused] = []

    async def follow(method: str, request: Any) -> None:
        try:
            await world.client.collect(method, request)
        except Refused as refused:
            refusals.append(refused)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow, "watch.Watch", watch)
            nursery.start_soon(follow, "messages.TailMessages", tail)
            await until(lambda: len(world.server._streams) == 2)
            await world.server.stop(2.0)
            await world.server.stop(2.0)
    assert [(r.code, r.reason) for r in refusals] == [(grpc.StatusCode.UNAVAILABLE, "DRAINING")] * 2


async def test_an_address_that_is_taken_is_said_so(world: ControlWorld) -> None:
    second = ControlServer(
        world.door, Guard(world.access, world.requests), servicers_of(world), f"127.0.0.1:{world.server.port}"
    )
    with pytest.raises(OSError, match="cannot listen"):
        await second.start()


async def test_a_servicer_without_a_method_does_not_start() -> None:
    class Lacking(StationServicer):
        get_station = None  # type: ignore[assignment]

    world = ServiceWorld()
    async with open_door() as door:
        guard = Guard(world.access, world.requests)
        server = ControlServer(door, guard, [Lacking(world.stations)], "127.0.0.1:0")
        with pytest.raises(LookupError, match="get_station"):
            await server.start()
        await server.stop(0)


def test_rpcs_are_named_in_snake_case() -> None:
    assert [method_name(rpc) for rpc in ("Watch", "GetIdToken", "ListApiKeys")] == [
        "watch",
        "get_id_token",
        "list_api_keys",
    ]


async def test_every_role_may_know_itself(world: ControlWorld) -> None:
    for role in Role:
        world.client.token = world.bearer[role]
        answer = await world.client.call("auth.GetCaller", auth_pb2.GetCallerRequest())
        assert answer.caller.display_name == role.value
