"""OCPP 1.6 security extension (the security whitepaper, edition 3): certificates, security events, and the extended
trigger. Logs and signed firmware have modules of their own.

1.6 says CentralSystem where 2.x says CSMS, and ChargePoint where 2.x says ChargingStation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from csms.domain import certificates as domain
from csms.domain.certificates import CertificateHashData, CertificateUse, HashAlgorithm, InstalledCertificate
from csms.domain.commands import Answer, TriggerMessage
from csms.domain.errors import InvalidArgument, NotSupported
from csms.domain.facts import Reply
from csms.ocpp.faults import V16, LocalProtocolError
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.schemas import as_utc
from csms.ocpp.v16.core import evse, read_status
from csms.ocpp.v16.payloads import Given, given
from csms.ocpp.v16.trigger import TRIGGERS

# ruff: noqa: N815 - the names are those of the specification

# -- from the station ----------------------------------------------------------------------------------------------


class SignCertificateRequest(Protocol):
    """§5.13."""

    csr: str


class SecurityEventNotificationRequest(Protocol):
    """§5.11."""

    type: str
    timestamp: datetime
    techInfo: Given[str]


def sign_certificate(payload: SignCertificateRequest) -> domain.CertificateSigningAsked:
    """§5.13 (A02). 1.6 has certificates for the connection only."""
    return domain.CertificateSigningAsked(payload.csr)


def reply_sign_certificate(reply: Reply) -> Payload:
    """§5.14."""
    if isinstance(reply, domain.SigningReply):
        return {"status": "Accepted" if reply.accepted else "Rejected"}
    raise LocalProtocolError(f"{reply!r} does not answer this action.")


def security_event(payload: SecurityEventNotificationRequest) -> domain.SecurityEventSeen:
    """§5.11 (A04)."""
    return domain.SecurityEventSeen(payload.type, as_utc(payload.timestamp), given(payload.techInfo) or "")


# -- to the station ------------------------------------------------------------------------------------------------

_USES: Final = {
    CertificateUse.CSMS_ROOT: "CentralSystemRootCertificate",
    CertificateUse.MANUFACTURER_ROOT: "ManufacturerRootCertificate",
}
_TRIGGERS: Final = {
    "LogStatusNotification": "LogStatusNotification",
    "SignChargePointCertificate": "SignChargePointCertificate",
    "SignChargingStationCertificate": "SignChargePointCertificate",
}
"""What only the extended trigger knows, in 1.6's and in 2.x's words."""


class HashData(Protocol):
    """§6.2 CertificateHashDataType."""

    hashAlgorithm: str
    issuerNameHash: str
    issuerKeyHash: str
    serialNumber: str


class GetInstalledCertificateIdsResponse(Protocol):
    """§5.8."""

    status: str
    certificateHashData: Given[Sequence[HashData]]


def certificate_signed(command: domain.CertificateSigned) -> Printable:
    """§5.1 (A02). Raises NotSupported for certificates that 1.6 does not have."""
    if command.certificate_type not in (None, domain.SigningUse.CHARGING_STATION):
        raise NotSupported(f"An OCPP 1.6 station has no {command.certificate_type}.")
    return fitted(V16, "CertificateSigned", {"certificateChain": command.certificate_chain})


def install_certificate(command: domain.InstallCertificate) -> Printable:
    """§5.9 (M05). Raises NotSupported for a use that 1.6 does not know."""
    payload: Payload = {"certificateType": _use(command.certificate_type), "certificate": command.certificate}
    return fitted(V16, "InstallCertificate", payload)


def delete_certificate(command: domain.DeleteCertificate) -> Printable:
    """§5.3 (M04)."""
    return fitted(V16, "DeleteCertificate", {"certificateHashData": command.certificate_hash_data})


def get_installed_certificate_ids(command: domain.GetInstalledCertificateIds) -> Payload:
    """§5.7 (M03). Raises InvalidArgument/ONE_TYPE_PER_CALL: 1.6 asks for one type at a time."""
    if len(command.certificate_types) != 1:
        raise InvalidArgument(
            "An OCPP 1.6 station tells the certificates of one type at a time. Name one.", reason="ONE_TYPE_PER_CALL"
        )
    return {"certificateType": _use(command.certificate_types[0])}


def read_installed_certificate_ids(payload: GetInstalledCertificateIdsResponse) -> Answer:
    """§5.8. The type is the one that was asked for, and not told again."""
    found = tuple(
        InstalledCertificate(
            CertificateHashData(
                HashAlgorithm(each.hashAlgorithm), each.issuerNameHash, each.issuerKeyHash, each.serialNumber
            )
        )
        for each in given(payload.certificateHashData) or ()
    )
    return Answer(payload.status, payload.status == "Accepted", result=domain.InstalledCertificates(found))


def extended_trigger_message(command: TriggerMessage) -> Payload:
    """§5.5 (F06)."""
    payload: Payload = {"requestedMessage": _TRIGGERS[command.requested_message]}
    if command.evse_id:
        payload["connectorId"] = evse(command.evse_id)
    return payload


def needs_extension(command: TriggerMessage) -> bool:
    """Whether only the extended trigger can ask for this."""
    return command.requested_message in _TRIGGERS and command.requested_message not in TRIGGERS


def _use(use: CertificateUse) -> str:
    if use in _USES:
        return _USES[use]
    raise NotSupported(f"An OCPP 1.6 station has no {use}; it has {' and '.join(_USES)}.")


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("SecurityEventNotification", security_event),
    Incoming("SignCertificate", sign_certificate, reply_sign_certificate),
)

OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("CertificateSigned", domain.CertificateSigned, certificate_signed, read_status),
    Outgoing("DeleteCertificate", domain.DeleteCertificate, delete_certificate, read_status),
    Outgoing("ExtendedTriggerMessage", TriggerMessage, extended_trigger_message, read_status, when=needs_extension),
    Outgoing(
        "GetInstalledCertificateIds",
        domain.GetInstalledCertificateIds,
        get_installed_certificate_ids,
        read_installed_certificate_ids,
    ),
    Outgoing("InstallCertificate", domain.InstallCertificate, install_certificate, read_status),
)
