"""One signed-in person's view of the control plane: every call carries that person's token and no other credential."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable
from functools import cached_property
from typing import TypeVar
from weakref import WeakKeyDictionary

import grpc.aio
from google.protobuf.field_mask_pb2 import FieldMask

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
from webui import values as v
from webui.api import convert
from webui.api.channel import Control, api_error
from webui.api.desk import Desk
from webui.api.remote import Remote
from webui.api.security import Security

T = TypeVar("T")
CALL_S = 10.0  # time for one answer; pages would rather say that nobody answers than hang


class _Stubs:
    """Of one channel. Making them takes longer than a call, so they are made once."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.auth = auth_pb2_grpc.AuthServiceStub(channel)
        self.stations = stations_pb2_grpc.StationServiceStub(channel)
        self.sessions = sessions_pb2_grpc.SessionServiceStub(channel)
        self.tags = id_tokens_pb2_grpc.IdTokenServiceStub(channel)
        self.messages = messages_pb2_grpc.MessageLogServiceStub(channel)
        self.watch = watch_pb2_grpc.WatchServiceStub(channel)
        self.system = system_pb2_grpc.SystemServiceStub(channel)


_STUBS: WeakKeyDictionary[grpc.aio.Channel, _Stubs] = WeakKeyDictionary()


def _stubs(channel: grpc.aio.Channel) -> _Stubs:
    found = _STUBS.get(channel)
    if found is None:
        found = _STUBS[channel] = _Stubs(channel)
    return found


class Client:
    """The control plane as one person may use it. Every method raises ``ApiError``."""

    def __init__(self, control: Control, token: str, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        channel = control.channel
        self._channel = channel
        self._metadata = ((("authorization", f"Bearer {token}"),) if token else ()) + metadata
        stubs = _stubs(channel)
        self._auth = stubs.auth
        self._stations = stubs.stations
        self._sessions = stubs.sessions
        self._tags = stubs.tags
        self._messages = stubs.messages
        self._watch = stubs.watch
        self._system = stubs.system
        self._who: asyncio.Task[v.Caller] | None = None
        self.desk = Desk(channel, self._metadata)
        """For everything else."""

    @cached_property
    def remote(self) -> Remote:
        """Operations on stations."""
        return Remote(self._channel, self._metadata)

    @cached_property
    def security(self) -> Security:
        """Orders about stations' security."""
        return Security(self._channel, self._metadata)

    # ---- people and keys

    async def sign_in(
        self, email: str, password: str, one_time_code: str = "", *, new_password: str = ""
    ) -> v.SignedIn:
        """E-mail and password, a code where a second factor is asked for, and a new password where an administrator has
        set the present one, for a token."""
        request = auth_pb2.SignInRequest(
            email=email, password=password, one_time_code=one_time_code, new_password=new_password
        )
        m = await _answer(self._auth.SignIn(request, metadata=self._metadata, timeout=CALL_S))
        return v.SignedIn(token=m.token, expire_time=convert.time(m, "expire_time"), caller=convert.caller(m.caller))

    async def sign_out(self) -> None:
        """End this token."""
        await _answer(self._auth.SignOut(auth_pb2.SignOutRequest(), metadata=self._metadata, timeout=CALL_S))

    async def caller(self) -> v.Caller:
        """Who the token belongs to."""
        return await (self._read_caller() if self._who is None else asyncio.shield(self._who))

    def ask_ahead(self) -> None:
        """Ask who that is now, and only once: for a client that serves one request, which changes nothing."""
        self._who = asyncio.create_task(self._read_caller())
        self._who.add_done_callback(_seen)

    async def _read_caller(self) -> v.Caller:
        request = auth_pb2.GetCallerRequest()
        m = await _answer(self._auth.GetCaller(request, metadata=self._metadata, timeout=CALL_S))
        return convert.caller(m.caller)

    async def change_password(self, current: str, new: str) -> None:
        """Change the own password; other sessions end."""
        request = auth_pb2.ChangePasswordRequest(current_password=current, new_password=new)
        await _answer(self._auth.ChangePassword(request, metadata=self._metadata, timeout=CALL_S))

    async def api_keys(self) -> tuple[v.ApiKey, ...]:
        """All API keys (at most a thousand are shown), newest first."""
        request = auth_pb2.ListApiKeysRequest(page_size=1000)
        m = await _answer(self._auth.ListApiKeys(request, metadata=self._metadata, timeout=CALL_S))
        return tuple(convert.api_key(k) for k in m.api_keys)

    async def create_api_key(self, display_name: str, role: v.Role) -> tuple[v.ApiKey, str]:
        """A new key and its secret, which can be read only now."""
        key = auth_pb2.ApiKey(display_name=display_name, role=convert.role_number(role))
        request = auth_pb2.CreateApiKeyRequest(api_key=key)
        m = await _answer(self._auth.CreateApiKey(request, metadata=self._metadata, timeout=CALL_S))
        return convert.api_key(m.api_key), m.secret

    async def delete_api_key(self, name: str) -> None:
        """End a key at once."""
        request = auth_pb2.DeleteApiKeyRequest(name=name)
        await _answer(self._auth.DeleteApiKey(request, metadata=self._metadata, timeout=CALL_S))

    async def system_info(self) -> v.SystemInfo:
        """The installation."""
        request = system_pb2.GetSystemInfoRequest()
        return convert.system_info(
            await _answer(self._system.GetSystemInfo(request, metadata=self._metadata, timeout=CALL_S))
        )

    # ---- stations

    async def station(self, key: str) -> v.Station:
        """One station by the id of its name."""
        request = stations_pb2.GetStationRequest(name=f"stations/{key}")
        m = await _answer(self._stations.GetStation(request, metadata=self._metadata, timeout=CALL_S))
        return convert.station(m.station)

    async def stations(self, query: v.StationQuery, page_size: int = 50, page_token: str = "") -> v.StationPage:
        """A page of stations."""
        request = stations_pb2.ListStationsRequest(
            page_size=page_size, page_token=page_token, filter=convert.station_filter(query)
        )
        m = await _answer(self._stations.ListStations(request, metadata=self._metadata, timeout=CALL_S))
        return v.StationPage(
            stations=tuple(convert.station(s) for s in m.stations),
            next_page_token=m.next_page_token,
            total=m.total_size,
            revision=m.revision,
        )

    async def summary(self) -> v.Summary:
        """Numbers over all stations."""
        request = stations_pb2.SummarizeStationsRequest()
        return convert.summary(
            await _answer(self._stations.SummarizeStations(request, metadata=self._metadata, timeout=CALL_S))
        )

    async def create_station(self, identity: str, display_name: str, description: str, address: str) -> v.Station:
        """Make a station known before it connects."""
        station = stations_pb2.Station(
            identity=identity, display_name=display_name, description=description, address=address
        )
        request = stations_pb2.CreateStationRequest(station=station, request_id=request_id())
        m = await _answer(self._stations.CreateStation(request, metadata=self._metadata, timeout=CALL_S))
        return convert.station(m.station)

    async def update_station(self, key: str, etag: str, changes: dict[str, str]) -> v.Station:
        """Change some of identity, display_name, description, address."""
        station = stations_pb2.Station(name=f"stations/{key}", etag=etag, **changes)  # type: ignore[arg-type]
        request = stations_pb2.UpdateStationRequest(
            station=station, update_mask=FieldMask(paths=list(changes)), request_id=request_id()
        )
        m = await _answer(self._stations.UpdateStation(request, metadata=self._metadata, timeout=CALL_S))
        return convert.station(m.station)

    async def delete_station(self, key: str) -> None:
        """Remove a station; its sessions stay."""
        request = stations_pb2.DeleteStationRequest(name=f"stations/{key}", request_id=request_id())
        await _answer(self._stations.DeleteStation(request, metadata=self._metadata, timeout=CALL_S))

    async def accept_station(self, key: str) -> v.Station:
        """Let a station in."""
        request = stations_pb2.AcceptStationRequest(name=f"stations/{key}", request_id=request_id())
        m = await _answer(self._stations.AcceptStation(request, metadata=self._metadata, timeout=CALL_S))
        return convert.station(m.station)

    async def reject_station(self, key: str) -> v.Station:
        """Refuse a station."""
        request = stations_pb2.RejectStationRequest(name=f"stations/{key}", request_id=request_id())
        m = await _answer(self._stations.RejectStation(request, metadata=self._metadata, timeout=CALL_S))
        return convert.station(m.station)

    async def set_station_password(self, key: str, password: str = "", remove: bool = False) -> str:
        """Set, make (empty) or remove a station's password; the password that is now valid."""
        request = stations_pb2.SetStationPasswordRequest(
            name=f"stations/{key}", password=password, remove=remove, request_id=request_id()
        )
        m = await _answer(self._stations.SetStationPassword(request, metadata=self._metadata, timeout=CALL_S))
        return m.password

    async def disconnect_station(self, key: str) -> None:
        """Close a station's connection."""
        request = stations_pb2.DisconnectStationRequest(name=f"stations/{key}", request_id=request_id())
        await _answer(self._stations.DisconnectStation(request, metadata=self._metadata, timeout=CALL_S))

    # ---- sessions

    async def session(self, key: str) -> v.Session:
        """One session by the id of its name."""
        request = sessions_pb2.GetSessionRequest(name=f"sessions/{key}")
        m = await _answer(self._sessions.GetSession(request, metadata=self._metadata, timeout=CALL_S))
        return convert.session(m.session)

    async def sessions(self, query: v.SessionQuery, page_size: int = 50, page_token: str = "") -> v.SessionPage:
        """A page of sessions, newest first, with the totals of all that match."""
        request = sessions_pb2.ListSessionsRequest(
            page_size=page_size, page_token=page_token, filter=convert.session_filter(query)
        )
        m = await _answer(self._sessions.ListSessions(request, metadata=self._metadata, timeout=CALL_S))
        return v.SessionPage(
            sessions=tuple(convert.session(s) for s in m.sessions),
            next_page_token=m.next_page_token,
            total=m.total_size,
            total_energy_wh=m.total_energy_wh,
            revision=m.revision,
        )

    async def meter_values(self, key: str) -> tuple[v.MeterValue, ...]:
        """All meter values of a session in the order of time."""
        found: list[v.MeterValue] = []
        token = ""
        while True:
            request = sessions_pb2.ListMeterValuesRequest(session=f"sessions/{key}", page_size=10_000, page_token=token)
            m = await _answer(self._sessions.ListMeterValues(request, metadata=self._metadata, timeout=CALL_S))
            found.extend(convert.meter_value(x) for x in m.meter_values)
            token = m.next_page_token
            if not token:
                return tuple(found)

    async def export_sessions(self, query: v.SessionQuery, cursor: str = "") -> AsyncIterator[v.SessionBatch]:
        """All sessions that match, in batches, from a cursor of an earlier batch."""
        request = sessions_pb2.ExportSessionsRequest(filter=convert.session_filter(query), resume_cursor=cursor)
        call = self._sessions.ExportSessions(request, metadata=self._metadata)
        try:
            async for m in call:
                yield v.SessionBatch(
                    sessions=tuple(convert.session(s) for s in m.sessions), resume_cursor=m.resume_cursor
                )
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from error
        finally:
            call.cancel()

    # ---- tags

    async def tag(self, key: str) -> v.IdToken:
        """One tag by the id of its name."""
        request = id_tokens_pb2.GetIdTokenRequest(name=f"idTokens/{key}")
        m = await _answer(self._tags.GetIdToken(request, metadata=self._metadata, timeout=CALL_S))
        return convert.id_token(m.id_token)

    async def tags(self, query: str = "", page_size: int = 50, page_token: str = "") -> v.IdTokenPage:
        """A page of tags in the order of their ids."""
        request = id_tokens_pb2.ListIdTokensRequest(page_size=page_size, page_token=page_token, query=query)
        m = await _answer(self._tags.ListIdTokens(request, metadata=self._metadata, timeout=CALL_S))
        return v.IdTokenPage(
            tags=tuple(convert.id_token(t) for t in m.id_tokens),
            next_page_token=m.next_page_token,
            total=m.total_size,
        )

    async def create_tag(self, tag: v.IdToken) -> v.IdToken:
        """Make a tag."""
        request = id_tokens_pb2.CreateIdTokenRequest(id_token=convert.id_token_message(tag), request_id=request_id())
        m = await _answer(self._tags.CreateIdToken(request, metadata=self._metadata, timeout=CALL_S))
        return convert.id_token(m.id_token)

    async def update_tag(self, tag: v.IdToken, fields: tuple[str, ...]) -> v.IdToken:
        """Change the named fields of a tag."""
        request = id_tokens_pb2.UpdateIdTokenRequest(
            id_token=convert.id_token_message(tag), update_mask=FieldMask(paths=list(fields)), request_id=request_id()
        )
        m = await _answer(self._tags.UpdateIdToken(request, metadata=self._metadata, timeout=CALL_S))
        return convert.id_token(m.id_token)

    async def delete_tag(self, key: str) -> None:
        """Remove a tag; sessions keep its id."""
        request = id_tokens_pb2.DeleteIdTokenRequest(name=f"idTokens/{key}", request_id=request_id())
        await _answer(self._tags.DeleteIdToken(request, metadata=self._metadata, timeout=CALL_S))

    # ---- message log and live feed

    async def messages(self, key: str, query: v.LogQuery, page_size: int = 100, page_token: str = "") -> v.LogPage:
        """A page of a station's message log, newest first."""
        request = messages_pb2.ListMessagesRequest(
            station=f"stations/{key}", page_size=page_size, page_token=page_token, filter=convert.log_filter(query)
        )
        m = await _answer(self._messages.ListMessages(request, metadata=self._metadata, timeout=CALL_S))
        return v.LogPage(entries=tuple(convert.log_entry(e) for e in m.entries), next_page_token=m.next_page_token)

    async def tail(self, key: str, query: v.LogQuery) -> AsyncIterator[tuple[v.LogEntry, ...]]:
        """A station's messages as they come; an empty batch is a sign of life."""
        request = messages_pb2.TailMessagesRequest(station=f"stations/{key}", filter=convert.log_filter(query))
        call = self._messages.TailMessages(request, metadata=self._metadata)
        try:
            async for m in call:
                yield tuple(convert.log_entry(e) for e in m.entries)
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from error
        finally:
            call.cancel()

    async def export_messages(self, key: str, query: v.LogQuery, cursor: str = "") -> AsyncIterator[v.LogBatch]:
        """All messages of a station that match, in batches, newest first, from a cursor of an earlier batch."""
        request = messages_pb2.ExportMessagesRequest(
            station=f"stations/{key}", filter=convert.log_filter(query), resume_cursor=cursor
        )
        call = self._messages.ExportMessages(request, metadata=self._metadata)
        try:
            async for m in call:
                yield v.LogBatch(entries=tuple(convert.log_entry(e) for e in m.entries), resume_cursor=m.resume_cursor)
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from error
        finally:
            call.cancel()

    async def watch(self, start_revision: int) -> AsyncIterator[v.Change]:
        """The live feed after a revision; 0 means from now on."""
        call = self._watch.Watch(watch_pb2.WatchRequest(start_revision=start_revision), metadata=self._metadata)
        try:
            async for m in call:
                yield convert.change(m)
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from error
        finally:
            call.cancel()


def _seen(task: asyncio.Task[v.Caller]) -> None:
    """Whoever waits for it is told what went wrong; when nobody does any more, it is no news."""
    if not task.cancelled():
        task.exception()


def request_id() -> str:
    """A fresh id for a change, so that a repeat on the way there is not a second change."""
    return uuid.uuid4().hex


async def _answer(call: Awaitable[T]) -> T:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise api_error(error) from error
