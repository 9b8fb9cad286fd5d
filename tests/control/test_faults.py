"""Errors as callers see them."""

from __future__ import annotations

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from control.faults import CODES, code_of, fault_of
from csms.domain import errors
from csms.domain.errors import DomainError, Exhausted, NotFound, Unavailable


def test_every_domain_error_has_its_code() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, DomainError)]
    assert [kind.__name__ for kind in kinds if kind is not DomainError and kind not in CODES] == []


def test_a_child_of_an_error_has_the_code_of_its_parent() -> None:
    class NoSuchPlace(NotFound):
        pass

    assert code_of(NoSuchPlace("No.")) is grpc.StatusCode.NOT_FOUND
    assert code_of(DomainError("What?")) is grpc.StatusCode.UNKNOWN


def test_the_reason_and_the_details_travel() -> None:
    fault = fault_of(NotFound("There is none.", reason="STATION_NOT_FOUND", station="7"))
    status = status_pb2.Status.FromString(fault.status)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (status.code, status.message) == (5, "There is none.")
    assert (info.reason, info.domain, dict(info.metadata)) == ("STATION_NOT_FOUND", "chargehouse", {"station": "7"})


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(Unavailable("Later."), 2), (Exhausted("Wait.", retry_after_s="90"), 90), (Exhausted("Full."), None)],
)
def test_who_should_wait_is_told_for_how_long(error: DomainError, seconds: int | None) -> None:
    status = status_pb2.Status.FromString(fault_of(error).status)
    retry = error_details_pb2.RetryInfo()
    found = [detail for detail in status.details if detail.Unpack(retry)]
    assert (retry.retry_delay.seconds if found else None) == seconds


def test_a_bug_tells_nothing_but_a_number() -> None:
    fault = fault_of(KeyError("password"))
    assert fault.code is grpc.StatusCode.INTERNAL
    assert fault.incident
    assert fault.incident in fault.message
    assert "password" not in fault.message
