"""What 2.1 adds to the answer of Authorize."""

from __future__ import annotations

import pytest

from csms.domain.facts import AuthorizationAsked, AuthorizationReply, AuthorizationStatus, IdTokenInfo
from csms.domain.values import Value
from tests.kit.dialects_2 import D21, fact_of, replied

pytestmark = pytest.mark.feature("F-OCPP-5")


class Tariff(Value, frozen=True):
    tariff_id: str
    currency: str


def test_energy_transfers_and_the_tariff_are_told() -> None:
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED)
    reply = AuthorizationReply(info, "", ("AC_three_phase", "DC_BPT"), Tariff("night", "EUR"))
    assert replied(D21, "Authorize", reply) == {
        "idTokenInfo": {"status": "Accepted"},
        "allowedEnergyTransfer": ["AC_three_phase", "DC_BPT"],
        "tariff": {"tariffId": "night", "currency": "EUR"},
    }


def test_a_token_may_be_long_and_of_any_type() -> None:
    payload = {"idToken": {"idToken": "x" * 255, "type": "DirectPayment"}}
    assert fact_of(D21, "Authorize", payload) == AuthorizationAsked("x" * 255, "DirectPayment")
