"""What stations ask about certificates: real requests, a real authority, and a directory that answers as told."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
import trio
from cryptography import x509

from csms.domain.certificates import (
    AuthorizeCertificateStatus,
    CertificateChainStatusAsked,
    CertificateHashData,
    CertificateSigned,
    CertificateSigningAsked,
    CertificateStatusAsked,
    CertificateStatusRequest,
    ChainStatus,
    EvCertificateAsked,
    EvCertificateReply,
    HashAlgorithm,
    OcspRequestData,
    SigningReply,
    SigningUse,
    StatusSource,
)
from csms.domain.commands import Answer, Outcome, TriggerMessage
from csms.domain.errors import InvalidArgument, NotFound, Unavailable
from csms.domain.facts import AuthorizationAdvice, AuthorizationAsked, BootReply, RegistrationStatus, StationBooted
from csms.ports.certificates import Delivery
from csms.ports.directory import Settled
from csms.services.station_certificates import MAX_REQUESTS, RENEW_SECONDS, WITHIN_SECONDS, StationCertificates
from csms.transport.x509 import X509Reader
from tests.kit.certificates import NOW, Made, a_broken_request, a_request, an_authority, an_rsa_key
from tests.kit.fake_certificates import FakeCertificates, FakeEvResponder, FakeStatuses
from tests.kit.service_world import ServiceWorld

STATION = SigningUse.CHARGING_STATION
BOOTED = StationBooted("V", "M")
ACCEPTED = BootReply(RegistrationStatus.ACCEPTED, NOW, 300)


class World(ServiceWorld):
    """`number` is the station CP-1, which is online."""

    def __init__(self, responder: FakeEvResponder | None = None, roots: bytes = b"") -> None:
        super().__init__()
        self.kept = FakeCertificates()
        self.ca = an_authority(organization="Operator")
        self.statuses = FakeStatuses()
        self.asking = StationCertificates(
            self.station_store,
            self.kept,
            self.ca,
            X509Reader(roots),
            self.statuses,
            responder,
            self.remote,
            organization="Operator",
            now=lambda: NOW,
        )

    async def begin(self) -> int:
        self.number = await self.add_station("CP-1")
        return self.number

    async def ask(self, asked: CertificateSigningAsked) -> SigningReply:
        """As an actor does it: the question, the answer, the reaction."""
        reply = await self.asking.check_request(self.number, asked)
        await self.asking.sign(self.number, asked, reply)
        return reply

    def answers(self, *answers: Answer | Outcome) -> None:
        for answer in answers:
            self.directory.settled.append(
                Settled(answer) if isinstance(answer, Outcome) else Settled(Outcome.ANSWERED, answer, 0.1)
            )

    @property
    def sent(self) -> list[CertificateSigned]:
        return [each[1] for each in self.directory.sent if isinstance(each[1], CertificateSigned)]

    @property
    def deliveries(self) -> list[tuple[Delivery, int]]:
        return [(row.delivery, row.attempts) for row in self.kept.rows.values()]


GOOD = CertificateSigningAsked(a_request("CP-1", "Operator"))


@pytest.mark.feature("F-OCPP-2", "F-OCPP-4")
async def test_a_station_gets_the_certificate_that_it_asked_for() -> None:
    world = World()
    await world.begin()
    assert await world.ask(GOOD) == SigningReply(True)
    (command,) = world.sent
    certificate = x509.load_pem_x509_certificate(command.certificate_chain.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(world.ca.root))
    assert certificate.public_key() == x509.load_pem_x509_csr(GOOD.csr.encode()).public_key()
    assert (command.certificate_type, command.request_id) == (None, None)
    assert world.deliveries == [(Delivery.ACCEPTED, 1)]
    assert world.directory.sent[0][3], "waits for the station, whose link may be about to break"


@pytest.mark.feature("F-OCPP-5")
async def test_the_answer_names_use_and_number_of_the_request() -> None:
    world = World()
    await world.begin()
    assert (await world.ask(CertificateSigningAsked(a_request("SECC"), SigningUse.V2G20, request_id=7))).accepted
    assert (world.sent[0].certificate_type, world.sent[0].request_id) == (SigningUse.V2G20, 7)
    (row,) = world.kept.rows.values()
    assert "V2G" in row.signed.issuer


@pytest.mark.feature("F-OCPP-2", "F-OCPP-4")
@pytest.mark.parametrize(
    "csr",
    [
        a_request("CP-2", "Operator"),
        a_request("CP-1", "Another operator"),
        a_request("CP-1", "Operator", key=an_rsa_key(1024)),
        a_broken_request("CP-1"),
        "rubbish",
    ],
    ids=["another's name", "organisation", "weak key", "signature", "rubbish"],
)
async def test_a_bad_request_is_refused_and_nothing_is_signed(csr: str) -> None:
    world = World()
    await world.begin()
    reply = await world.ask(CertificateSigningAsked(csr))
    assert (reply.accepted, reply.reason_code) == (False, "InvalidCSR")
    assert reply.additional_info.endswith(".")
    assert not world.kept.rows
    assert not world.sent


@pytest.mark.feature("F-OCPP-2")
@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Answer("Rejected", False), Answer("", False, error_code="X")])
async def test_what_was_not_taken_is_handed_over_again_at_the_next_boot(outcome: Answer | Outcome) -> None:
    world = World()
    await world.begin()
    world.answers(outcome)
    await world.ask(GOOD)
    assert world.deliveries[0][0] is not Delivery.ACCEPTED
    await world.asking.hand_over_again(world.number, BOOTED, BootReply(RegistrationStatus.PENDING, NOW, 30))
    assert len(world.sent) == 1, "not before it is accepted"
    await world.asking.hand_over_again(world.number, BOOTED, ACCEPTED)
    assert world.sent[0] == world.sent[1]
    assert world.deliveries == [(Delivery.ACCEPTED, 2)]
    await world.asking.hand_over_again(world.number, BOOTED, ACCEPTED)
    assert len(world.sent) == 2, "once taken, never again"


async def test_a_station_that_never_takes_it_is_left_alone_in_the_end() -> None:
    world = World()
    await world.begin()
    world.answers(*[Answer("Rejected", False)] * 20)
    await world.ask(GOOD)
    for _ in range(10):
        await world.asking.hand_over_again(world.number, BOOTED, ACCEPTED)
    assert world.deliveries == [(Delivery.REJECTED, 5)]


async def test_what_could_not_be_sent_is_no_attempt() -> None:
    world = World()
    await world.begin()
    world.answers(Outcome.OFFLINE, Outcome.EXPIRED)
    await world.ask(GOOD)
    await world.asking.hand_over_again(world.number, BOOTED, ACCEPTED)
    assert world.deliveries == [(Delivery.PENDING, 0)]


async def test_a_newer_certificate_takes_the_place_of_one_that_was_not_taken() -> None:
    world = World()
    await world.begin()
    world.answers(Outcome.UNKNOWN)
    await world.ask(GOOD)
    await world.ask(GOOD)
    assert [delivery for delivery, _ in world.deliveries] == [Delivery.SUPERSEDED, Delivery.ACCEPTED]


async def test_a_boot_meanwhile_does_not_send_it_twice(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    await world.begin()
    world.directory.hang = True
    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.asking.sign, world.number, GOOD, SigningReply(True))
            await trio.sleep(1)
            nursery.start_soon(world.asking.hand_over_again, world.number, BOOTED, ACCEPTED)
    assert len(world.sent) == 1


async def test_a_station_that_asks_without_end_is_slowed_down(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    await world.begin()
    replies = [await world.asking.check_request(world.number, GOOD) for _ in range(MAX_REQUESTS + 1)]
    assert [reply.accepted for reply in replies] == [True] * MAX_REQUESTS + [False]
    assert replies[-1].reason_code == "TooManyRequests"
    await trio.sleep(WITHIN_SECONDS)
    assert (await world.asking.check_request(world.number, GOOD)).accepted


@pytest.mark.feature("F-OCPP-5")
async def test_a_station_gets_a_certificate_below_the_root_that_it_names_or_none() -> None:
    world = World()
    await world.begin()
    v2g, ours = (
        X509Reader().certificate(world.ca.root_of(use).decode()).hash_data for use in (SigningUse.V2G, STATION)
    )
    for root, accepted in ((v2g, True), (ours, False)):
        asked = CertificateSigningAsked(a_request("SECC"), SigningUse.V2G20, root, 1)
        assert (await world.ask(asked)).accepted is accepted
    assert len(world.sent) == 1


async def test_a_deleted_station_gets_nothing() -> None:
    with pytest.raises(NotFound):
        await World().asking.check_request(99, GOOD)


@pytest.mark.feature("F-OCPP-2", "F-OCPP-4")
async def test_a_certificate_is_renewed_in_good_time_and_nobody_is_pestered(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    await world.begin()
    offline = await world.add_station("CP-2", online=False)
    await world.ask(GOOD)
    signed = await world.ca.sign(a_request("CP-2", "Operator"), "CP-2", SigningUse.CHARGING_STATION)
    kept = await world.kept.add(offline, "CP-2", SigningUse.CHARGING_STATION, signed, NOW, request_id=None, typed=False)
    await world.kept.delivered(kept.id, Delivery.ACCEPTED)

    def triggers() -> list[int]:
        return [each[0] for each in world.directory.sent if isinstance(each[1], TriggerMessage)]

    with trio.move_on_after(5 * RENEW_SECONDS):
        await world.asking.renew_for_ever(timedelta(days=30))
    assert triggers() == [], "it has a year"
    with trio.move_on_after(2.5 * RENEW_SECONDS):
        await world.asking.renew_for_ever(timedelta(days=400))
    assert sorted(triggers()) == [world.number, offline, offline, offline], "who was offline is asked again"


# -- vehicles ------------------------------------------------------------------------------------------------------

EV = EvCertificateAsked("urn:iso:15118:2:2013:MsgDef", "Install", "gJg=")


@pytest.mark.feature("F-OCPP-4")
async def test_a_vehicle_s_request_goes_to_the_provider_or_is_told_that_there_is_none() -> None:
    responder = FakeEvResponder(EvCertificateReply(True, "gJo=", 1))
    world = World(responder)
    await world.begin()
    assert await world.asking.ev_certificate(world.number, EV) == EvCertificateReply(True, "gJo=", 1)
    assert responder.asked == [("CP-1", EV)]
    responder.reply = Unavailable("The provider is away.")
    failed = await world.asking.ev_certificate(world.number, EV)
    assert (failed.accepted, failed.additional_info) == (False, "The provider is away.")
    none = await World().asking.ev_certificate(1, EV)
    assert (none.accepted, none.reason_code) == (False, "NotEnabled")
    assert "contract_provider_url" in none.additional_info


def a_link(serial: str) -> OcspRequestData:
    return OcspRequestData(HashAlgorithm.SHA256, "aa", "bb", serial, "http://192.0.2.1/ocsp")


@pytest.mark.feature("F-OCPP-4")
async def test_the_responder_s_answer_goes_to_the_station_as_it_is() -> None:
    world = World()
    reply = await world.asking.certificate_status(1, CertificateStatusAsked(a_link("1")))
    assert base64.b64decode(reply.ocsp_result) == b"DER"
    for error, code in (
        (InvalidArgument("No.", reason="HOST_NOT_ALLOWED"), "NotEnabled"),
        (Unavailable("No."), "InternalError"),
    ):
        world.statuses.failure = error
        failed = await world.asking.certificate_status(1, CertificateStatusAsked(a_link("1")))
        assert (failed.accepted, failed.reason_code) == (False, code)


@pytest.mark.feature("F-OCPP-5")
async def test_each_certificate_of_a_chain_has_its_own_state() -> None:
    world = World()
    world.statuses.revoked, world.statuses.unknown = {"2"}, {"3"}
    requests = tuple(
        CertificateStatusRequest(
            CertificateHashData(HashAlgorithm.SHA256, "aa", "bb", serial), StatusSource.OCSP, ("http://x",)
        )
        for serial in "123"
    )
    reply = await world.asking.chain_status(1, CertificateChainStatusAsked(requests))
    assert [s.status for s in reply.statuses] == [ChainStatus.GOOD, ChainStatus.REVOKED, ChainStatus.UNKNOWN]
    assert [s.certificate_hash_data.serial_number for s in reply.statuses] == ["1", "2", "3"]


@pytest.mark.feature("F-OCPP-4")
async def test_a_contract_is_believed_only_when_nothing_speaks_against_it() -> None:
    status, world = AuthorizeCertificateStatus, World()

    async def check(*serials: str) -> AuthorizeCertificateStatus:
        asked = AuthorizationAsked("DE8AAC123", certificate_hash_data=tuple(a_link(serial) for serial in serials))
        checked = await world.asking.check_contract(1, asked)
        assert isinstance(checked, AuthorizationAdvice)
        assert (checked.status is None) == (checked.certificate_status == "Accepted")
        return status(checked.certificate_status)

    world.statuses.revoked, world.statuses.unknown = {"2"}, {"3"}
    assert await check("1", "4") is status.ACCEPTED
    assert await check("1", "3", "2") is status.REVOKED
    assert await check("1", "3") is status.CHAIN_ERROR
    world.statuses.failure = InvalidArgument("This host may not be asked.", reason="HOST_NOT_ALLOWED")
    assert await check("1") is status.CHAIN_ERROR, "what cannot be checked is not believed"
    assert await world.asking.check_contract(1, AuthorizationAsked("TAG")) is None


@pytest.mark.feature("F-OCPP-5")
async def test_a_contract_s_chain_is_checked_here_when_the_station_cannot() -> None:
    status = AuthorizeCertificateStatus
    root = Made("MO Root", authority=True)
    leaf = Made("DE8AAC123456789", by=root, responder="http://192.0.2.1/ocsp")
    world = World(roots=root.pem.encode())

    async def check(chain: str) -> AuthorizeCertificateStatus:
        checked = await world.asking.check_contract(1, AuthorizationAsked("DE8AAC123456789", certificate=chain))
        assert checked is not None
        return status(checked.certificate_status)

    assert await check(leaf.pem) is status.ACCEPTED
    world.statuses.revoked = {f"{leaf.certificate.serial_number:x}"}
    assert await check(leaf.pem) is status.REVOKED, "its own address of a responder was asked"
    assert await check(Made("DE8AAC123456789").pem) is status.CHAIN_ERROR
    assert await check("rubbish") is status.CHAIN_ERROR
