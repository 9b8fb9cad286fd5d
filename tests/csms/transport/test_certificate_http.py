"""Certificates over HTTP, against services that are not as they should be."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import httpx
import pytest
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from csms.domain.certificates import (
    CertificateStatusRequest,
    ChainStatus,
    EvCertificateAsked,
    EvCertificateReply,
    OcspRequestData,
    SigningUse,
    StatusSource,
)
from csms.domain.errors import InvalidArgument, Unavailable
from csms.transport.certificate_http import AllowedHosts, HttpAuthority, HttpEvResponder, HttpStatuses, new_client
from csms.transport.trust import Authorities
from csms.transport.x509 import Issuer, Revoked, hash_data, make_root
from tests.kit.certificates import NOW, Made, a_request, an_authority

DER = serialization.Encoding.DER
STATION, V2G = SigningUse.CHARGING_STATION, SigningUse.V2G
Answerer = Callable[[httpx.Request], httpx.Response]


def a_client(answer: Answerer) -> httpx.AsyncClient:
    def streamed(request: httpx.Request) -> httpx.Response:
        """As it comes from a network: not read yet."""
        made = answer(request)
        return httpx.Response(made.status_code, stream=httpx.ByteStream(made.content))

    return httpx.AsyncClient(transport=httpx.MockTransport(streamed))


def always(status: int, content: bytes = b"") -> Answerer:
    return lambda _request: httpx.Response(status, content=content)


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


# -- another certificate authority ---------------------------------------------------------------------------------


class OtherAuthority:
    """Signs with an authority of its own, whoever asks."""

    def __init__(self, *, identity: str = "", with_root: bool = True) -> None:
        self.asked: list[httpx.Request] = []
        self.issuer = Issuer(*make_root("Elsewhere", "", NOW))
        self.identity = identity
        self.with_root = with_root

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        identity = self.identity or request.url.params["station"]
        signed = self.issuer.sign_station(request.content.decode(), identity, "", NOW, 10)
        return httpx.Response(200, text=signed.chain + (self.issuer.pem.decode() if self.with_root else ""))


@pytest.mark.feature("F-OCPP-2")
async def test_another_authority_signs_and_its_root_is_left_out_of_the_chain() -> None:
    other = OtherAuthority()
    authority = HttpAuthority(a_client(other), "https://ca.example.com/sign?profile=cp", "secret")
    signed = await authority.sign(a_request("CP-1"), "CP-1", STATION)
    certificates = x509.load_pem_x509_certificates(signed.chain.encode())
    assert len(certificates) == 1
    assert signed.issuer == "CN=Elsewhere"
    (request,) = other.asked
    assert dict(request.url.params) == {"profile": "cp", "station": "CP-1", "type": "ChargingStationCertificate"}
    assert request.headers["authorization"] == "Bearer secret"


async def test_a_chain_for_another_key_or_another_name_is_not_handed_over() -> None:
    other = OtherAuthority(identity="CP-2")
    authority = HttpAuthority(a_client(other), "https://ca.example.com")
    with pytest.raises(Unavailable, match="name"):
        await authority.sign(a_request("CP-1"), "CP-1", STATION)
    assert (await authority.sign(a_request("CP-1"), "CP-1", V2G)).subject == "CN=CP-2", "vehicles' names are theirs"
    stranger = Made("CP-1")
    authority = HttpAuthority(a_client(always(200, stranger.pem.encode())), "https://ca.example.com")
    with pytest.raises(Unavailable, match="key"):
        await authority.sign(a_request("CP-1"), "CP-1", STATION)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (always(400, b"no such profile"), InvalidArgument),
        (always(500), Unavailable),
        (always(302), Unavailable),
        (always(200, b"rubbish"), Unavailable),
        (always(200, b"\xff" * 100_000), Unavailable),
        (broken, Unavailable),
    ],
    ids=["400", "500", "redirect", "rubbish", "too much", "no connection"],
)
async def test_an_authority_that_fails_is_told_apart_from_one_that_refuses(answer: Answerer, kind: type) -> None:
    with pytest.raises(kind):
        await HttpAuthority(a_client(answer), "https://ca.example.com").sign(a_request("CP-1"), "CP-1", STATION)


# -- contract certificates -----------------------------------------------------------------------------------------

EV = EvCertificateAsked("urn:iso:15118:2:2013:MsgDef", "Install", "gJg=", 2, ("DE8AAC123456789",))


@pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
async def test_a_vehicle_s_request_goes_to_the_provider_unread() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"status": "Accepted", "exiResponse": "gJo=", "remainingContracts": 1})

    responder = HttpEvResponder(a_client(answer), "https://mo.example.com/exi", "secret")
    assert await responder.answer("CP-1", EV) == EvCertificateReply(True, "gJo=", 1)
    assert json.loads(asked[0].content) == {
        "station": "CP-1",
        "iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef",
        "action": "Install",
        "exiRequest": "gJg=",
        "maximumContractCertificateChains": 2,
        "prioritizedEMAIDs": ["DE8AAC123456789"],
    }
    assert asked[0].headers["authorization"] == "Bearer secret"


async def test_a_provider_that_says_no_is_told_apart_from_one_that_fails() -> None:
    said = b'{"status":"Failed","reason":"No contract."}'
    reply = await HttpEvResponder(a_client(always(200, said)), "https://mo.example.com").answer("CP-1", EV)
    assert (reply.accepted, reply.additional_info) == (False, "No contract.")
    for answer in (always(200, b"rubbish"), always(200, b"\xff"), always(503), broken):
        with pytest.raises(Unavailable):
            await HttpEvResponder(a_client(answer), "https://mo.example.com").answer("CP-1", EV)


# -- who may be asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://ocsp.example.com/x", True),
        ("HTTPS://OCSP.Example.com", True),
        ("http://ocsp.example.com:80/", True),
        ("http://ocsp.example.com:8080/", False),
        ("http://crl.example.com:8080/list", True),
        ("http://crl.example.com/list", False),
        ("http://169.254.169.254/latest", False),
        ("http://evil.example.com/?ocsp.example.com", False),
        ("http://ocsp.example.com@evil.example.com/", False),
        ("http://me@ocsp.example.com/", False),
        ("ftp://ocsp.example.com/", False),
        ("file:///etc/passwd", False),
        ("gopher://ocsp.example.com", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_only_hosts_that_the_operator_named_are_asked(url: str, allowed: bool) -> None:
    hosts = AllowedHosts(["ocsp.example.com", " CRL.example.com:8080 ", ""])
    if allowed:
        hosts.check(url)
        return
    with pytest.raises(InvalidArgument) as refused:
        hosts.check(url)
    assert refused.value.reason == "HOST_NOT_ALLOWED"


async def test_nobody_is_led_elsewhere() -> None:
    async with new_client() as client:
        assert not client.follow_redirects
        assert not client.trust_env


# -- OCSP ----------------------------------------------------------------------------------------------------------


class Responder:
    """An OCSP responder for certificates of `root`, and a list of revoked ones. `signer` signs its answers."""

    def __init__(self, signer: Made | None = None) -> None:
        self.root = Made("MO Root", authority=True)
        self.leaf = Made("Contract", by=self.root)
        self.signer = signer or self.root
        self.state = ocsp.OCSPCertStatus.GOOD
        self.since = NOW - timedelta(hours=1)
        self.asked = 0
        self.time = NOW
        self.statuses = self.believing(Authorities(self.root.pem.encode()))

    def believing(self, authorities: Authorities) -> HttpStatuses:
        return HttpStatuses(a_client(self), AllowedHosts(["o.example.com"]), authorities, now=lambda: self.time)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if request.method == "GET":
            issuer = Issuer(self.root_key(), self.root.pem.encode())
            revoked = [Revoked(self.leaf.certificate.serial_number, NOW, "unspecified")]
            return httpx.Response(
                200, content=issuer.crl([] if self.state is ocsp.OCSPCertStatus.GOOD else revoked, NOW)
            )
        question = ocsp.load_der_ocsp_request(request.content)
        assert question.serial_number == self.leaf.certificate.serial_number
        revoked_at = NOW if self.state is ocsp.OCSPCertStatus.REVOKED else None
        builder = ocsp.OCSPResponseBuilder().add_response(
            self.leaf.certificate,
            self.root.certificate,
            hashes.SHA256(),
            self.state,
            self.since,
            self.since + timedelta(days=1),
            revoked_at,
            None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.signer.certificate)
        builder = builder.certificates([self.signer.certificate])
        return httpx.Response(200, content=builder.sign(self.signer.key, hashes.SHA256()).public_bytes(DER))

    def root_key(self) -> bytes:
        kind, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.root.key.private_bytes(serialization.Encoding.PEM, kind, none)

    def link(self, url: str = "http://o.example.com/ocsp") -> OcspRequestData:
        data = hash_data(self.leaf.certificate, self.root.certificate)
        return OcspRequestData(
            data.hash_algorithm, data.issuer_name_hash, data.issuer_key_hash, data.serial_number, url
        )

    async def state_told(self) -> ChainStatus:
        return (await self.statuses.ocsp(self.link()))[1].status


@pytest.mark.feature("F-OCPP-4")
@pytest.mark.parametrize(
    ("state", "told"),
    [
        (ocsp.OCSPCertStatus.GOOD, ChainStatus.GOOD),
        (ocsp.OCSPCertStatus.REVOKED, ChainStatus.REVOKED),
        (ocsp.OCSPCertStatus.UNKNOWN, ChainStatus.UNKNOWN),
    ],
)
async def test_the_issuer_s_word_counts(state: ocsp.OCSPCertStatus, told: ChainStatus) -> None:
    responder = Responder()
    responder.state = state
    answer, status = await responder.statuses.ocsp(responder.link())
    assert (status.status, status.certificate_hash_data) == (told, responder.link().certificate)
    assert ocsp.load_der_ocsp_response(answer).certificate_status is state


@pytest.mark.feature("F-OCPP-4")
async def test_a_stranger_s_word_does_not_count() -> None:
    responder = Responder(signer=Made("Evil", authority=True))
    assert await responder.state_told() is ChainStatus.FAILED
    responder.signer = Made("Unnamed", by=responder.root)
    assert await responder.state_told() is ChainStatus.FAILED, "the issuer did not let it answer"
    responder.signer = Made("Evil delegate", by=Made("MO Root", authority=True), answers=True)
    assert await responder.state_told() is ChainStatus.FAILED
    responder.signer = Made("Delegate", by=responder.root, answers=True, days=0)
    assert await responder.state_told() is ChainStatus.FAILED, "its time is over"
    responder.signer = Made("Delegate", by=responder.root, answers=True)
    assert await responder.state_told() is ChainStatus.GOOD


async def test_the_issuer_needs_no_introduction_when_it_comes_with_the_answer() -> None:
    responder = Responder()
    responder.statuses = responder.believing(Authorities())
    assert await responder.state_told() is ChainStatus.GOOD, "known by the hash of its key"


@pytest.mark.parametrize("since", [NOW - timedelta(days=3), NOW + timedelta(days=1)], ids=["stale", "from the future"])
async def test_an_old_answer_played_again_does_not_count(since: datetime) -> None:
    responder = Responder()
    responder.since = since
    assert await responder.state_told() is ChainStatus.FAILED


async def test_an_answer_is_kept_for_an_hour_and_a_failure_not_at_all() -> None:
    responder = Responder()
    for _ in range(3):
        assert await responder.state_told() is ChainStatus.GOOD
    assert responder.asked == 1
    responder.time += timedelta(minutes=61)
    responder.state = ocsp.OCSPCertStatus.REVOKED
    for _ in range(2):
        assert await responder.state_told() is ChainStatus.REVOKED
    assert responder.asked == 2
    failing = Responder(signer=Made("Evil"))
    for _ in range(2):
        await failing.state_told()
    assert failing.asked == 2


async def test_what_is_no_answer_is_told_as_unavailable() -> None:
    responder = Responder()
    try_later = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(DER)
    other = Responder()
    about_another = other(httpx.Request("POST", "http://x", content=_ocsp_question(other)))
    for answer in (always(200, try_later), always(200, b"rubbish"), always(404), broken, lambda _r: about_another):
        statuses = HttpStatuses(a_client(answer), AllowedHosts(["o.example.com"]), Authorities(), now=lambda: NOW)
        with pytest.raises(Unavailable):
            await statuses.ocsp(responder.link())
    with pytest.raises(InvalidArgument) as refused:
        await responder.statuses.ocsp(responder.link("http://169.254.169.254/"))
    assert refused.value.reason == "HOST_NOT_ALLOWED"


def _ocsp_question(responder: Responder) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        responder.leaf.certificate, responder.root.certificate, hashes.SHA256()
    )
    return builder.build().public_bytes(DER)


async def test_hashes_that_are_none_are_said() -> None:
    link = OcspRequestData(Responder().link().hash_algorithm, "xy", "bb", "1f", "http://o.example.com/")
    with pytest.raises(InvalidArgument) as refused:
        await Responder().statuses.ocsp(link)
    assert refused.value.reason == "INVALID_HASH_DATA"


# -- lists ---------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-5")
async def test_the_first_address_that_answers_decides() -> None:
    responder = Responder()
    bad, good = "http://169.254.169.254/crl", "http://o.example.com/crl"

    async def told(source: StatusSource, *urls: str) -> ChainStatus:
        asked = CertificateStatusRequest(responder.link().certificate, source, urls)
        return (await responder.statuses.status(asked)).status

    assert await told(StatusSource.CRL, bad, good) is ChainStatus.GOOD
    assert await told(StatusSource.OCSP, bad, good) is ChainStatus.GOOD
    assert await told(StatusSource.CRL, bad) is ChainStatus.FAILED
    responder.state = ocsp.OCSPCertStatus.REVOKED
    responder.time += timedelta(hours=2)
    assert await told(StatusSource.CRL, good) is ChainStatus.REVOKED
    responder.statuses = responder.believing(Authorities())
    assert await told(StatusSource.CRL, good) is ChainStatus.FAILED, "nobody vouches for the list"


async def test_our_own_list_can_be_read_like_any_other() -> None:
    authority = an_authority()
    signed = await authority.sign(a_request(), "CP-1", STATION)
    authority.revoke(signed.serial, signed.issuer, NOW, "superseded")
    statuses = HttpStatuses(
        a_client(always(200, authority.crl_pem())), AllowedHosts(["x"]), Authorities(authority.root), now=lambda: NOW
    )
    certificate = x509.load_pem_x509_certificate(signed.chain.encode())
    data = hash_data(certificate, x509.load_pem_x509_certificate(authority.root))
    asked = CertificateStatusRequest(data, StatusSource.CRL, ("https://x/crl",))
    assert (await statuses.status(asked)).status is ChainStatus.REVOKED


class Drip(httpx.AsyncByteStream):
    """Sends so much a second, without end. `closed`: it was let go."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await trio.sleep(1)
            yield b"x" * self.size

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("size", "said"), [(50_000, "more than"), (1, "too long")], ids=["endless", "slow"])
async def test_an_endless_or_slow_service_is_left(autojump_clock: trio.testing.MockClock, size: int, said: str) -> None:
    drip = Drip(size)
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: httpx.Response(200, stream=drip)))
    with pytest.raises(Unavailable, match=said):
        await HttpAuthority(client, "https://ca.example.com").sign(a_request(), "CP-1", STATION)
    assert drip.closed
    assert trio.current_time() <= 15
