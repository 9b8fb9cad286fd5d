"""OCPP 2.0.1, block D. Local authorisation list; 2.1 shares the rows, held against its own schemas."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from csms.domain import local_list as domain
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument
from csms.domain.typed_token import TypedToken, typed
from csms.domain.values import Value
from csms.ocpp.faults import V201, Edition, ErrorCode, Fault
from csms.ocpp.routing import IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201.answers import StatusAnswer, read_status
from csms.ocpp.v201.k_smart_charging import held_against


class IdTokenInfo(Value, frozen=True):
    """IdTokenInfoType: what of it a list needs."""

    status: str
    cache_expiry_date_time: datetime | None = None
    group_id_token: TypedToken | None = None


class AuthorizationData(Value, frozen=True):
    """Without information, in a differential update: take it out (D01.FR.16)."""

    id_token: TypedToken
    id_token_info: IdTokenInfo | None = None


class SendLocalListRequest(Value, frozen=True):
    """D01."""

    version_number: int
    update_type: str
    local_authorization_list: tuple[AuthorizationData, ...] = ()


class LocalListVersionResponse(Value, frozen=True):
    """D02."""

    version_number: int


def send_local_list(command: domain.SendLocalList) -> Printable:
    """D01. A full list without entries empties it (D01.FR.04)."""
    if not 0 < command.version <= domain.MAX_VERSION:
        raise InvalidArgument("The version of a list is a number from 1 to 2³¹-1.", reason="INVALID_VERSION")
    if command.full and any(entry.status is None for entry in command.entries):
        raise InvalidArgument(
            "A full list names the tags that are in it; to take tags out, send a differential one.",
            reason="NOTHING_TO_REMOVE",
        )
    return SendLocalListRequest(
        command.version,
        "Full" if command.full else "Differential",
        tuple(_entry(entry) for entry in command.entries),
    )


def _entry(entry: domain.LocalListEntry) -> AuthorizationData:
    token, group = typed(entry.id_token, entry.token_type), entry.parent_id_token
    if entry.status is None:
        return AuthorizationData(token)
    info = IdTokenInfo(entry.status.value, entry.expires_at, None if group is None else typed(group, "Central"))
    return AuthorizationData(token, info)


def get_local_list_version(_command: domain.GetLocalListVersion) -> Payload:
    """D02."""
    return {}


def read_version(payload: LocalListVersionResponse) -> Answer:
    """D02."""
    if not 0 <= payload.version_number <= domain.MAX_VERSION:
        raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "versionNumber is a number from 0 to 2³¹-1.")
    return Answer("Accepted", accepted=True, result=domain.LocalListVersion(payload.version_number))


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """The rows that 2.0.1 and 2.1 share."""
    return (
        Outgoing(
            "GetLocalListVersion",
            domain.GetLocalListVersion,
            get_local_list_version,
            read_version,
            shape=LocalListVersionResponse,
        ),
        Outgoing(
            "SendLocalList",
            domain.SendLocalList,
            held_against(edition, "SendLocalList", send_local_list),
            read_status,
            shape=StatusAnswer,
        ),
    )


INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = outgoing(V201)
