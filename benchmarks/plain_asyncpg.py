"""What a careful person would write with the same packages: the minimal server, and each message inserted with asyncpg
before it is answered."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

import asyncpg
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import AuthorizationStatus, RegistrationStatus
from websockets.asyncio.server import ServerConnection, serve

TABLES = """
CREATE TABLE IF NOT EXISTS plain_session (
    id serial PRIMARY KEY, station text, id_tag text, meter_start integer, started timestamptz
);
CREATE TABLE IF NOT EXISTS plain_sample (
    station text, connector integer, session integer, at timestamptz, measurand text, value text, unit text
);
"""
SESSION = "INSERT INTO plain_session (station, id_tag, meter_start, started) VALUES ($1, $2, $3, $4) RETURNING id"
SAMPLE = "INSERT INTO plain_sample VALUES ($1, $2, $3, $4, $5, $6, $7)"


class Station(ChargePoint):  # type: ignore[misc]
    """Stores, then answers."""

    def __init__(self, identity: str, connection: ServerConnection, pool: asyncpg.Pool) -> None:
        super().__init__(identity, connection)
        self.pool = pool

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def on_boot(self, **_: Any) -> Any:
        now = datetime.now(UTC).isoformat()
        return call_result.BootNotification(current_time=now, interval=300, status=RegistrationStatus.accepted)

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    async def on_start(self, id_tag: str, meter_start: int, timestamp: str, **_: Any) -> Any:
        number = await self.pool.fetchval(SESSION, self.id, id_tag, meter_start, datetime.fromisoformat(timestamp))
        return call_result.StartTransaction(number, IdTagInfo(status=AuthorizationStatus.accepted))

    @on("MeterValues")  # type: ignore[untyped-decorator]
    async def on_meter_values(self, connector_id: int, meter_value: list[Any], **more: Any) -> Any:
        rows = [
            (
                self.id,
                connector_id,
                more.get("transaction_id"),
                datetime.fromisoformat(value["timestamp"]),
                sample.get("measurand", ""),
                sample["value"],
                sample.get("unit", ""),
            )
            for value in meter_value
            for sample in value["sampled_value"]
        ]
        await self.pool.executemany(SAMPLE, rows)
        return call_result.MeterValues()


async def main(port: int, dsn: str) -> None:
    """Serve for ever."""
    async with asyncpg.create_pool(dsn, min_size=10, max_size=10) as pool:
        await pool.execute(TABLES)

        async def station(connection: ServerConnection) -> None:
            assert connection.request is not None
            await Station(connection.request.path.rsplit("/", 1)[1], connection, pool).start()

        async with serve(station, "127.0.0.1", port, subprotocols=["ocpp1.6"], compression=None):  # type: ignore[list-item]
            await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
