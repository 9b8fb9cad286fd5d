"""Components and variables: what a station is made of and how it is set (OCPP 2.x block B; 1.6 configuration keys are
variables too). Monitors are in `csms.domain.monitoring`, customer information in `csms.domain.customer`.

A report comes in numbered parts. Each part is kept as it comes, whatever the order; the job that asked for the report
knows which parts are there (`JobRecord.part`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.commands import Command
from csms.domain.facts import Fact
from csms.domain.ids import StationId
from csms.domain.records import JobKind, JobRecord, Record, VariableRecord
from csms.domain.values import Evse, Value
from csms.domain.variable_names import ACTUAL, VariablePlace

NETWORK_PROFILE_ITEM: Final = "network_profile"
"""Kind of `ItemRecord` for connection settings that a station took; its key is the slot."""
BASE_REPORT_ITEM: Final = "base_report"
"""Kind of `ItemRecord` for the inventory that the server asked for by itself; its one key is "last"."""

SECRET_VARIABLES: Final = frozenset({"authorizationkey", "basicauthpassword"})
"""Variables whose values are never kept, in small letters."""

_encode = msgspec.json.Encoder().encode


class Component(Value, frozen=True):
    """OCPP 2.x ComponentType."""

    name: str
    instance: str | None = None
    evse: Evse | None = None


class VariableName(Value, frozen=True):
    """OCPP 2.x VariableType."""

    name: str
    instance: str | None = None


class ComponentVariable(Value, frozen=True):
    """OCPP 2.x ComponentVariableType. Without a variable: all of the component."""

    component: Component
    variable: VariableName | None = None


class VariableAttribute(Value, frozen=True):
    """OCPP 2.x VariableAttributeType."""

    type: str = ACTUAL
    value: str | None = None
    mutability: str = "ReadWrite"
    persistent: bool = False
    constant: bool = False


class VariableCharacteristics(Value, frozen=True):
    """OCPP 2.x VariableCharacteristicsType. `max_elements`: 2.1, of a list."""

    data_type: str
    supports_monitoring: bool
    unit: str | None = None
    min_limit: float | None = None
    max_limit: float | None = None
    max_elements: int | None = None
    values_list: str | None = None


class ReportData(Value, frozen=True):
    """OCPP 2.x ReportDataType."""

    component: Component
    variable: VariableName
    variable_attribute: tuple[VariableAttribute, ...]
    variable_characteristics: VariableCharacteristics | None = None


class ReportReceived(Fact, frozen=True):
    """NotifyReport (B07, B08): part `seq_no` of a report; `last` says that none follows it."""

    request_id: int
    generated_at: datetime
    seq_no: int
    last: bool
    report_data: tuple[ReportData, ...] = ()


# -- commands ------------------------------------------------------------------------------------------------------


class ReportBase(StrEnum):
    """OCPP 2.x ReportBaseEnumType."""

    CONFIGURATION = "ConfigurationInventory"
    FULL = "FullInventory"
    SUMMARY = "SummaryInventory"


class ComponentCriterion(StrEnum):
    """OCPP 2.x ComponentCriterionEnumType."""

    ACTIVE = "Active"
    AVAILABLE = "Available"
    ENABLED = "Enabled"
    PROBLEM = "Problem"


class GetBaseReport(Command, frozen=True):
    """B07: tell what you are made of."""

    request_id: int
    report_base: ReportBase


class GetReport(Command, frozen=True):
    """B08: tell about these components and variables, or about those in these states. Neither: all."""

    request_id: int
    component_variables: tuple[ComponentVariable, ...] = ()
    component_criteria: tuple[ComponentCriterion, ...] = ()


class Apn(Value, frozen=True):
    """OCPP 2.x APNType: how to get into a mobile network."""

    apn: str
    apn_authentication: str
    apn_user_name: str | None = None
    apn_password: str | None = None
    sim_pin: int | None = None
    preferred_network: str | None = None
    use_only_preferred_network: bool = False


class Vpn(Value, frozen=True):
    """OCPP 2.x VPNType."""

    server: str
    user: str
    password: str
    key: str
    type: str
    group: str | None = None


class NetworkConnectionProfile(Value, frozen=True):
    """OCPP 2.x NetworkConnectionProfileType. `message_timeout` in seconds. 2.1 alone has `identity` and
    `basic_auth_password`, and can leave out the version; 2.0.1 is then told OCPP20, its word for 2.0.1."""

    ocpp_csms_url: str
    ocpp_transport: str
    ocpp_interface: str
    message_timeout: int
    security_profile: int
    ocpp_version: str | None = None
    identity: str | None = None
    basic_auth_password: str | None = None
    apn: Apn | None = None
    vpn: Vpn | None = None

    def speaking(self, ocpp_version: str) -> NetworkConnectionProfile:
        """The same with this version."""
        return msgspec.structs.replace(self, ocpp_version=ocpp_version)

    def without_secrets(self) -> NetworkConnectionProfile:
        """The same with passwords, PIN and key blotted out, to be kept and shown."""
        apn, vpn = self.apn, self.vpn
        if apn is not None:
            apn = msgspec.structs.replace(apn, apn_password=None, sim_pin=None)
        if vpn is not None:
            vpn = msgspec.structs.replace(vpn, password="", key="")
        return msgspec.structs.replace(self, basic_auth_password=None, apn=apn, vpn=vpn)


class SetNetworkProfile(Command, frozen=True):
    """B09: keep these connection settings in a slot (`OCPPCommCtrlr.NetworkConfigurationPriority` picks slots)."""

    configuration_slot: int
    connection_data: NetworkConnectionProfile


# -- places --------------------------------------------------------------------------------------------------------


def place_of(component: Component, variable: VariableName, attribute_type: str = ACTUAL) -> VariablePlace:
    """Where in the device model that is."""
    evse = component.evse
    return VariablePlace(
        component.name,
        variable.name,
        component.instance or "",
        0 if evse is None else evse.id,
        0 if evse is None else evse.connector_id or 0,
        variable.instance or "",
        attribute_type,
    )


def component_of(place: VariablePlace) -> Component:
    """The component of a place."""
    evse = Evse(place.evse_id, place.connector_id or None) if place.evse_id else None
    return Component(place.component, place.component_instance or None, evse)


def variable_of(place: VariablePlace) -> VariableName:
    """The variable of a place."""
    return VariableName(place.variable, place.variable_instance or None)


def is_secret(place: VariablePlace) -> bool:
    """Whether its value must not be kept."""
    return place.variable.casefold() in SECRET_VARIABLES


def value_record(station_id: int, place: VariablePlace, value: str | None, at: datetime) -> VariableRecord:
    """A value and nothing else: what was told of the variable besides stays."""
    return VariableRecord(
        station_id,
        place.component,
        place.component_instance,
        place.evse_id,
        place.connector_id,
        place.variable,
        place.variable_instance,
        place.attribute_type,
        at,
        None if is_secret(place) else value,
        mutability="",
    )


# -- long lists ----------------------------------------------------------------------------------------------------


class MessageLimits(msgspec.Struct, frozen=True):
    """How much a station takes in one message (`ItemsPerMessage`, `BytesPerMessage` of its controllers). None: as much
    as one likes."""

    items: int | None = None
    size: int | None = None


_ENVELOPE_BYTES: Final = 64
"""What a message needs beside its items: brackets and the name of the list."""


def portions(sizes: Iterable[int], limits: MessageLimits) -> list[int]:
    """How many of the items go into each message, given the bytes that each needs. An item that is too big by itself
    goes alone: the station has the last word."""
    counts: list[int] = []
    used = 0
    for size in sizes:
        full = bool(counts) and (
            (limits.items is not None and counts[-1] >= max(limits.items, 1))
            or (limits.size is not None and used + size + 1 > limits.size)
        )
        if full or not counts:
            counts.append(0)
            used = _ENVELOPE_BYTES
        counts[-1] += 1
        used += size + 1
    return counts


def missing_parts(parts: Iterable[int], last_part: int | None) -> tuple[int, ...]:
    """The numbers that are not there, of a report counted from 0. Without the last part: up to the highest known."""
    known = set(parts)
    end = max(known, default=-1) if last_part is None else last_part
    return tuple(number for number in range(end + 1) if number not in known)


# -- what comes of the facts ---------------------------------------------------------------------------------------


def _reported(fact: ReportReceived, station_id: StationId, context: Context) -> Applied:
    records: list[Record] = []
    for data in fact.report_data:
        told = data.variable_characteristics
        characteristics = b"{}" if told is None else _encode(told)
        for attribute in data.variable_attribute:
            place = place_of(data.component, data.variable, attribute.type)
            records.append(
                VariableRecord(
                    station_id,
                    place.component,
                    place.component_instance,
                    place.evse_id,
                    place.connector_id,
                    place.variable,
                    place.variable_instance,
                    place.attribute_type,
                    context.now,
                    None if is_secret(place) else attribute.value,
                    attribute.mutability,
                    attribute.persistent,
                    attribute.constant,
                    characteristics,
                )
            )
    records.append(
        JobRecord(
            station_id,
            JobKind.DEVICE_REPORT,
            context.now,
            fact.request_id,
            part=fact.seq_no,
            last=fact.last,
        )
    )
    if fact.last or not fact.report_data:
        body = {"requestId": fact.request_id, "seqNo": fact.seq_no, "variables": len(fact.report_data)}
        summary = f"Report {fact.request_id} came to its end with part {fact.seq_no + 1}."
        if not fact.last:
            summary = f"Part {fact.seq_no + 1} of report {fact.request_id} is empty."
        records.append(event(station_id, context, "NotifyReport", summary, at=fact.generated_at, body=body))
    return Applied(records=records)


HANDLERS: Final[dict[type[Fact], Handler]] = {ReportReceived: _reported}
