"""OCPP 1.5: whose fault it is."""

from __future__ import annotations

import pytest

from csms.ocpp.faults import ErrorCode
from csms.ocpp.v15.faults import RECEIVERS, FaultCode, fault_code


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_has_a_word_in_1_5(code: ErrorCode) -> None:
    found = fault_code(code)
    ours = code in (
        ErrorCode.NOT_IMPLEMENTED,
        ErrorCode.NOT_SUPPORTED,
        ErrorCode.INTERNAL_ERROR,
        ErrorCode.GENERIC_ERROR,
    )
    assert (found in RECEIVERS) == ours


def test_security_is_security() -> None:
    assert fault_code(ErrorCode.SECURITY_ERROR) is FaultCode.SECURITY_ERROR
