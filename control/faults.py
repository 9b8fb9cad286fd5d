"""Errors as callers see them: one table, and google.rpc.Status with ErrorInfo for each."""

from __future__ import annotations

import uuid
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from csms.domain.errors import (
    AlreadyExists,
    DeadlineExceeded,
    DomainError,
    Exhausted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    NotSupported,
    PermissionDenied,
    StaleVersion,
    Unauthenticated,
    Unavailable,
)
from csms.ports.feed import RevisionTooOld, WatcherTooSlow
from csms.ports.journal import RecordConflict

DOMAIN: Final = "chargehouse"
DETAILS_KEY: Final = "grpc-status-details-bin"
RETRY_SECONDS: Final = 2

CODES: Final[dict[type[DomainError], grpc.StatusCode]] = {
    InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    StaleVersion: grpc.StatusCode.ABORTED,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    # Not UNIMPLEMENTED, which says that this server lacks the method: here the station does.
    NotSupported: grpc.StatusCode.FAILED_PRECONDITION,
    Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    RevisionTooOld: grpc.StatusCode.OUT_OF_RANGE,
    WatcherTooSlow: grpc.StatusCode.OUT_OF_RANGE,
    RecordConflict: grpc.StatusCode.ABORTED,
}


class Fault:
    """What is sent instead of an answer."""

    __slots__ = ("code", "incident", "message", "reason", "status")

    def __init__(self, code: grpc.StatusCode, message: str, reason: str, details: list[Message], incident: str) -> None:
        self.code = code
        self.message = message
        self.reason = reason
        self.incident = incident
        """Set when the error was not meant to happen: the same id is in the log."""
        self.status: bytes = status_pb2.Status(
            code=code.value[0], message=message, details=[_packed(detail) for detail in details]
        ).SerializeToString()


def fault_of(error: BaseException) -> Fault:
    """Domain errors by the table; anything else is INTERNAL with an incident id and says nothing of the inside."""
    if not isinstance(error, DomainError):
        incident = uuid.uuid4().hex[:12]
        message = f"Something went wrong in the server. Tell its operator this number: {incident}."
        info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"incident": incident})
        return Fault(grpc.StatusCode.INTERNAL, message, "INTERNAL", [info], incident)
    code = code_of(error)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.details)
    details: list[Message] = [info]
    retry = error.details.get("retry_after_s", "")
    if retry.isdecimal() or code is grpc.StatusCode.UNAVAILABLE:
        delay = Duration(seconds=int(retry) if retry.isdecimal() else RETRY_SECONDS)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return Fault(code, error.message, error.reason, details, "")


def code_of(error: DomainError) -> grpc.StatusCode:
    """The code of an error's class, or of the nearest class above it."""
    for kind in type(error).__mro__:
        code = CODES.get(kind)
        if code is not None:
            return code
    return grpc.StatusCode.UNKNOWN


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
