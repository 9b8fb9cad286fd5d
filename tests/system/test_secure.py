"""The control API over TLS, and the first sign-in of an installation that was given no password."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import grpc
import pytest

from control.v1 import auth_pb2, stations_pb2
from tests.kit.product import Product, api, product

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-4")]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(certificate, key) for 127.0.0.1, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return cert, key


def list_stations(running: Product, *, ca: bytes | None, key: str | None = None) -> stations_pb2.ListStationsResponse:
    with api(running, key, ca) as control:
        answer = control.stations.ListStations(stations_pb2.ListStationsRequest(), timeout=60)
    assert isinstance(answer, stations_pb2.ListStationsResponse)
    return answer


def test_tls_by_setting(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with product(portal=True, control_tls_cert=str(cert), control_tls_key=str(key)) as running:
        assert not list_stations(running, ca=cert.read_bytes()).stations
        with pytest.raises(grpc.RpcError) as plain:
            list_stations(running, ca=None)
        assert plain.value.code() is grpc.StatusCode.UNAVAILABLE
        with pytest.raises(grpc.RpcError) as stranger:
            list_stations(running, ca=cert.read_bytes(), key="wrong")
        assert stranger.value.code() is grpc.StatusCode.UNAUTHENTICATED
        deadline = time.monotonic() + 30
        while not portal_ready(running):  # the portal speaks TLS with it, too
            assert time.monotonic() < deadline, running.log.read_text()
            time.sleep(0.1)
        assert running.stop() == 0


def portal_ready(running: Product) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{running.portal_port}/readyz", timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_first_sign_in_is_printed_once_and_works() -> None:
    with product(admin=False, from_nothing=True) as running:
        found = re.search(r"First sign-in: (\S+) with the password (\S+)\n", running.log.read_text())
        assert found is not None, running.log.read_text()
        email, password = found.groups()
        with api(running, "") as control:
            signed_in = control.auth.SignIn(auth_pb2.SignInRequest(email=email, password=password), timeout=60)
            assert signed_in.caller.role == auth_pb2.ROLE_ADMINISTRATOR
            with pytest.raises(grpc.RpcError) as wrong:
                control.auth.SignIn(auth_pb2.SignInRequest(email=email, password=password + "x"), timeout=60)
            assert wrong.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert running.stop() == 0
        running.start()
        assert running.log.read_text().count("First sign-in") == 1
        with api(running, "") as control:
            control.auth.SignIn(auth_pb2.SignInRequest(email=email, password=password), timeout=60)
