"""What the contract cannot see of the rule sets in PostgreSQL."""

from __future__ import annotations

import pytest

from csms.ocpp.quirks import BY_NAME
from csms.storage.pool import Database
from csms.storage.tolerance import PostgresTolerance

pytestmark = pytest.mark.postgres


async def test_what_comes_with_the_server_is_switched_off_and_names_rules_that_exist(database: Database) -> None:
    (harmless,) = await PostgresTolerance(database).load_all()
    assert not harmless.enabled
    assert set(harmless.rules) <= set(BY_NAME)
