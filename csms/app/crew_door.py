"""The monitor's door of `serve --workers`: how each process of the crew is, and each one's own metrics.

path             answer
---------------  -----------------------------------------------------------------------------------------------
/metrics         of the crew: which processes are ready, and how often each was started
/NAME/metrics    the metrics of one process: /control/metrics, /node-1/metrics, …; 503 while it is not there
/livez           200: the crew's keeper turns over
/readyz          200: the control process and at least one node serve; else 503. A line for each process
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import trio
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from csms.app.children import Child
from csms.app.metrics import open_registry
from csms.app.monitor import MonitorDoor
from csms.transport.http import HttpRequest, HttpResponse

FETCH_SECONDS: Final = 5.0


class CrewCollector(Collector):
    """Asks the children each time."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children

    def collect(self) -> Iterator[Metric]:
        """All families."""
        ready = GaugeMetricFamily("chargehouse_worker_ready", "1: the process serves.", labels=("worker",))
        starts = CounterMetricFamily("chargehouse_worker_starts", "How often it was started.", labels=("worker",))
        for child in self._children:
            ready.add_metric((child.name,), float(not child.troubles))
            starts.add_metric((child.name,), child.starts)
        yield ready
        yield starts


class CrewDoor(MonitorDoor):
    """See the table. `control`, then `nodes`: at least one of each must serve."""

    def __init__(self, control: Child, nodes: Sequence[Child]) -> None:
        self._control = control
        self._nodes = nodes
        self._children = {child.name: child for child in (control, *nodes)}
        registry: CollectorRegistry = open_registry()
        registry.register(CrewCollector(tuple(self._children.values())))
        super().__init__(registry, self._states)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """See the table."""
        path = request.target.partition("?")[0]
        name, _, rest = path.removeprefix("/").partition("/")
        if name in self._children and request.method in ("GET", "HEAD"):
            return await self._of_child(self._children[name], f"/{rest}")
        if path == "/readyz" and request.method in ("GET", "HEAD"):
            await trio.lowlevel.checkpoint()
            return HttpResponse(200 if self.ready else 503, "".join(f"{each}\n" for each in self._states()).encode())
        return await super().answer(request)

    @property
    def ready(self) -> bool:
        """Are stations and callers served?"""
        return not self._control.troubles and any(not node.troubles for node in self._nodes)

    def _states(self) -> list[str]:
        return [f"{child.name}: {' '.join(child.troubles) or 'ready'}" for child in self._children.values()]

    async def _of_child(self, child: Child, path: str) -> HttpResponse:
        if path not in ("/metrics", "/livez", "/readyz"):
            await trio.lowlevel.checkpoint()
            return HttpResponse(404, b"There are /metrics, /livez and /readyz of each process.\n")
        found = await child.fetch(path, FETCH_SECONDS)
        if found is None:
            return HttpResponse(503, f"{child.name} does not answer.\n".encode())
        status, body = found
        return HttpResponse(status, body)
