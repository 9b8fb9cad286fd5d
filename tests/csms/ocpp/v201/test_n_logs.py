"""Block N, logs, on both versions of 2.x."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from csms.domain.errors import NotSupported
from csms.domain.maintenance import GetLog, LogNamed, LogProgressed, LogType
from csms.ocpp.frame import Call
from csms.ocpp.routing import RoutedDialect
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

DIALECTS = [Dialect201(), Dialect21()]
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
COMMAND = GetLog(7, LogType.SECURITY, "https://files/", AT, AT, 1, 2)

both = pytest.mark.parametrize("dialect", DIALECTS, ids=["2.0.1", "2.1"])


@pytest.mark.feature("F-OCPP-4")
@both
def test_a_log_is_asked_for(dialect: RoutedDialect) -> None:
    action, payload = dialect.encode(COMMAND)
    assert (action, json.loads(payload)) == (
        "GetLog",
        {
            "logType": "SecurityLog",
            "requestId": 7,
            "retries": 1,
            "retryInterval": 2,
            "log": {
                "remoteLocation": "https://files/",
                "oldestTimestamp": "2026-05-04T12:00:00Z",
                "latestTimestamp": "2026-05-04T12:00:00Z",
            },
        },
    )


@both
def test_its_answers(dialect: RoutedDialect) -> None:
    answer = dialect.outcome(COMMAND, b'{"status":"Accepted","filename":"log.zip"}')
    assert (answer.accepted, answer.result) == (True, LogNamed("log.zip"))
    answer = dialect.outcome(COMMAND, b'{"status":"Rejected","statusInfo":{"reasonCode":"NoSuchLog"}}')
    assert (answer.accepted, answer.reason_code, answer.result) == (False, "NoSuchLog", None)


@pytest.mark.feature("F-OCPP-4")
@both
def test_its_progress(dialect: RoutedDialect) -> None:
    call = Call("1", "LogStatusNotification", msgspec.Raw(b'{"status":"AcceptedCanceled","requestId":7}'))
    assert dialect.decode(call) == LogProgressed("AcceptedCanceled", 7)


def test_the_log_of_the_data_collector_is_new_in_2_1() -> None:
    command = GetLog(7, LogType.DATA_COLLECTOR, "https://files/")
    assert json.loads(DIALECTS[1].encode(command)[1])["logType"] == "DataCollectorLog"
    with pytest.raises(NotSupported, match=r"2\.0\.1"):
        DIALECTS[0].encode(command)
