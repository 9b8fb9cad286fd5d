"""What 2.1 adds to firmware and logs; the rest is tested with 2.0.1's rows."""

from __future__ import annotations

import json

import msgspec
import pytest

from csms.domain.maintenance import FirmwareProgressed, LogProgressed
from csms.ocpp.frame import Call
from csms.ocpp.v21.routes import Dialect21

DIALECT = Dialect21()


@pytest.mark.feature("F-OCPP-5")
def test_progress_carries_a_reason() -> None:
    told = {"requestId": 7, "statusInfo": {"reasonCode": "NoSpace", "additionalInfo": "3 MB left"}}
    for action, fact in (
        ("FirmwareStatusNotification", FirmwareProgressed("DownloadFailed", 7, "NoSpace", "3 MB left")),
        ("LogStatusNotification", LogProgressed("UploadFailure", 7, "NoSpace", "3 MB left")),
    ):
        payload = msgspec.Raw(json.dumps({"status": fact.status, **told}).encode())
        assert DIALECT.decode(Call("1", action, payload)) == fact
