"""Starting, stopping, and being started twice."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from control.v1 import auth_pb2, auth_pb2_grpc
from tests.kit.product import ADMIN, product, station

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def get(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.feature("F-SYS-4")
async def test_all_doors_answer_and_sigterm_ends_everything_in_order() -> None:
    with product(portal=True, from_nothing=True) as running:
        deadline = time.monotonic() + 60
        while True:
            try:
                if get(f"http://127.0.0.1:{running.portal_port}/readyz") == 200:
                    break
            except OSError:
                assert time.monotonic() < deadline, running.log.read_text()
            time.sleep(0.1)
        assert get(f"http://127.0.0.1:{running.portal_port}/healthz") == 200
        with grpc.insecure_channel(f"127.0.0.1:{running.control_port}") as channel:
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=60)
            assert health.status == health_pb2.HealthCheckResponse.SERVING
            services = ProtoReflectionDescriptorDatabase(channel).get_services()
            assert "control.v1.StationService" in services
            signed_in = auth_pb2_grpc.AuthServiceStub(channel).SignIn(
                auth_pb2.SignInRequest(email=ADMIN[0], password=ADMIN[1]), timeout=60
            )
            assert signed_in.caller.role == auth_pb2.ROLE_ADMINISTRATOR
        async with station(running, "BYE") as charger:
            await charger.boot()
            assert running.stop() == 0  # in its own time, and not by being killed
        assert "Traceback" not in running.log.read_text()


def test_a_second_serve_on_the_same_folder_is_refused_with_a_sentence() -> None:
    with product() as running:
        second = subprocess.run(
            running.command("serve", *running.flags()),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=running.environment(),
        )
        assert second.returncode == 1
        assert "Traceback" not in second.stderr
        assert str(running.folder / "data") in second.stderr
        assert running.healthy()
