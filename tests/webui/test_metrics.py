"""What the portal measures of itself."""

from __future__ import annotations

import httpx
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from webui.metrics import Measured, PortalMetrics


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.path_params["station"])


async def test_answers_are_counted_by_route_and_never_by_address() -> None:
    metrics = PortalMetrics()
    app = Measured(Starlette(routes=[Route("/stations/{station}", page)]), metrics)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal") as client:
        for path in ("/stations/1", "/stations/2", "/static/x.css", "/secret-of-somebody"):
            await client.get(path)
    told = generate_latest(metrics.registry).decode()
    assert 'chargehouse_portal_answers_total{code="200",route="/stations/{station}"} 2.0' in told
    assert 'chargehouse_portal_answers_total{code="404",route="none"} 1.0' in told
    assert "secret" not in told
    assert 'chargehouse_portal_answer_seconds_count{route="/static"} 1.0' in told
