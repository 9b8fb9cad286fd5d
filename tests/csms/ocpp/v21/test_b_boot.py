"""What 2.1 adds to restarts, answered."""

from __future__ import annotations

from csms.domain.commands import Reset, ResetType
from tests.kit.dialects_2 import D21, answer


def test_a_restart_that_resumes_is_answered_like_any_other() -> None:
    told = answer(D21, Reset(ResetType.IMMEDIATE_AND_RESUME), {"status": "Accepted"})
    assert (told.status, told.accepted) == ("Accepted", True)
