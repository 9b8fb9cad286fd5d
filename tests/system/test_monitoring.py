"""Metrics, health and traces of the real product: both doors, and a collector that gets spans."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, Queue

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc

from tests.kit.desk import Desk
from tests.kit.product import free_port, product
from tests.kit.simulators import simulator

pytestmark = pytest.mark.system


class Collector(otlp_grpc.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.names: Queue[tuple[str, str]] = Queue()

    def Export(
        self, request: otlp.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> otlp.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            told = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.names.put((told["service.name"], span.name))
        return otlp.ExportTraceServiceResponse()


@contextmanager
def collector() -> Iterator[tuple[str, Collector]]:
    kept = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    otlp_grpc.add_TraceServiceServicer_to_server(kept, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", kept
    finally:
        server.stop(0).wait()


def read(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.feature("F-SYS-6", "F-SYS-1")
async def test_an_operator_watches_the_node_the_portal_and_a_call_from_end_to_end() -> None:
    node, portal = free_port(), free_port()
    with collector() as (endpoint, kept):
        settings = {
            "monitor-listen": f"127.0.0.1:{node}",
            "portal-monitor-listen": f"127.0.0.1:{portal}",
            "trace-endpoint": endpoint,
            "unknown-stations": "accept",
        }
        with product(portal=True, **settings) as running:
            desk = Desk(running)
            async with simulator(running, "CP-1", "1.6") as station:
                await station.say("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
                info = await desk.call("system.GetSystemInfo")
                assert {each.kind for each in info.addresses} >= {"ocpp-j", "ocpp-1.5-soap"}
                status, text = read(f"http://127.0.0.1:{node}/metrics")
                assert status == 200
                assert "chargehouse_stations_online 1.0" in text
                assert 'chargehouse_ocpp_messages_total{action="BootNotification",direction="received"' in text
                assert 'chargehouse_control_calls_total{code="OK",method="System.GetSystemInfo"} 1.0' in text
                assert read(f"http://127.0.0.1:{node}/readyz") == (200, "ok\n")
            assert read(f"http://127.0.0.1:{portal}/metrics")[0] == 200
            desk.close()
            assert running.stop() == 0  # what was not sent yet is sent at the end
        found = set()
        while True:
            try:
                found.add(kept.names.get(timeout=0.2))
            except Empty:
                break
        assert ("chargehouse-node", "control.v1.SystemService/GetSystemInfo") in found
