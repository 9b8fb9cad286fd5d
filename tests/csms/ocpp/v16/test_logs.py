"""Diagnostics of the Firmware Management profile, logs of the security extension."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from csms.domain.errors import NotSupported
from csms.domain.maintenance import GetLog, LogNamed, LogProgressed, LogType
from csms.ocpp.frame import Call
from csms.ocpp.v16.routes import Dialect16

DIALECT = Dialect16()
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
DIAGNOSTICS = GetLog(7, LogType.DIAGNOSTICS, "ftp://files/", AT, AT, 1, 2)
SECURITY = GetLog(7, LogType.SECURITY, "ftp://files/", AT, AT, 1, 2)


def told(action: str, **payload: object) -> object:
    return DIALECT.decode(Call("1", action, msgspec.Raw(json.dumps(payload).encode())))


@pytest.mark.feature("F-OCPP-1")
def test_diagnostics_are_asked_for_by_the_core_profile() -> None:
    action, payload = DIALECT.encode(DIAGNOSTICS)
    assert (action, json.loads(payload)) == (
        "GetDiagnostics",
        {
            "location": "ftp://files/",
            "startTime": "2026-05-04T12:00:00Z",
            "stopTime": "2026-05-04T12:00:00Z",
            "retries": 1,
            "retryInterval": 2,
        },
    )
    assert json.loads(DIALECT.encode(GetLog(7, LogType.DIAGNOSTICS, "ftp://files/"))[1]) == {"location": "ftp://files/"}
    answer = DIALECT.outcome(DIAGNOSTICS, b'{"fileName":"log.zip"}')
    assert (answer.accepted, answer.result) == (True, LogNamed("log.zip"))
    assert DIALECT.outcome(DIAGNOSTICS, b"{}").accepted is False


@pytest.mark.feature("F-OCPP-1")
@pytest.mark.parametrize("command", [SECURITY, msgspec.structs.replace(DIAGNOSTICS, security_extension=True)])
def test_other_logs_are_asked_for_by_the_security_extension(command: GetLog) -> None:
    action, payload = DIALECT.encode(command)
    assert (action, json.loads(payload)) == (
        "GetLog",
        {
            "logType": command.log_type.value,
            "requestId": 7,
            "retries": 1,
            "retryInterval": 2,
            "log": {
                "remoteLocation": "ftp://files/",
                "oldestTimestamp": "2026-05-04T12:00:00Z",
                "latestTimestamp": "2026-05-04T12:00:00Z",
            },
        },
    )
    answer = DIALECT.outcome(command, b'{"status":"AcceptedCanceled","filename":"log.zip"}')
    assert (answer.status, answer.accepted, answer.result) == ("AcceptedCanceled", True, LogNamed("log.zip"))
    assert DIALECT.outcome(command, b'{"status":"Rejected"}').result is None


def test_a_log_that_only_2_1_has_is_not_supported() -> None:
    with pytest.raises(NotSupported):
        DIALECT.encode(GetLog(7, LogType.DATA_COLLECTOR, "ftp://files/"))


@pytest.mark.feature("F-OCPP-1")
def test_both_kinds_of_progress_are_one_fact() -> None:
    assert told("DiagnosticsStatusNotification", status="UploadFailed") == LogProgressed("UploadFailure")
    assert told("DiagnosticsStatusNotification", status="Uploaded") == LogProgressed("Uploaded")
    assert told("LogStatusNotification", status="PermissionDenied", requestId=7) == LogProgressed("PermissionDenied", 7)
    assert told("LogStatusNotification", status="Idle") == LogProgressed("Idle")
