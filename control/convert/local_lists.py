"""Local authorisation lists."""

from __future__ import annotations

from typing import Final

from control.convert.common import moment, timestamp
from control.convert.remote import result
from control.v1 import local_lists_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationStatus
from csms.domain.local_list import LocalListEntry
from csms.services.local_lists import SyncReport, SyncState

STATES: Final[dict[SyncState, local_lists_pb2.LocalListSyncState.ValueType]] = {
    state: local_lists_pb2.LocalListSyncState.Value(f"LOCAL_LIST_SYNC_STATE_{state.value}") for state in SyncState
}


def report(told: SyncReport) -> local_lists_pb2.SyncLocalListResponse:
    """All of it."""
    return local_lists_pb2.SyncLocalListResponse(
        state=STATES[told.state],
        result=result(told.outcome),
        version=told.version,
        full=told.full,
        messages=told.messages,
        entries=told.entries,
        left_out=told.left_out,
        note=told.note,
    )


def entry(held: LocalListEntry) -> local_lists_pb2.LocalListEntry:
    """All of it."""
    return local_lists_pb2.LocalListEntry(
        id_token=held.id_token,
        status="" if held.status is None else held.status.value,
        expire_time=timestamp(held.expires_at),
        parent_id_token=held.parent_id_token or "",
        token_type=held.token_type,
    )


def read_entry(message: local_lists_pb2.LocalListEntry) -> LocalListEntry:
    """Raises InvalidArgument for a status that OCPP does not have."""
    try:
        status = AuthorizationStatus(message.status) if message.status else None
    except ValueError:
        words = ", ".join(word.value for word in AuthorizationStatus)
        raise InvalidArgument(f"{message.status[:60]!r} is none of {words}.", reason="INVALID_STATUS") from None
    return LocalListEntry(
        message.id_token,
        status,
        moment(message.expire_time).replace(microsecond=0) if message.HasField("expire_time") else None,
        message.parent_id_token or None,
        message.token_type,
    )
