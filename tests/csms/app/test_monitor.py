"""The monitor's door."""

from __future__ import annotations

from functools import partial

import httpx
import pytest
import trio

from csms.app.metrics import open_registry
from csms.app.monitor import MonitorDoor
from csms.transport.http import HttpRequest
from csms.transport.sockets import open_listen_socket


@pytest.mark.feature("F-SYS-6")
async def test_machines_nearby_read_metrics_and_health_over_http() -> None:
    troubles: list[str] = []
    sock = open_listen_socket("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    async with trio.open_nursery() as nursery:
        await nursery.start(MonitorDoor(open_registry(), lambda: troubles).run, sock)
        async with httpx.AsyncClient(base_url=url) as client:
            metrics = await client.get("/metrics")
            assert metrics.status_code == 200
            assert metrics.headers["content-type"].startswith("text/plain; version=")
            assert "process_cpu_seconds_total" in metrics.text
            wanted = {"accept": "application/openmetrics-text; version=1.0.0"}
            assert (await client.get("/metrics", headers=wanted)).text.endswith("# EOF\n")
            assert (await client.get("/livez")).text == "ok\n"
            assert (await client.get("/readyz")).status_code == 200
            troubles.append("The database is away.")
            away = await client.get("/readyz")
            assert (away.status_code, away.text) == (503, "The database is away.\n")
            assert (await client.get("/livez")).status_code == 200
            assert (await client.get("/")).status_code == 404
        nursery.cancel_scope.cancel()


async def test_nothing_can_be_changed_there() -> None:
    door = MonitorDoor(open_registry(), list)
    answer = partial(HttpRequest, headers=(), body=b"")
    assert (await door.answer(answer("POST", "/metrics"))).status == 405
