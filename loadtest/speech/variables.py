"""The device model of a 2.x station (part 2, appendix 3): components and variables over its configuration.

Settings are the same values as in OCPP 1.6, under other names; the rest is what such a station is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loadtest.client import Json
from loadtest.speech.speech import MAKER, MODEL, SAMPLED, Commanded


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: where it is, what it is, and its value or the setting that holds it."""

    component: str
    name: str
    kind: str = "string"
    value: str = ""
    setting: str = ""
    writable: bool = False
    unit: str = ""
    evse: int = 0
    connector: int = 0

    @property
    def key(self) -> tuple[str, str, int]:
        """What finds it."""
        return self.component, self.name, self.evse

    def component_json(self) -> Json:
        """A ComponentType."""
        if not self.evse:
            return {"name": self.component}
        evse: Json = {"id": self.evse}
        if self.connector:
            evse["connectorId"] = self.connector
        return {"name": self.component, "evse": evse}


def _setting(component: str, name: str, kind: str, setting: str, unit: str = "") -> Variable:
    return Variable(component, name, kind, setting=setting, writable=True, unit=unit)


SETTINGS = (
    _setting("OCPPCommCtrlr", "HeartbeatInterval", "integer", "HeartbeatInterval", "s"),
    _setting("OCPPCommCtrlr", "WebSocketPingInterval", "integer", "WebSocketPingInterval", "s"),
    _setting("OCPPCommCtrlr", "MessageAttempts", "integer", "TransactionMessageAttempts"),
    _setting("OCPPCommCtrlr", "MessageAttemptInterval", "integer", "TransactionMessageRetryInterval", "s"),
    _setting("SampledDataCtrlr", "TxUpdatedInterval", "integer", "MeterValueSampleInterval", "s"),
    _setting("SampledDataCtrlr", "TxUpdatedMeasurands", "MemberList", "MeterValuesSampledData"),
    _setting("TxCtrlr", "EVConnectionTimeOut", "integer", "ConnectionTimeOut", "s"),
    _setting("AuthCtrlr", "AuthorizeRemoteStart", "boolean", "AuthorizeRemoteTxRequests"),
    _setting("AuthCtrlr", "LocalPreAuthorize", "boolean", "LocalPreAuthorize"),
    _setting("LocalAuthListCtrlr", "Enabled", "boolean", "LocalAuthListEnabled"),
)
FIXED = (
    Variable("ChargingStation", "AvailabilityState", "OptionList", "Available"),
    Variable("ChargingStation", "Available", "boolean", "true"),
    Variable("ChargingStation", "Model", "string", MODEL),
    Variable("ChargingStation", "VendorName", "string", MAKER),
    Variable("ChargingStation", "SupplyPhases", "integer", "3"),
    Variable("ClockCtrlr", "TimeSource", "SequenceList", "Heartbeat"),
    Variable("DeviceDataCtrlr", "ItemsPerMessage", "integer", "10"),
    Variable("LocalAuthListCtrlr", "ItemsPerMessage", "integer", "100"),
    Variable("OCPPCommCtrlr", "FileTransferProtocols", "MemberList", "HTTP"),
    Variable("SecurityCtrlr", "SecurityProfile", "integer", "1"),
    Variable("SmartChargingCtrlr", "Enabled", "boolean", "true"),
    Variable("SmartChargingCtrlr", "ProfileStackLevel", "integer", "10"),
    Variable("SmartChargingCtrlr", "RateUnit", "MemberList", "W,A"),
    Variable("TxCtrlr", "TxStopPoint", "MemberList", "EVConnected,Authorized"),
)


def variables(station: Commanded) -> Iterator[Variable]:
    """All that this station has."""
    yield from SETTINGS
    yield from FIXED
    yield Variable("ChargingStation", "FirmwareVersion", "string", station.firmware)
    yield Variable("TxCtrlr", "TxStartPoint", "MemberList", station.start_point)
    for connector in station.connectors:
        evse = connector.number
        available = "true" if connector.operative else "false"
        yield Variable("EVSE", "Available", "boolean", available, evse=evse)
        yield Variable("EVSE", "Power", "decimal", "22000", unit="W", evse=evse)
        yield Variable("Connector", "Available", "boolean", available, evse=evse, connector=1)
        yield Variable("Connector", "ConnectorType", "string", "sType2", evse=evse, connector=1)
        yield Variable("Connector", "SupplyPhases", "integer", "3", evse=evse, connector=1)


def value_of(station: Commanded, variable: Variable) -> str:
    """As 2.x prints it: intervals are whole seconds."""
    if not variable.setting:
        return variable.value
    value = station.configuration.values.get(variable.setting, "")
    if variable.kind == "integer" and value:
        return str(max(0, round(float(value))))
    return value


def accepts(variable: Variable, value: str) -> bool:
    """True when this could be its value."""
    if variable.kind == "integer":
        return value.isdigit()
    if variable.kind == "boolean":
        return value.lower() in ("true", "false")
    if variable.kind == "MemberList":
        return all(one.strip() in SAMPLED.split(",") for one in value.split(",")) if value else True
    return len(value) <= 500


def report_data(station: Commanded, variable: Variable) -> Json:
    """A ReportDataType."""
    characteristics: Json = {"dataType": variable.kind, "supportsMonitoring": False}
    if variable.unit:
        characteristics["unit"] = variable.unit
    return {
        "component": variable.component_json(),
        "variable": {"name": variable.name},
        "variableAttribute": [
            {
                "type": "Actual",
                "value": value_of(station, variable),
                "mutability": "ReadWrite" if variable.writable else "ReadOnly",
            }
        ],
        "variableCharacteristics": characteristics,
    }
