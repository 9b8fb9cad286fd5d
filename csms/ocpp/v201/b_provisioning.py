"""OCPP 2.0.1, block B. Provisioning: variables (B05, B06), reports (B07, B08), network profiles (B09). Boot and reset
are in `b_boot`.

2.1 says the same in the same words, but takes longer texts and knows some more; its rows are made here for its edition.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from csms.domain import commands, device_model
from csms.domain.commands import Answer
from csms.domain.device_model import Component, VariableName, component_of, place_of, variable_of
from csms.domain.errors import InvalidArgument
from csms.domain.values import Value
from csms.domain.variable_names import ACTUAL, parse_name, print_name
from csms.ocpp import faults
from csms.ocpp.faults import Edition
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201.answers import ACCEPTED, StatusAnswer, StatusInfo, read_status
from csms.ocpp.v201.bounds import component_told, small, tidied

_UNKNOWN: Final = frozenset({"UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"})


# -- shapes --------------------------------------------------------------------------------------------------------


class NotifyReport(Value, frozen=True):
    """NotifyReportRequest. `tbc`: more parts follow."""

    request_id: int
    generated_at: datetime
    seq_no: int
    report_data: tuple[device_model.ReportData, ...] = ()
    tbc: bool = False


class VariableData(Value, frozen=True):
    """GetVariableDataType; with a value, SetVariableDataType."""

    component: Component
    variable: VariableName
    attribute_type: str = ACTUAL
    attribute_value: str | None = None


class VariableResult(Value, frozen=True):
    """GetVariableResultType and SetVariableResultType."""

    component: Component
    variable: VariableName
    attribute_status: str
    attribute_type: str = ACTUAL
    attribute_value: str | None = None
    attribute_status_info: StatusInfo | None = None


class GetVariablesAnswer(Value, frozen=True):
    """GetVariablesResponse."""

    get_variable_result: tuple[VariableResult, ...]


class SetVariablesAnswer(Value, frozen=True):
    """SetVariablesResponse."""

    set_variable_result: tuple[VariableResult, ...]


# -- from the station ----------------------------------------------------------------------------------------------


def notify_report(told: NotifyReport) -> device_model.ReportReceived:
    """B07, B08."""
    told = tidied(told)
    for data in told.report_data:
        component_told(data.component)
    return device_model.ReportReceived(
        told.request_id, told.generated_at, small("seqNo", told.seq_no), not told.tbc, told.report_data
    )


# -- to the station ------------------------------------------------------------------------------------------------


def variable_data(name: str, value: str | None = None) -> VariableData:
    """What a name means. Raises InvalidArgument."""
    place = parse_name(name)
    return VariableData(component_of(place), variable_of(place), place.attribute_type, value)


def get_variables(edition: Edition, command: commands.GetVariables) -> Printable:
    """B06."""
    if not command.names:
        raise InvalidArgument(
            f"{edition.title} reads variables by name. Name them, or ask for a report of all.", reason="NAMES_MISSING"
        )
    payload: Payload = {"getVariableData": [variable_data(name) for name in command.names]}
    return fitted(edition, "GetVariables", payload)


def set_variables(edition: Edition, command: commands.SetVariables) -> Printable:
    """B05."""
    if not command.variables:
        raise InvalidArgument("Name the variables to set.", reason="NAMES_MISSING")
    payload: Payload = {"setVariableData": [variable_data(each.name, each.value) for each in command.variables]}
    return fitted(edition, "SetVariables", payload)


def get_base_report(edition: Edition, command: device_model.GetBaseReport) -> Printable:
    """B07."""
    payload: Payload = {"requestId": command.request_id, "reportBase": command.report_base.value}
    return fitted(edition, "GetBaseReport", payload)


def get_report(edition: Edition, command: device_model.GetReport) -> Printable:
    """B08."""
    payload: Payload = {"requestId": command.request_id}
    if command.component_variables:
        payload["componentVariable"] = command.component_variables
    if command.component_criteria:
        payload["componentCriteria"] = command.component_criteria
    return fitted(edition, "GetReport", payload)


def set_network_profile(edition: Edition, command: device_model.SetNetworkProfile) -> Printable:
    """B09. 2.0.1 demands a version, and calls itself OCPP20."""
    profile = command.connection_data
    if profile.ocpp_version is None and edition is faults.V201:
        profile = profile.speaking("OCPP20")
    payload: Payload = {"configurationSlot": command.configuration_slot, "connectionData": profile}
    return fitted(edition, "SetNetworkProfile", payload)


# -- the station's answers -----------------------------------------------------------------------------------------


def read_get_variables(told: GetVariablesAnswer) -> Answer:
    """B06. What the station does not know stands in `unknown_names`, and with its reason in `variables`."""
    return _variables(told.get_variable_result)


def read_set_variables(told: SetVariablesAnswer) -> Answer:
    """B05."""
    return _variables(told.set_variable_result)


def _variables(results: Sequence[VariableResult]) -> Answer:
    """The status of the whole is the first that is no success; it is accepted when all are."""
    variables = tuple(map(_variable, results))
    first = next((each for each in variables if each.status not in ACCEPTED), None)
    first = first or next((each for each in variables if each.status != "Accepted"), variables[0])
    return Answer(
        first.status,
        accepted=first.status in ACCEPTED,
        reason_code=first.reason_code,
        additional_info=first.additional_info,
        variables=variables,
        unknown_names=tuple(each.name for each in variables if each.status in _UNKNOWN),
    )


def _variable(result: VariableResult) -> commands.Variable:
    component_told(result.component)
    info = result.attribute_status_info
    return commands.Variable(
        print_name(place_of(result.component, result.variable, result.attribute_type)),
        result.attribute_value,
        readonly=False,
        status=result.attribute_status,
        reason_code="" if info is None else info.reason_code,
        additional_info="" if info is None else info.additional_info,
    )


# -- the table -----------------------------------------------------------------------------------------------------


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """The rows for a version."""
    return (
        Outgoing(
            "GetVariables",
            commands.GetVariables,
            partial(get_variables, edition),
            read_get_variables,
            shape=GetVariablesAnswer,
        ),
        Outgoing(
            "SetVariables",
            commands.SetVariables,
            partial(set_variables, edition),
            read_set_variables,
            shape=SetVariablesAnswer,
        ),
        Outgoing(
            "GetBaseReport",
            device_model.GetBaseReport,
            partial(get_base_report, edition),
            read_status,
            shape=StatusAnswer,
        ),
        Outgoing("GetReport", device_model.GetReport, partial(get_report, edition), read_status, shape=StatusAnswer),
        Outgoing(
            "SetNetworkProfile",
            device_model.SetNetworkProfile,
            partial(set_network_profile, edition),
            read_status,
            shape=StatusAnswer,
        ),
    )


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("NotifyReport", notify_report, shape=NotifyReport),)
OUTGOING: Final[tuple[OutgoingRow, ...]] = outgoing(faults.V201)
