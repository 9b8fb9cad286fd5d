"""OCPP 2.0.1, block N. Diagnostics: monitors (N02 – N06), events (N07, N08), customer information (N09, N10). Logs are
in `n_logs`.

2.1 says the same with some more words; its rows are made here for its edition, the streams that it adds are its own.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from csms.domain import customer, monitoring
from csms.domain.commands import Answer
from csms.domain.device_model import Component, VariableName
from csms.domain.errors import InvalidArgument
from csms.domain.values import Value
from csms.ocpp import faults
from csms.ocpp.faults import Edition
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201.answers import ACCEPTED, StatusAnswer, StatusInfo, read_status
from csms.ocpp.v201.bounds import component_told, severity_told, small, tidied

# -- shapes --------------------------------------------------------------------------------------------------------


class VariableMonitoring(Value, frozen=True):
    """VariableMonitoringType."""

    id: int
    transaction: bool
    value: float
    type: str
    severity: int
    event_notification_type: str | None = None


class MonitoringData(Value, frozen=True):
    """MonitoringDataType."""

    component: Component
    variable: VariableName
    variable_monitoring: tuple[VariableMonitoring, ...]


class NotifyMonitoringReport(Value, frozen=True):
    """NotifyMonitoringReportRequest."""

    request_id: int
    generated_at: datetime
    seq_no: int
    monitor: tuple[MonitoringData, ...] = ()
    tbc: bool = False


class NotifyEvent(Value, frozen=True):
    """NotifyEventRequest."""

    generated_at: datetime
    seq_no: int
    event_data: tuple[monitoring.EventData, ...]
    tbc: bool = False


class NotifyCustomerInformation(Value, frozen=True):
    """NotifyCustomerInformationRequest."""

    request_id: int
    generated_at: datetime
    seq_no: int
    data: str
    tbc: bool = False


class SetMonitoringResult(Value, frozen=True):
    """SetMonitoringResultType."""

    status: str
    type: str
    severity: int
    component: Component
    variable: VariableName
    id: int | None = None
    status_info: StatusInfo | None = None


class SetVariableMonitoringAnswer(Value, frozen=True):
    """SetVariableMonitoringResponse."""

    set_monitoring_result: tuple[SetMonitoringResult, ...]


class ClearMonitoringResult(Value, frozen=True):
    """ClearMonitoringResultType."""

    id: int
    status: str
    status_info: StatusInfo | None = None


class ClearVariableMonitoringAnswer(Value, frozen=True):
    """ClearVariableMonitoringResponse."""

    clear_monitoring_result: tuple[ClearMonitoringResult, ...]


# -- from the station ----------------------------------------------------------------------------------------------


def notify_monitoring_report(told: NotifyMonitoringReport) -> monitoring.MonitoringReportReceived:
    """N02."""
    told = tidied(told)
    monitors: list[monitoring.Monitor] = []
    for data in told.monitor:
        component_told(data.component)
        monitors += [
            monitoring.Monitor(
                each.id,
                data.component,
                data.variable,
                each.type,
                each.value,
                severity_told(each.severity),
                each.transaction,
                each.event_notification_type,
            )
            for each in data.variable_monitoring
        ]
    return monitoring.MonitoringReportReceived(
        told.request_id, told.generated_at, small("seqNo", told.seq_no), not told.tbc, tuple(monitors)
    )


def notify_event(told: NotifyEvent) -> monitoring.EventsNotified:
    """N07, N08."""
    told = tidied(told)
    for data in told.event_data:
        component_told(data.component)
        if data.severity is not None:
            severity_told(data.severity)
    return monitoring.EventsNotified(told.generated_at, told.seq_no, not told.tbc, told.event_data)


def notify_customer_information(told: NotifyCustomerInformation) -> customer.CustomerInformationReceived:
    """N09."""
    told = tidied(told)
    return customer.CustomerInformationReceived(
        told.request_id, told.generated_at, small("seqNo", told.seq_no), not told.tbc, told.data
    )


# -- to the station ------------------------------------------------------------------------------------------------


def set_variable_monitoring(edition: Edition, command: monitoring.SetVariableMonitoring) -> Printable:
    """N04."""
    if not all(0 <= each.severity <= monitoring.MOST_HARMLESS for each in command.monitors):
        raise _no_severity()
    return fitted(edition, "SetVariableMonitoring", {"setMonitoringData": command.monitors})


def clear_variable_monitoring(edition: Edition, command: monitoring.ClearVariableMonitoring) -> Printable:
    """N06."""
    return fitted(edition, "ClearVariableMonitoring", {"id": command.ids})


def set_monitoring_base(edition: Edition, command: monitoring.SetMonitoringBase) -> Printable:
    """N03."""
    return fitted(edition, "SetMonitoringBase", {"monitoringBase": command.monitoring_base.value})


def set_monitoring_level(edition: Edition, command: monitoring.SetMonitoringLevel) -> Printable:
    """N05."""
    if not 0 <= command.severity <= monitoring.MOST_HARMLESS:
        raise _no_severity()
    return fitted(edition, "SetMonitoringLevel", {"severity": command.severity})


def _no_severity() -> InvalidArgument:
    return InvalidArgument("A severity is a number from 0 (danger) to 9 (debug).", reason="INVALID_SEVERITY")


def get_monitoring_report(edition: Edition, command: monitoring.GetMonitoringReport) -> Printable:
    """N02."""
    payload: Payload = {"requestId": command.request_id}
    if command.component_variables:
        payload["componentVariable"] = command.component_variables
    if command.monitoring_criteria:
        payload["monitoringCriteria"] = command.monitoring_criteria
    return fitted(edition, "GetMonitoringReport", payload)


def customer_information(edition: Edition, command: customer.CustomerInformation) -> Printable:
    """N09, N10."""
    payload: Payload = {"requestId": command.request_id, "report": command.report, "clear": command.clear}
    if command.id_token:
        payload["idToken"] = {"idToken": command.id_token, "type": command.id_token_type}
    if command.customer_identifier:
        payload["customerIdentifier"] = command.customer_identifier
    if command.customer_certificate is not None:
        payload["customerCertificate"] = command.customer_certificate
    return fitted(edition, "CustomerInformation", payload)


# -- the station's answers -----------------------------------------------------------------------------------------


def _whole(statuses: list[str]) -> tuple[str, bool]:
    """The status of many: the first that is no success."""
    first = next((status for status in statuses if status not in ACCEPTED), statuses[0])
    return first, first in ACCEPTED


def read_monitors_set(told: SetVariableMonitoringAnswer) -> Answer:
    """N04."""
    results = tidied(told).set_monitoring_result
    for each in results:
        component_told(each.component)
    status, accepted = _whole([each.status for each in results])
    return Answer(
        status,
        accepted,
        result=monitoring.MonitorsSet(
            tuple(
                monitoring.SetMonitoringResult(
                    each.status,
                    each.type,
                    severity_told(each.severity),
                    each.component,
                    each.variable,
                    each.id,
                    *_reasons(each.status_info),
                )
                for each in results
            )
        ),
    )


def read_monitors_cleared(told: ClearVariableMonitoringAnswer) -> Answer:
    """N06. A monitor that is not there is as good as cleared."""
    results = tidied(told).clear_monitoring_result
    status, accepted = _whole([each.status for each in results])
    cleared = tuple(
        monitoring.ClearMonitoringResult(each.id, each.status, *_reasons(each.status_info)) for each in results
    )
    return Answer(status, accepted, result=monitoring.MonitorsCleared(cleared))


def _reasons(info: StatusInfo | None) -> tuple[str, str]:
    return ("", "") if info is None else (info.reason_code, info.additional_info)


# -- the table -----------------------------------------------------------------------------------------------------


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """The rows for a version."""
    return (
        Outgoing(
            "SetVariableMonitoring",
            monitoring.SetVariableMonitoring,
            partial(set_variable_monitoring, edition),
            read_monitors_set,
            shape=SetVariableMonitoringAnswer,
        ),
        Outgoing(
            "ClearVariableMonitoring",
            monitoring.ClearVariableMonitoring,
            partial(clear_variable_monitoring, edition),
            read_monitors_cleared,
            shape=ClearVariableMonitoringAnswer,
        ),
        Outgoing(
            "SetMonitoringBase",
            monitoring.SetMonitoringBase,
            partial(set_monitoring_base, edition),
            read_status,
            shape=StatusAnswer,
        ),
        Outgoing(
            "SetMonitoringLevel",
            monitoring.SetMonitoringLevel,
            partial(set_monitoring_level, edition),
            read_status,
            shape=StatusAnswer,
        ),
        Outgoing(
            "GetMonitoringReport",
            monitoring.GetMonitoringReport,
            partial(get_monitoring_report, edition),
            read_status,
            shape=StatusAnswer,
        ),
        Outgoing(
            "CustomerInformation",
            customer.CustomerInformation,
            partial(customer_information, edition),
            read_status,
            shape=StatusAnswer,
        ),
    )


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("NotifyMonitoringReport", notify_monitoring_report, shape=NotifyMonitoringReport),
    Incoming("NotifyEvent", notify_event, shape=NotifyEvent),
    Incoming("NotifyCustomerInformation", notify_customer_information, shape=NotifyCustomerInformation),
)
OUTGOING: Final[tuple[OutgoingRow, ...]] = outgoing(faults.V201)
