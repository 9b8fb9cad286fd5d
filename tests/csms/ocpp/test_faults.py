"""Error codes: the right word in each version, and which of our errors becomes which."""

from __future__ import annotations

import pytest

from csms.domain import errors
from csms.ocpp import faults
from csms.ocpp.faults import ErrorCode, Fault, fault_of

CODES_1_6 = {
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "FormationViolation",
    "PropertyConstraintViolation",
    "OccurenceConstraintViolation",
    "TypeConstraintViolation",
    "GenericError",
}


@pytest.mark.feature("F-OCPP-10")
def test_1_6_says_nothing_but_the_ten_words_of_its_table_with_their_misspellings() -> None:
    assert {faults.V16.spell(code) for code in ErrorCode} == CODES_1_6


def test_2_x_spells_them_right() -> None:
    assert faults.V201.spell(ErrorCode.FORMAT_VIOLATION) == "FormatViolation"
    assert faults.V21.spell(ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION) == "OccurrenceConstraintViolation"


def test_description_is_cut_to_what_the_specification_allows() -> None:
    fault = Fault(ErrorCode.GENERIC_ERROR, "x" * 1000)
    assert len(fault.description) == 255
    assert fault.description.endswith("…")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotSupported("no"), "NotSupported"),
        (errors.InvalidArgument("no"), "PropertyConstraintViolation"),
        (errors.PermissionDenied("no"), "SecurityError"),
        (errors.NotFound("no"), "GenericError"),
        (errors.Unavailable("later"), "InternalError"),
        (errors.DomainError("?"), "InternalError"),
    ],
)
def test_domain_error_becomes_a_fault(error: errors.DomainError, code: str) -> None:
    fault = fault_of(error)
    assert (fault.code, fault.description, fault.details) == (code, error.message, {"reason": error.reason})


def test_every_domain_error_has_its_line_in_the_table() -> None:
    family = [kind for kind in errors.DomainError.__subclasses__() if kind.__module__ == errors.__name__]
    assert len(family) >= 11
    for kind in family:
        assert any(issubclass(kind, known) for known, _ in faults._DOMAIN_ERRORS), kind
