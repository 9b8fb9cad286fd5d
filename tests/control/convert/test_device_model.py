"""Components, variables, monitors, streams, connection settings: there and back."""

from __future__ import annotations

import msgspec
import pytest

from control.convert import device_model as convert
from control.convert.common import timestamp
from control.v1 import device_model_pb2 as pb
from csms.domain.certificates import CertificateHashData, HashAlgorithm
from csms.domain.device_model import (
    Apn,
    Component,
    ComponentCriterion,
    ComponentVariable,
    NetworkConnectionProfile,
    ReportBase,
    VariableName,
    Vpn,
)
from csms.domain.errors import InvalidArgument
from csms.domain.monitoring import EventStream, Monitor, MonitorType, SetMonitoringData, StreamParams
from csms.domain.values import Evse
from csms.ports.inventory import VariableFilter, VariableKey, VariableView
from csms.services.device_model import CustomerReference
from csms.services.monitoring import MonitorView, StreamView
from tests.kit.service_world import NOW


@pytest.mark.parametrize(
    "component",
    [Component("EVSE"), Component("Fan", "left", Evse(1)), Component("Connector", evse=Evse(1, 2))],
)
def test_a_component_comes_back(component: Component) -> None:
    assert convert.read_component(convert.component(component)) == component


@pytest.mark.parametrize(
    "message",
    [
        pb.Component(name="EVSE", evse_id=-1),
        pb.Component(name="Connector", evse_id=1, connector_id=-1),
        pb.Component(name="Connector", connector_id=1),
    ],
)
def test_a_component_nowhere_is_refused(message: pb.Component) -> None:
    with pytest.raises(InvalidArgument):
        convert.read_component(message)


def test_words_are_ocpp_s() -> None:
    assert convert.report_base("") is ReportBase.FULL
    assert convert.words(["Problem"], ComponentCriterion, "component criterion") == [ComponentCriterion.PROBLEM]
    with pytest.raises(InvalidArgument) as raised:
        convert.report_base("Everything")
    assert raised.value.reason == "INVALID_WORD"
    assert "FullInventory" in raised.value.message


def test_a_component_and_its_variable() -> None:
    message = pb.ComponentVariable(component=pb.Component(name="EVSE"), variable="Power", variable_instance="x")
    expected = ComponentVariable(Component("EVSE"), VariableName("Power", "x"))
    assert convert.read_component_variable(message) == expected
    assert convert.read_component_variable(pb.ComponentVariable(component=pb.Component(name="EVSE"))).variable is None
    with pytest.raises(InvalidArgument):
        convert.read_component_variable(pb.ComponentVariable(variable_instance="x"))


def test_which_evse_and_any_evse_are_told_apart() -> None:
    assert convert.variable_filter(pb.VariableFilter()) == VariableFilter()
    asked = pb.VariableFilter(component="EVSE", variable="Power", evse_id=0, query="k")
    assert convert.variable_filter(asked) == VariableFilter("EVSE", "Power", 0, "k")


def test_a_variable_is_shown_with_all_that_was_told() -> None:
    key = VariableKey("EVSE", "", 1, 0, "Power", "", "MaxSet")
    characteristics = msgspec.json.encode(
        {"dataType": "decimal", "supportsMonitoring": True, "unit": "W", "maxLimit": 22000, "valuesList": "a,b"}
    )
    view = VariableView(key, "7200", "ReadOnly", True, False, characteristics, NOW)
    message = convert.device_variable(view)
    assert message == pb.DeviceVariable(
        name="EVSE@1.Power#MaxSet",
        component=pb.Component(name="EVSE", evse_id=1),
        variable="Power",
        attribute_type="MaxSet",
        value="7200",
        mutability="ReadOnly",
        persistent=True,
        data_type="decimal",
        unit="W",
        max_limit=22000.0,
        values_list="a,b",
        supports_monitoring=True,
        tell_time=timestamp(NOW),
    )
    assert not message.HasField("min_limit")
    bare = convert.device_variable(
        VariableView(VariableKey("", "", 0, 0, "Key", "", "Actual"), None, "ReadWrite", False, False, b"{}", NOW)
    )
    assert (bare.name, bare.HasField("value"), bare.data_type) == ("Key", False, "")


def test_a_monitor_wanted_and_a_monitor_known() -> None:
    message = pb.MonitorSetting(
        id=0,
        component=pb.Component(name="EVSE", evse_id=1),
        variable="Power",
        type="Delta",
        value=2.5,
        severity=4,
        transaction=True,
        periodic_event_stream=pb.PeriodicEventStreamParams(interval_seconds=5),
    )
    component, variable = Component("EVSE", evse=Evse(1)), VariableName("Power")
    assert convert.read_monitor(message) == SetMonitoringData(
        2.5, MonitorType.DELTA, 4, component, variable, 0, True, StreamParams(5)
    )
    message.ClearField("id")
    message.ClearField("periodic_event_stream")
    read = convert.read_monitor(message)
    assert (read.id, read.periodic_event_stream) == (None, None)
    message.type = "Sometimes"
    with pytest.raises(InvalidArgument):
        convert.read_monitor(message)
    known = Monitor(5, component, variable, "Delta", 2.5, 4, True, "CustomMonitor", StreamParams(values=9))
    shown = convert.monitor(MonitorView(known, NOW))
    assert (shown.id, shown.variable, shown.type, shown.event_notification_type) == (
        5,
        "Power",
        "Delta",
        "CustomMonitor",
    )
    assert shown.periodic_event_stream == pb.PeriodicEventStreamParams(values=9)
    plain = msgspec.structs.replace(known, periodic_event_stream=None)
    assert not convert.monitor(MonitorView(plain, NOW)).HasField("periodic_event_stream")


def test_the_pace_of_a_stream_comes_back() -> None:
    for params in (StreamParams(), StreamParams(0), StreamParams(values=3), StreamParams(5, 6)):
        assert convert.read_params(convert.params(params)) == params
    with pytest.raises(InvalidArgument):
        convert.read_params(pb.PeriodicEventStreamParams(values=-1))
    shown = convert.stream_view(StreamView(EventStream(7, 4, StreamParams(5)), NOW))
    assert (shown.id, shown.variable_monitoring_id, shown.tell_time) == (7, 4, timestamp(NOW))


def test_a_customer_is_meant_by_token_name_or_certificate() -> None:
    message = pb.RequestCustomerInformationRequest(id_token="04A2", id_token_type="ISO14443", customer_identifier="x")
    assert convert.customer_reference(message) == CustomerReference("04A2", "ISO14443", "x")
    message.certificate.CopyFrom(
        pb.CustomerCertificate(hash_algorithm="SHA256", issuer_name_hash="ab", issuer_key_hash="cd", serial_number="1f")
    )
    expected = CertificateHashData(HashAlgorithm.SHA256, "ab", "cd", "1f")
    assert convert.customer_reference(message).certificate == expected
    message.certificate.hash_algorithm = "MD5"
    with pytest.raises(InvalidArgument):
        convert.customer_reference(message)


def test_connection_settings_are_read_whole() -> None:
    message = pb.NetworkConnectionProfile(
        ocpp_csms_url="wss://csms.example.org",
        ocpp_interface="Wired0",
        message_timeout_seconds=30,
        security_profile=2,
        identity="CP-1",
        apn=pb.NetworkApn(apn="internet", apn_authentication="PAP", sim_pin=0, use_only_preferred_network=True),
        vpn=pb.NetworkVpn(server="vpn", user="me", password="p", key="k", type="IKEv2", group="g"),
    )
    assert convert.network_profile(message) == NetworkConnectionProfile(
        "wss://csms.example.org",
        "JSON",
        "Wired0",
        30,
        2,
        identity="CP-1",
        apn=Apn("internet", "PAP", sim_pin=0, use_only_preferred_network=True),
        vpn=Vpn("vpn", "me", "p", "k", "IKEv2", "g"),
    )
    bare = convert.network_profile(pb.NetworkConnectionProfile())
    assert (bare.apn, bare.vpn, bare.ocpp_version) == (None, None, None)
