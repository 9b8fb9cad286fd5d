"""Certificates of stations and vehicles, and security events (OCPP 2.x blocks A and M; 1.6 security extension).

What is pure is here: the values, which signing requests are granted, and what is kept of a security event. The X.509
work is done behind `csms.ports.certificates`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.certificate_hashes import CertificateHashData as CertificateHashData
from csms.domain.certificate_hashes import HashAlgorithm as HashAlgorithm
from csms.domain.certificate_hashes import OcspRequestData as OcspRequestData
from csms.domain.commands import Command, Result
from csms.domain.facts import ACK, AuthorizationAdvice, AuthorizationStatus, Fact, Reply
from csms.domain.ids import StationId
from csms.domain.values import Value

ITEM_KIND: Final = "certificate"
"""Kind of `ItemRecord` for what a station has installed; its key is `CertificateHashData.key`."""


class SigningUse(StrEnum):
    """OCPP CertificateSigningUseEnumType: what a certificate that we sign is for."""

    CHARGING_STATION = "ChargingStationCertificate"
    V2G = "V2GCertificate"
    V2G20 = "V2G20Certificate"
    """2.1: for ISO 15118-20."""


class CertificateUse(StrEnum):
    """OCPP InstallCertificateUseEnumType and GetCertificateIdUseEnumType. 1.6's CentralSystemRootCertificate is
    CSMS_ROOT."""

    V2G_ROOT = "V2GRootCertificate"
    MO_ROOT = "MORootCertificate"
    CSMS_ROOT = "CSMSRootCertificate"
    MANUFACTURER_ROOT = "ManufacturerRootCertificate"
    OEM_ROOT = "OEMRootCertificate"
    V2G_CHAIN = "V2GCertificateChain"
    """Can be asked for, not installed."""


class AuthorizeCertificateStatus(StrEnum):
    """OCPP AuthorizeCertificateStatusEnumType: what we found out about a contract certificate (C07)."""

    ACCEPTED = "Accepted"
    SIGNATURE_ERROR = "SignatureError"
    EXPIRED = "CertificateExpired"
    REVOKED = "CertificateRevoked"
    NO_CERTIFICATE = "NoCertificateAvailable"
    CHAIN_ERROR = "CertChainError"
    CONTRACT_CANCELLED = "ContractCancelled"


class InstalledCertificate(Value, frozen=True):
    """What a station has installed (OCPP CertificateHashDataChainType). The children are the sub-CAs of a V2G chain.
    1.6 does not tell the type again that it was asked for."""

    certificate_hash_data: CertificateHashData
    certificate_type: CertificateUse | None = None
    child_certificate_hash_data: tuple[CertificateHashData, ...] = ()


class StatusSource(StrEnum):
    """OCPP 2.1 CertificateStatusSourceEnumType."""

    CRL = "CRL"
    OCSP = "OCSP"


class ChainStatus(StrEnum):
    """OCPP 2.1 CertificateStatusEnumType."""

    GOOD = "Good"
    REVOKED = "Revoked"
    UNKNOWN = "Unknown"
    FAILED = "Failed"


class CertificateStatusRequest(Value, frozen=True):
    """OCPP 2.1 CertificateStatusRequestInfoType."""

    certificate_hash_data: CertificateHashData
    source: StatusSource
    urls: tuple[str, ...]


class CertificateStatus(Value, frozen=True):
    """OCPP 2.1 CertificateStatusType. `next_update`: when asking again may tell something new."""

    certificate_hash_data: CertificateHashData
    source: StatusSource
    status: ChainStatus
    next_update: datetime


# -- facts and replies ---------------------------------------------------------------------------------------------


class CertificateSigningAsked(Fact, frozen=True):
    """SignCertificate (A02, A03; 1.6 security extension §A02): a station wants its request signed. `csr` is PEM.
    Without a type: the certificate that it connects with."""

    csr: str
    certificate_type: SigningUse | None = None
    hash_root_certificate: CertificateHashData | None = None
    request_id: int | None = None


class SigningReply(Reply, frozen=True):
    """Whether the request will be signed; the certificate follows with CertificateSigned."""

    accepted: bool
    reason_code: str = ""
    additional_info: str = ""


class SecurityEventSeen(Fact, frozen=True):
    """SecurityEventNotification (A04)."""

    type: str
    timestamp: datetime
    tech_info: str = ""


class EvCertificateAsked(Fact, frozen=True):
    """Get15118EVCertificate (M01, M02): a vehicle wants its contract certificate. `exi_request` is base64 that nobody
    but the provider reads."""

    iso15118_schema_version: str
    action: str
    exi_request: str
    maximum_contract_certificate_chains: int | None = None
    prioritized_emaids: tuple[str, ...] = ()


class EvCertificateReply(Reply, frozen=True):
    """`exi_response` is base64, empty when it failed."""

    accepted: bool
    exi_response: str = ""
    remaining_contracts: int | None = None
    reason_code: str = ""
    additional_info: str = ""


class CertificateStatusAsked(Fact, frozen=True):
    """GetCertificateStatus (M06): what does the OCSP responder say?"""

    ocsp_request_data: OcspRequestData


class CertificateStatusReply(Reply, frozen=True):
    """`ocsp_result` is the responder's answer, DER in base64."""

    accepted: bool
    ocsp_result: str = ""
    reason_code: str = ""
    additional_info: str = ""


class CertificateChainStatusAsked(Fact, frozen=True):
    """2.1 GetCertificateChainStatus (M07)."""

    requests: tuple[CertificateStatusRequest, ...]


class CertificateChainStatusReply(Reply, frozen=True):
    """One status for each request, in their order."""

    statuses: tuple[CertificateStatus, ...]


def contract_advice(status: AuthorizeCertificateStatus) -> AuthorizationAdvice:
    """What the check of a contract certificate means for the token that it came with (C07): a bad one is no token."""
    if status is AuthorizeCertificateStatus.ACCEPTED:
        return AuthorizationAdvice(certificate_status=status.value)
    expired = status is AuthorizeCertificateStatus.EXPIRED
    decision = AuthorizationStatus.EXPIRED if expired else AuthorizationStatus.INVALID
    return AuthorizationAdvice(decision, status.value)


# -- commands ------------------------------------------------------------------------------------------------------


class CertificateSigned(Command, frozen=True):
    """Hand a station its certificate: PEM, the leaf first, without the root. `request_id` (2.1): of the request that
    it answers."""

    certificate_chain: str
    certificate_type: SigningUse | None = None
    request_id: int | None = None


class InstallCertificate(Command, frozen=True):
    """Have a station trust a root certificate (PEM)."""

    certificate_type: CertificateUse
    certificate: str


class DeleteCertificate(Command, frozen=True):
    """Take a certificate from a station."""

    certificate_hash_data: CertificateHashData


class GetInstalledCertificateIds(Command, frozen=True):
    """What has the station installed? No types: all (1.6 asks for one type a time)."""

    certificate_types: tuple[CertificateUse, ...] = ()


class InstalledCertificates(Result, frozen=True):
    """The answer to GetInstalledCertificateIds."""

    certificates: tuple[InstalledCertificate, ...]


# -- which requests are signed -------------------------------------------------------------------------------------


class SigningRequest(msgspec.Struct, frozen=True):
    """What a certificate signing request (PKCS #10) says. `key_bits` of an elliptic curve are its field's;
    `signature_hash` is in lower case ("sha256"), empty where the algorithm has its own."""

    common_names: tuple[str, ...]
    organizations: tuple[str, ...]
    key_algorithm: str
    key_bits: int
    signature_hash: str
    signature_valid: bool
    subject: str


MIN_KEY_BITS: Final = {"RSA": 2048, "EC": 224, "Ed25519": 253, "Ed448": 446}
"""A00.FR.503 (2.x), A00 (1.6 security extension): RSA 2048 or elliptic curves of 224 bits at least."""
WEAK_HASHES: Final = frozenset({"md5", "sha1"})


def refusal(request: SigningRequest, identity: str, organization: str, use: SigningUse) -> str | None:
    """Why a station's request is not signed, as a sentence; None: it is.

    A00: the certificate that a station connects with has its identity as common name and the operator as organisation
    (`organization` empty: any). That of ISO 15118 has a name of its own, but has one.
    """
    least = MIN_KEY_BITS.get(request.key_algorithm)
    if least is None:
        return f"{request.key_algorithm} keys are not accepted; use RSA or an elliptic curve."
    if request.key_bits < least:
        return f"The key has {request.key_bits} bits; {request.key_algorithm} needs {least}."
    if request.signature_hash in WEAK_HASHES:
        return f"The request is signed with {request.signature_hash}; use SHA-256 or better."
    if not request.signature_valid:
        return "The request's signature is wrong: it was not made with the key inside."
    if len(request.common_names) != 1 or not request.common_names[0]:
        return "The subject needs exactly one common name."
    if use is not SigningUse.CHARGING_STATION:
        return None
    if request.common_names[0] != identity:
        return f"The common name is {request.common_names[0][:64]!r}; it must be the station's identity {identity!r}."
    if organization and request.organizations != (organization,):
        return f"The organisation must be {organization!r}."
    return None


# -- security events -----------------------------------------------------------------------------------------------

CRITICAL_EVENTS: Final = frozenset(
    {
        "FirmwareUpdated",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
        "MaintenanceLoginAccepted",
        "MaintenanceLoginFailed",
    }
)
"""Those that the specification's list calls critical (2.x appendix 1; 1.6 security extension §5)."""

_CRITICAL, _ALERT = 3, 5


def severity_of(event_type: str) -> int:
    """OCPP's severity for a security event: 3 critical, else 5 alert (it was worth a message)."""
    return _CRITICAL if event_type in CRITICAL_EVENTS else _ALERT


# -- what comes of the facts ---------------------------------------------------------------------------------------


def _security_event(fact: SecurityEventSeen, station_id: StationId, context: Context) -> Applied:
    summary = f"{fact.type}: {fact.tech_info}" if fact.tech_info else fact.type
    record = event(
        station_id,
        context,
        "SecurityEventNotification",
        summary,
        at=fact.timestamp,
        severity=severity_of(fact.type),
        body={"type": fact.type, "techInfo": fact.tech_info},
    )
    return Applied(ACK, [record])


def _signing(fact: CertificateSigningAsked, station_id: StationId, context: Context) -> Applied:
    reply = context.consulted
    if not isinstance(reply, SigningReply):
        reply = SigningReply(False, "InternalError", "The certificate authority cannot be reached. Ask again later.")
    use = fact.certificate_type or SigningUse.CHARGING_STATION
    told = f"asked for a {use.value}" + ("." if reply.accepted else f", refused: {reply.additional_info}")
    body = {"certificateType": use.value, "accepted": reply.accepted, "csr": fact.csr, "requestId": fact.request_id}
    return Applied(reply, [event(station_id, context, "SignCertificate", f"The station {told}", body=body)])


def _ev_certificate(fact: EvCertificateAsked, station_id: StationId, context: Context) -> Applied:
    reply = context.consulted
    if not isinstance(reply, EvCertificateReply):
        reply = EvCertificateReply(
            False, reason_code="InternalError", additional_info="The provider of contract certificates did not answer."
        )
    told = "It got one." if reply.accepted else f"It got none: {reply.additional_info}"
    summary = f"A vehicle asked for a contract certificate ({fact.action}). {told}"
    body = {"iso15118SchemaVersion": fact.iso15118_schema_version, "action": fact.action, "accepted": reply.accepted}
    return Applied(reply, [event(station_id, context, "Get15118EVCertificate", summary, body=body)])


def _certificate_status(fact: CertificateStatusAsked, station_id: StationId, context: Context) -> Applied:
    reply = context.consulted
    if not isinstance(reply, CertificateStatusReply):
        reply = CertificateStatusReply(
            False, reason_code="InternalError", additional_info="The OCSP responder did not answer."
        )
    asked = fact.ocsp_request_data
    told = "The responder answered." if reply.accepted else reply.additional_info
    summary = f"The station asked for the state of certificate {asked.serial_number}. {told}"
    return Applied(reply, [event(station_id, context, "GetCertificateStatus", summary, body=asked)])


def _chain_status(fact: CertificateChainStatusAsked, station_id: StationId, context: Context) -> Applied:
    reply = context.consulted
    if not isinstance(reply, CertificateChainStatusReply):
        reply = CertificateChainStatusReply(
            tuple(
                CertificateStatus(asked.certificate_hash_data, asked.source, ChainStatus.FAILED, context.now)
                for asked in fact.requests
            )
        )
    found = ", ".join(f"{s.certificate_hash_data.serial_number}: {s.status.value}" for s in reply.statuses)
    summary = f"The station asked for the state of a chain of certificates. {found}"
    return Applied(reply, [event(station_id, context, "GetCertificateChainStatus", summary, body=fact.requests)])


HANDLERS: Final[dict[type[Fact], Handler]] = {
    SecurityEventSeen: _security_event,
    CertificateSigningAsked: _signing,
    EvCertificateAsked: _ev_certificate,
    CertificateStatusAsked: _certificate_status,
    CertificateChainStatusAsked: _chain_status,
}
