"""Security profiles on the real product: both listeners, its own authority, passwords and profiles by order."""

from __future__ import annotations

import base64
import contextlib
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio_websocket
from google.protobuf.duration_pb2 import Duration

from control.v1 import (
    inventory_pb2,
    inventory_pb2_grpc,
    messages_pb2,
    remote_pb2,
    station_security_pb2,
    station_security_pb2_grpc,
    stations_pb2,
)
from tests.kit.product import Api, HandshakeError, Product, Station, api, free_port, product, station
from tests.kit.tls_authority import Authority, client_context

pytestmark = [pytest.mark.system, pytest.mark.feature("F-OCPP-7")]
ROOT = Authority()
FIRST = "correct-horse-battery"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One with TLS by files of ours, and authorities of stations' certificates of ours beside its own."""
    folder = tmp_path_factory.mktemp("tls")
    chain, key = ROOT.server().files(folder, "server")
    (folder / "ca.pem").write_bytes(ROOT.pem)
    with product(
        ocpp_tls_listen=f"127.0.0.1:{free_port()}",
        ocpp_tls_cert=str(chain),
        ocpp_tls_key=str(key),
        ocpp_tls_client_ca=str(folder / "ca.pem"),
    ) as made:
        yield made


def tls_port(made: Product) -> int:
    return int(made.settings["ocpp-tls-listen"].rpartition(":")[2])


@asynccontextmanager
async def by_tls(
    made: Product, identity: str, context: ssl.SSLContext, password: str | None = None
) -> AsyncIterator[Station]:
    """A station that connects by TLS. Raises HandshakeError when it is refused."""
    stream = trio.SSLStream(
        await trio.open_tcp_stream("127.0.0.1", tls_port(made)), context, server_hostname="localhost"
    )
    headers = []
    if password is not None:
        headers.append((b"Authorization", b"Basic " + base64.b64encode(f"{identity}:{password}".encode())))
    try:
        await stream.do_handshake()  # by ourselves: the library waits for ever when this fails
        async with trio.open_nursery() as nursery:
            socket = await trio_websocket.wrap_client_stream(
                nursery, stream, "localhost", f"/ocpp/{identity}", subprotocols=["OCPP1.6"], extra_headers=headers
            )
            try:
                yield Station(socket, nursery)
            finally:
                ended = contextlib.suppress(trio_websocket.ConnectionClosed, trio.BrokenResourceError)
                with trio.CancelScope(shield=True), trio.move_on_after(2), ended:
                    await socket.aclose()
                nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)


def status_of(error: BaseException) -> int:
    """Of a refusal, however deep in groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, trio_websocket.ConnectionRejected), error
    return int(error.status_code)


@asynccontextmanager
async def refused(status: int) -> AsyncIterator[None]:
    with pytest.raises((HandshakeError, BaseExceptionGroup)) as caught:
        yield
    assert status_of(caught.value) == status


class Orders:
    """Blocking calls of the control API in a thread."""

    def __init__(self, made: Product, control: Api) -> None:
        self.control = control
        self.security = station_security_pb2_grpc.StationSecurityServiceStub(control._channel)
        self.inventory = inventory_pb2_grpc.InventoryServiceStub(control._channel)
        self.metadata = (("authorization", f"Bearer {made.key}"),)

    async def create(self, identity: str, password: str = "") -> str:
        wanted = stations_pb2.CreateStationRequest(station=stations_pb2.Station(identity=identity))
        name = (await self._run(self.control.stations.CreateStation, wanted)).station.name
        if password:
            setting = stations_pb2.SetStationPasswordRequest(name=name, password=password)
            await self._run(self.control.stations.SetStationPassword, setting)
        return str(name)

    async def get(self, name: str) -> stations_pb2.Station:
        answer = await self._run(self.control.stations.GetStation, stations_pb2.GetStationRequest(name=name))
        return answer.station  # type: ignore[no-any-return]

    async def until(self, name: str, met: Callable[[stations_pb2.Station], bool]) -> stations_pb2.Station:
        with trio.fail_after(60):
            while not met(found := await self.get(name)):
                await trio.sleep(0.05)
        return found

    async def rotate(self, name: str) -> station_security_pb2.RotateStationPasswordResponse:
        request = station_security_pb2.RotateStationPasswordRequest(target=target(name))
        return await self._run(self.security.RotateStationPassword, request)  # type: ignore[no-any-return]

    async def upgrade(self, name: str, profile: int) -> station_security_pb2.UpgradeSecurityProfileResponse:
        request = station_security_pb2.UpgradeSecurityProfileRequest(target=target(name), security_profile=profile)
        return await self._run(self.security.UpgradeSecurityProfile, request)  # type: ignore[no-any-return]

    async def events(self, name: str) -> list[Any]:
        request = inventory_pb2.ListStationEventsRequest(filter=inventory_pb2.StationEventFilter(station=name))
        return list((await self._run(self.inventory.ListStationEvents, request)).events)

    async def log(self, name: str) -> str:
        await trio.sleep(0.7)  # it is written behind everybody's back
        answer = await self._run(self.control.messages.ListMessages, messages_pb2.ListMessagesRequest(station=name))
        return "\n".join(entry.content for entry in answer.entries)

    async def _run(self, method: Any, request: Any) -> Any:
        return await trio.to_thread.run_sync(lambda: method(request, timeout=60, metadata=self.metadata))


def target(name: str) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=name, timeout=Duration(seconds=10))


async def test_a_password_is_rotated_and_a_profile_is_raised(running: Product) -> None:
    trusting = client_context(ROOT)
    with trio.fail_after(60), api(running) as control:
        orders = Orders(running, control)
        name = await orders.create("ROTATE", FIRST)
        async with station(running, "ROTATE", password=FIRST) as charger:
            assert (await charger.boot())["status"] == "Accepted"
            await orders.until(name, lambda s: s.security_profile == 1)
            rotation = await orders.rotate(name)
            assert rotation.state == station_security_pb2.PASSWORD_STATE_SENT
            action, payload = charger.asked[-1]
            assert (action, payload["key"]) == ("ChangeConfiguration", "AuthorizationKey")
            new = payload["value"]
            assert (await orders.get(name)).password_change_pending
            upgrade = await orders.upgrade(name, 2)
            assert upgrade.accepted
            assert charger.asked[-1] == ("ChangeConfiguration", {"key": "SecurityProfile", "value": "2"})
        async with station(running, "ROTATE", password=FIRST) as charger:  # half done: it never took it
            await charger.boot()
        async with by_tls(running, "ROTATE", trusting, new) as charger:
            assert (await charger.boot())["status"] == "Accepted"
            proven = await orders.until(name, lambda s: s.security_profile == 2)
            assert not proven.password_change_pending
            assert proven.protocol == "ocpp1.6"  # though it offered OCPP1.6
        async with refused(403), station(running, "ROTATE", password=new):  # in the clear: a downgrade
            pass
        failed = await orders.until(name, lambda s: s.failed_attempts > 0)
        assert failed.last_failed_attempt_reason == "NO_TLS"
        assert failed.last_failed_attempt_address == "127.0.0.1"
        async with refused(401), by_tls(running, "ROTATE", trusting, FIRST):
            pass
        kinds = [event.kind for event in await orders.events(name)]
        assert set(kinds) == {"PasswordChanged", "SecurityProfileChanged", "ConnectionRefused"}
        log = await orders.log(name)
        assert new not in log
        assert "refused" in log


async def test_a_certificate_of_its_own(running: Product, tmp_path: Path) -> None:
    own = client_context(ROOT, ROOT.station("CERTIFIED"), tmp_path)
    with trio.fail_after(60), api(running) as control:
        orders = Orders(running, control)
        name = await orders.create("CERTIFIED")
        async with by_tls(running, "CERTIFIED", own) as charger:
            assert (await charger.boot())["status"] == "Accepted"
            await orders.until(name, lambda s: s.security_profile == 3)
        async with refused(403), by_tls(running, "CERTIFIED", client_context(ROOT)):
            pass
        stolen = client_context(ROOT, ROOT.station("ANOTHER"), tmp_path)
        async with refused(403), by_tls(running, "CERTIFIED", stolen):
            pass
        found = await orders.until(name, lambda s: s.failed_attempts > 0)
        assert found.last_failed_attempt_reason in ("NO_CERTIFICATE", "CERTIFICATE_OF_ANOTHER")


async def test_a_signal_brings_a_new_certificate_and_drops_nobody(running: Product) -> None:
    renewed = Authority("Renewed Root")
    folder = Path(running.settings["ocpp-tls-cert"]).parent
    with trio.fail_after(60):
        async with by_tls(running, "RELOAD", client_context(ROOT)) as charger:
            await charger.boot()
            renewed.server().files(folder, "server")
            assert running.process is not None
            running.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 15
            while True:
                try:
                    async with by_tls(running, "RELOADED", client_context(renewed)) as other:
                        assert (await other.boot())["status"] == "Pending"
                    break
                except (trio.BrokenResourceError, BaseExceptionGroup, HandshakeError):
                    assert time.monotonic() < deadline, running.log.read_text()
                    await trio.sleep(0.05)
            assert (await charger.boot())["status"] == "Pending"  # still there
    ROOT.server().files(folder, "server")
    running.process.send_signal(signal.SIGHUP)


def test_without_files_its_own_authority_makes_the_certificate() -> None:
    port = free_port()
    with product(ocpp_tls_listen=f"127.0.0.1:{port}", ocpp_min_security_profile="0") as made:
        files = sorted((made.folder / "data" / "authority").iterdir())
        roots = [path for path in files if "BEGIN CERTIFICATE" in text_of(path)]
        assert roots, files
        trusting = ssl.create_default_context()
        for root in roots:
            trusting.load_verify_locations(root)

        async def connect() -> str:
            with trio.fail_after(60):
                async with by_tls(made, "OWN", trusting) as charger:
                    return str((await charger.boot())["status"])

        assert trio.run(connect) == "Pending"
        assert made.stop() == 0


def text_of(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")
