"""The versions that exist keep the contract."""

from __future__ import annotations

from csms.ocpp import faults
from csms.ocpp.dialect import Dialect
from csms.ocpp.v16.routes import Dialect16


def test_1_6_is_a_dialect() -> None:
    dialect: Dialect = Dialect16()
    assert dialect.subprotocol == "ocpp1.6"
    assert dialect.edition is faults.V16
