"""A control.v1 server as far as the load tester needs one: stations, tags, sessions, out of plain lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import NoReturn, TypeVar

import grpc
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
from tests.kit.fake_csms import KeptSession

Item = TypeVar("Item")
KEY = "test-key"
PAGE = 3  # small, so that paging is used


class FakeControlApi(
    imports_pb2_grpc.ImportServiceServicer,
    stations_pb2_grpc.StationServiceServicer,
    id_tokens_pb2_grpc.IdTokenServiceServicer,
    sessions_pb2_grpc.SessionServiceServicer,
):
    """Its lists are public: put in what the server should say. `kept` gives the sessions when asked."""

    def __init__(self, kept: Callable[[], list[KeptSession]] = list) -> None:
        self.stations: dict[str, stations_pb2.Station] = {}
        self.passwords: dict[str, str] = {}
        self.tags: dict[str, id_tokens_pb2.IdToken] = {}
        self.kept = kept

    def _guard(self, context: grpc.ServicerContext) -> None:
        if ("authorization", f"Bearer {KEY}") not in [(k, v) for k, v in context.invocation_metadata()]:
            _abort(context, grpc.StatusCode.UNAUTHENTICATED, "unknown API key")

    # Stations.

    def ListStations(
        self, request: stations_pb2.ListStationsRequest, context: grpc.ServicerContext
    ) -> stations_pb2.ListStationsResponse:
        self._guard(context)
        found = [s for _, s in sorted(self.stations.items()) if request.filter.query in s.identity]
        page, token = _page(found, request.page_token)
        return stations_pb2.ListStationsResponse(stations=page, next_page_token=token)

    def ImportStations(
        self, request: imports_pb2.ImportStationsRequest, context: grpc.ServicerContext
    ) -> imports_pb2.ImportStationsResponse:
        self._guard(context)
        names = []
        for row, wanted in enumerate(request.rows):
            if wanted.identity in self.stations:
                error = imports_pb2.ImportError(row=row, reason="IDENTITY_TAKEN", message="It is there already.")
                return imports_pb2.ImportStationsResponse(errors=[error])
            names.append(f"stations/{len(self.stations) + 1}")
            self.stations[wanted.identity] = stations_pb2.Station(
                name=names[-1],
                identity=wanted.identity,
                registration_state=stations_pb2.REGISTRATION_STATE_ACCEPTED,
            )
        return imports_pb2.ImportStationsResponse(good_count=len(names), stations=names)

    def AcceptStation(
        self, request: stations_pb2.AcceptStationRequest, context: grpc.ServicerContext
    ) -> stations_pb2.AcceptStationResponse:
        self._guard(context)
        (station,) = [s for s in self.stations.values() if s.name == request.name]
        station.registration_state = stations_pb2.REGISTRATION_STATE_ACCEPTED
        return stations_pb2.AcceptStationResponse(station=station)

    def SetStationPassword(
        self, request: stations_pb2.SetStationPasswordRequest, context: grpc.ServicerContext
    ) -> stations_pb2.SetStationPasswordResponse:
        self._guard(context)
        if request.password and not 16 <= len(request.password) <= 40:
            _abort(context, grpc.StatusCode.INVALID_ARGUMENT, "a password has 16 to 40 characters")
        (identity,) = [s.identity for s in self.stations.values() if s.name == request.name]
        self.passwords[identity] = request.password or f"made-for-{identity:-<12}"
        return stations_pb2.SetStationPasswordResponse(password=self.passwords[identity])

    # Tags.

    def ListIdTokens(
        self, request: id_tokens_pb2.ListIdTokensRequest, context: grpc.ServicerContext
    ) -> id_tokens_pb2.ListIdTokensResponse:
        self._guard(context)
        found = [t for _, t in sorted(self.tags.items()) if request.query in t.id_token]
        page, token = _page(found, request.page_token)
        return id_tokens_pb2.ListIdTokensResponse(id_tokens=page, next_page_token=token)

    def ImportIdTokens(
        self, request: id_tokens_pb2.ImportIdTokensRequest, context: grpc.ServicerContext
    ) -> id_tokens_pb2.ImportIdTokensResponse:
        self._guard(context)
        for row, wanted in enumerate(request.id_tokens):
            if wanted.id_token in self.tags:
                error = id_tokens_pb2.IdTokenImportError(
                    row=row, reason="ID_TOKEN_TAKEN", message="It is there already."
                )
                return id_tokens_pb2.ImportIdTokensResponse(errors=[error])
            tag = id_tokens_pb2.IdToken()
            tag.CopyFrom(wanted)
            tag.name = f"idTokens/{len(self.tags) + 1}"
            self.tags[tag.id_token] = tag
        return id_tokens_pb2.ImportIdTokensResponse(imported=len(request.id_tokens))

    def UpdateIdToken(
        self, request: id_tokens_pb2.UpdateIdTokenRequest, context: grpc.ServicerContext
    ) -> id_tokens_pb2.UpdateIdTokenResponse:
        self._guard(context)
        (tag,) = [t for t in self.tags.values() if t.name == request.id_token.name]
        for path in request.update_mask.paths:
            if path == "expire_time" and not request.id_token.HasField("expire_time"):
                tag.ClearField("expire_time")
            elif path == "blocked":
                tag.blocked = request.id_token.blocked
        return id_tokens_pb2.UpdateIdTokenResponse(id_token=tag)

    # Sessions.

    def ListSessions(
        self, request: sessions_pb2.ListSessionsRequest, context: grpc.ServicerContext
    ) -> sessions_pb2.ListSessionsResponse:
        self._guard(context)
        low, high = request.filter.server_log_time_from, request.filter.server_log_time_to
        found = [
            session
            for session in (_session(n, kept) for n, kept in enumerate(self.kept()))
            if low.ToNanoseconds() <= session.server_log_time.ToNanoseconds() < high.ToNanoseconds()
        ]
        page, token = _page(found, request.page_token)
        return sessions_pb2.ListSessionsResponse(sessions=page, next_page_token=token)

    def ListMeterValues(
        self, request: sessions_pb2.ListMeterValuesRequest, context: grpc.ServicerContext
    ) -> sessions_pb2.ListMeterValuesResponse:
        self._guard(context)
        kept = self.kept()[int(request.session.rpartition("/")[2])]
        values = [
            sessions_pb2.MeterValue(
                sample_time=_timestamp(at),
                sampled_values=[
                    sessions_pb2.SampledValue(
                        measurand="Energy.Active.Import.Register",
                        value=energy,
                        unit="Wh",
                        context="Sample.Periodic",
                    ),
                    *_others(kept.quantities.get(at, {"Power.Active.Import": 7.0})),
                ],
            )
            for at, energy in sorted(kept.samples.items())
        ]
        page, token = _page(values, request.page_token)
        return sessions_pb2.ListMeterValuesResponse(meter_values=page, next_page_token=token)


@contextmanager
def serving(api: FakeControlApi) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1; yields `host:port`."""
    server = grpc.server(ThreadPoolExecutor(8))
    imports_pb2_grpc.add_ImportServiceServicer_to_server(api, server)
    stations_pb2_grpc.add_StationServiceServicer_to_server(api, server)
    id_tokens_pb2_grpc.add_IdTokenServiceServicer_to_server(api, server)
    sessions_pb2_grpc.add_SessionServiceServicer_to_server(api, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def _others(quantities: dict[str, float]) -> Iterator[sessions_pb2.SampledValue]:
    for name, value in quantities.items():
        measurand, _, phase = name.partition(" ")
        yield sessions_pb2.SampledValue(measurand=measurand, phase=phase, value=value, context="Sample.Periodic")


def _page(found: list[Item], token: str) -> tuple[list[Item], str]:
    begin = int(token or 0)
    end = begin + PAGE
    return found[begin:end], str(end) if end < len(found) else ""


def _session(number: int, kept: KeptSession) -> sessions_pb2.Session:
    session = sessions_pb2.Session(
        name=f"sessions/{number}",
        station_identity=kept.station,
        evse_id=kept.connector,
        connector_id=1,
        transaction_id=str(kept.transaction_id),
        id_token=kept.id_tag.upper(),
        start_time=_timestamp(kept.start_time),
        server_log_time=_timestamp(kept.start_time),
        energy_wh=(kept.meter_stop_wh or kept.meter_start_wh) - kept.meter_start_wh,
        meter_start_wh=kept.meter_start_wh,
    )
    if kept.stop_time is not None and kept.meter_stop_wh is not None:
        session.stop_time.FromDatetime(kept.stop_time)
        session.meter_stop_wh = kept.meter_stop_wh
        session.stop_reason = kept.reason
    return session


def _timestamp(at: datetime) -> Timestamp:
    out = Timestamp()
    out.FromDatetime(at)
    return out


def _abort(context: grpc.ServicerContext, code: grpc.StatusCode, details: str) -> NoReturn:
    context.abort(code, details)
    raise AssertionError("abort raises")
