"""Certificates over HTTP: another certificate authority, the provider of contract certificates, and those who know what
is revoked (OCSP responders and lists).

Addresses of the first two are the operator's. Those of the last come from certificates, which means from strangers:
only hosts that the operator named are asked, without following anybody elsewhere, and not more is read than such an
answer can be long.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

import httpx
import msgspec
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPResponse

from csms.domain.certificates import (
    CertificateHashData,
    CertificateStatus,
    CertificateStatusRequest,
    ChainStatus,
    EvCertificateAsked,
    EvCertificateReply,
    HashAlgorithm,
    OcspRequestData,
    SigningUse,
    StatusSource,
)
from csms.domain.errors import DomainError, InvalidArgument, Unavailable
from csms.domain.values import Value
from csms.ports.certificates import SignedCertificate
from csms.transport.trust import Authorities
from csms.transport.x509 import common_name, described, load_chain, load_request

TIMEOUT_SECONDS: Final = 15.0
"""For all of an exchange: a station waits for the answer."""
MAX_ANSWER: Final = 64 * 1024
MAX_CRL: Final = 8 * 1024 * 1024
MAX_CHAIN_CHARACTERS: Final = 10_000
"""OCPP CertificateSigned.certificateChain."""
_SKEW: Final = timedelta(minutes=5)
_CACHE_ENTRIES: Final = 500
_CACHE_TIME: Final = timedelta(hours=1)
_HASHES: Final = {
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}


def new_client() -> httpx.AsyncClient:
    """For all in this module. Whoever makes it closes it."""
    headers = {"accept-encoding": "identity", "user-agent": "chargehouse"}
    return httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, headers=headers)


async def _exchange(client: httpx.AsyncClient, request: httpx.Request, limit: int, whom: str) -> tuple[int, bytes]:
    """(status, body). Raises Unavailable."""
    body = bytearray()
    try:
        with trio.move_on_after(TIMEOUT_SECONDS) as scope:
            answer = await client.send(request, stream=True)
            try:
                async for piece in answer.aiter_raw():  # raw: what is packed would be unpacked before its size is known
                    body += piece
                    if len(body) > limit:
                        scope.cancel()  # unlike leaving the loop, this ends httpx's generators in order
            finally:
                with trio.CancelScope(shield=True):
                    await answer.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        why = str(error) or type(error).__name__
        raise Unavailable(f"{whom} cannot be reached: {why}. Try again later.", reason="UPSTREAM_FAILED") from error
    if len(body) > limit:
        raise Unavailable(f"{whom} sent more than {limit} bytes.", reason="UPSTREAM_FAILED")
    if scope.cancelled_caught:
        raise Unavailable(f"{whom} took too long to answer. Try again later.", reason="UPSTREAM_FAILED")
    return answer.status_code, bytes(body)


def _headers(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


# -- another certificate authority ---------------------------------------------------------------------------------


class HttpAuthority:
    """csms.ports.certificates.CertificateAuthority somewhere else.

    POST url?station=IDENTITY&type=ChargingStationCertificate with the request (PEM) as body; the answer is 200 with the
    chain (PEM, the leaf first), or 4xx with a sentence.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, token: str = "") -> None:
        self._client = client
        self._url = url
        self._token = token

    def has_root(self, root: CertificateHashData, use: SigningUse) -> bool:
        """It must know for itself."""
        return True

    async def sign(self, csr: str, identity: str, use: SigningUse) -> SignedCertificate:
        """See the port."""
        request = self._client.build_request(
            "POST",
            httpx.URL(self._url).copy_merge_params({"station": identity, "type": use.value}),
            content=csr.encode(),
            headers={"content-type": "application/x-pem-file", **_headers(self._token)},
        )
        status, body = await _exchange(self._client, request, MAX_ANSWER, "The certificate authority")
        if 400 <= status < 500:
            said = body[:200].decode("utf-8", "replace").strip()
            raise InvalidArgument(f"The certificate authority refused ({status}): {said}", reason="AUTHORITY_REFUSED")
        if status != httpx.codes.OK:
            raise Unavailable(
                f"The certificate authority answered {status}. Try again later.", reason="UPSTREAM_FAILED"
            )
        return _accepted(body.decode("utf-8", "replace"), csr, identity, use)


def _accepted(text: str, csr: str, identity: str, use: SigningUse) -> SignedCertificate:
    """The chain without its root, if it answers the request. Raises Unavailable: the authority works wrongly."""
    try:
        chain = load_chain(text)
    except InvalidArgument as error:
        raise Unavailable(
            f"The certificate authority's answer is no chain: {error.message}", reason="UPSTREAM_FAILED"
        ) from error
    leaf = chain[0]
    if leaf.public_key() != load_request(csr).public_key():
        raise Unavailable("The certificate authority certified another key.", reason="UPSTREAM_FAILED")
    if use is SigningUse.CHARGING_STATION and common_name(leaf) != identity:
        raise Unavailable("The certificate authority certified another station's name.", reason="UPSTREAM_FAILED")
    kept = [each for each in chain if each.issuer != each.subject] or [leaf]
    pem = "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in kept)
    if len(pem) > MAX_CHAIN_CHARACTERS:
        raise Unavailable("The certificate authority's chain is too long for OCPP.", reason="UPSTREAM_FAILED")
    return described(leaf, pem)


# -- contract certificates of vehicles -----------------------------------------------------------------------------


class _ContractAnswer(Value, frozen=True):
    """What the provider says, in the words of OCPP's Get15118EVCertificateResponse."""

    status: str
    exi_response: str = ""
    remaining_contracts: int | None = None
    reason: str = ""


class HttpEvResponder:
    """csms.ports.certificates.EvCertificateResponder: a mobility operator's or a clearing house's service.

    POST url with JSON: {"station", "iso15118SchemaVersion", "action", "exiRequest", "maximumContractCertificateChains",
    "prioritizedEMAIDs"}; the answer is 200 with {"status": "Accepted" | "Failed", "exiResponse", "remainingContracts",
    "reason"}. What is EXI goes through unread.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, token: str = "") -> None:
        self._client = client
        self._url = url
        self._token = token

    async def answer(self, identity: str, asked: EvCertificateAsked) -> EvCertificateReply:
        """See the port."""
        question: dict[str, object] = {
            "station": identity,
            "iso15118SchemaVersion": asked.iso15118_schema_version,
            "action": asked.action,
            "exiRequest": asked.exi_request,
        }
        if asked.maximum_contract_certificate_chains is not None:
            question["maximumContractCertificateChains"] = asked.maximum_contract_certificate_chains
        if asked.prioritized_emaids:
            question["prioritizedEMAIDs"] = asked.prioritized_emaids
        request = self._client.build_request(
            "POST",
            self._url,
            content=msgspec.json.encode(question),
            headers={"content-type": "application/json", **_headers(self._token)},
        )
        status, body = await _exchange(self._client, request, MAX_ANSWER, "The provider of contract certificates")
        if status != httpx.codes.OK:
            raise Unavailable(f"The provider of contract certificates answered {status}.", reason="UPSTREAM_FAILED")
        try:
            said = msgspec.json.decode(body, type=_ContractAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unavailable(
                f"The provider of contract certificates sent what cannot be read: {error}.", reason="UPSTREAM_FAILED"
            ) from error
        if said.status != "Accepted":
            return EvCertificateReply(False, "", None, "ProviderRefused", said.reason or "The provider said no.")
        return EvCertificateReply(True, said.exi_response, said.remaining_contracts)


# -- what is revoked -----------------------------------------------------------------------------------------------


class AllowedHosts:
    """Hosts that the operator named: `host` (on the usual ports) or `host:port`."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(host.strip().lower() for host in hosts if host.strip())

    def check(self, url: str) -> httpx.URL:
        """The address, if it may be asked. Raises InvalidArgument/HOST_NOT_ALLOWED."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            raise _not_allowed(url) from None
        host = parsed.host.lower()
        usual = parsed.port is None
        if parsed.scheme not in ("http", "https") or parsed.userinfo or not host:
            raise _not_allowed(url)
        if not ((usual and host in self._hosts) or f"{host}:{parsed.port}" in self._hosts):
            raise _not_allowed(url)
        return parsed


def _not_allowed(url: str) -> InvalidArgument:
    return InvalidArgument(
        f"{url[:100]} may not be asked about certificates: the operator must name its host (ocsp_hosts).",
        reason="HOST_NOT_ALLOWED",
    )


class HttpStatuses:
    """csms.ports.certificates.CertificateStatuses over HTTP. What a responder says counts only when it is signed by the
    issuer of the certificate (or by whom that issuer named), and fresh. Answers are kept for an hour at most."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        hosts: AllowedHosts,
        authorities: Authorities,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._hosts = hosts
        self._authorities = authorities
        self._now = now
        self._cache: OrderedDict[tuple[str, bytes], tuple[datetime, bytes]] = OrderedDict()

    async def ocsp(self, asked: OcspRequestData) -> tuple[bytes, CertificateStatus]:
        """See the port."""
        url = self._hosts.check(asked.responder_url)
        question = _question(asked)
        request = self._client.build_request(
            "POST", url, content=question, headers={"content-type": "application/ocsp-request"}
        )
        answer = await self._asked(request, question, MAX_ANSWER)
        try:
            response = ocsp.load_der_ocsp_response(answer)
            if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                raise Unavailable(
                    f"The OCSP responder says {response.response_status.name.lower()}. Try again later.",
                    reason="UPSTREAM_FAILED",
                )
            status = self._read(response, asked.certificate)
        except ValueError as error:
            raise Unavailable(f"The OCSP responder's answer is none: {error}.", reason="UPSTREAM_FAILED") from error
        self._keep(str(url), question, answer, status)
        return answer, status

    async def status(self, asked: CertificateStatusRequest) -> CertificateStatus:
        """See the port."""
        data = asked.certificate_hash_data
        for url in asked.urls:
            try:
                if asked.source is StatusSource.OCSP:
                    link = OcspRequestData(
                        data.hash_algorithm, data.issuer_name_hash, data.issuer_key_hash, data.serial_number, url
                    )
                    found = (await self.ocsp(link))[1]
                else:
                    found = await self._crl(url, data)
            except DomainError:
                continue
            if found.status is not ChainStatus.FAILED:
                return found
        return CertificateStatus(data, asked.source, ChainStatus.FAILED, self._now())

    async def _crl(self, url: str, data: CertificateHashData) -> CertificateStatus:
        request = self._client.build_request("GET", self._hosts.check(url))
        answer = await self._asked(request, b"", MAX_CRL)
        try:
            load = x509.load_pem_x509_crl if answer.startswith(b"-----") else x509.load_der_x509_crl
            crl = load(answer)
            serial = int(data.serial_number, 16)
        except ValueError as error:
            raise Unavailable(
                f"The list of revoked certificates is none: {error}.", reason="UPSTREAM_FAILED"
            ) from error
        following = crl.next_update_utc or self._now() + _CACHE_TIME
        state = ChainStatus.FAILED
        if self._authorities.signed_crl(crl, data) and self._fresh(crl.last_update_utc, following):
            entry = crl.get_revoked_certificate_by_serial_number(serial)
            state = ChainStatus.GOOD if entry is None else ChainStatus.REVOKED
        status = CertificateStatus(data, StatusSource.CRL, state, following)
        self._keep(url, b"", answer, status)
        return status

    def _read(self, response: OCSPResponse, data: CertificateHashData) -> CertificateStatus:
        """What a successful answer says of this certificate. Raises ValueError."""
        now = self._now()
        for each in response.responses:
            if f"{each.serial_number:x}" != data.serial_number.lstrip("0").lower():
                continue
            following = each.next_update_utc or now + _CACHE_TIME
            state = ChainStatus.FAILED
            if self._authorities.signed_ocsp(response, data, now) and self._fresh(each.this_update_utc, following):
                state = _STATES[each.certificate_status]
            return CertificateStatus(data, StatusSource.OCSP, state, following)
        raise ValueError("it is about another certificate")

    def _fresh(self, since: datetime, until: datetime) -> bool:
        now = self._now()
        return since - _SKEW <= now <= until + _SKEW

    async def _asked(self, request: httpx.Request, question: bytes, limit: int) -> bytes:
        """From memory, or from the other side. Raises Unavailable."""
        key = (str(request.url), question)
        kept = self._cache.get(key)
        if kept is not None and self._now() < kept[0]:
            return kept[1]
        status, answer = await _exchange(self._client, request, limit, "Who knows the revoked certificates")
        if status != httpx.codes.OK:
            raise Unavailable(f"Who knows the revoked certificates answered {status}.", reason="UPSTREAM_FAILED")
        return answer

    def _keep(self, url: str, question: bytes, answer: bytes, status: CertificateStatus) -> None:
        if status.status is ChainStatus.FAILED:
            return
        until = min(status.next_update, self._now() + _CACHE_TIME)
        self._cache.setdefault((url, question), (until, answer))
        if self._cache[url, question][0] <= self._now():
            self._cache[url, question] = until, answer
        while len(self._cache) > _CACHE_ENTRIES:
            self._cache.popitem(last=False)


_STATES: Final = {
    ocsp.OCSPCertStatus.GOOD: ChainStatus.GOOD,
    ocsp.OCSPCertStatus.REVOKED: ChainStatus.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: ChainStatus.UNKNOWN,
}


def _question(asked: OcspRequestData) -> bytes:
    """An OCSP request (RFC 6960 §4.1), DER. Raises InvalidArgument for hashes that are none."""
    try:
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
            bytes.fromhex(asked.issuer_name_hash),
            bytes.fromhex(asked.issuer_key_hash),
            int(asked.serial_number, 16),
            _HASHES[asked.hash_algorithm],
        )
        return builder.build().public_bytes(serialization.Encoding.DER)
    except ValueError as error:
        raise InvalidArgument(f"These are no hashes of a certificate: {error}.", reason="INVALID_HASH_DATA") from None
