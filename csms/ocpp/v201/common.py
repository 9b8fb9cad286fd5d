"""What several blocks of OCPP 2.x say in the same way: tokens, times, statuses, bounds of numbers.

The schemas leave whole numbers open; ours: EVSEs and connectors 0 to 2³¹-1, all others 64 bits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from csms.domain.commands import Answer, Result
from csms.domain.facts import AdditionalInfo, IdTokenInfo, Reply
from csms.ocpp.faults import ErrorCode, Fault, LocalProtocolError
from csms.ocpp.routing import Payload
from csms.ocpp.v201 import payloads
from csms.ocpp.v201.payloads import given

MAX_GROUP_LENGTH: Final = 36
_MAX_NUMBER: Final = 2**31 - 1
_MAX_INTEGER: Final = 2**63 - 1
_AGREED: Final = frozenset({"Accepted", "Scheduled", "Unlocked"})
"""The words that mean: it is done, or will be."""


def number(name: str, told: int, least: int = 0) -> int:
    """An EVSE's or connector's number. Raises Fault."""
    if least <= told <= _MAX_NUMBER:
        return told
    raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{name} must be a number from {least} to {_MAX_NUMBER}.")


def integer(name: str, told: int, least: int = -_MAX_INTEGER) -> int:
    """Any whole number that can be kept. Raises Fault."""
    if least <= told <= _MAX_INTEGER:
        return told
    raise Fault(
        ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        f"{name} does not fit into 64 bits." if least < 0 else f"{name} must be {least} or more, within 64 bits.",
    )


def some_integer(name: str, told: payloads.Given[int]) -> int | None:
    """The same for one that may be left out."""
    value = given(told)
    return None if value is None else integer(name, value)


def print_time(moment: datetime) -> str:
    """RFC 3339 in UTC, without decimals, which some stations cannot read."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def additional_info(token: payloads.IdTokenType) -> tuple[AdditionalInfo, ...]:
    """What was read beside the token."""
    return tuple(AdditionalInfo(each.additionalIdToken, each.type) for each in given(token.additionalInfo) or ())


def print_info(info: IdTokenInfo) -> Payload:
    """IdTokenInfoType. A group's token has no type with us: it is one that we made up, Central."""
    payload: Payload = {"status": info.status.value}
    if info.expires_at is not None:
        payload["cacheExpiryDateTime"] = print_time(info.expires_at)
    if info.charging_priority is not None:
        payload["chargingPriority"] = info.charging_priority
    if info.language:
        payload["language1"] = info.language
    if info.evse_ids:
        payload["evseId"] = list(info.evse_ids)
    if info.parent_id_token and len(info.parent_id_token) <= MAX_GROUP_LENGTH:
        payload["groupIdToken"] = {"idToken": info.parent_id_token, "type": "Central"}
    if info.personal_message:
        payload["personalMessage"] = print_message(info.personal_message, info.language)
    return payload


def print_message(text: str, language: str = "") -> Payload:
    """MessageContentType; what is too long for 2.0.1 is cut."""
    payload: Payload = {"format": "UTF8", "content": text[:512]}
    if language:
        payload["language"] = language
    return payload


def read_status(told: payloads.StatusResponse, result: Result | None = None) -> Answer:
    """An answer with a status, and why."""
    info = given(told.statusInfo)
    return Answer(
        told.status,
        told.status in _AGREED,
        reason_code="" if info is None else info.reasonCode,
        additional_info="" if info is None else given(info.additionalInfo) or "",
        result=result,
    )


def mismatch(reply: Reply) -> LocalProtocolError:
    """We were about to answer with something else: a bug."""
    return LocalProtocolError(f"{reply!r} does not answer this action.")
