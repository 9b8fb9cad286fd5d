"""Security extension, signed firmware."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.maintenance import FirmwareProgressed, UpdateFirmware
from csms.ocpp.frame import Call
from csms.ocpp.v16.routes import Dialect16

DIALECT = Dialect16()
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
SIGNED = UpdateFirmware(7, "https://files/fw.bin", AT, AT, "-----BEGIN CERTIFICATE-----", "c2ln", 1, 2)


@pytest.mark.feature("F-OCPP-2")
def test_an_order_with_a_signature() -> None:
    action, payload = DIALECT.encode(SIGNED)
    assert (action, json.loads(payload)) == (
        "SignedUpdateFirmware",
        {
            "requestId": 7,
            "retries": 1,
            "retryInterval": 2,
            "firmware": {
                "location": "https://files/fw.bin",
                "retrieveDateTime": "2026-05-04T12:00:00Z",
                "installDateTime": "2026-05-04T12:00:00Z",
                "signingCertificate": "-----BEGIN CERTIFICATE-----",
                "signature": "c2ln",
            },
        },
    )


@pytest.mark.parametrize(
    ("status", "accepted"), [("Accepted", True), ("AcceptedCanceled", True), ("InvalidCertificate", False)]
)
def test_its_answers(status: str, accepted: bool) -> None:
    answer = DIALECT.outcome(SIGNED, json.dumps({"status": status}).encode())
    assert (answer.status, answer.accepted) == (status, accepted)


@pytest.mark.feature("F-OCPP-2")
@pytest.mark.parametrize(("number", "order"), [(7, 7), (-1, None), (2**40, None), (None, None)])
def test_its_progress_names_the_order(number: int | None, order: int | None) -> None:
    told = {"status": "InvalidSignature"} | ({} if number is None else {"requestId": number})
    call = Call("1", "SignedFirmwareStatusNotification", msgspec.Raw(json.dumps(told).encode()))
    assert DIALECT.decode(call) == FirmwareProgressed("InvalidSignature", order)


def test_a_signature_that_is_too_long_is_told_before_anything_is_sent() -> None:
    with pytest.raises(InvalidArgument, match="800"):
        DIALECT.encode(msgspec.structs.replace(SIGNED, signature="x" * 801))
