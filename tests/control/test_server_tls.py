"""TLS on the control API."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import grpc
import grpc.aio
import pytest

from control.guard import Guard
from control.server import ControlServer
from control.v1 import system_pb2
from csms.aio import open_door
from csms.domain.access import Role
from tests.kit.control_world import ControlClient, Refused, servicers_of
from tests.kit.service_world import PASSWORD, ServiceWorld

OPENSSL = shutil.which("openssl")


def a_certificate(folder: Path) -> tuple[bytes, bytes]:
    """(certificate, key) for 127.0.0.1."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([str(OPENSSL), "req", "-x509", *curve, *names, *files], check=True, capture_output=True)
    return certificate.read_bytes(), key.read_bytes()


@pytest.mark.feature("F-SYS-4")
@pytest.mark.skipif(OPENSSL is None, reason="makes its certificate with openssl")
async def test_a_client_that_trusts_the_certificate_gets_through_and_plain_text_does_not(tmp_path: Path) -> None:
    tls = a_certificate(tmp_path)
    world = ServiceWorld()
    await world.add_user(Role.SUPPORT, "support@example.org")
    token = (await world.access.sign_in("support@example.org", PASSWORD)).token
    async with open_door() as door:
        guard = Guard(world.access, world.requests)
        server = ControlServer(door, guard, servicers_of(world), "127.0.0.1:0", tls=tls)
        address = f"127.0.0.1:{await server.start()}"

        async def connect(*, secure: bool) -> grpc.aio.Channel:
            if secure:
                return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(tls[0]))
            return grpc.aio.insecure_channel(address)

        for secure in (True, False):
            client = ControlClient(door, await door.call(connect, secure=secure))
            client.token = token
            if secure:
                info = await client.call("system.GetSystemInfo", system_pb2.GetSystemInfoRequest())
                assert info.version == "0.1.0"
            else:
                with pytest.raises(Refused) as refused:
                    await client.call("system.GetSystemInfo", system_pb2.GetSystemInfoRequest(), timeout=3)
                assert refused.value.code is grpc.StatusCode.UNAVAILABLE
            await door.call(client.channel.close)
        await server.stop(0)
