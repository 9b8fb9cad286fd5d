"""OCPP 1.6J with the security extension, a Central System's cases, named after their numbers in the Open Charge
Alliance's certification plan and told in our own words. Those of TLS itself are in
tests/system/test_security_profiles.py."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from trio_websocket import ConnectionRejected

from control.v1 import certificates_pb2, inventory_pb2, station_security_pb2
from tests.kit.desk import Desk
from tests.kit.product import Product
from tests.kit.simulators import moment, simulator
from tests.system.certification.steps import events, target
from tests.system.certification.steps_16 import charging_station, cold_boot

pytestmark = [pytest.mark.system, pytest.mark.feature("F-OCPP-2")]

JOB = inventory_pb2.JobState
SHA = {"hash_algorithm": "SHA256", "issuer_name_hash": "aa", "issuer_key_hash": "bb", "serial_number": "01"}
SHA_16 = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "01"}


def a_csr(identity: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, identity), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme")]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


async def connect_and_leave(running: Product, identity: str, password: str | None) -> None:
    async with simulator(running, identity, "1.6", password=password) as cp:
        await cold_boot(cp)


# -- passwords and profiles -----------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-7")
async def test_tc_073_update_charge_point_password(running: Product, desk: Desk) -> None:
    name = await desk.add_station("TC-073")
    first = (await desk.call("stations.SetStationPassword", name=name)).password
    async with simulator(running, "TC-073", "1.6", password=first) as cp:
        await cold_boot(cp)
        answer = await desk.call("station_security.RotateStationPassword", target=target(name))
        assert answer.state == station_security_pb2.PASSWORD_STATE_SENT
        asked = await cp.asked("ChangeConfiguration")
        assert asked["key"] == "AuthorizationKey"
        second = asked["value"]
    await connect_and_leave(running, "TC-073", second)
    with pytest.raises(ExceptionGroup):  # the new one was proven: the old one is over
        await connect_and_leave(running, "TC-073", first)


@pytest.mark.feature("F-OCPP-7")
async def test_tc_073_x_a_password_that_the_station_refuses_changes_nothing(running: Product, desk: Desk) -> None:
    name = await desk.add_station("TC-073-X")
    first = (await desk.call("stations.SetStationPassword", name=name)).password
    async with simulator(running, "TC-073-X", "1.6", password=first) as cp:
        await cold_boot(cp)
        cp.on("ChangeConfiguration", {"status": "Rejected"})
        answer = await desk.call("station_security.RotateStationPassword", target=target(name))
        assert answer.state == station_security_pb2.PASSWORD_STATE_REJECTED
    await connect_and_leave(running, "TC-073-X", first)


@pytest.mark.feature("F-OCPP-7")
async def test_tc_085_basic_authentication(running: Product, desk: Desk) -> None:
    name = await desk.add_station("TC-085")
    password = (await desk.call("stations.SetStationPassword", name=name)).password
    await connect_and_leave(running, "TC-085", password)
    for wrong in ("0123456789abcdef", None):
        with pytest.raises(ExceptionGroup) as refused:
            await connect_and_leave(running, "TC-085", wrong)
        (rejection,) = refused.value.exceptions
        assert isinstance(rejection, ConnectionRejected)
        assert rejection.status_code == 401


@pytest.mark.feature("F-OCPP-7")
async def test_tc_083_upgrade_of_the_security_profile_is_refused_without_its_ground(
    running: Product, desk: Desk
) -> None:
    """Without a password there is no profile 1; nothing is sent."""
    async with charging_station(running, desk, "TC-083") as (cp, name):
        with pytest.raises(Exception, match=r"(?i)password|TLS|listen"):
            await desk.call("station_security.UpgradeSecurityProfile", target=target(name), security_profile=1)
        assert cp.count("ChangeConfiguration") == 0


@pytest.mark.feature("F-OCPP-7")
async def test_tc_083_upgrade_of_the_security_profile(running: Product, desk: Desk) -> None:
    name = await desk.add_station("TC-083-U")
    async with simulator(running, "TC-083-U", "1.6") as cp:
        await cold_boot(cp)
        password = (await desk.call("stations.SetStationPassword", name=name)).password
        answer = await desk.call("station_security.UpgradeSecurityProfile", target=target(name), security_profile=1)
        assert answer.accepted
        asked = await cp.asked("ChangeConfiguration")
        assert (asked["key"], asked["value"]) == ("SecurityProfile", "1")
    await connect_and_leave(running, "TC-083-U", password)
    with pytest.raises(ExceptionGroup):  # and never lower again
        await connect_and_leave(running, "TC-083-U", None)


# -- certificates ---------------------------------------------------------------------------------------


async def test_tc_074_update_charge_point_certificate_by_request_of_the_central_system(
    running: Product, desk: Desk
) -> None:
    async with charging_station(running, desk, "TC-074") as (cp, name):
        answer = await desk.call("certificates.RenewStationCertificate", target=target(name))
        assert answer.result.accepted
        assert (await cp.asked("ExtendedTriggerMessage"))["requestedMessage"] == "SignChargePointCertificate"
        accepted = await cp.send(cp.calls.SignCertificate(csr=a_csr("TC-074")))
        assert accepted["status"] == "Accepted"
        chain = (await cp.asked("CertificateSigned"))["certificateChain"]
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "TC-074"
        listed = await desk.until(
            lambda: desk.call("certificates.ListIssuedCertificates", filter={"station": name}),
            lambda found: (
                found.certificates and found.certificates[0].delivery_state == certificates_pb2.DELIVERY_STATE_ACCEPTED
            ),
            "delivered",
        )
        assert listed.certificates[0].station_identity == "TC-074"


async def test_tc_074_x_a_request_in_another_name_is_refused(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-074-X") as (cp, name):
        assert (await cp.send(cp.calls.SignCertificate(csr=a_csr("SOMEBODY-ELSE"))))["status"] == "Rejected"
        assert cp.count("CertificateSigned") == 0
        assert await events(desk, name, "SignCertificate")


@pytest.mark.parametrize(
    ("case", "kind", "word"),
    [
        ("075-1", "CSMSRootCertificate", "Accepted"),
        ("075-2", "ManufacturerRootCertificate", "Accepted"),
        ("075-R", "CSMSRootCertificate", "Rejected"),
        ("075-F", "CSMSRootCertificate", "Failed"),
    ],
)
async def test_tc_075_install_a_certificate(running: Product, desk: Desk, case: str, kind: str, word: str) -> None:
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        root = (await desk.call("certificates.GetAuthority")).root_certificate
        cp.on("InstallCertificate", {"status": word})
        answer = await desk.call(
            "certificates.InstallCertificate", target=target(name), certificate_type=kind, certificate=root
        )
        assert (answer.result.status, answer.result.accepted) == (word, word == "Accepted")
        asked = await cp.asked("InstallCertificate")
        one_of_two = {"CSMSRootCertificate": "CentralSystemRootCertificate"}.get(kind, kind)
        assert (asked["certificateType"], asked["certificate"]) == (one_of_two, root)


async def test_tc_076_delete_a_specific_certificate(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-076") as (cp, name):
        cp.on("GetInstalledCertificateIds", {"status": "Accepted", "certificateHashData": [SHA_16]})
        listed = await desk.call(
            "certificates.GetInstalledCertificateIds", target=target(name), certificate_types=["CSMSRootCertificate"]
        )
        assert [entry.hash_data.serial_number for entry in listed.certificates] == ["01"]
        answer = await desk.call("certificates.DeleteCertificate", target=target(name), hash_data=SHA)
        assert answer.result.accepted
        assert (await cp.asked("DeleteCertificate"))["certificateHashData"] == SHA_16
        assert not (await desk.call("certificates.ListInstalledCertificates", station=name)).certificates


@pytest.mark.parametrize(
    ("case", "kind"),
    [("077", "InvalidCentralSystemCertificate"), ("078", "InvalidChargePointCertificate")],
)
async def test_tc_077_078_security_events(running: Product, desk: Desk, case: str, kind: str) -> None:
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        assert await cp.send(cp.calls.SecurityEventNotification(type=kind, timestamp=moment(), tech_info="x")) == {}
        (told,) = await events(desk, name, "SecurityEventNotification")
        assert kind in told.summary


# -- logs and signed firmware ---------------------------------------------------------------------------


async def test_tc_079_get_security_log(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-079") as (cp, name):
        cp.on("GetLog", {"status": "Accepted", "filename": "security.log"})
        order = await desk.call(
            "maintenance.GetLog",
            target=target(name),
            log_type="LOG_TYPE_SECURITY",
            location="https://files.example.org/up",
        )
        assert order.filename == "security.log"
        asked = await cp.asked("GetLog")
        assert asked["logType"] == "SecurityLog"
        for word in ("Uploading", "Uploaded"):
            await cp.send(cp.calls.LogStatusNotification(status=word, request_id=asked["requestId"]))
        job = (await desk.call("inventory.GetJob", name=order.job.name)).job
        assert (job.status, job.state) == ("Uploaded", JOB.JOB_STATE_SUCCEEDED)


@pytest.mark.parametrize(
    ("case", "words", "state"),
    [
        (
            "080",
            ("Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed"),
            JOB.JOB_STATE_SUCCEEDED,
        ),
        ("081", ("Downloading", "Downloaded", "InvalidSignature"), JOB.JOB_STATE_FAILED),
    ],
)
async def test_tc_080_081_secure_firmware_update(
    running: Product, desk: Desk, case: str, words: tuple[str, ...], state: int
) -> None:
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        order = await desk.call(
            "maintenance.UpdateFirmware",
            target=target(name),
            location="https://files.example.org/fw.bin",
            retrieve_time=moment(60),
            signing_certificate="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            signature=base64.b64encode(b"signature").decode(),
        )
        assert order.result.accepted
        asked = await cp.asked("SignedUpdateFirmware")
        assert asked["firmware"]["signature"] == base64.b64encode(b"signature").decode()
        for word in words:
            await cp.send(cp.calls.SignedFirmwareStatusNotification(status=word, request_id=asked["requestId"]))
        job = (await desk.call("inventory.GetJob", name=order.job.name)).job
        assert (job.status, job.state) == (words[-1], state)


async def test_tc_080_x_a_certificate_that_the_station_does_not_trust(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-080-X") as (cp, name):
        cp.on("SignedUpdateFirmware", {"status": "InvalidCertificate"})
        order = await desk.call(
            "maintenance.UpdateFirmware",
            target=target(name),
            location="https://files.example.org/fw.bin",
            retrieve_time=moment(60),
            signing_certificate="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            signature="c2ln",
        )
        assert (order.result.status, order.result.accepted) == ("InvalidCertificate", False)
        assert order.job.state == JOB.JOB_STATE_FAILED


@pytest.mark.feature("F-OCPP-6")
async def test_tc_088_websocket_subprotocol_negotiation(running: Product, desk: Desk) -> None:
    for version in ("1.6", "2.0.1", "2.1"):
        name = await desk.add_station(f"TC-088-{version}")
        async with simulator(running, f"TC-088-{version}", version) as cp:
            assert await cp.send(cp.calls.Heartbeat())
            assert (await desk.station(name)).protocol == f"ocpp{version}"
