"""The error codes that the specifications name, and which of our errors becomes which.

Two kinds of protocol error are kept apart, because they are the fault of different people:

    Fault                the station sent something wrong (or we cannot do it): becomes a CALLERROR
    LocalProtocolError   *we* were about to break the protocol: a bug of ours, never shown to a station

An `Edition` is what differs between OCPP versions on this level: the spelling of codes, the code for each kind of
schema violation, the message types that exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from csms.domain import errors

MAX_DESCRIPTION_LENGTH: Final = 255
"""OCPP-J 1.6 §4.2.3 (2.0.1 part 4 §4.2.3): errorDescription has at most 255 characters."""


class ErrorCode(StrEnum):
    """What went wrong, whatever a version's spelling; the values are those of OCPP 2.1."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMAT_VIOLATION = "FormatViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    MESSAGE_TYPE_NOT_SUPPORTED = "MessageTypeNotSupported"
    RPC_FRAMEWORK_ERROR = "RpcFrameworkError"
    GENERIC_ERROR = "GenericError"


class LocalProtocolError(Exception):
    """We were about to send something that the specification forbids. A bug of ours: nothing was sent."""


class Fault(Exception):
    """A CALL that cannot be answered with a CALLRESULT, and why.

    `description` is cut to 255 characters; `details` become the CALLERROR's errorDetails (short strings).
    """

    def __init__(self, code: ErrorCode, description: str, details: Mapping[str, str] | None = None) -> None:
        description = shorten(description)
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.details: Mapping[str, str] = details or {}


def shorten(text: str, limit: int = MAX_DESCRIPTION_LENGTH) -> str:
    """At most `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


_C = ErrorCode

_KEYWORDS: Final[Mapping[str, ErrorCode]] = {
    # The payload is "syntactically correct but at least one field contains an invalid value".
    "enum": _C.PROPERTY_CONSTRAINT_VIOLATION,
    "const": _C.PROPERTY_CONSTRAINT_VIOLATION,
    "minLength": _C.PROPERTY_CONSTRAINT_VIOLATION,
    "maxLength": _C.PROPERTY_CONSTRAINT_VIOLATION,
    "pattern": _C.PROPERTY_CONSTRAINT_VIOLATION,
    "minimum": _C.PROPERTY_CONSTRAINT_VIOLATION,
    "maximum": _C.PROPERTY_CONSTRAINT_VIOLATION,
    "exclusiveMinimum": _C.PROPERTY_CONSTRAINT_VIOLATION,
    "exclusiveMaximum": _C.PROPERTY_CONSTRAINT_VIOLATION,
    "multipleOf": _C.PROPERTY_CONSTRAINT_VIOLATION,
    # "… at least one of the fields violates occurrence constraints".
    "minItems": _C.OCCURRENCE_CONSTRAINT_VIOLATION,
    "maxItems": _C.OCCURRENCE_CONSTRAINT_VIOLATION,
    # "… at least one of the fields violates data type constraints".
    "type": _C.TYPE_CONSTRAINT_VIOLATION,
    # "Payload for Action is syntactically incorrect": a date that is no date.
    "format": _C.FORMAT_VIOLATION,
}


@dataclass(frozen=True, slots=True, eq=False)
class Edition:
    """What OCPP-J says in one version.

    `spellings` has only the codes that the version writes differently. `keywords`: JSON schema keyword that failed →
    code. `answers_unreadable`: a frame without a readable message id is answered with CALLERROR "-1" even when it
    does not look like a CALL.
    """

    subprotocol: str
    folder: str
    """The sub-package of `ocpp` with the schemas."""
    keywords: Mapping[str, ErrorCode]
    message_types: frozenset[int]
    spellings: Mapping[ErrorCode, str] = field(default_factory=dict)
    answers_unreadable: bool = True
    answers_unknown_types: bool = True

    @property
    def title(self) -> str:
        """For people: "OCPP 1.6"."""
        return f"OCPP {self.subprotocol.removeprefix('ocpp')}"

    def spell(self, code: ErrorCode) -> str:
        """The code as this version writes it."""
        return self.spellings.get(code, code.value)


# OCPP-J 1.6 §4.2.3, table 7. Two names are misspelt there and the errata sheet (§5.1, §5.2) keeps them so.
# "ProtocolError: Payload for Action is incomplete" = something required is missing.
# "FormationViolation: … syntactically incorrect or not conform the PDU structure" = properties that do not belong.
# A message type outside 2, 3 and 4 "SHALL be ignored" (§4.1.3).
V16: Final = Edition(
    subprotocol="ocpp1.6",
    folder="v16",
    keywords=MappingProxyType(
        {**_KEYWORDS, "required": _C.PROTOCOL_ERROR, "additionalProperties": _C.FORMAT_VIOLATION}
    ),
    message_types=frozenset({2, 3, 4}),
    spellings=MappingProxyType(
        {
            _C.FORMAT_VIOLATION: "FormationViolation",
            _C.OCCURRENCE_CONSTRAINT_VIOLATION: "OccurenceConstraintViolation",
            _C.RPC_FRAMEWORK_ERROR: "FormationViolation",
            _C.MESSAGE_TYPE_NOT_SUPPORTED: "FormationViolation",
        }
    ),
    answers_unreadable=False,
    answers_unknown_types=False,
)

# OCPP 2.0.1 part 4 §4.2.3, table 8. "ProtocolError: Payload for Action is not conform the PDU structure" = properties
# that do not belong; a missing one violates its occurrence (1..1). "RpcFrameworkError: content of the call is not a
# valid RPC request"; "-1" stands for a message id that could not be read.
_KEYWORDS_2: Final[Mapping[str, ErrorCode]] = MappingProxyType(
    {
        **_KEYWORDS,
        "required": _C.OCCURRENCE_CONSTRAINT_VIOLATION,
        "additionalProperties": _C.PROTOCOL_ERROR,
    }
)

V201: Final = Edition("ocpp2.0.1", "v201", _KEYWORDS_2, frozenset({2, 3, 4}))
V21: Final = Edition("ocpp2.1", "v21", _KEYWORDS_2, frozenset({2, 3, 4, 5, 6}))
EDITIONS: Final[Mapping[str, Edition]] = MappingProxyType({e.subprotocol: e for e in (V16, V201, V21)})


_DOMAIN_ERRORS: Final[tuple[tuple[type[errors.DomainError], ErrorCode], ...]] = (
    (errors.NotSupported, _C.NOT_SUPPORTED),
    (errors.InvalidArgument, _C.PROPERTY_CONSTRAINT_VIOLATION),
    (errors.Unauthenticated, _C.SECURITY_ERROR),
    (errors.PermissionDenied, _C.SECURITY_ERROR),
    (errors.NotFound, _C.GENERIC_ERROR),
    (errors.AlreadyExists, _C.GENERIC_ERROR),
    (errors.StaleVersion, _C.GENERIC_ERROR),
    (errors.FailedPrecondition, _C.GENERIC_ERROR),
    # The station may try again later: it was not its fault.
    (errors.Exhausted, _C.INTERNAL_ERROR),
    (errors.DeadlineExceeded, _C.INTERNAL_ERROR),
    (errors.Unavailable, _C.INTERNAL_ERROR),
)


def fault_of(error: errors.DomainError) -> Fault:
    """The CALLERROR that a domain error becomes."""
    for kind, code in _DOMAIN_ERRORS:
        if isinstance(error, kind):
            return Fault(code, error.message, {"reason": error.reason})
    return Fault(_C.INTERNAL_ERROR, error.message, {"reason": error.reason})
