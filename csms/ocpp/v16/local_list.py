"""OCPP 1.6, Local Auth List Management profile (§5.10, §5.15)."""

from __future__ import annotations

from typing import Final, Protocol

from csms.domain import local_list as domain
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationStatus
from csms.ocpp.faults import V16, ErrorCode, Fault
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v16.core import MAX_ID_TAG_LENGTH, read_status
from csms.ocpp.v16.reservation import printed

_STATUSES: Final = {
    AuthorizationStatus.ACCEPTED: "Accepted",
    AuthorizationStatus.BLOCKED: "Blocked",
    AuthorizationStatus.EXPIRED: "Expired",
    AuthorizationStatus.CONCURRENT_TX: "ConcurrentTx",
}
"""§7.2. What else 2.x knows is Invalid here."""


class LocalListVersionResponse(Protocol):
    """§6.26."""

    listVersion: int  # noqa: N815 - as in the schema


def send_local_list(command: domain.SendLocalList) -> Printable:
    """§5.15."""
    if command.full and any(entry.status is None for entry in command.entries):
        raise InvalidArgument(
            "A full list names the tags that are in it; to take tags out, send a differential one.",
            reason="NOTHING_TO_REMOVE",
        )
    payload: Payload = {
        "listVersion": version(command.version),
        "localAuthorizationList": [_entry(entry) for entry in command.entries],
        "updateType": "Full" if command.full else "Differential",
    }
    return fitted(V16, "SendLocalList", payload)


def version(wanted: int) -> int:
    """Raises InvalidArgument: 0 and below mean that there is no list (§5.10)."""
    if 0 < wanted <= domain.MAX_VERSION:
        return wanted
    raise InvalidArgument("The version of a list is a number from 1 to 2³¹-1.", reason="INVALID_VERSION")


def _entry(entry: domain.LocalListEntry) -> Payload:
    payload: Payload = {"idTag": entry.id_token}
    if entry.status is None:
        return payload
    info: Payload = {"status": _STATUSES.get(entry.status, "Invalid")}
    if entry.expires_at is not None:
        info["expiryDate"] = printed(entry.expires_at)
    # A station of 1.6 can neither read nor hold a longer tag, so it loses nothing.
    if entry.parent_id_token is not None and len(entry.parent_id_token) <= MAX_ID_TAG_LENGTH:
        info["parentIdTag"] = entry.parent_id_token
    payload["idTagInfo"] = info
    return payload


def get_local_list_version(_command: domain.GetLocalListVersion) -> Payload:
    """§5.10."""
    return {}


def read_version(payload: LocalListVersionResponse) -> Answer:
    """§6.26. -1: the station supports no list."""
    if not domain.NOT_SUPPORTED <= payload.listVersion <= domain.MAX_VERSION:
        raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "listVersion is a number from -1 to 2³¹-1.")
    return Answer("Accepted", accepted=True, result=domain.LocalListVersion(payload.listVersion))


OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("GetLocalListVersion", domain.GetLocalListVersion, get_local_list_version, read_version),
    Outgoing("SendLocalList", domain.SendLocalList, send_local_list, read_status),
)
