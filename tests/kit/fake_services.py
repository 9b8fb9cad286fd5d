"""The services of the fake control plane: as little as the portal can tell from the real thing."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from control.v1 import (
    auth_pb2,
    auth_pb2_grpc,
    id_tokens_pb2,
    id_tokens_pb2_grpc,
    messages_pb2,
    messages_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    stations_pb2,
    stations_pb2_grpc,
    system_pb2,
    system_pb2_grpc,
    watch_pb2,
    watch_pb2_grpc,
)
from tests.kit.fake_world import stamp

if TYPE_CHECKING:
    from tests.kit.fake_control import FakeControl

Context = grpc.aio.ServicerContext
TICK_S = 5.0


class Service:
    """A service of the fake."""

    def __init__(self, fake: FakeControl) -> None:
        self.fake = fake
        self.world = fake.world


class Auth(Service, auth_pb2_grpc.AuthServiceServicer):
    """Sign-in and keys. Five wrong passwords in a row are too many."""

    wrong = 0

    async def SignIn(self, request, context):
        self.fake.calls.append(("SignIn", ""))
        person = self.fake.people.get(request.email.lower())
        if self.wrong >= 5:
            await self.fake.fail(
                context, grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS", "Too many attempts. Wait a minute."
            )
        if person is None or person[0] != request.password:
            self.wrong += 1
            await self.fake.fail(
                context, grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS", "Wrong e-mail or password."
            )
        self.wrong = 0
        token = secrets.token_urlsafe(24)
        self.fake.tokens[token] = request.email.lower()
        return auth_pb2.SignInResponse(
            token=token,
            expire_time=stamp(self.world.now + timedelta(days=7)),
            caller=self.fake.caller(request.email.lower()),
        )

    async def SignOut(self, request, context):
        await self.fake.enter(context, "SignOut")
        self.fake.tokens.pop(self.fake.calls[-1][1], None)
        return auth_pb2.SignOutResponse()

    async def GetCaller(self, request, context):
        email = await self.fake.enter(context, "GetCaller")
        return auth_pb2.GetCallerResponse(caller=self.fake.caller(email))

    async def ChangePassword(self, request, context):
        email = await self.fake.enter(context, "ChangePassword")
        password, *rest = self.fake.people[email]
        if request.current_password != password:
            await self.fake.fail(
                context, grpc.StatusCode.INVALID_ARGUMENT, "WRONG_PASSWORD", "The present password is not right."
            )
        if len(request.new_password) < 8:
            await self.fake.fail(
                context,
                grpc.StatusCode.INVALID_ARGUMENT,
                "WEAK_PASSWORD",
                "Use at least 8 characters, letters and digits.",
            )
        self.fake.people[email] = (request.new_password, *rest)
        return auth_pb2.ChangePasswordResponse()

    async def CreateApiKey(self, request, context):
        await self.fake.enter(context, "CreateApiKey", administrators=True)
        secret = "ck_" + secrets.token_urlsafe(24)
        key = auth_pb2.ApiKey(
            name=f"apiKeys/{len(self.world.keys) + 1}",
            display_name=request.api_key.display_name,
            role=request.api_key.role,
            hint=secret[:7],
            create_time=stamp(self.world.now),
        )
        self.world.keys[key.name] = key
        return auth_pb2.CreateApiKeyResponse(api_key=key, secret=secret)

    async def ListApiKeys(self, request, context):
        await self.fake.enter(context, "ListApiKeys", administrators=True)
        return auth_pb2.ListApiKeysResponse(api_keys=reversed(list(self.world.keys.values())))

    async def DeleteApiKey(self, request, context):
        await self.fake.enter(context, "DeleteApiKey", administrators=True)
        self.world.keys.pop(request.name, None)
        return auth_pb2.DeleteApiKeyResponse()


class System(Service, system_pb2_grpc.SystemServiceServicer):
    """The installation."""

    async def GetSystemInfo(self, request, context):
        await self.fake.enter(context, "GetSystemInfo")
        return system_pb2.GetSystemInfoResponse(
            version="0.1.0",
            ocpp_addresses=["ws://10.0.0.5:9000/ocpp/"],
            unknown_station_policy=system_pb2.UNKNOWN_STATION_POLICY_PENDING,
            database_available=True,
            protocols=["ocpp1.6"],
        )


def _page(items, request, default=50):
    size = min(request.page_size or default, 1000)
    start = int(request.page_token or 0)
    more = str(start + size) if start + size < len(items) else ""
    return items[start : start + size], more


class Stations(Service, stations_pb2_grpc.StationServiceServicer):
    """Stations."""

    async def _one(self, context, name):
        station = self.world.stations.get(name.partition("/")[2])
        if station is None:
            await self.fake.fail(context, grpc.StatusCode.NOT_FOUND, "STATION_NOT_FOUND", "There is no such station.")
        return station

    async def GetStation(self, request, context):
        await self.fake.enter(context, "GetStation")
        return stations_pb2.GetStationResponse(station=await self._one(context, request.name))

    async def ListStations(self, request, context):
        await self.fake.enter(context, "ListStations")
        f = request.filter
        found = [s for s in self.world.stations.values() if _station_matches(s, f)]
        found.sort(key=lambda s: s.identity)
        page, more = _page(found, request)
        return stations_pb2.ListStationsResponse(
            stations=page, next_page_token=more, total_size=len(found), revision=self.fake.revision
        )

    async def SummarizeStations(self, request, context):
        await self.fake.enter(context, "SummarizeStations")
        everyone = self.world.stations.values()
        accepted = [s for s in everyone if s.registration_state == stations_pb2.REGISTRATION_STATE_ACCEPTED]
        online = [s for s in accepted if s.connection_state == stations_pb2.CONNECTION_STATE_ONLINE]
        active = [e for s in accepted for e in s.evses if e.session]
        return stations_pb2.SummarizeStationsResponse(
            total=len(accepted),
            online=len(online),
            offline=len(accepted) - len(online),
            pending=sum(s.registration_state == stations_pb2.REGISTRATION_STATE_PENDING for s in everyone),
            faulted=sum(_has(s, stations_pb2.CONNECTOR_STATUS_FAULTED) for s in accepted),
            active_sessions=len(active),
            power_w=sum(e.power_w for e in active),
        )

    async def CreateStation(self, request, context):
        await self.fake.enter(context, "CreateStation")
        if any(s.identity == request.station.identity for s in self.world.stations.values()):
            await self.fake.fail(
                context, grpc.StatusCode.ALREADY_EXISTS, "IDENTITY_TAKEN", "Another station has this identity."
            )
        key = str(700 + len(self.world.stations))
        station = stations_pb2.Station()
        station.CopyFrom(request.station)
        station.name = f"stations/{key}"
        station.registration_state = stations_pb2.REGISTRATION_STATE_ACCEPTED
        station.connection_state = stations_pb2.CONNECTION_STATE_OFFLINE
        station.etag = "1"
        self.world.stations[key] = station
        self.fake.publish_station(station)
        return stations_pb2.CreateStationResponse(station=station)

    async def UpdateStation(self, request, context):
        await self.fake.enter(context, "UpdateStation")
        station = await self._one(context, request.station.name)
        if request.station.etag and request.station.etag != station.etag:
            await self.fake.fail(context, grpc.StatusCode.ABORTED, "ETAG_STALE", "Somebody else changed this station.")
        for path in request.update_mask.paths:
            setattr(station, path, getattr(request.station, path))
        station.etag = str(int(station.etag) + 1)
        self.fake.publish_station(station)
        return stations_pb2.UpdateStationResponse(station=station)

    async def DeleteStation(self, request, context):
        await self.fake.enter(context, "DeleteStation")
        station = await self._one(context, request.name)
        del self.world.stations[station.name.partition("/")[2]]
        self.fake.publish_deleted(station.name)
        return stations_pb2.DeleteStationResponse()

    async def AcceptStation(self, request, context):
        await self.fake.enter(context, "AcceptStation")
        station = await self._one(context, request.name)
        station.registration_state = stations_pb2.REGISTRATION_STATE_ACCEPTED
        self.fake.publish_station(station)
        return stations_pb2.AcceptStationResponse(station=station)

    async def RejectStation(self, request, context):
        await self.fake.enter(context, "RejectStation")
        station = await self._one(context, request.name)
        station.registration_state = stations_pb2.REGISTRATION_STATE_REJECTED
        station.connection_state = stations_pb2.CONNECTION_STATE_OFFLINE
        self.fake.publish_station(station)
        return stations_pb2.RejectStationResponse(station=station)

    async def SetStationPassword(self, request, context):
        await self.fake.enter(context, "SetStationPassword")
        station = await self._one(context, request.name)
        station.has_password = not request.remove
        password = "" if request.remove else request.password or "K7w2-Pq9x-Zt4m-Rb6n"
        return stations_pb2.SetStationPasswordResponse(password=password)

    async def DisconnectStation(self, request, context):
        await self.fake.enter(context, "DisconnectStation")
        station = await self._one(context, request.name)
        if station.connection_state != stations_pb2.CONNECTION_STATE_ONLINE:
            await self.fake.fail(
                context, grpc.StatusCode.FAILED_PRECONDITION, "STATION_OFFLINE", "The station is not connected."
            )
        station.connection_state = stations_pb2.CONNECTION_STATE_OFFLINE
        self.fake.publish_station(station)
        return stations_pb2.DisconnectStationResponse()


def _has(station, status):
    return any(c.status == status for e in station.evses for c in e.connectors)


def _station_matches(station, f):
    text = " ".join(
        (station.identity, station.display_name, station.address, station.boot_info.vendor, station.boot_info.model)
    )
    return (
        f.query.lower() in text.lower()
        and (not f.registration_states or station.registration_state in f.registration_states)
        and (not f.connection_state or station.connection_state == f.connection_state)
        and (not f.connector_statuses or any(_has(station, s) for s in f.connector_statuses))
    )


class Sessions(Service, sessions_pb2_grpc.SessionServiceServicer):
    """Sessions."""

    def _found(self, f):
        return sorted(
            (s for s in self.world.sessions.values() if _session_matches(s, f)),
            key=lambda s: s.start_time.seconds,
            reverse=True,
        )

    async def GetSession(self, request, context):
        await self.fake.enter(context, "GetSession")
        session = self.world.sessions.get(request.name.partition("/")[2])
        if session is None:
            await self.fake.fail(context, grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND", "There is no such session.")
        return sessions_pb2.GetSessionResponse(session=session)

    async def ListSessions(self, request, context):
        await self.fake.enter(context, "ListSessions")
        found = self._found(request.filter)
        page, more = _page(found, request)
        return sessions_pb2.ListSessionsResponse(
            sessions=page,
            next_page_token=more,
            total_size=len(found),
            total_energy_wh=sum(s.energy_wh for s in found),
            revision=self.fake.revision,
        )

    async def SummarizeSessions(self, request, context):
        await self.fake.enter(context, "SummarizeSessions")
        found = self._found(request.filter)
        return sessions_pb2.SummarizeSessionsResponse(
            session_count=len(found),
            active_count=sum(s.state == sessions_pb2.SESSION_STATE_ACTIVE for s in found),
            energy_wh=sum(s.energy_wh for s in found),
        )

    async def GetSessionSeries(self, request, context):
        await self.fake.enter(context, "GetSessionSeries")
        lines = {}
        for value in self.world.meter_values.get(request.session, []):
            for told in value.sampled_values:
                line = lines.setdefault(
                    (told.measurand, told.phase, told.location),
                    sessions_pb2.SessionSeries(
                        measurand=told.measurand, phase=told.phase, location=told.location, unit=told.unit
                    ),
                )
                line.points.append(sessions_pb2.SeriesPoint(sample_time=value.sample_time, value=told.value))
        return sessions_pb2.GetSessionSeriesResponse(series=lines.values())

    async def ListMeterValues(self, request, context):
        await self.fake.enter(context, "ListMeterValues")
        page, more = _page(self.world.meter_values.get(request.session, []), request, 1000)
        return sessions_pb2.ListMeterValuesResponse(meter_values=page, next_page_token=more)

    async def ExportSessions(self, request, context):
        await self.fake.enter(context, "ExportSessions")
        found = self._found(request.filter)
        for start in range(int(request.resume_cursor or 0), len(found), 50):
            if "ExportSessions" in self.fake.failures and start:
                code, reason = self.fake.failures.pop("ExportSessions")
                await self.fake.fail(context, code, reason, "gone")
            yield sessions_pb2.ExportSessionsResponse(sessions=found[start : start + 50], resume_cursor=str(start + 50))


def _session_matches(session, f):
    words = (session.station_identity, session.station_display_name, session.id_token, session.id_token_alias)
    text = " ".join((*words, session.name))
    start = session.start_time.seconds
    return (
        f.query.lower() in text.lower()
        and f.station in ("", session.station)
        and f.id_token in ("", session.id_token)
        and (not f.state or f.state == session.state)
        and (not f.needs_reconciliation or session.needs_reconciliation)
        and (not f.HasField("start_time_from") or start >= f.start_time_from.seconds)
        and (not f.HasField("start_time_to") or start < f.start_time_to.seconds)
    )


class IdTokens(Service, id_tokens_pb2_grpc.IdTokenServiceServicer):
    """Tags; administrators only."""

    async def _one(self, context, name):
        tag = self.world.tags.get(name.partition("/")[2])
        if tag is None:
            await self.fake.fail(context, grpc.StatusCode.NOT_FOUND, "TAG_NOT_FOUND", "There is no such tag.")
        return tag

    async def GetIdToken(self, request, context):
        await self.fake.enter(context, "GetIdToken", administrators=True)
        return id_tokens_pb2.GetIdTokenResponse(id_token=await self._one(context, request.name))

    async def ListIdTokens(self, request, context):
        await self.fake.enter(context, "ListIdTokens", administrators=True)
        text = request.query.lower()
        found = [t for t in self.world.tags.values() if text in f"{t.id_token} {t.alias} {t.note}".lower()]
        found.sort(key=lambda t: t.id_token)
        page, more = _page(found, request)
        return id_tokens_pb2.ListIdTokensResponse(id_tokens=page, next_page_token=more, total_size=len(found))

    async def CreateIdToken(self, request, context):
        await self.fake.enter(context, "CreateIdToken", administrators=True)
        wanted = request.id_token
        if any(t.id_token == wanted.id_token.upper() for t in self.world.tags.values()):
            await self.fake.fail(context, grpc.StatusCode.ALREADY_EXISTS, "TAG_EXISTS", "This tag is known already.")
        made = self.world.add_tag(wanted.id_token, wanted.alias)
        name, id_token = made.name, made.id_token
        made.MergeFrom(wanted)
        made.name, made.id_token = name, id_token
        return id_tokens_pb2.CreateIdTokenResponse(id_token=made)

    async def UpdateIdToken(self, request, context):
        await self.fake.enter(context, "UpdateIdToken", administrators=True)
        tag = await self._one(context, request.id_token.name)
        if request.id_token.etag and request.id_token.etag != tag.etag:
            await self.fake.fail(context, grpc.StatusCode.ABORTED, "ETAG_STALE", "Somebody else changed this tag.")
        request.update_mask.MergeMessage(request.id_token, tag, replace_message_field=True)
        if "expire_time" in request.update_mask.paths and not request.id_token.HasField("expire_time"):
            tag.ClearField("expire_time")
        tag.etag = str(int(tag.etag) + 1)
        return id_tokens_pb2.UpdateIdTokenResponse(id_token=tag)

    async def DeleteIdToken(self, request, context):
        await self.fake.enter(context, "DeleteIdToken", administrators=True)
        await self._one(context, request.name)
        del self.world.tags[request.name.partition("/")[2]]
        return id_tokens_pb2.DeleteIdTokenResponse()


def _entry_matches(entry, f):
    return (
        f.action in ("", entry.action)
        and (not f.direction or f.direction == entry.direction)
        and f.query.lower() in entry.content.lower()
    )


class Messages(Service, messages_pb2_grpc.MessageLogServiceServicer):
    """The message log."""

    async def ListMessages(self, request, context):
        await self.fake.enter(context, "ListMessages")
        log = [e for e in self.world.messages.get(request.station, []) if _entry_matches(e, request.filter)]
        page, more = _page(log[::-1], request, 100)
        return messages_pb2.ListMessagesResponse(entries=page, next_page_token=more)

    async def ExportMessages(self, request, context):
        await self.fake.enter(context, "ExportMessages")
        log = [e for e in self.world.messages.get(request.station, []) if _entry_matches(e, request.filter)][::-1]
        for first in range(int(request.resume_cursor or 0), len(log), 30):
            part = log[first : first + 30]
            yield messages_pb2.ExportMessagesResponse(entries=part, resume_cursor=str(first + len(part)))

    async def TailMessages(self, request, context):
        await self.fake.enter(context, "TailMessages")
        queue: asyncio.Queue[messages_pb2.MessageLogEntry] = asyncio.Queue()
        mine = (request.station, queue)
        self.fake.tails.add(mine)
        try:
            yield messages_pb2.TailMessagesResponse()
            async for entry in _queued(queue):
                if entry is None:
                    yield messages_pb2.TailMessagesResponse()
                elif _entry_matches(entry, request.filter):
                    yield messages_pb2.TailMessagesResponse(entries=[entry])
        finally:
            self.fake.tails.discard(mine)


async def _queued(queue) -> AsyncIterator:
    while True:
        try:
            yield await asyncio.wait_for(queue.get(), TICK_S)
        except TimeoutError:
            yield None


class Watch(Service, watch_pb2_grpc.WatchServiceServicer):
    """The live feed. ``fake.watch_refusals`` holds errors for the next callers."""

    async def Watch(self, request, context):
        await self.fake.enter(context, "Watch")
        self.fake.started_revisions.append(request.start_revision)
        if self.fake.watch_refusals:
            code, reason = self.fake.watch_refusals.pop(0)
            await self.fake.fail(context, code, reason, reason)
        queue: asyncio.Queue[watch_pb2.WatchResponse] = asyncio.Queue()
        self.fake.watchers.add(queue)
        try:
            yield watch_pb2.WatchResponse(revision=self.fake.revision)
            async for change in _queued(queue):
                yield change or watch_pb2.WatchResponse(revision=self.fake.revision)
        finally:
            self.fake.watchers.discard(queue)
