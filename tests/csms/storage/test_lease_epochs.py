"""Tokens only grow, also when the bus has lost its data and counts from 1 again."""

from __future__ import annotations

import pytest

from csms.storage.fencing import WorkElsewhere
from csms.storage.lease_epochs import LeaseEpochs
from csms.storage.pool import Database

pytestmark = pytest.mark.postgres


async def test_a_token_counts_until_a_greater_one_comes(database: Database) -> None:
    epochs, other = LeaseEpochs(database, "work", "a"), LeaseEpochs(database, "more", "a")
    first, second, anew = epochs.token(100, 7), epochs.token(100, 8), epochs.token(200, 1)
    with pytest.raises(WorkElsewhere):
        await epochs.confirm(first)
    await epochs.advance(first)
    await epochs.advance(first)  # asked twice, because the answer was lost
    await epochs.confirm(first)
    await epochs.advance(second)
    for older in (first,):
        with pytest.raises(WorkElsewhere):
            await epochs.confirm(older)
        with pytest.raises(WorkElsewhere):
            await epochs.advance(older)
    await epochs.advance(anew)
    with pytest.raises(WorkElsewhere):
        await epochs.advance(second)
    await epochs.confirm(anew)
    await other.advance(other.token(1, 1))
    await epochs.confirm(anew)
