"""The messages of each version of OCPP, to choose from in the message log."""

from __future__ import annotations

from typing import Final

_OF_15: Final = (
    "Authorize BootNotification CancelReservation ChangeAvailability ChangeConfiguration ClearCache "
    "DataTransfer DiagnosticsStatusNotification FirmwareStatusNotification GetConfiguration "
    "GetDiagnostics GetLocalListVersion Heartbeat MeterValues RemoteStartTransaction "
    "RemoteStopTransaction ReserveNow Reset SendLocalList StartTransaction StatusNotification "
    "StopTransaction UnlockConnector UpdateFirmware"
)
_MORE_OF_16: Final = (
    "CertificateSigned ClearChargingProfile DeleteCertificate ExtendedTriggerMessage GetCompositeSchedule "
    "GetInstalledCertificateIds GetLog InstallCertificate LogStatusNotification SecurityEventNotification "
    "SetChargingProfile SignCertificate SignedFirmwareStatusNotification SignedUpdateFirmware "
    "TriggerMessage"
)
_OF_201: Final = (
    "Authorize BootNotification CancelReservation CertificateSigned ChangeAvailability ClearCache "
    "ClearChargingProfile ClearDisplayMessage ClearVariableMonitoring ClearedChargingLimit CostUpdated "
    "CustomerInformation DataTransfer DeleteCertificate FirmwareStatusNotification Get15118EVCertificate "
    "GetBaseReport GetCertificateStatus GetChargingProfiles GetCompositeSchedule GetDisplayMessages "
    "GetInstalledCertificateIds GetLocalListVersion GetLog GetMonitoringReport GetReport "
    "GetTransactionStatus GetVariables Heartbeat InstallCertificate LogStatusNotification MeterValues "
    "NotifyChargingLimit NotifyCustomerInformation NotifyDisplayMessages NotifyEVChargingNeeds "
    "NotifyEVChargingSchedule NotifyEvent NotifyMonitoringReport NotifyReport PublishFirmware "
    "PublishFirmwareStatusNotification ReportChargingProfiles RequestStartTransaction "
    "RequestStopTransaction ReservationStatusUpdate ReserveNow Reset SecurityEventNotification "
    "SendLocalList SetChargingProfile SetDisplayMessage SetMonitoringBase SetMonitoringLevel "
    "SetNetworkProfile SetVariableMonitoring SetVariables SignCertificate StatusNotification "
    "TransactionEvent TriggerMessage UnlockConnector UnpublishFirmware UpdateFirmware"
)
_MORE_OF_21: Final = (
    "AFRRSignal AdjustPeriodicEventStream BatterySwap ChangeTransactionTariff ClearDERControl "
    "ClearTariffs ClosePeriodicEventStream GetCertificateChainStatus GetDERControl GetPeriodicEventStream "
    "GetTariffs NotifyAllowedEnergyTransfer NotifyDERAlarm NotifyDERStartStop NotifyPeriodicEventStream "
    "NotifyPriorityCharging NotifySettlement NotifyWebPaymentStarted OpenPeriodicEventStream "
    "PullDynamicScheduleUpdate ReportDERControl RequestBatterySwap SetDERControl SetDefaultTariff "
    "UpdateDynamicSchedule UsePriorityCharging VatNumberValidation"
)
ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "ocpp1.5": tuple(_OF_15.split()),
    "ocpp1.6": tuple(sorted(f"{_OF_15} {_MORE_OF_16}".split())),
    "ocpp2.0.1": tuple(_OF_201.split()),
    "ocpp2.1": tuple(sorted(f"{_OF_201} {_MORE_OF_21}".split())),
}
"""By the subprotocol that a station speaks."""


def actions_of(protocol: str) -> tuple[str, ...]:
    """Those of a station's version, in the order of the alphabet; of one that never connected those of 1.6."""
    return ACTIONS.get(protocol, ACTIONS["ocpp1.6"])
