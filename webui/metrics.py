"""What the portal measures of itself, in Prometheus' words, on an address of its own."""

from __future__ import annotations

import time

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class PortalMetrics:
    """Counts answers by route, never by address: an address holds ids."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._answers = Counter(
            "chargehouse_portal_answers", "Answers to browsers.", ("route", "code"), registry=self.registry
        )
        self._seconds = Histogram(
            "chargehouse_portal_answer_seconds",
            "From a request to the head of its answer.",
            ("route",),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
            registry=self.registry,
        )

    def answered(self, route: str, code: int, seconds: float) -> None:
        """One answer has begun."""
        self._answers.labels(route, str(code)).inc()
        self._seconds.labels(route).observe(seconds)

    def serve(self, host: str, port: int) -> None:
        """Answer `/metrics` in a thread of its own, until the process ends. Raises OSError."""
        start_http_server(port, host, self.registry)


class Measured:
    """ASGI middleware in front of everything."""

    def __init__(self, app: ASGIApp, metrics: PortalMetrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.answered(route_of(scope), message["status"], time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, send_measured)


def route_of(scope: Scope) -> str:
    """`/stations/{station}` for a page of ours; what no route took is one kind, whatever was asked for."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    if isinstance(path, str):
        return path
    return "/static" if scope.get("path", "").startswith("/static/") else "none"
