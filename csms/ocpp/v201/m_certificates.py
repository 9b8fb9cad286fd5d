"""OCPP 2.0.1, block M. Certificates: of vehicles (ISO 15118), and what stations have installed. 2.1 shares the rows,
held against its own schemas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from csms.domain import certificates as domain
from csms.domain.certificates import CertificateHashData, CertificateUse, InstalledCertificate, OcspRequestData
from csms.domain.commands import Answer
from csms.domain.facts import Reply
from csms.domain.values import Value
from csms.ocpp.faults import V201, Edition, LocalProtocolError
from csms.ocpp.fitting import fitted, tidied
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201.a_security import status_with_reason
from csms.ocpp.v201.answers import StatusAnswer, StatusInfo, read_status

# -- from the station ----------------------------------------------------------------------------------------------


class Get15118EVCertificateRequest(Value, frozen=True):
    """The last two since 2.1."""

    iso15118_schema_version: str
    action: str
    exi_request: str
    maximum_contract_certificate_chains: int | None = None
    prioritized_emaids: tuple[str, ...] = msgspec.field(default=(), name="prioritizedEMAIDs")


class GetCertificateStatusRequest(Value, frozen=True):
    """M06."""

    ocsp_request_data: OcspRequestData


def ev_certificate(payload: Get15118EVCertificateRequest) -> domain.EvCertificateAsked:
    """M01, M02."""
    payload = tidied(payload)
    return domain.EvCertificateAsked(
        payload.iso15118_schema_version,
        payload.action,
        payload.exi_request,
        payload.maximum_contract_certificate_chains,
        payload.prioritized_emaids,
    )


def certificate_status(payload: GetCertificateStatusRequest) -> domain.CertificateStatusAsked:
    """M06."""
    return domain.CertificateStatusAsked(payload.ocsp_request_data)


MAX_EXI: Final = {"ocpp2.0.1": 7500}
"""Characters of exiResponse; 2.1 has 17,000."""
MAX_OCSP: Final = {"ocpp2.0.1": 5500}
"""Characters of ocspResult; 2.1 has 18,000."""


def _reply_ev_certificate(edition: Edition) -> Callable[[Reply], Payload]:
    limit = MAX_EXI.get(edition.subprotocol, 17_000)

    def reply(reply: Reply) -> Payload:
        if not isinstance(reply, domain.EvCertificateReply):
            raise LocalProtocolError(f"{reply!r} does not answer this action.")
        fits = len(reply.exi_response) <= limit
        if reply.accepted and not fits:
            reply = domain.EvCertificateReply(
                False, "", None, "TooLong", f"The provider's answer is longer than the {limit} characters of OCPP."
            )
        status = "Accepted" if reply.accepted else "Failed"
        payload = status_with_reason(edition, status, reply.reason_code, reply.additional_info)
        payload["exiResponse"] = reply.exi_response if fits else ""
        if reply.remaining_contracts is not None and edition is not V201:
            payload["remainingContracts"] = max(0, reply.remaining_contracts)
        return payload

    return reply


def _reply_certificate_status(edition: Edition) -> Callable[[Reply], Payload]:
    limit = MAX_OCSP.get(edition.subprotocol, 18_000)

    def reply(reply: Reply) -> Payload:
        if not isinstance(reply, domain.CertificateStatusReply):
            raise LocalProtocolError(f"{reply!r} does not answer this action.")
        if reply.accepted and len(reply.ocsp_result) > limit:
            reply = domain.CertificateStatusReply(
                False, "", "TooLong", f"The responder's answer is longer than the {limit} characters of OCPP."
            )
        status = "Accepted" if reply.accepted else "Failed"
        payload = status_with_reason(edition, status, reply.reason_code, reply.additional_info)
        if reply.accepted:
            payload["ocspResult"] = reply.ocsp_result
        return payload

    return reply


def incoming(edition: Edition) -> tuple[IncomingRow, ...]:
    """What stations of this version send."""
    return (
        Incoming(
            "Get15118EVCertificate", ev_certificate, _reply_ev_certificate(edition), shape=Get15118EVCertificateRequest
        ),
        Incoming(
            "GetCertificateStatus",
            certificate_status,
            _reply_certificate_status(edition),
            shape=GetCertificateStatusRequest,
        ),
    )


# -- to the station ------------------------------------------------------------------------------------------------


class CertificateHashDataChain(Value, frozen=True):
    """CertificateHashDataChainType."""

    certificate_type: CertificateUse
    certificate_hash_data: CertificateHashData
    child_certificate_hash_data: tuple[CertificateHashData, ...] = ()


class GetInstalledCertificateIdsResponse(Value, frozen=True):
    """M03."""

    status: str
    status_info: StatusInfo | None = None
    certificate_hash_data_chain: tuple[CertificateHashDataChain, ...] = ()


def read_installed(payload: GetInstalledCertificateIdsResponse) -> Answer:
    """M03."""
    answer = read_status(StatusAnswer(payload.status, payload.status_info))
    found = tuple(
        InstalledCertificate(each.certificate_hash_data, each.certificate_type, each.child_certificate_hash_data)
        for each in payload.certificate_hash_data_chain
    )
    return Answer(
        answer.status,
        answer.accepted,
        reason_code=answer.reason_code,
        additional_info=answer.additional_info,
        result=domain.InstalledCertificates(found),
    )


def _install(edition: Edition) -> Callable[[domain.InstallCertificate], Printable]:
    def encode(command: domain.InstallCertificate) -> Printable:
        payload: Payload = {
            "certificateType": command.certificate_type.value,
            "certificate": command.certificate,
        }
        return fitted(edition, "InstallCertificate", payload)

    return encode


def _delete(edition: Edition) -> Callable[[domain.DeleteCertificate], Printable]:
    def encode(command: domain.DeleteCertificate) -> Printable:
        return fitted(edition, "DeleteCertificate", {"certificateHashData": command.certificate_hash_data})

    return encode


def _get_installed(edition: Edition) -> Callable[[domain.GetInstalledCertificateIds], Printable]:
    def encode(command: domain.GetInstalledCertificateIds) -> Printable:
        payload: Payload = {}
        if command.certificate_types:
            payload["certificateType"] = [use.value for use in command.certificate_types]
        return fitted(edition, "GetInstalledCertificateIds", payload)

    return encode


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """What stations of this version are sent."""
    return (
        Outgoing("DeleteCertificate", domain.DeleteCertificate, _delete(edition), read_status, shape=StatusAnswer),
        Outgoing(
            "GetInstalledCertificateIds",
            domain.GetInstalledCertificateIds,
            _get_installed(edition),
            read_installed,
            shape=GetInstalledCertificateIdsResponse,
        ),
        Outgoing("InstallCertificate", domain.InstallCertificate, _install(edition), read_status, shape=StatusAnswer),
    )


INCOMING: Final = incoming(V201)
OUTGOING: Final = outgoing(V201)
