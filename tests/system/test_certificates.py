"""Certificates on the real product, in each version: asked for, handed over, used to connect, revoked."""

from __future__ import annotations

import http.server
import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio_websocket
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.kit.certificates import a_broken_request, a_request, an_rsa_key
from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product, free_port
from tests.kit.product import product as start_product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system]
ALL = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
NEWER = pytest.mark.parametrize("version", ["2.0.1", "2.1"])


class Provider(http.server.BaseHTTPRequestHandler):
    """A provider of contract certificates that has one for everybody."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = {"status": "Accepted", "exiResponse": f"{asked['action']}ed"}
        body = json.dumps(answer if asked["exiRequest"] == "Zm9v" else {"status": "Failed", "reason": "No contract."})
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/exi"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def running(provider: str) -> Iterator[Product]:
    """TLS by its own authority."""
    with start_product(
        ocpp_tls_listen=f"127.0.0.1:{free_port()}",
        certificate_organization="Operator",
        contract_provider_url=provider,
    ) as made:
        yield made


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


async def boot(cp: Simulator) -> None:
    cp.on("GetBaseReport", {"status": "NotSupported"})
    if cp.version == "1.6":
        await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
    else:
        station = {"model": "One", "vendor_name": "Acme"}
        await cp.send(cp.calls.BootNotification(charging_station=station, reason="PowerUp"))


async def issued(desk: Desk, station: str) -> list[Any]:
    """Newest first."""
    listed = await desk.call("certificates.ListIssuedCertificates", filter={"station": station})
    return list(listed.certificates)


async def until_delivered(desk: Desk, station: str, state: str) -> Any:
    numbers = {"PENDING": 1, "ACCEPTED": 2, "REJECTED": 3}
    rows = await desk.until(
        lambda: issued(desk, station), lambda found: found and found[0].delivery_state == numbers[state], state
    )
    return rows[0]


@ALL
@pytest.mark.feature("F-OCPP-2", "F-OCPP-4", "F-OCPP-5")
async def test_a_station_asks_for_its_certificate_and_gets_it(
    running: Product, desk: Desk, version: str, tmp_path: Path
) -> None:
    identity = f"CERT-{version}"
    name = await desk.add_station(identity)
    async with simulator(running, identity, version) as cp:
        await boot(cp)
        asked = await cp.send(cp.calls.SignCertificate(csr=a_request(identity, "Operator")))
        assert asked["status"] == "Accepted"
        chain = (await cp.asked("CertificateSigned"))["certificateChain"]
        row = await until_delivered(desk, name, "ACCEPTED")
    assert row.certificate_chain == chain
    assert row.subject == f"O=Operator,CN={identity}"
    authority = await desk.call("certificates.GetAuthority")
    (tmp_path / "root.pem").write_text(authority.root_certificate)
    (tmp_path / "leaf.pem").write_text(chain)
    certificate = x509.load_pem_x509_certificate(chain.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.root_certificate.encode()))
    if shutil.which("openssl"):
        verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "root.pem", "leaf.pem"]
        await trio.run_process(verify, cwd=tmp_path, stdout=subprocess.DEVNULL)
    events = await desk.call("inventory.ListStationEvents", filter={"station": name, "kinds": ["SignCertificate"]})
    assert "asked for a ChargingStationCertificate." in events.events[0].summary


@ALL
@pytest.mark.feature("F-OCPP-2", "F-OCPP-4", "F-OCPP-5")
async def test_a_request_that_breaks_the_rules_is_rejected(running: Product, desk: Desk, version: str) -> None:
    identity = f"WRONG-{version}"
    name = await desk.add_station(identity)
    async with simulator(running, identity, version) as cp:
        await boot(cp)
        for csr in (
            a_request("SOMEBODY-ELSE", "Operator"),
            a_request(identity, "Another operator"),
            a_request(identity, "Operator", key=an_rsa_key(1024)),
            a_broken_request(identity),
            "rubbish",
        ):
            refused = await cp.send(cp.calls.SignCertificate(csr=csr))
            assert refused["status"] == "Rejected"
            assert version == "1.6" or refused["statusInfo"]["reasonCode"] == "InvalidCSR"
        assert await issued(desk, name) == []
        assert cp.count("CertificateSigned") == 0


@ALL
@pytest.mark.feature("F-OCPP-2", "F-OCPP-4", "F-OCPP-5")
async def test_a_certificate_that_was_not_taken_comes_again_at_the_next_boot(
    running: Product, desk: Desk, version: str
) -> None:
    identity = f"AGAIN-{version}"
    name = await desk.add_station(identity)
    async with simulator(running, identity, version) as cp:
        cp.on("CertificateSigned", {"status": "Rejected"}, {"status": "Accepted"})
        await boot(cp)
        await cp.send(cp.calls.SignCertificate(csr=a_request(identity, "Operator")))
        first = await cp.asked("CertificateSigned")
        await until_delivered(desk, name, "REJECTED")
        await boot(cp)
        assert await cp.asked("CertificateSigned") == first
        assert (await until_delivered(desk, name, "ACCEPTED")).attempts == 2
        await boot(cp)
        await desk.call("remote.ClearCache", target={"station": name})
        assert cp.count("CertificateSigned") == 2


@ALL
@pytest.mark.feature("F-OCPP-2", "F-OCPP-4", "F-OCPP-5")
async def test_an_operator_has_a_certificate_renewed(running: Product, desk: Desk, version: str) -> None:
    identity = f"RENEW-{version}"
    name = await desk.add_station(identity)
    async with simulator(running, identity, version) as cp:
        await boot(cp)
        answer = await desk.call("certificates.RenewStationCertificate", target={"station": name})
        assert answer.result.accepted
        action, word = {
            "1.6": ("ExtendedTriggerMessage", "SignChargePointCertificate"),
        }.get(version, ("TriggerMessage", "SignChargingStationCertificate"))
        assert (await cp.asked(action))["requestedMessage"] == word
        await cp.send(cp.calls.SignCertificate(csr=a_request(identity, "Operator")))
        await cp.asked("CertificateSigned")
        await until_delivered(desk, name, "ACCEPTED")


HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "1f"}


@ALL
@pytest.mark.feature("F-OCPP-2", "F-OCPP-4", "F-OCPP-5")
async def test_roots_are_installed_told_and_deleted(running: Product, desk: Desk, version: str) -> None:
    identity = f"ROOTS-{version}"
    name = await desk.add_station(identity)
    target = {"station": name}
    old = version == "1.6"
    async with simulator(running, identity, version) as cp:
        await boot(cp)
        installed = await desk.call(
            "certificates.InstallCertificate", target=target, certificate_type="CSMSRootCertificate"
        )
        assert installed.result.status == "Accepted"
        sent = await cp.asked("InstallCertificate")
        authority = await desk.call("certificates.GetAuthority")
        assert sent["certificate"] == authority.root_certificate
        assert sent["certificateType"] == ("CentralSystemRootCertificate" if old else "CSMSRootCertificate")
        told: dict[str, Any] = {"status": "Accepted"}
        if old:
            told["certificateHashData"] = [HASHES]
            cp.on("GetInstalledCertificateIds", told, {"status": "NotFound"})
        else:
            told["certificateHashDataChain"] = [
                {"certificateType": "CSMSRootCertificate", "certificateHashData": HASHES}
            ]
            cp.on("GetInstalledCertificateIds", told)
        found = await desk.call("certificates.GetInstalledCertificateIds", target=target)
        assert [(c.certificate_type, c.hash_data.serial_number) for c in found.certificates] == [
            ("CSMSRootCertificate", "1f")
        ]
        known = await desk.call("certificates.ListInstalledCertificates", station=name)
        assert len(known.certificates) == 1
        data = {
            "hash_algorithm": "SHA256",
            "issuer_name_hash": "aa",
            "issuer_key_hash": "bb",
            "serial_number": "1f",
        }
        await desk.call("certificates.DeleteCertificate", target=target, hash_data=data)
        assert (await cp.asked("DeleteCertificate"))["certificateHashData"] == HASHES
        known = await desk.call("certificates.ListInstalledCertificates", station=name)
        assert not known.certificates


@ALL
@pytest.mark.feature("F-OCPP-2", "F-OCPP-4", "F-OCPP-5")
async def test_a_security_event_is_shown_with_its_gravity(running: Product, desk: Desk, version: str) -> None:
    identity = f"EVENT-{version}"
    name = await desk.add_station(identity)
    async with simulator(running, identity, version) as cp:
        await boot(cp)
        told = {"type": "TamperDetectionActivated", "timestamp": moment(-60), "tech_info": "door"}
        await cp.send(cp.calls.SecurityEventNotification(**told))
    grave = {"station": name, "kinds": ["SecurityEventNotification"], "severity": 3}
    events = await desk.call("inventory.ListStationEvents", filter=grave)
    assert [each.summary for each in events.events] == ["TamperDetectionActivated: door"]


@NEWER
@pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
async def test_a_vehicle_s_certificate_comes_from_its_provider(running: Product, desk: Desk, version: str) -> None:
    identity = f"VEHICLE-{version}"
    await desk.add_station(identity)
    async with simulator(running, identity, version) as cp:
        await boot(cp)
        asked = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install"}
        got = await cp.say("Get15118EVCertificate", {"exiRequest": "Zm9v", **asked})
        assert got == {"status": "Accepted", "exiResponse": "Installed"}
        none = await cp.say("Get15118EVCertificate", {"exiRequest": "YmFy", **asked})
        assert (none["status"], none["statusInfo"]["additionalInfo"]) == ("Failed", "No contract.")
        ocsp = {**HASHES, "responderURL": "http://169.254.169.254/latest"}
        state = await cp.say("GetCertificateStatus", {"ocspRequestData": ocsp})
        assert (state["status"], state["statusInfo"]["reasonCode"]) == ("Failed", "NotEnabled")
        if version == "2.1":
            request = {"certificateHashData": HASHES, "source": "CRL", "urls": ["http://169.254.169.254/"]}
            chain = await cp.say("GetCertificateChainStatus", {"certificateStatusRequests": [request]})
            assert chain["certificateStatus"][0]["status"] == "Failed"


@NEWER
@pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
async def test_a_contract_that_cannot_be_checked_is_no_token(running: Product, desk: Desk, version: str) -> None:
    identity = f"CONTRACT-{version}"
    await desk.add_station(identity)
    await desk.add_token("DE8AAC123456789")
    token = {"idToken": "DE8AAC123456789", "type": "eMAID"}
    link = {**HASHES, "responderURL": "http://169.254.169.254/ocsp"}
    async with simulator(running, identity, version) as cp:
        await boot(cp)
        plain = await cp.say("Authorize", {"idToken": token})
        assert plain["idTokenInfo"]["status"] == "Accepted"
        checked = await cp.say("Authorize", {"idToken": token, "iso15118CertificateHashData": [link]})
        assert (checked["idTokenInfo"]["status"], checked["certificateStatus"]) == ("Invalid", "CertChainError")
        central = await cp.say("Authorize", {"idToken": token, "certificate": "rubbish"})
        assert central["idTokenInfo"]["status"] == "Invalid"
        assert central["certificateStatus"] == "NoCertificateAvailable", "no roots are set up here"


def a_context(
    root: str, folder: Path, chain: str = "", key: ec.EllipticCurvePrivateKey | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=root)
    if key is not None:
        kind, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, kind, none)
        (folder / "own.pem").write_bytes(chain.encode() + pem)
        context.load_cert_chain(folder / "own.pem")
    return context


@pytest.mark.feature("F-OCPP-7")
async def test_a_station_connects_with_what_it_was_given_until_it_is_revoked(
    running: Product, desk: Desk, tmp_path: Path
) -> None:
    name = await desk.add_station("MUTUAL")
    key = ec.generate_private_key(ec.SECP256R1())
    async with simulator(running, "MUTUAL", "1.6") as cp:
        await boot(cp)
        await cp.send(cp.calls.SignCertificate(csr=a_request("MUTUAL", "Operator", key=key)))
        chain = (await cp.asked("CertificateSigned"))["certificateChain"]
        row = await until_delivered(desk, name, "ACCEPTED")
    root = (await desk.call("certificates.GetAuthority")).root_certificate
    own = a_context(root, tmp_path, chain, key)
    port = int(running.settings["ocpp-tls-listen"].rpartition(":")[2])
    async with simulator(running, "MUTUAL", "1.6", tls=own, port=port) as cp:
        await boot(cp)
        await desk.call("certificates.RevokeCertificate", name=row.name, reason="keyCompromise")
        with trio.fail_after(60):
            await cp.closed.wait()
    with pytest.raises((trio_websocket.HandshakeError, BaseExceptionGroup)) as refused:
        async with simulator(running, "MUTUAL", "1.6", tls=own, port=port):
            pass
    error: BaseException = refused.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, trio_websocket.ConnectionRejected)
    assert error.status_code == 403
