"""The faults of OCPP 1.5 (SOAP specification of 1.5, fault responses) and which of our error codes becomes which."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from csms.ocpp.faults import ErrorCode


class FaultCode(StrEnum):
    """Subcodes that OCPP 1.5 names."""

    SECURITY_ERROR = "SecurityError"
    IDENTITY_MISMATCH = "IdentityMismatch"
    URL_MISMATCH = "UrlMismatch"
    PROTOCOL_ERROR = "ProtocolError"
    INTERNAL_ERROR = "InternalError"
    NOT_SUPPORTED = "NotSupported"


RECEIVERS: Final = frozenset({FaultCode.INTERNAL_ERROR, FaultCode.NOT_SUPPORTED})
"""Whose fault it is: these are the receiver's, all others the sender's."""

_CODES: Final = {
    ErrorCode.NOT_IMPLEMENTED: FaultCode.NOT_SUPPORTED,
    ErrorCode.NOT_SUPPORTED: FaultCode.NOT_SUPPORTED,
    ErrorCode.INTERNAL_ERROR: FaultCode.INTERNAL_ERROR,
    ErrorCode.GENERIC_ERROR: FaultCode.INTERNAL_ERROR,
    ErrorCode.SECURITY_ERROR: FaultCode.SECURITY_ERROR,
}


def fault_code(code: ErrorCode) -> FaultCode:
    """1.5's word: whatever is wrong with a message is a ProtocolError there."""
    return _CODES.get(code, FaultCode.PROTOCOL_ERROR)
