"""An end is what hastens the look at limits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from csms.app.chapters.tags import _has_ended
from csms.domain.facts import TransactionEventSeen, TransactionEventType


@pytest.mark.parametrize("kind", TransactionEventType)
def test_only_an_end_hastens_the_sweep(kind: TransactionEventType) -> None:
    fact = TransactionEventSeen(kind, datetime(2026, 1, 1, tzinfo=UTC))
    assert _has_ended(fact) is (kind is TransactionEventType.ENDED)
