"""Battery swaps in the words of 2.1."""

from __future__ import annotations

import json

import msgspec
import pytest

from csms.domain.battery_swap import BatteryData, BatterySwapEvent, BatterySwapped, RequestBatterySwap
from csms.domain.errors import NotSupported
from csms.domain.facts import ACK, AdditionalInfo
from csms.domain.typed_token import TypedToken
from csms.ocpp.frame import Call
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

pytestmark = pytest.mark.feature("F-OCPP-5")


def test_batteries_come_and_go() -> None:
    payload = {
        "requestId": 4,
        "eventType": "BatteryIn",
        "idToken": {
            "idToken": "04A2B3C4",
            "type": "ISO14443",
            "additionalInfo": [{"additionalIdToken": "X", "type": "Y"}],
        },
        "batteryData": [{"evseId": 1, "serialNumber": "SN-1", "soC": 80, "soH": 99.5, "vendorInfo": "v"}],
    }
    dialect = Dialect21()
    call = Call("1", "BatterySwap", msgspec.Raw(json.dumps(payload).encode()))
    assert dialect.decode(call) == BatterySwapped(
        4,
        BatterySwapEvent.BATTERY_IN,
        TypedToken("04A2B3C4", "ISO14443", (AdditionalInfo("X", "Y"),)),
        (BatteryData(1, "SN-1", 80.0, 99.5, vendor_info="v"),),
    )
    assert dialect.reply(call, ACK) == b"{}"


def test_a_swap_is_ordered_of_2_1_alone() -> None:
    action, payload = Dialect21().encode(RequestBatterySwap(4, "04A2B3C4"))
    assert (action, json.loads(payload)) == (
        "RequestBatterySwap",
        {"requestId": 4, "idToken": {"idToken": "04A2B3C4", "type": "ISO14443"}},
    )
    assert Dialect21().outcome(RequestBatterySwap(4, "A"), b'{"status":"Accepted"}').accepted
    with pytest.raises(NotSupported, match=r"2\.0\.1"):
        Dialect201().encode(RequestBatterySwap(4, "A"))
