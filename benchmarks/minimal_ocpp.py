"""What most people would write first: the `ocpp` package's ChargePoint on `websockets`, on asyncio. It stores
nothing."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import AuthorizationStatus, RegistrationStatus
from websockets.asyncio.server import ServerConnection, serve


class Station(ChargePoint):  # type: ignore[misc]
    """Answers, and forgets."""

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def on_boot(self, **_: Any) -> Any:
        now = datetime.now(UTC).isoformat()
        return call_result.BootNotification(current_time=now, interval=300, status=RegistrationStatus.accepted)

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    def on_start(self, **_: Any) -> Any:
        return call_result.StartTransaction(1, IdTagInfo(status=AuthorizationStatus.accepted))

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def on_meter_values(self, **_: Any) -> Any:
        return call_result.MeterValues()


async def _serve(connection: ServerConnection) -> None:
    assert connection.request is not None
    station = Station(connection.request.path.rsplit("/", 1)[1], connection)
    await station.start()


async def main(port: int) -> None:
    """Serve for ever."""
    async with serve(_serve, "127.0.0.1", port, subprotocols=["ocpp1.6"], compression=None):  # type: ignore[list-item]
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
