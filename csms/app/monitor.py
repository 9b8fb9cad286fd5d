"""The monitor's door: `/metrics` (Prometheus), `/livez` and `/readyz`. For machines nearby; it asks for no credentials.

path       answer
---------  ----------------------------------------------------------------------------------------------------
/metrics   200, text in Prometheus' format, or OpenMetrics where that is asked for
/livez     200: the process turns over
/readyz    200: calls and stations are served; 503 with the reasons, one on a line
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final

import trio
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from csms.transport.http import HttpConnection, HttpLimits, HttpRequest, HttpResponse

_LIMITS: Final = HttpLimits(max_body=0, request_timeout=5.0, idle_timeout=60.0, write_timeout=10.0)
_MOST: Final = 32


class MonitorDoor:
    """Serves on a listening socket. `troubles` says why the node is not ready; nothing: it is."""

    def __init__(self, registry: CollectorRegistry, troubles: Callable[[], Sequence[str]]) -> None:
        self._registry = registry
        self._troubles = troubles
        self._open = trio.CapacityLimiter(_MOST)

    async def run(
        self, listening: socket.socket, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Until cancelled."""
        with listening:
            async with trio.open_nursery() as nursery:
                task_status.started()
                while True:
                    await trio.lowlevel.wait_readable(listening)
                    try:
                        sock, _ = listening.accept()
                    except OSError:
                        await trio.sleep(0.05)  # nobody there any more, or no descriptors
                        continue
                    sock.setblocking(False)
                    nursery.start_soon(self._serve, sock)

    async def _serve(self, sock: socket.socket) -> None:
        async with self._open:
            await HttpConnection(sock, _LIMITS).serve(b"", self.answer)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """See the table above."""
        await trio.lowlevel.checkpoint()
        path = request.target.partition("?")[0]
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(405, b"Only GET and HEAD.\n", headers=(("allow", "GET, HEAD"),))
        if path == "/metrics":
            encode, content_type = choose_encoder(request.header("accept"))
            return HttpResponse(200, encode(self._registry), content_type)
        if path == "/livez":
            return HttpResponse(200, b"ok\n")
        if path == "/readyz":
            troubles = self._troubles()
            return HttpResponse(503, "".join(f"{each}\n" for each in troubles).encode()) if troubles else _READY
        return HttpResponse(404, b"There are /metrics, /livez and /readyz.\n")


_READY: Final = HttpResponse(200, b"ok\n")
