"""The running cost in the words of 2.0.1."""

from __future__ import annotations

import json

import pytest

from csms.domain.errors import InvalidArgument, NotSupported
from csms.domain.payment import CostUpdated, GetTariffs
from csms.ocpp.v16.routes import Dialect16
from csms.ocpp.v201.routes import Dialect201

pytestmark = pytest.mark.feature("F-OCPP-4")


def test_the_cost_is_shown_and_the_answer_is_empty() -> None:
    dialect = Dialect201()
    action, payload = dialect.encode(CostUpdated("TX-1", 12.5))
    assert (action, json.loads(payload)) == ("CostUpdated", {"totalCost": 12.5, "transactionId": "TX-1"})
    assert dialect.outcome(CostUpdated("TX-1", 12.5), b"{}").accepted
    with pytest.raises(InvalidArgument):
        dialect.encode(CostUpdated("T" * 37, 1.0))


def test_a_version_that_lacks_it_is_named() -> None:
    with pytest.raises(NotSupported, match=r"1\.6"):
        Dialect16().encode(CostUpdated("1", 1.0))
    with pytest.raises(NotSupported, match=r"2\.0\.1"):
        Dialect201().encode(GetTariffs())
