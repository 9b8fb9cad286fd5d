"""What many answers of OCPP 2.x have in common: a status, and at times the reason for it."""

from __future__ import annotations

from typing import Final

from csms.domain.commands import Answer, Result
from csms.domain.values import Value

ACCEPTED: Final = frozenset({"Accepted", "RebootRequired"})
"""The words that mean: it is done, or will be."""


class StatusInfo(Value, frozen=True):
    """StatusInfoType."""

    reason_code: str
    additional_info: str = ""


class StatusAnswer(Value, frozen=True):
    """An answer with a status and no more."""

    status: str
    status_info: StatusInfo | None = None


def answer(status: str, info: StatusInfo | None = None, result: Result | None = None) -> Answer:
    """An answer with what the station adds to its status."""
    return Answer(
        status,
        accepted=status in ACCEPTED,
        reason_code="" if info is None else info.reason_code,
        additional_info="" if info is None else info.additional_info,
        result=result,
    )


def read_status(told: StatusAnswer) -> Answer:
    """For rows with the shape StatusAnswer."""
    return answer(told.status, told.status_info)
