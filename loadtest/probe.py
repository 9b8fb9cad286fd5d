"""The load tester's hand on control.v1: what must be there before a run, and what the server kept after it.

The only module of the load tester that knows the generated messages. It is synchronous and runs before
and after the swarm, never beside it; a few threads keep several calls under way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar, cast

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from control.v1 import (
    id_tokens_pb2,
    id_tokens_pb2_grpc,
    imports_pb2,
    imports_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    stations_pb2,
    stations_pb2_grpc,
)
from loadtest.ledger import Quantities, SeenSession

CALLS_AT_ONCE = 8
DEADLINE = 30.0
PAGE = 1000
AT_ONCE = 1000
"""Stations or tags that are made by one call."""
VALUES_PAGE = 10_000
REGISTER = "Energy.Active.Import.Register"
MARGIN = timedelta(minutes=1)  # after the run, for what a slow server heard late
SKEW = timedelta(seconds=2)  # before it, for a server whose clock is not quite ours

Asked = TypeVar("Asked")
Given = TypeVar("Given")

_SENTENCES = {
    grpc.StatusCode.UNAVAILABLE: "control.v1 at {where} cannot be reached: is the server running, is --control right?",
    grpc.StatusCode.UNAUTHENTICATED: "control.v1 at {where} does not know the API key: make a new one with "
    "`chargehouse key create`",
    grpc.StatusCode.PERMISSION_DENIED: "the API key may not manage stations and tags: it needs the role administrator",
    grpc.StatusCode.DEADLINE_EXCEEDED: "control.v1 at {where} did not answer within " + f"{DEADLINE:.0f} s",
}


class ProbeError(Exception):
    """The control API did not do what the run needs; its text says what to do about it."""


class Probe:
    """A caller of control.v1. `control` is `host:port`, or `https://host:port` for TLS."""

    def __init__(self, control: str, api_key: str, *, channel: grpc.Channel | None = None) -> None:
        self._where = control
        self._metadata = (("authorization", f"Bearer {api_key}"),)
        self._channel = _open(control) if channel is None else channel
        self._imports = imports_pb2_grpc.ImportServiceStub(self._channel)
        self._stations = stations_pb2_grpc.StationServiceStub(self._channel)
        self._id_tokens = id_tokens_pb2_grpc.IdTokenServiceStub(self._channel)
        self._sessions = sessions_pb2_grpc.SessionServiceStub(self._channel)
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="probe")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._channel.close()

    def prepare(
        self, identities: Collection[str], passwords: Mapping[str, str], id_tags: Iterable[str]
    ) -> dict[str, str]:
        """Make sure that every station is known, accepted and has its password, and that every tag is good.

        An empty password: the server makes one, which it can check a thousand times faster than one of people.
        Returns the passwords that are valid, by identity. Raises ProbeError.
        """
        known = {station.identity: station for station in self._known_stations(identities)}
        names = {identity: station.name for identity, station in known.items()}
        missing = [identity for identity in identities if identity not in known]
        for made in self._each(self._create_stations, _slices(missing)):
            names |= made

        def prepare_station(identity: str) -> tuple[str, str | None]:
            station = known.get(identity)
            if station is not None and station.registration_state != stations_pb2.REGISTRATION_STATE_ACCEPTED:
                self._call(self._stations.AcceptStation, stations_pb2.AcceptStationRequest(name=station.name))
            return identity, self._set_password(names[identity], passwords.get(identity))

        tags = {tag.upper() for tag in id_tags}
        held = {tag.id_token.upper(): tag for tag in self._known_tags(tags)}
        valid = self._each(prepare_station, identities)
        self._each(self._create_tags, _slices(sorted(tags - held.keys())))
        self._each(self._free_tag, [held[tag] for tag in sorted(tags & held.keys())])
        return {identity: password for identity, password in valid if password is not None}

    def sessions(
        self,
        identities: Collection[str],
        began: datetime,
        ended: datetime,
        *,
        samples: bool = True,
        most: int | None = None,
    ) -> list[SeenSession]:
        """What the server heard of these stations between the two times, whatever time the stations said it was.

        `samples`: with each meter value, of `most` sessions evenly among them where that is given. Raises ProbeError.
        """
        wanted = frozenset(identities)
        found: list[sessions_pb2.Session] = []
        token = ""
        while True:
            request = sessions_pb2.ListSessionsRequest(
                page_size=PAGE,
                page_token=token,
                filter=sessions_pb2.SessionFilter(
                    server_log_time_from=_timestamp(began - SKEW), server_log_time_to=_timestamp(ended + MARGIN)
                ),
            )
            page = self._call(self._sessions.ListSessions, request)
            found += [session for session in page.sessions if session.station_identity in wanted]
            token = page.next_page_token
            if not token:
                break
        if not samples:
            return [seen_session(session) for session in found]
        step = 1 if most is None else max(1, -(-len(found) // most))
        looked_into = set(range(0, len(found), step))

        def see(numbered: tuple[int, sessions_pb2.Session]) -> SeenSession:
            number, session = numbered
            return self._with_samples(session) if number in looked_into else seen_session(session)

        return self._each(see, enumerate(found))

    def _with_samples(self, session: sessions_pb2.Session) -> SeenSession:
        values: list[tuple[datetime, float]] = []
        quantities: dict[datetime, Quantities] = {}
        token = ""
        while True:
            request = sessions_pb2.ListMeterValuesRequest(session=session.name, page_size=VALUES_PAGE, page_token=token)
            page = self._call(self._sessions.ListMeterValues, request)
            values += energy_samples(page.meter_values)
            quantities |= other_samples(page.meter_values)
            token = page.next_page_token
            if not token:
                return replace(seen_session(session), samples=values, quantities=quantities)

    def _known_stations(self, identities: Collection[str]) -> list[stations_pb2.Station]:
        found: list[stations_pb2.Station] = []
        token = ""
        while True:
            request = stations_pb2.ListStationsRequest(
                page_size=PAGE,
                page_token=token,
                filter=stations_pb2.StationFilter(query=_common_start(identities)),
            )
            page = self._call(self._stations.ListStations, request)
            found += page.stations
            token = page.next_page_token
            if not token:
                return found

    def _known_tags(self, tags: Collection[str]) -> list[id_tokens_pb2.IdToken]:
        found: list[id_tokens_pb2.IdToken] = []
        token = ""
        while True:
            request = id_tokens_pb2.ListIdTokensRequest(page_size=PAGE, page_token=token, query=_common_start(tags))
            page = self._call(self._id_tokens.ListIdTokens, request)
            found += page.id_tokens
            token = page.next_page_token
            if not token:
                return found

    def _create_stations(self, identities: Sequence[str]) -> dict[str, str]:
        """Their names in the control API, by identity."""
        rows = [imports_pb2.StationImportRow(identity=identity) for identity in identities]
        answer = self._call(self._imports.ImportStations, imports_pb2.ImportStationsRequest(rows=rows))
        for error in answer.errors:
            raise ProbeError(f"station {identities[error.row]} could not be made: {error.message}")
        return dict(zip(identities, answer.stations, strict=True))

    def _set_password(self, station: str, password: str | None) -> str | None:
        if password is None:
            return None
        secret = stations_pb2.SetStationPasswordRequest(name=station, password=password)
        return self._call(self._stations.SetStationPassword, secret).password

    def _create_tags(self, tags: Sequence[str]) -> None:
        wanted = [id_tokens_pb2.IdToken(id_token=tag, note="Load tester") for tag in tags]
        answer = self._call(self._id_tokens.ImportIdTokens, id_tokens_pb2.ImportIdTokensRequest(id_tokens=wanted))
        for error in answer.errors:
            raise ProbeError(f"tag {tags[error.row]} could not be made: {error.message}")

    def _free_tag(self, held: id_tokens_pb2.IdToken) -> None:
        if held.blocked or held.HasField("expire_time"):
            good = id_tokens_pb2.IdToken(name=held.name, etag=held.etag)
            mask = FieldMask(paths=["blocked", "expire_time"])
            self._call(
                self._id_tokens.UpdateIdToken,
                id_tokens_pb2.UpdateIdTokenRequest(id_token=good, update_mask=mask),
            )

    def _each(self, do: Callable[[Asked], Given], things: Iterable[Asked]) -> list[Given]:
        return list(self._pool.map(do, things))

    def _call(self, method: grpc.UnaryUnaryMultiCallable[Asked, Given], request: Asked) -> Given:
        try:
            return method(request, timeout=DEADLINE, metadata=self._metadata)
        except grpc.RpcError as error:
            raise ProbeError(self._sentence(error)) from error

    def _sentence(self, error: grpc.RpcError) -> str:
        call = cast(grpc.Call, error)  # what a call raises is both
        code, details = call.code(), call.details()
        sentence = _SENTENCES.get(code)
        if sentence is not None:
            return f"{sentence.format(where=self._where)} ({details})"
        return f"control.v1 at {self._where} answered {code.name}: {details}"


def seen_session(session: sessions_pb2.Session) -> SeenSession:
    """A listed session in the words of the ledger; up to OCPP 1.6, connector n is EVSE n."""
    return SeenSession(
        station=session.station_identity,
        connector=session.evse_id,
        id_tag=session.id_token,
        transaction_id=session.transaction_id or None,
        start_time=_datetime(session.start_time) if session.HasField("start_time") else None,
        stop_time=_datetime(session.stop_time) if session.HasField("stop_time") else None,
        energy_wh=session.energy_wh,
        meter_start_wh=session.meter_start_wh if session.HasField("meter_start_wh") else None,
        meter_stop_wh=session.meter_stop_wh if session.HasField("meter_stop_wh") else None,
        meter_values=session.meter_value_count,
        flags=tuple(session.flags),
        stop_reason=session.stop_reason,
    )


def energy_samples(values: Iterable[sessions_pb2.MeterValue]) -> list[tuple[datetime, float]]:
    """The periodic readings of the energy register: what the station has in its books."""
    return [
        (_datetime(value.sample_time), sampled.value)
        for value in values
        for sampled in value.sampled_values
        if sampled.measurand in (REGISTER, "") and sampled.context in ("Sample.Periodic", "")
    ]


def other_samples(values: Iterable[sessions_pb2.MeterValue]) -> dict[datetime, Quantities]:
    """The other periodic readings by time."""
    return {
        _datetime(value.sample_time): {
            f"{sampled.measurand} {sampled.phase}".rstrip(): sampled.value
            for sampled in value.sampled_values
            if sampled.measurand not in (REGISTER, "") and sampled.context in ("Sample.Periodic", "")
        }
        for value in values
        if any(sampled.context in ("Sample.Periodic", "") for sampled in value.sampled_values)
    }


def _open(control: str) -> grpc.Channel:
    if control.startswith("https://"):
        return grpc.secure_channel(control.removeprefix("https://"), grpc.ssl_channel_credentials())
    return grpc.insecure_channel(control)


def _slices(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), AT_ONCE):
        yield names[first : first + AT_ONCE]


def _common_start(names: Collection[str]) -> str:
    """What all these names begin with: enough to ask for them and few others."""
    if not names:
        return ""
    low, high = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[:length]


def _datetime(value: Timestamp) -> datetime:
    return value.ToDatetime(UTC)


def _timestamp(value: datetime) -> Timestamp:
    out = Timestamp()
    out.FromDatetime(value)
    return out
