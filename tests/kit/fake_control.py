"""A control plane for the portal's tests: every service of control.v1 over a ``World`` in memory, on grpc.aio.

In a test: ``fake = FakeControl(World()); await fake.start()``. As a process, with changes by itself:
``python -m tests.kit.fake_control --listen 127.0.0.1:50051 --live [--empty]``. Sign in as ``admin@example.org`` or
``support@example.org`` with the password ``charge-2-go``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from datetime import UTC, datetime
from typing import Never

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from control.v1 import (
    alarms_pb2,
    alarms_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    device_model_pb2_grpc,
    id_tokens_pb2_grpc,
    inventory_pb2_grpc,
    messages_pb2,
    messages_pb2_grpc,
    remote_pb2,
    remote_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    sharing_pb2_grpc,
    station_security_pb2_grpc,
    stations_pb2,
    stations_pb2_grpc,
    system_pb2_grpc,
    users_pb2_grpc,
    watch_pb2,
    watch_pb2_grpc,
)
from tests.kit.fake_access import Sharing
from tests.kit.fake_alarm_desk import Alarms
from tests.kit.fake_remote import DeviceModel, Jobs, Remote
from tests.kit.fake_security import StationSecurity
from tests.kit.fake_services import Auth, IdTokens, Messages, Sessions, Stations, System, Watch
from tests.kit.fake_settings import Settings as OwnSettings
from tests.kit.fake_world import World, stamp

__all__ = ["PASSWORD", "FakeControl", "World"]

PASSWORD = "charge-2-go"
PEOPLE = {
    "admin@example.org": ("Astrid Nilsson", auth_pb2.ROLE_ADMINISTRATOR),
    "support@example.org": ("Sam Okafor", auth_pb2.ROLE_SUPPORT),
}


class FakeControl:
    """The server. ``calls`` lists every method that was called, with the token it carried."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.revision = 1000
        self.address = ""
        self.calls: list[tuple[str, str]] = []
        self.people = {email: (PASSWORD, *rest) for email, rest in PEOPLE.items()}
        self.tokens: dict[str, str] = {}
        self.watchers: set[asyncio.Queue[watch_pb2.WatchResponse]] = set()
        self.tails: set[tuple[str, asyncio.Queue[messages_pb2.MessageLogEntry]]] = set()
        self.answers: dict[str, remote_pb2.CommandResult] = {}
        self.failures: dict[str, tuple[grpc.StatusCode, str]] = {}
        self.watch_refusals: list[tuple[grpc.StatusCode, str]] = []
        self.started_revisions: list[int] = []
        self._server: grpc.aio.Server | None = None
        self.health = health.aio.HealthServicer()

    # ---- lifetime

    async def start(self, listen: str = "127.0.0.1:0") -> str:
        """Serve; the address."""
        server = grpc.aio.server()
        alarms_pb2_grpc.add_AlarmServiceServicer_to_server(Alarms(self), server)
        auth_pb2_grpc.add_AuthServiceServicer_to_server(Auth(self), server)
        stations_pb2_grpc.add_StationServiceServicer_to_server(Stations(self), server)
        sessions_pb2_grpc.add_SessionServiceServicer_to_server(Sessions(self), server)
        id_tokens_pb2_grpc.add_IdTokenServiceServicer_to_server(IdTokens(self), server)
        messages_pb2_grpc.add_MessageLogServiceServicer_to_server(Messages(self), server)
        remote_pb2_grpc.add_RemoteServiceServicer_to_server(Remote(self), server)
        device_model_pb2_grpc.add_DeviceModelServiceServicer_to_server(DeviceModel(self), server)
        inventory_pb2_grpc.add_InventoryServiceServicer_to_server(Jobs(self), server)
        station_security_pb2_grpc.add_StationSecurityServiceServicer_to_server(StationSecurity(self), server)
        sharing_pb2_grpc.add_SharingServiceServicer_to_server(Sharing(self), server)
        users_pb2_grpc.add_UserServiceServicer_to_server(OwnSettings(self), server)
        watch_pb2_grpc.add_WatchServiceServicer_to_server(Watch(self), server)
        system_pb2_grpc.add_SystemServiceServicer_to_server(System(self), server)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        await self.health.set("", health_pb2.HealthCheckResponse.SERVING)
        port = server.add_insecure_port(listen)
        await server.start()
        self._server = server
        self.address = f"127.0.0.1:{port}"
        return self.address

    async def stop(self) -> None:
        """Stop at once."""
        if self._server is not None:
            await self._server.stop(grace=0)
            self._server = None

    # ---- who calls

    async def fail(self, context: grpc.aio.ServicerContext, code: grpc.StatusCode, reason: str, text: str) -> Never:
        """End a call with an error that names its reason, as control.v1 does."""
        detail = AnyMessage()
        detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="chargehouse"))
        status = status_pb2.Status(code=code.value[0], message=text, details=[detail])
        await context.abort(code, text, (("grpc-status-details-bin", status.SerializeToString()),))
        raise AssertionError("abort returns never")

    async def enter(self, context: grpc.aio.ServicerContext, method: str, administrators: bool = False) -> str:
        """Check the caller's token; the e-mail that it belongs to."""
        header = dict(context.invocation_metadata() or ()).get("authorization", "")
        token = str(header).removeprefix("Bearer ")
        self.calls.append((method, token))
        email = self.tokens.get(token)
        if email is None:
            await self.fail(context, grpc.StatusCode.UNAUTHENTICATED, "NOT_SIGNED_IN", "Sign in first.")
        if administrators and self.people[email][2] != auth_pb2.ROLE_ADMINISTRATOR:
            await self.fail(context, grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED", "Your role may not do this.")
        return email

    def caller(self, email: str) -> auth_pb2.Caller:
        """A person as control.v1 tells it."""
        _, name, role = self.people[email]
        return auth_pb2.Caller(name=f"users/{email}", display_name=name, email=email, role=role)

    # ---- telling the watchers

    def _publish(self, change: watch_pb2.WatchResponse) -> None:
        self.revision += 1
        change.revision = self.revision
        for queue in list(self.watchers):
            queue.put_nowait(change)

    def publish_station(self, station: stations_pb2.Station) -> None:
        """Tell every watcher what a station is now."""
        copy = stations_pb2.Station()
        copy.CopyFrom(station)
        self._publish(watch_pb2.WatchResponse(station=copy))

    def publish_session(self, session: sessions_pb2.Session) -> None:
        """Tell every watcher what a session is now."""
        copy = sessions_pb2.Session()
        copy.CopyFrom(session)
        self._publish(watch_pb2.WatchResponse(session=copy))

    def publish_alarm(self, alarm: alarms_pb2.Alarm) -> None:
        """Keep it, and tell every watcher what it is now."""
        self.world.alarms[alarm.name] = alarm
        copy = alarms_pb2.Alarm()
        copy.CopyFrom(alarm)
        self._publish(watch_pb2.WatchResponse(alarm=copy))

    def publish_deleted(self, name: str) -> None:
        """Tell every watcher that a station is gone."""
        self._publish(watch_pb2.WatchResponse(deleted_station=name))

    def publish_message(self, station: str, entry: messages_pb2.MessageLogEntry) -> None:
        """Tell those who follow a station's message log."""
        for name, queue in list(self.tails):
            if name == station:
                queue.put_nowait(entry)

    # ---- life

    async def result(self, context: grpc.aio.ServicerContext, method: str, station: str) -> remote_pb2.CommandResult:
        """What becomes of a command: a set failure, a set answer, offline, or Accepted."""
        if method in self.failures:
            code, reason = self.failures[method]
            await self.fail(context, code, reason, reason)
        found = self.world.stations.get(station.partition("/")[2])
        if found is None:
            await self.fail(context, grpc.StatusCode.NOT_FOUND, "STATION_NOT_FOUND", "No such station.")
        if found.connection_state != stations_pb2.CONNECTION_STATE_ONLINE:
            await self.fail(context, grpc.StatusCode.FAILED_PRECONDITION, "STATION_OFFLINE", "The station is offline.")
        answer = self.answers.get(method)
        if answer is not None:
            return answer
        return remote_pb2.CommandResult(
            accepted=True, status="Accepted", answer_time=stamp(self.world.now), latency=Duration(nanos=120_000_000)
        )

    def tick(self, moment: datetime) -> None:
        """One step of a day: energy flows, heartbeats come, a cable is plugged in now and then."""
        world = self.world
        world.now = moment
        for station in list(world.stations.values()):
            if station.connection_state != stations_pb2.CONNECTION_STATE_ONLINE:
                continue
            changed = world.random.random() < 0.2
            station.last_seen_time.CopyFrom(stamp(moment))
            for evse in station.evses:
                session = world.sessions.get(evse.session.partition("/")[2])
                if session is None:
                    continue
                changed = True
                self._charge(session, evse, moment)
            if changed:
                self.publish_station(station)
                for entry in world.exchange(station, "Heartbeat", "{}", "{}", moment):
                    self.publish_message(station.name, entry)

    def _charge(self, session: sessions_pb2.Session, evse: stations_pb2.Evse, moment: datetime) -> None:
        session.power_w = round(10_900 * self.world.random.uniform(0.9, 1.0))
        session.energy_wh += session.power_w / 1200
        session.meter_value_count += 1
        session.last_meter_time.CopyFrom(stamp(moment))
        evse.power_w, evse.energy_wh = session.power_w, session.energy_wh
        self.world.meter_values.setdefault(session.name, []).append(
            self.world.meter_value(moment, session.power_w, session.meter_start_wh + session.energy_wh)
        )
        self.publish_session(session)


async def serve(listen: str, live: bool, empty: bool) -> None:
    """Serve until a signal comes."""
    now = datetime.now(tz=UTC).replace(microsecond=0)
    world = World(now, stations=0) if empty else World(now)
    fake = FakeControl(world)
    await fake.start(listen)
    print(f"fake control plane on {fake.address}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 3)
        if live:
            fake.tick(datetime.now(tz=UTC))
    await fake.stop()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:50051")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--empty", action="store_true")
    options = parser.parse_args()
    asyncio.run(serve(options.listen, options.live, options.empty))


if __name__ == "__main__":
    main()
