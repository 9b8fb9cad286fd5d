"""The channel to the control plane: one per portal process, kept alive, reconnecting by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2, health_pb2_grpc

from webui.values import ApiError

# Ping an idle channel, so that a dead peer or a forgetful NAT is noticed within seconds; retry often: the control plane
# usually runs on the same machine and is only restarting.
OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 8_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the control plane is. ``ca`` is a PEM file: with it the channel uses TLS and trusts only that authority."""

    address: str
    ca: Path | None = None


class Control:
    """The open channel. Make it inside the running event loop and close it there."""

    def __init__(self, settings: Settings) -> None:
        if settings.ca is None:
            self.channel = grpc.aio.insecure_channel(settings.address, options=OPTIONS)
        else:
            credentials = grpc.ssl_channel_credentials(settings.ca.read_bytes())
            self.channel = grpc.aio.secure_channel(settings.address, credentials, options=OPTIONS)

    async def close(self) -> None:
        """Close the channel and cancel what is still under way."""
        await self.channel.close()

    async def ready(self, timeout_s: float = 3.0) -> bool:
        """Does the control plane say that it serves (standard gRPC health, no credentials)?"""
        stub = health_pb2_grpc.HealthStub(self.channel)
        try:
            answer: health_pb2.HealthCheckResponse = await stub.Check(
                health_pb2.HealthCheckRequest(), timeout=timeout_s
            )
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def api_error(error: grpc.aio.AioRpcError) -> ApiError:
    """The portal's error for a failed call, with the reason that its ErrorInfo names."""
    reason = ""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            reason = _reason(value)
    return ApiError(error.code().name, reason, error.details() or "")


def _reason(status: bytes) -> str:
    info = error_details_pb2.ErrorInfo()
    for detail in status_pb2.Status.FromString(status).details:
        if detail.Unpack(info):
            return str(info.reason)
    return ""
