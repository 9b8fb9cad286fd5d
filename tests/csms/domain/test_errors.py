"""Errors carry a sentence for people and a reason for machines."""

from __future__ import annotations

from csms.domain.errors import DomainError, NotFound


def test_the_reason_has_a_default_and_details_are_kept() -> None:
    error = NotFound("There is no station 7.", station="7")
    assert (str(error), error.reason, error.details) == ("There is no station 7.", "NOT_FOUND", {"station": "7"})


def test_every_kind_has_its_own_default_reason() -> None:
    kinds = DomainError.__subclasses__()
    own = [kind for kind in kinds if kind.__module__ == "csms.domain.errors"]
    assert len({kind.default_reason for kind in own}) == len(own) >= 11
