"""Orders about a station's security: a new password, a higher profile, and letting it come with less."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from typing import TypeVar

import grpc.aio
from google.protobuf.duration_pb2 import Duration

from control.v1 import remote_pb2, station_security_pb2, station_security_pb2_grpc
from webui import values as v
from webui.api import convert
from webui.api.channel import api_error
from webui.api.remote import ANSWER_S, GRACE_S

T = TypeVar("T")
STEPS = 4  # commands that one order may take


class Security:
    """Every method raises ``ApiError`` when no answer came; a refusal is an answer."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._stub = station_security_pb2_grpc.StationSecurityServiceStub(channel)
        self._metadata = metadata

    async def rotate_password(self, key: str) -> v.CommandResult:
        """Have a new password made and give it to the station."""
        request = station_security_pb2.RotateStationPasswordRequest(target=_target(key, ANSWER_S))
        timeout = ANSWER_S + GRACE_S
        m = await _answer(self._stub.RotateStationPassword(request, metadata=self._metadata, timeout=timeout))
        return convert.result(m.result)

    async def upgrade_profile(self, key: str, profile: int) -> tuple[bool, tuple[v.CommandResult, ...]]:
        """Order a higher profile: did the station take all of it, and its answers in order."""
        seconds = ANSWER_S * STEPS
        request = station_security_pb2.UpgradeSecurityProfileRequest(
            target=_target(key, seconds), security_profile=profile
        )
        timeout = seconds + GRACE_S
        m = await _answer(self._stub.UpgradeSecurityProfile(request, metadata=self._metadata, timeout=timeout))
        return m.accepted, tuple(convert.result(step.result) for step in m.steps)

    async def set_profile(self, key: str, profile: int) -> v.Station:
        """What the station must prove at least, from now on."""
        request = station_security_pb2.SetSecurityProfileRequest(
            name=f"stations/{key}", security_profile=profile, request_id=uuid.uuid4().hex
        )
        m = await _answer(self._stub.SetSecurityProfile(request, metadata=self._metadata, timeout=10))
        return convert.station(m.station)


def _target(key: str, seconds: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(
        station=f"stations/{key}", timeout=Duration(seconds=seconds), request_id=uuid.uuid4().hex
    )


async def _answer(call: Awaitable[T]) -> T:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise api_error(error) from error
