"""OCPP 2.1, blocks A and M. What 2.0.1 has, held against 2.1's schemas; and the state of a chain of certificates."""

from __future__ import annotations

from datetime import UTC
from typing import Final

from csms.domain import certificates as domain
from csms.domain.certificates import CertificateStatusRequest
from csms.domain.facts import Reply
from csms.domain.values import Value
from csms.ocpp.faults import V21, LocalProtocolError
from csms.ocpp.routing import Incoming, Payload
from csms.ocpp.v201 import a_security, m_certificates


class GetCertificateChainStatusRequest(Value, frozen=True):
    """M07."""

    certificate_status_requests: tuple[CertificateStatusRequest, ...]


def chain_status(payload: GetCertificateChainStatusRequest) -> domain.CertificateChainStatusAsked:
    """M07."""
    return domain.CertificateChainStatusAsked(payload.certificate_status_requests)


def reply_chain_status(reply: Reply) -> Payload:
    """M07."""
    if not isinstance(reply, domain.CertificateChainStatusReply):
        raise LocalProtocolError(f"{reply!r} does not answer this action.")
    return {
        "certificateStatus": [
            {
                "certificateHashData": each.certificate_hash_data,
                "source": each.source.value,
                "status": each.status.value,
                "nextUpdate": each.next_update.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for each in reply.statuses
        ]
    }


INCOMING: Final = (
    *a_security.incoming(V21),
    *m_certificates.incoming(V21),
    Incoming("GetCertificateChainStatus", chain_status, reply_chain_status, shape=GetCertificateChainStatusRequest),
)
OUTGOING: Final = (*a_security.outgoing(V21), *m_certificates.outgoing(V21))
