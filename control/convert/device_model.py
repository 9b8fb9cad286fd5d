"""Components, variables, monitors, streams, connection settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec

from control.convert.common import timestamp
from control.v1 import device_model_pb2 as pb
from csms.domain.certificates import CertificateHashData, HashAlgorithm
from csms.domain.device_model import (
    Apn,
    Component,
    ComponentVariable,
    NetworkConnectionProfile,
    ReportBase,
    VariableCharacteristics,
    VariableName,
    Vpn,
    component_of,
)
from csms.domain.errors import InvalidArgument
from csms.domain.monitoring import (
    ClearMonitoringResult,
    EventStream,
    MonitorType,
    SetMonitoringData,
    SetMonitoringResult,
    StreamParams,
)
from csms.domain.values import Evse
from csms.domain.variable_names import print_name
from csms.ports.inventory import VariableFilter, VariableView
from csms.services.device_model import CustomerReference, place_of_key
from csms.services.monitoring import MonitorView, StreamView

E = TypeVar("E", bound=StrEnum)


def word(text: str, kind: type[E], what: str) -> E:
    """One of OCPP's words. Raises InvalidArgument/INVALID_WORD that names them all."""
    try:
        return kind(text)
    except ValueError:
        words = ", ".join(each.value for each in kind)
        raise InvalidArgument(f"{text[:50]!r} is no {what}; it is one of {words}.", reason="INVALID_WORD") from None


def words(texts: Iterable[str], kind: type[E], what: str) -> list[E]:
    """Several."""
    return [word(text, kind, what) for text in texts]


def report_base(text: str) -> ReportBase:
    """Empty: the full inventory. Raises InvalidArgument."""
    return word(text or ReportBase.FULL.value, ReportBase, "report base")


# -- components and variables --------------------------------------------------------------------------------------


def read_component(message: pb.Component) -> Component:
    """Raises InvalidArgument for an EVSE or connector that can be none."""
    if message.evse_id < 0 or message.connector_id < 0:
        raise InvalidArgument("EVSEs and connectors count from 1.", reason="INVALID_EVSE")
    if message.connector_id and not message.evse_id:
        raise InvalidArgument("A connector needs its EVSE.", reason="INVALID_EVSE")
    evse = Evse(message.evse_id, message.connector_id or None) if message.evse_id else None
    return Component(message.name, message.instance or None, evse)


def component(value: Component) -> pb.Component:
    """As the station told it."""
    evse = value.evse
    return pb.Component(
        name=value.name,
        instance=value.instance or "",
        evse_id=0 if evse is None else evse.id,
        connector_id=0 if evse is None else evse.connector_id or 0,
    )


def read_component_variable(message: pb.ComponentVariable) -> ComponentVariable:
    """Raises InvalidArgument."""
    if message.variable_instance and not message.variable:
        raise InvalidArgument("An instance needs its variable.", reason="VARIABLE_MISSING")
    variable = VariableName(message.variable, message.variable_instance or None) if message.variable else None
    return ComponentVariable(read_component(message.component), variable)


def variable_filter(message: pb.VariableFilter) -> VariableFilter:
    """Which variables."""
    return VariableFilter(
        message.component, message.variable, message.evse_id if message.HasField("evse_id") else None, message.query
    )


def device_variable(view: VariableView) -> pb.DeviceVariable:
    """All of it."""
    place = place_of_key(view.key)
    message = pb.DeviceVariable(
        name=print_name(place),
        component=component(component_of(place)),
        variable=place.variable,
        variable_instance=place.variable_instance,
        attribute_type=place.attribute_type,
        value=view.value,
        mutability=view.mutability,
        persistent=view.persistent,
        constant=view.constant,
        tell_time=timestamp(view.at),
    )
    if view.characteristics.strip() in (b"", b"{}"):
        return message
    told = msgspec.json.decode(view.characteristics, type=VariableCharacteristics)
    message.MergeFrom(
        pb.DeviceVariable(
            data_type=told.data_type,
            unit=told.unit or "",
            min_limit=told.min_limit,
            max_limit=told.max_limit,
            max_elements=told.max_elements,
            values_list=told.values_list or "",
            supports_monitoring=told.supports_monitoring,
        )
    )
    return message


# -- monitors and streams ------------------------------------------------------------------------------------------


def read_params(message: pb.PeriodicEventStreamParams) -> StreamParams:
    """Raises InvalidArgument for a pace below nothing."""
    interval = message.interval_seconds if message.HasField("interval_seconds") else None
    values = message.values if message.HasField("values") else None
    if min(interval or 0, values or 0) < 0:
        raise InvalidArgument("Interval and number of values are not below 0.", reason="INVALID_PARAMS")
    return StreamParams(interval, values)


def params(value: StreamParams) -> pb.PeriodicEventStreamParams:
    """The pace."""
    return pb.PeriodicEventStreamParams(interval_seconds=value.interval, values=value.values)


def read_monitor(message: pb.MonitorSetting) -> SetMonitoringData:
    """Raises InvalidArgument."""
    return SetMonitoringData(
        message.value,
        word(message.type, MonitorType, "type of monitor"),
        message.severity,
        read_component(message.component),
        VariableName(message.variable, message.variable_instance or None),
        message.id if message.HasField("id") else None,
        message.transaction,
        read_params(message.periodic_event_stream) if message.HasField("periodic_event_stream") else None,
    )


def monitor(view: MonitorView) -> pb.Monitor:
    """All of it."""
    known = view.monitor
    stream = known.periodic_event_stream
    return pb.Monitor(
        id=known.id,
        component=component(known.component),
        variable=known.variable.name,
        variable_instance=known.variable.instance or "",
        type=known.type,
        value=known.value,
        severity=known.severity,
        transaction=known.transaction,
        event_notification_type=known.event_notification_type or "",
        periodic_event_stream=None if stream is None else params(stream),
        tell_time=timestamp(view.at),
    )


def setting_results(results: Sequence[SetMonitoringResult]) -> list[pb.MonitorSettingResult]:
    """In the order asked."""
    return [
        pb.MonitorSettingResult(
            status=each.status, id=each.id, reason_code=each.reason_code, additional_info=each.additional_info
        )
        for each in results
    ]


def clearing_results(results: Sequence[ClearMonitoringResult]) -> list[pb.MonitorClearingResult]:
    """One a monitor."""
    return [
        pb.MonitorClearingResult(
            id=each.id, status=each.status, reason_code=each.reason_code, additional_info=each.additional_info
        )
        for each in results
    ]


def stream(known: EventStream, at: datetime | None = None) -> pb.PeriodicEventStream:
    """As the station told it then."""
    return pb.PeriodicEventStream(
        id=known.id,
        variable_monitoring_id=known.variable_monitoring_id,
        params=params(known.params),
        tell_time=timestamp(at),
    )


def stream_view(view: StreamView) -> pb.PeriodicEventStream:
    """As last told."""
    return stream(view.stream, view.at)


# -- customers and connections -------------------------------------------------------------------------------------


def customer_reference(message: pb.RequestCustomerInformationRequest) -> CustomerReference:
    """Raises InvalidArgument."""
    certificate = None
    if message.HasField("certificate"):
        told = message.certificate
        certificate = CertificateHashData(
            word(told.hash_algorithm, HashAlgorithm, "hash algorithm"),
            told.issuer_name_hash,
            told.issuer_key_hash,
            told.serial_number,
        )
    return CustomerReference(message.id_token, message.id_token_type, message.customer_identifier, certificate)


def network_profile(message: pb.NetworkConnectionProfile) -> NetworkConnectionProfile:
    """Words and lengths are checked when it is printed for the station's version."""
    apn = vpn = None
    if message.HasField("apn"):
        apn = Apn(
            message.apn.apn,
            message.apn.apn_authentication,
            message.apn.apn_user_name or None,
            message.apn.apn_password or None,
            message.apn.sim_pin if message.apn.HasField("sim_pin") else None,
            message.apn.preferred_network or None,
            message.apn.use_only_preferred_network,
        )
    if message.HasField("vpn"):
        vpn = Vpn(
            message.vpn.server,
            message.vpn.user,
            message.vpn.password,
            message.vpn.key,
            message.vpn.type,
            message.vpn.group or None,
        )
    return NetworkConnectionProfile(
        message.ocpp_csms_url,
        message.ocpp_transport or "JSON",
        message.ocpp_interface,
        message.message_timeout_seconds,
        message.security_profile,
        message.ocpp_version or None,
        message.identity or None,
        message.basic_auth_password or None,
        apn,
        vpn,
    )
