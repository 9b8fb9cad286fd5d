"""The audit log at the door: every method that changes something is in it, and whose word on the address counts."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
import trio
from google.protobuf.message import Message

from control.guard import SECRET_METHODS, Call, Guard, changes, peer_address, resource_of
from control.v1 import auth_pb2, places_pb2, remote_pb2, stations_pb2
from csms.domain.errors import FailedPrecondition, PermissionDenied, Unavailable
from csms.domain.networks import Networks
from csms.domain.people import BLOT, AuditEntry
from csms.services.audit import note_change
from tests.control.test_server_permissions import rpcs
from tests.kit.service_world import ADMIN, ServiceWorld

METHOD = "/control.v1.StationService/UpdateStation"


class World(ServiceWorld):
    def __init__(self) -> None:
        super().__init__()
        portals = Networks.parse("198.51.100.4, 203.0.113.0/25")
        self.guard = Guard(self.access, self.requests, self.audit, trusted=portals)

    async def call(self, request: Message, work: object = None, method: str = METHOD, **call: object) -> AuditEntry:
        """What was noted of it."""

        async def nothing() -> bytes:
            await trio.lowlevel.checkpoint()
            return b""

        await self.guard.answer(Call(method, caller=ADMIN, **call), request, work or nothing)  # type: ignore[arg-type]
        return self.audit_store.entries[-1]


def test_every_stream_only_reads() -> None:
    """The audit log is written for single answers: a stream that changed something would be forgotten."""
    assert [
        method for method, (_, streams) in rpcs().items() if streams and changes(f"/{method.replace('.', '/')}")
    ] == []
    assert changes("/control.v1.NewService/Frobnicate")
    assert not changes("/control.v1.NewService/GetThing")
    assert not changes("/control.v1.LoadBalancingService/ReportGridMeter")  # every few seconds, from each meter
    assert "/control.v1.UserService/CreateUser" in SECRET_METHODS


@pytest.mark.feature("F-USR-7")
async def test_who_what_when_from_where_and_how_it_ended() -> None:
    world = World()

    async def work() -> bytes:
        note_change("stations/7", {"name": "old"}, None)
        return b""

    entry = await world.call(
        stations_pb2.UpdateStationRequest(station=stations_pb2.Station(name="stations/7"), request_id="r"),
        work,
        peer="127.0.0.1",
        forwarded_for="192.0.2.7",
    )
    assert (entry.actor, entry.method, entry.resource, entry.outcome) == (ADMIN.name, METHOD, "stations/7", "OK")
    assert (entry.peer, entry.forwarded_for, entry.request_id) == ("127.0.0.1", "192.0.2.7", "r")
    assert isinstance(entry.at, datetime)
    assert json.loads(entry.request) == {"station": {"name": "stations/7"}}
    assert json.loads(entry.before) == {"name": "old"}


async def test_a_refusal_and_a_bug_are_noted_and_a_repeat_is_not() -> None:
    world = World()
    request = stations_pb2.DeleteStationRequest(name="stations/7", request_id="r")

    async def refuse() -> bytes:
        raise PermissionDenied("No.")

    async def break_down() -> bytes:
        raise RuntimeError("a bug")

    for work, error in ((refuse, PermissionDenied), (break_down, RuntimeError)):
        with pytest.raises(error):
            await world.call(request, work)
    assert [entry.outcome for entry in world.audit_store.entries] == ["PERMISSION_DENIED", "UNFINISHED"]
    again = stations_pb2.DeleteStationRequest(name="stations/7", request_id="s")
    await world.call(again)
    await world.call(again)
    assert [entry.outcome for entry in world.audit_store.entries][2:] == ["OK"]


async def test_a_call_that_is_given_up_is_noted() -> None:
    world = World()
    with trio.CancelScope() as scope:

        async def leave() -> bytes:
            scope.cancel()
            await trio.sleep_forever()
            return b""

        await world.call(stations_pb2.DeleteStationRequest(name="stations/7"), leave)
    assert [entry.outcome for entry in world.audit_store.entries] == ["UNFINISHED"]


def a_command(request_id: str = "") -> remote_pb2.ClearCacheRequest:
    return remote_pb2.ClearCacheRequest(target=remote_pb2.CommandTarget(station="stations/7", request_id=request_id))


async def test_a_command_is_noted_while_it_is_on_its_way_so_that_a_crash_hides_none(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    seen = []

    async def wait_for_the_station() -> bytes:
        await trio.sleep(1)
        seen.extend((entry.resource, entry.outcome) for entry in world.audit_store.entries)
        return b"answer"

    assert (await world.call(a_command("r"), wait_for_the_station)).outcome == "OK"
    assert seen == [("stations/7", "UNFINISHED")]
    await world.call(a_command("r"), wait_for_the_station)
    assert [entry.outcome for entry in world.audit_store.entries] == ["OK"], "a repeat is only answered again"


async def test_what_becomes_of_a_command_is_told_as_it_is_and_its_error_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()

    async def offline() -> bytes:
        raise FailedPrecondition("It is offline.", reason="STATION_OFFLINE")

    async def break_down() -> bytes:
        raise RuntimeError("a bug")

    async def never() -> bytes:
        await trio.sleep_forever()
        return b""

    for work, error in ((offline, FailedPrecondition), (break_down, RuntimeError)):
        with pytest.raises(error):
            await world.call(a_command(), work)
    with trio.move_on_after(1):
        await world.call(a_command(), never)
    assert [entry.outcome for entry in world.audit_store.entries] == ["STATION_OFFLINE", "UNFINISHED", "UNFINISHED"]


async def test_the_answer_of_a_command_waits_until_it_is_noted(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    begin = world.audit_store.begin

    async def slowly(entry: AuditEntry) -> int:
        await trio.sleep(2)
        return await begin(entry)

    world.audit_store.begin = slowly  # type: ignore[method-assign]
    before = trio.current_time()
    assert (await world.call(a_command())).outcome == "OK"
    assert trio.current_time() == before + 2


async def test_a_command_that_could_not_be_noted_at_once_is_noted_at_its_end() -> None:
    world = World()

    async def away(entry: AuditEntry) -> int:
        raise Unavailable(f"{entry.method}: the database is away.", reason="DATABASE_UNAVAILABLE")

    begin, world.audit_store.begin = world.audit_store.begin, away  # type: ignore[method-assign]

    async def back() -> bytes:
        await trio.testing.wait_all_tasks_blocked()
        world.audit_store.begin = begin  # type: ignore[method-assign]
        return b""

    await world.call(a_command(), back)
    assert [entry.outcome for entry in world.audit_store.entries] == ["OK"]


async def test_reading_is_not_noted() -> None:
    world = World()
    await world.guard.answer(Call("/x/GetStation", caller=ADMIN), stations_pb2.GetStationRequest(), _nothing)
    assert world.audit_store.entries == []


async def _nothing() -> bytes:
    await trio.lowlevel.checkpoint()
    return b""


@pytest.mark.feature("F-USR-7")
@pytest.mark.parametrize(
    "request_",
    [
        auth_pb2.SignInRequest(email="a@b.org", password="s3cret-1", one_time_code="s3cret-2"),
        auth_pb2.SetPasswordRequest(token="s3cret-1", new_password="s3cret-2"),
        auth_pb2.ChangePasswordRequest(current_password="s3cret-1", new_password="s3cret-2"),
        auth_pb2.CompleteSingleSignOnRequest(state="s3cret-1", code="s3cret-2"),
        remote_pb2.SetVariablesRequest(variables=[remote_pb2.Variable(name="AuthorizationKey", value="s3cret-1")]),
        remote_pb2.SetVariablesRequest(
            variables=[remote_pb2.Variable(name="SecurityCtrlr.BasicAuthPassword", value="s3cret-1")]
        ),
    ],
    ids=lambda request: type(request).__name__,
)
async def test_no_secret_is_in_it(request_: Message) -> None:
    entry = await World().call(request_)
    assert "s3cret" not in entry.request
    assert BLOT in entry.request


async def test_a_time_that_is_none_does_not_hide_the_call() -> None:
    request = auth_pb2.CreateApiKeyRequest()
    request.api_key.expire_time.seconds = 10**15
    assert json.loads((await World().call(request)).request) == {"unreadable": "CreateApiKeyRequest"}


@pytest.mark.parametrize(
    ("peer", "forwarded", "believed"),
    [
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("198.51.100.4", "192.0.2.7", "192.0.2.7"),
        ("198.51.100.5", "192.0.2.7", ""),
        ("203.0.113.77", "192.0.2.7", "192.0.2.7"),
        ("203.0.113.177", "192.0.2.7", ""),
        ("127.0.0.1", "203.0.113.9, 192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "<script>", ""),
        ("unix:", "192.0.2.7", ""),
    ],
)
async def test_where_a_browser_is_is_believed_of_our_own_portal_only(peer: str, forwarded: str, believed: str) -> None:
    call = Call("/control.v1.AuthService/SignIn", peer=peer)
    metadata = {"x-forwarded-for": forwarded, "x-forwarded-user-agent": "Firefox\n", "user-agent": "grpc"}
    await World().guard.admit(call, metadata, None)
    assert call.forwarded_for == believed
    assert call.address == (believed or peer)
    assert call.client == ("Firefox" if believed or peer == "127.0.0.1" else "grpc")


async def test_guessing_fills_no_log() -> None:
    world = World()

    async def guess() -> bytes:
        await world.access.sign_in("nobody@example.org", "wrong")
        return b""

    for _ in range(9):
        with pytest.raises(Exception):  # noqa: B017, PT011  whichever
            await world.call(auth_pb2.SignInRequest(), guess, "/control.v1.AuthService/SignIn")
    assert len(world.audit_store.entries) == 5


def test_addresses_as_grpc_writes_them() -> None:
    assert peer_address("ipv4:192.0.2.1:5000") == "192.0.2.1"
    assert peer_address("ipv6:[2001:db8::1]:5000") == "2001:db8::1"
    assert peer_address("ipv6:%5B::1%5D:5000") == "::1"
    assert peer_address("unix:/tmp/x") == "unix:/tmp/x"


def test_what_a_call_is_about() -> None:
    made = places_pb2.CreatePlaceResponse(place=places_pb2.Place(name="places/4"))
    assert resource_of(places_pb2.CreatePlaceRequest(), made) == "places/4"
    assert resource_of(places_pb2.MoveStationsRequest(place="places/3"), None) == "places/3"
    request = remote_pb2.ResetRequest()
    request.target.station = "stations/9"
    assert resource_of(request, None) == "stations/9"
    assert resource_of(auth_pb2.SignOutRequest(), None) == ""
