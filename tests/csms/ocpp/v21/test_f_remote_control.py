"""What 2.1 adds to triggers and remote starts."""

from __future__ import annotations

import pytest

from csms.domain.commands import RequestStartTransaction, TriggerMessage
from csms.domain.errors import InvalidArgument, NotSupported
from tests.kit.dialects_2 import D21, D201, answer, printed

pytestmark = pytest.mark.feature("F-OCPP-5")


def test_a_vendors_own_trigger() -> None:
    command = TriggerMessage("CustomTrigger", 1, custom_trigger="CatVideo")
    assert printed(D21, command) == (
        "TriggerMessage",
        {"requestedMessage": "CustomTrigger", "customTrigger": "CatVideo", "evse": {"id": 1}},
    )
    assert answer(D21, command, {"status": "Accepted"}).accepted
    with pytest.raises(InvalidArgument, match="own triggers"):
        printed(D21, TriggerMessage("CustomTrigger"))
    with pytest.raises(InvalidArgument):
        printed(D21, TriggerMessage("CustomTrigger", custom_trigger="x" * 51))
    with pytest.raises(NotSupported, match="CustomTrigger"):
        printed(D201, TriggerMessage("CustomTrigger"))
    with pytest.raises(NotSupported, match="MakeCoffee"):
        printed(D21, TriggerMessage("MakeCoffee"))


def test_a_certificate_for_iso_15118_20_can_be_asked_for() -> None:
    assert printed(D21, TriggerMessage("SignV2G20Certificate"))[1] == {"requestedMessage": "SignV2G20Certificate"}


def test_a_prepaid_token_of_any_kind_starts() -> None:
    _, payload = printed(D21, RequestStartTransaction("VOUCHER", 1, 5, "Prepaid"))
    assert payload["idToken"] == {"idToken": "VOUCHER", "type": "Prepaid"}
