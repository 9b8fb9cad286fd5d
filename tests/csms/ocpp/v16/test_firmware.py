"""Firmware Management profile, firmware."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from csms.domain.errors import InvalidArgument, NotSupported
from csms.domain.facts import ACK
from csms.domain.maintenance import FirmwareProgressed, PublishFirmware, UnpublishFirmware, UpdateFirmware
from csms.ocpp.frame import Call
from csms.ocpp.v16.routes import Dialect16

DIALECT = Dialect16()
AT = datetime(2026, 5, 4, 14, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.feature("F-OCPP-1")
def test_an_order_without_a_signature() -> None:
    action, payload = DIALECT.encode(UpdateFirmware(7, "ftp://files/fw.bin", AT, retries=3, retry_interval_s=60))
    assert (action, json.loads(payload)) == (
        "UpdateFirmware",
        {"location": "ftp://files/fw.bin", "retrieveDate": "2026-05-04T12:00:00Z", "retries": 3, "retryInterval": 60},
    )
    action, payload = DIALECT.encode(UpdateFirmware(7, "ftp://files/fw.bin", AT))
    assert json.loads(payload).keys() == {"location", "retrieveDate"}
    answer = DIALECT.outcome(UpdateFirmware(7, "ftp://files/fw.bin", AT), b"{}")
    assert (answer.status, answer.accepted) == ("Accepted", True)


def test_an_installation_time_is_not_silently_dropped() -> None:
    with pytest.raises(InvalidArgument, match="signed"):
        DIALECT.encode(UpdateFirmware(7, "ftp://files/fw.bin", AT, install_at=datetime(2026, 6, 1, tzinfo=UTC)))


@pytest.mark.feature("F-OCPP-1")
@pytest.mark.parametrize("status", ["Downloading", "Downloaded", "Installing", "Installed", "DownloadFailed", "Idle"])
def test_its_progress_names_no_order(status: str) -> None:
    call = Call("1", "FirmwareStatusNotification", msgspec.Raw(json.dumps({"status": status}).encode()))
    assert DIALECT.decode(call) == FirmwareProgressed(status)
    assert DIALECT.reply(call, ACK) == b"{}"


def test_publishing_is_unknown_to_1_6() -> None:
    for command in (PublishFirmware(1, "http://files/fw", "0" * 32), UnpublishFirmware("0" * 32)):
        with pytest.raises(NotSupported, match=r"1\.6"):
            DIALECT.encode(command)
