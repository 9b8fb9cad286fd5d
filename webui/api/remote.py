"""Remote operations: one command to one station, and the station's own answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from typing import TypeVar

import grpc.aio
from google.protobuf.duration_pb2 import Duration

from control.v1 import remote_pb2, remote_pb2_grpc
from webui import values as v
from webui.api import convert
from webui.api.channel import api_error

T = TypeVar("T")
ANSWER_S = 30  # how long a station may take
GRACE_S = 5  # and the control plane to say what became of it


class Remote:
    """Commands to stations. Every method raises ``ApiError`` when no answer came; a refusal is an answer."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._stub = remote_pb2_grpc.RemoteServiceStub(channel)
        self._metadata = metadata

    async def start(self, key: str, id_token: str, evse_id: int) -> v.CommandResult:
        """Ask a station to start charging; EVSE 0 lets it choose."""
        request = remote_pb2.RequestStartTransactionRequest(target=_target(key), id_token=id_token, evse_id=evse_id)
        m = await self._call(self._stub.RequestStartTransaction(request, metadata=self._metadata, timeout=_TIMEOUT))
        return convert.result(m.result)

    async def stop(self, session_key: str) -> v.CommandResult:
        """Ask the station of a session to stop it."""
        request = remote_pb2.RequestStopTransactionRequest(target=_target(""), session=f"sessions/{session_key}")
        m = await self._call(self._stub.RequestStopTransaction(request, metadata=self._metadata, timeout=_TIMEOUT))
        return convert.result(m.result)

    async def reset(self, key: str, immediate: bool) -> v.CommandResult:
        """Restart a station: now, or when no session is under way."""
        kind = remote_pb2.RESET_TYPE_IMMEDIATE if immediate else remote_pb2.RESET_TYPE_ON_IDLE
        request = remote_pb2.ResetRequest(target=_target(key), type=kind)
        m = await self._call(self._stub.Reset(request, metadata=self._metadata, timeout=_TIMEOUT))
        return convert.result(m.result)

    async def change_availability(self, key: str, evse_id: int, operative: bool) -> v.CommandResult:
        """Take a station (EVSE 0) or an EVSE in or out of service."""
        status = remote_pb2.OPERATIONAL_STATUS_OPERATIVE if operative else remote_pb2.OPERATIONAL_STATUS_INOPERATIVE
        request = remote_pb2.ChangeAvailabilityRequest(target=_target(key), evse_id=evse_id, operational_status=status)
        m = await self._call(self._stub.ChangeAvailability(request, metadata=self._metadata, timeout=_TIMEOUT))
        return convert.result(m.result)

    async def unlock(self, key: str, evse_id: int, connector_id: int) -> v.CommandResult:
        """Release a cable."""
        request = remote_pb2.UnlockConnectorRequest(target=_target(key), evse_id=evse_id, connector_id=connector_id)
        m = await self._call(self._stub.UnlockConnector(request, metadata=self._metadata, timeout=_TIMEOUT))
        return convert.result(m.result)

    async def clear_cache(self, key: str) -> v.CommandResult:
        """Empty a station's authorisation cache."""
        request = remote_pb2.ClearCacheRequest(target=_target(key))
        m = await self._call(self._stub.ClearCache(request, metadata=self._metadata, timeout=_TIMEOUT))
        return convert.result(m.result)

    async def trigger(self, key: str, message: str, evse_id: int) -> v.CommandResult:
        """Ask a station to send a message now."""
        request = remote_pb2.TriggerMessageRequest(target=_target(key), requested_message=message, evse_id=evse_id)
        m = await self._call(self._stub.TriggerMessage(request, metadata=self._metadata, timeout=_TIMEOUT))
        return convert.result(m.result)

    async def set_variable(self, key: str, name: str, value: str) -> v.CommandResult:
        """Write one configuration key."""
        request = remote_pb2.SetVariablesRequest(
            target=_target(key), variables=[remote_pb2.Variable(name=name, value=value)]
        )
        m = await self._call(self._stub.SetVariables(request, metadata=self._metadata, timeout=_TIMEOUT))
        if not m.results:
            raise v.ApiError("INTERNAL", "", "The control plane gave no result for this key.")
        only = m.results[0]
        if only.failure_reason:
            raise v.ApiError("DEADLINE_EXCEEDED", only.failure_reason, only.failure_reason)
        return convert.result(only.result)

    async def data_transfer(self, key: str, vendor_id: str, message_id: str, data: str) -> v.CommandResult:
        """Send a vendor's own message; what comes back is in ``data``."""
        request = remote_pb2.DataTransferRequest(
            target=_target(key), vendor_id=vendor_id, message_id=message_id, data=data
        )
        m = await self._call(self._stub.DataTransfer(request, metadata=self._metadata, timeout=_TIMEOUT))
        return convert.result(m.result, m.data)

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from error


_TIMEOUT = ANSWER_S + GRACE_S


def _target(key: str) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(
        station=f"stations/{key}" if key else "",
        timeout=Duration(seconds=ANSWER_S),
        request_id=uuid.uuid4().hex,
    )
