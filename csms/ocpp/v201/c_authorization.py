"""OCPP 2.0.1, block C. Authorisation (C01 – C12)."""

from __future__ import annotations

from typing import Final

import msgspec

from csms.domain import commands, facts
from csms.domain.certificates import OcspRequestData
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload
from csms.ocpp.v201 import payloads
from csms.ocpp.v201.common import additional_info, mismatch, print_info, read_status
from csms.ocpp.v201.payloads import given


def authorize(payload: payloads.AuthorizeRequest) -> facts.AuthorizationAsked:
    """C01 – C05; C07, C08 with a contract certificate."""
    token = payload.idToken
    hashes = given(payload.iso15118CertificateHashData)
    return facts.AuthorizationAsked(
        token.idToken,
        token.type,
        additional_info(token),
        given(payload.certificate) or "",
        () if hashes is None else msgspec.convert(msgspec.to_builtins(hashes), tuple[OcspRequestData, ...]),
    )


def reply_authorize(reply: facts.Reply) -> Payload:
    """C01; `certificateStatus` where somebody has looked at the certificate."""
    if not isinstance(reply, facts.AuthorizationReply):
        raise mismatch(reply)
    payload: Payload = {"idTokenInfo": print_info(reply.info)}
    if reply.certificate_status:
        payload["certificateStatus"] = reply.certificate_status
    return payload


def clear_cache(_command: commands.ClearCache) -> Payload:
    """C11."""
    return {}


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("Authorize", authorize, reply_authorize),)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (Outgoing("ClearCache", commands.ClearCache, clear_cache, read_status),)
