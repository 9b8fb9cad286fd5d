"""Block L, on both versions of 2.x."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.facts import ACK
from csms.domain.maintenance import (
    FirmwareProgressed,
    FirmwarePublishingProgressed,
    PublishFirmware,
    UnpublishFirmware,
    UpdateFirmware,
)
from csms.ocpp.frame import Call
from csms.ocpp.routing import RoutedDialect
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

DIALECTS = [Dialect201(), Dialect21()]
AT = datetime(2026, 5, 4, 12, 0, 0, 999, tzinfo=UTC)
SIGNED = UpdateFirmware(7, "https://files/fw.bin", AT, AT, "-----BEGIN CERTIFICATE-----", "c2ln", 1, 2)
SUM = "d41d8cd98f00b204e9800998ecf8427e"

both = pytest.mark.parametrize("dialect", DIALECTS, ids=["2.0.1", "2.1"])


def told(dialect: RoutedDialect, action: str, **payload: object) -> object:
    call = Call("1", action, msgspec.Raw(json.dumps(payload).encode()))
    assert dialect.reply(call, ACK) == b"{}"
    return dialect.decode(call)


@pytest.mark.feature("F-OCPP-4")
@both
def test_an_update_with_all_that_it_can_have(dialect: RoutedDialect) -> None:
    action, payload = dialect.encode(SIGNED)
    assert (action, json.loads(payload)) == (
        "UpdateFirmware",
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
    plain = json.loads(dialect.encode(UpdateFirmware(0, "http://x", AT, retries=0))[1])
    assert plain == {
        "requestId": 0,
        "retries": 0,
        "firmware": {"location": "http://x", "retrieveDateTime": "2026-05-04T12:00:00Z"},
    }


@both
@pytest.mark.parametrize(
    ("status", "accepted"), [("Accepted", True), ("AcceptedCanceled", True), ("RevokedCertificate", False)]
)
def test_answers_to_an_update(dialect: RoutedDialect, status: str, accepted: bool) -> None:
    payload = {"status": status, "statusInfo": {"reasonCode": "Busy", "additionalInfo": "later"}}
    answer = dialect.outcome(SIGNED, json.dumps(payload).encode())
    assert (answer.status, answer.accepted, answer.reason_code, answer.additional_info) == (
        *(status, accepted, "Busy", "later"),
    )


@pytest.mark.feature("F-OCPP-4")
@both
def test_firmware_is_published_and_taken_back(dialect: RoutedDialect) -> None:
    action, payload = dialect.encode(PublishFirmware(9, "http://files/fw", SUM, 1, 2))
    assert (action, json.loads(payload)) == (
        "PublishFirmware",
        {"requestId": 9, "location": "http://files/fw", "checksum": SUM, "retries": 1, "retryInterval": 2},
    )
    assert dialect.outcome(PublishFirmware(9, "x", SUM), b'{"status":"Accepted"}').accepted
    assert dialect.encode(UnpublishFirmware(SUM)) == ("UnpublishFirmware", b'{"checksum":"%s"}' % SUM.encode())
    for status, accepted in (("Unpublished", True), ("DownloadOngoing", False), ("NoFirmware", False)):
        answer = dialect.outcome(UnpublishFirmware(SUM), json.dumps({"status": status}).encode())
        assert (answer.status, answer.accepted) == (status, accepted)


@pytest.mark.feature("F-OCPP-4")
@both
def test_progress_of_both(dialect: RoutedDialect) -> None:
    action = "FirmwareStatusNotification"
    assert told(dialect, action, status="SignatureVerified", requestId=7) == FirmwareProgressed("SignatureVerified", 7)
    assert told(dialect, action, status="Idle", customData={"vendorId": "x"}) == FirmwareProgressed("Idle")
    assert told(dialect, action, status="Idle", requestId=-1) == FirmwareProgressed("Idle")
    published = told(
        dialect, "PublishFirmwareStatusNotification", status="Published", requestId=9, location=["http://a", "ftp://b"]
    )
    assert published == FirmwarePublishingProgressed("Published", 9, ("http://a", "ftp://b"))


@both
def test_a_location_that_is_too_long_is_told_before_anything_is_sent(dialect: RoutedDialect) -> None:
    limit = 512 if dialect is DIALECTS[0] else 2000
    dialect.encode(UpdateFirmware(7, "x" * limit, AT))
    with pytest.raises(InvalidArgument, match=str(limit)):
        dialect.encode(UpdateFirmware(7, "x" * (limit + 1), AT))
