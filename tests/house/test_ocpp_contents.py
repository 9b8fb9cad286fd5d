"""The list of messages says what is so, and nothing is left out."""

from __future__ import annotations

import pytest

from csms.app.dialects import DIALECTS
from csms.ocpp.routing import RoutedDialect
from scripts.ocpp_contents import DOCUMENT, contents, not_routed, within

FROM_STATIONS_16 = {
    *("Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification", "FirmwareStatusNotification"),
    *("Heartbeat", "MeterValues", "StartTransaction", "StatusNotification", "StopTransaction"),
    *("LogStatusNotification", "SecurityEventNotification", "SignCertificate", "SignedFirmwareStatusNotification"),
}
FROM_STATIONS_201 = {
    *("Authorize", "BootNotification", "ClearedChargingLimit", "DataTransfer", "FirmwareStatusNotification"),
    *("Get15118EVCertificate", "GetCertificateStatus", "Heartbeat", "LogStatusNotification", "MeterValues"),
    *("NotifyChargingLimit", "NotifyCustomerInformation", "NotifyDisplayMessages", "NotifyEVChargingNeeds"),
    *("NotifyEVChargingSchedule", "NotifyEvent", "NotifyMonitoringReport", "NotifyReport"),
    *("PublishFirmwareStatusNotification", "ReportChargingProfiles", "ReservationStatusUpdate"),
    *("SecurityEventNotification", "SignCertificate", "StatusNotification", "TransactionEvent"),
}
FROM_STATIONS_21 = FROM_STATIONS_201 | {
    *("BatterySwap", "ClosePeriodicEventStream", "GetCertificateChainStatus", "NotifyDERAlarm", "NotifyDERStartStop"),
    *("NotifyPeriodicEventStream", "NotifyPriorityCharging", "NotifySettlement", "OpenPeriodicEventStream"),
    *("PullDynamicScheduleUpdate", "ReportDERControl", "VatNumberValidation"),
}
BOTH_WAYS = {"DataTransfer"}


@pytest.mark.feature("F-OCPP-1", "F-OCPP-2", "F-OCPP-4", "F-OCPP-5")
@pytest.mark.parametrize(
    ("subprotocol", "told"),
    [("ocpp1.6", FROM_STATIONS_16), ("ocpp2.0.1", FROM_STATIONS_201), ("ocpp2.1", FROM_STATIONS_21)],
)
def test_every_action_goes_its_way_and_no_other(subprotocol: str, told: set[str]) -> None:
    dialect = DIALECTS[subprotocol]
    assert isinstance(dialect, RoutedDialect)
    ordered = {row.action for rows in dialect.outgoing.values() for row in rows}
    assert set(dialect.incoming) == told
    assert ordered & told == BOTH_WAYS


def test_no_action_of_the_official_schemas_is_left_out() -> None:
    assert not_routed() == {subprotocol: [] for subprotocol in DIALECTS}


def test_every_message_shows_up_somewhere() -> None:
    assert [line for line in contents().splitlines() if "**" in line] == []


def test_the_document_is_fresh() -> None:
    assert within(DOCUMENT.read_text("utf-8")) == contents(), "run python -m scripts.ocpp_contents --write"
