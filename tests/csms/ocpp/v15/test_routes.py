"""OCPP 1.5: the table of contents."""

from __future__ import annotations

import pytest

from csms.domain.commands import TriggerMessage
from csms.domain.errors import NotSupported
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.v15.routes import INCOMING, OUTGOING, Dialect15

FROM_STATIONS = {
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
}
TO_STATIONS = {
    "CancelReservation",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "DataTransfer",
    "GetConfiguration",
    "GetDiagnostics",
    "GetLocalListVersion",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "UnlockConnector",
    "UpdateFirmware",
}


@pytest.mark.feature("F-OCPP-3")
def test_all_25_operations_are_routed() -> None:
    assert {row.action for row in INCOMING} == FROM_STATIONS
    assert {row.action for row in OUTGOING} == TO_STATIONS


def test_an_operation_that_is_not_there_is_not_supported() -> None:
    with pytest.raises(Fault) as refused:
        Dialect15().decode("SecurityEventNotification", {})
    assert refused.value.code is ErrorCode.NOT_SUPPORTED


def test_a_command_that_1_5_lacks_names_the_version() -> None:
    with pytest.raises(NotSupported, match=r"OCPP 1\.5 knows no TriggerMessage"):
        Dialect15().encode(TriggerMessage("Heartbeat"))
