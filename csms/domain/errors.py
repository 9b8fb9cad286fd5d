"""One family of errors, each with a stable reason code.

    DomainError
    ├── InvalidArgument      what was asked makes no sense; asking again unchanged never will
    ├── NotFound             no such thing, or none that this caller may see
    ├── AlreadyExists        a name or an identity that must be unique is taken
    ├── StaleVersion         somebody changed it meanwhile: read again, then change
    ├── Unauthenticated      who are you?
    ├── PermissionDenied     we know who you are, and no
    ├── FailedPrecondition   not in this state (station offline, children exist, …)
    ├── NotSupported         this station or its OCPP version has no such thing
    ├── Exhausted            a bound was hit: mailbox full, too many attempts, page too deep
    ├── DeadlineExceeded     time was up; `reason` says whether the command may have happened
    └── Unavailable          we cannot now (database gone, draining): try again later

`reason` is machine-readable UPPER_SNAKE_CASE and part of the control API (ErrorInfo.reason); the message is a
sentence for people that says what to do.
"""

from __future__ import annotations


class DomainError(Exception):
    """Base of all errors that may reach a caller. `details` are short strings for machines."""

    default_reason = "UNKNOWN"

    def __init__(self, message: str, *, reason: str | None = None, **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.details = details


class InvalidArgument(DomainError):
    """What was asked makes no sense, whatever the state."""

    default_reason = "INVALID_ARGUMENT"


class NotFound(DomainError):
    """No such thing, or none that the caller may see."""

    default_reason = "NOT_FOUND"


class AlreadyExists(DomainError):
    """A name that must be unique is taken."""

    default_reason = "ALREADY_EXISTS"


class StaleVersion(DomainError):
    """The etag does not match: somebody changed the thing meanwhile."""

    default_reason = "STALE_VERSION"


class Unauthenticated(DomainError):
    """No credentials, or none that are valid."""

    default_reason = "UNAUTHENTICATED"


class PermissionDenied(DomainError):
    """The caller is known and may not."""

    default_reason = "PERMISSION_DENIED"


class FailedPrecondition(DomainError):
    """Not in this state."""

    default_reason = "FAILED_PRECONDITION"


class NotSupported(DomainError):
    """The station or its OCPP version lacks it."""

    default_reason = "NOT_SUPPORTED"


class Exhausted(DomainError):
    """A bound was hit."""

    default_reason = "EXHAUSTED"


class DeadlineExceeded(DomainError):
    """Time was up; the reason tells whether the command may have happened."""

    default_reason = "DEADLINE_EXCEEDED"


class Unavailable(DomainError):
    """Not now: the database is away or the node is draining. Try again."""

    default_reason = "UNAVAILABLE"
