"""What OCPI calls a failure (2.2.1, part 5 "Status codes"): a code in the envelope, and the HTTP status beside it."""

from __future__ import annotations

from typing import Final

SUCCESS: Final = 1000
CLIENT_ERROR: Final = 2000
INVALID_PARAMETERS: Final = 2001
NOT_ENOUGH_INFORMATION: Final = 2002
UNKNOWN_LOCATION: Final = 2003
UNKNOWN_TOKEN: Final = 2004
SERVER_ERROR: Final = 3000
UNUSABLE_API: Final = 3001
UNSUPPORTED_VERSION: Final = 3002
NO_MATCHING_ENDPOINTS: Final = 3003


class OcpiFault(Exception):
    """The answer to a request that could not be met. Codes of 2000 and more with HTTP 200 are about the content; an
    HTTP status of its own says that the request itself was none (part 4.1.4)."""

    def __init__(self, code: int, message: str, *, http_status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status


def not_found(message: str, code: int = CLIENT_ERROR) -> OcpiFault:
    """HTTP 404."""
    return OcpiFault(code, message, http_status=404)


def not_allowed(message: str) -> OcpiFault:
    """HTTP 405."""
    return OcpiFault(CLIENT_ERROR, message, http_status=405)


def invalid(message: str) -> OcpiFault:
    """2001; HTTP 400, since the content cannot be read."""
    return OcpiFault(INVALID_PARAMETERS, message, http_status=400)
