"""OCPP 2.0.1, block A. Security: certificates that stations connect with, and security events. 2.1 shares the rows,
held against its own schemas."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from csms.domain import certificates as domain
from csms.domain.certificates import CertificateHashData, SigningUse
from csms.domain.facts import Reply
from csms.domain.values import Value
from csms.ocpp.faults import V201, Edition, LocalProtocolError
from csms.ocpp.fitting import fitted, tidied
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201.answers import StatusAnswer, StatusInfo, read_status

MAX_INFO: Final = {"ocpp2.0.1": 512}
"""Characters of statusInfo.additionalInfo; later versions have 1024."""


class SignCertificateRequest(Value, frozen=True):
    """`hash_root_certificate` and `request_id` since 2.1."""

    csr: str
    certificate_type: SigningUse | None = None
    hash_root_certificate: CertificateHashData | None = None
    request_id: int | None = None


class SecurityEventNotificationRequest(Value, frozen=True):
    """A04."""

    type: str
    timestamp: datetime
    tech_info: str = ""


def status_with_reason(edition: Edition, status: str, reason_code: str, additional_info: str) -> Payload:
    """status, and statusInfo where there is something to say."""
    payload: Payload = {"status": status}
    if reason_code:
        limit = MAX_INFO.get(edition.subprotocol, 1024)
        payload["statusInfo"] = StatusInfo(reason_code[:20], additional_info[:limit])
    return payload


def sign_certificate(payload: SignCertificateRequest) -> domain.CertificateSigningAsked:
    """A02, A03."""
    payload = tidied(payload)
    return domain.CertificateSigningAsked(
        payload.csr, payload.certificate_type, payload.hash_root_certificate, payload.request_id
    )


def security_event(payload: SecurityEventNotificationRequest) -> domain.SecurityEventSeen:
    """A04."""
    payload = tidied(payload)
    return domain.SecurityEventSeen(payload.type, payload.timestamp, payload.tech_info)


def _reply_signing(edition: Edition) -> Callable[[Reply], Payload]:
    def reply(reply: Reply) -> Payload:
        if not isinstance(reply, domain.SigningReply):
            raise LocalProtocolError(f"{reply!r} does not answer this action.")
        status = "Accepted" if reply.accepted else "Rejected"
        return status_with_reason(edition, status, reply.reason_code, reply.additional_info)

    return reply


def _certificate_signed(edition: Edition) -> Callable[[domain.CertificateSigned], Printable]:
    def encode(command: domain.CertificateSigned) -> Printable:
        payload: Payload = {"certificateChain": command.certificate_chain}
        if command.certificate_type is not None:
            payload["certificateType"] = command.certificate_type.value
        if command.request_id is not None and edition is not V201:
            payload["requestId"] = command.request_id
        return fitted(edition, "CertificateSigned", payload)

    return encode


def incoming(edition: Edition) -> tuple[IncomingRow, ...]:
    """What stations of this version send."""
    return (
        Incoming("SecurityEventNotification", security_event, shape=SecurityEventNotificationRequest),
        Incoming("SignCertificate", sign_certificate, _reply_signing(edition), shape=SignCertificateRequest),
    )


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """What stations of this version are sent."""
    return (
        Outgoing(
            "CertificateSigned",
            domain.CertificateSigned,
            _certificate_signed(edition),
            read_status,
            shape=StatusAnswer,
        ),
    )


INCOMING: Final = incoming(V201)
OUTGOING: Final = outgoing(V201)
