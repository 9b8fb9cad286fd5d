"""More of the table of remote operations: monitors, certificates, customers, priority charging.

Each is only shown where the station's version has it. `shape` makes the request of what the form says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from webui.operation_fields import OCPP_2, Field, Operation
from webui.values import ApiError
from webui.words import N_, _

OCPP_21: Final = ("ocpp2.1",)
CERTIFICATES: Final = ("ocpp1.6", "ocpp2")
HASH_FIELDS: Final = ("hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number")
MOST_IDS: Final = 500

Asked = Mapping[str, object]


def monitor(told: Asked) -> dict[str, object]:
    """A monitor of the variable that was named as `Component.Variable`. Raises ApiError."""
    component, _dot, variable = str(told.get("variable", "")).partition(".")
    if not (component and variable):
        raise ApiError("INVALID_ARGUMENT", "", _("Name the variable as Component.Variable, for example EVSE.Power."))
    wanted = {
        "component": {"name": component},
        "variable": variable,
        "type": told["type"],
        "value": told["value"],
        "severity": int(str(told["severity"])),
        "transaction": told.get("transaction", False),
    }
    if told.get("evse_id"):
        wanted["component"] = {"name": component, "evse_id": told["evse_id"]}
    return {"monitors": [wanted]}


def monitor_ids(told: Asked) -> dict[str, object]:
    """The numbers of monitors. Raises ApiError."""
    parts = str(told.get("ids", "")).replace(",", " ").split()
    if not parts or len(parts) > MOST_IDS or not all(part.isascii() and part.isdecimal() for part in parts):
        raise ApiError("INVALID_ARGUMENT", "", _("Enter the numbers of the monitors, with commas between them."))
    return {"ids": [int(part) for part in parts]}


def installed(told: Asked) -> dict[str, object]:
    """Which certificate, as it was chosen. Raises ApiError."""
    parts = str(told.get("hash_data", "")).split("|")
    if len(parts) != len(HASH_FIELDS):
        raise ApiError("INVALID_ARGUMENT", "", _("Choose the certificate. Read them first, if none is there."))
    return {"hash_data": dict(zip(HASH_FIELDS, parts, strict=True))}


def customer(told: Asked) -> dict[str, object]:
    """Whose information, and what becomes of it. Raises ApiError."""
    if not (told.get("id_token") or told.get("customer_identifier")):
        raise ApiError("INVALID_ARGUMENT", "", _("Say who it is: a tag, or the name that the maker gives customers."))
    what = told.get("what")
    asked: dict[str, object] = {"report": what in ("report", "both"), "clear": what in ("clear", "both")}
    for name in ("id_token", "customer_identifier"):
        if told.get(name):
            asked[name] = told[name]
    if told.get("id_token"):
        asked["id_token_type"] = told["id_token_type"]
    return asked


_SEVERITIES: Final = (
    ("4", N_("4: error")),
    ("0", N_("0: danger")),
    ("1", N_("1: hardware failure")),
    ("2", N_("2: system failure")),
    ("3", N_("3: critical")),
    ("5", N_("5: alert")),
    ("6", N_("6: warning")),
    ("7", N_("7: notice")),
    ("8", N_("8: informational")),
    ("9", N_("9: debug")),
)

MORE: Final = (
    Operation(
        "set-monitor",
        N_("Watch a variable"),
        N_("Watch it"),
        N_("The station tells by itself when the variable passes a value, changes by so much, or after so long."),
        "DeviceModelService/SetVariableMonitoring",
        (
            Field(
                "variable",
                N_("Variable"),
                demand=N_("Name the variable as Component.Variable, for example EVSE.Power."),
                longest=100,
                hint=N_("As Component.Variable; see Configuration."),
            ),
            Field("evse_id", N_("EVSE"), "evse", key="evse", any=N_("None")),
            Field(
                "type",
                N_("Tell"),
                "choice",
                (
                    ("UpperThreshold", N_("when it rises above")),
                    ("LowerThreshold", N_("when it falls below")),
                    ("Delta", N_("when it changes by")),
                    ("Periodic", N_("every so many seconds")),
                    ("PeriodicClockAligned", N_("every so many seconds, by the clock")),
                ),
            ),
            Field("value", N_("Value"), "decimal", demand=N_("Enter a number.")),
            Field("severity", N_("How grave"), "choice", _SEVERITIES),
            Field("transaction", N_("Only while a session is under way"), "tick"),
        ),
        protocols=OCPP_2,
        least="configure",
        shape=monitor,
        only_there=True,
    ),
    Operation(
        "clear-monitor",
        N_("Stop watching"),
        N_("Stop it"),
        N_("Removes monitors by their numbers; the report of the monitors tells them."),
        "DeviceModelService/ClearVariableMonitoring",
        (Field("ids", N_("Numbers"), demand=N_("Enter the numbers of the monitors, with commas between them.")),),
        protocols=OCPP_2,
        least="configure",
        shape=monitor_ids,
        only_there=True,
    ),
    Operation(
        "monitor-report",
        N_("Report the monitors"),
        N_("Ask"),
        N_("The station tells what it watches; see Diagnostics."),
        "DeviceModelService/GetMonitoringReport",
        answer="job",
        protocols=OCPP_2,
        least="configure",
        only_there=True,
    ),
    Operation(
        "monitor-level",
        N_("Choose which events it tells"),
        N_("Set"),
        N_("The station tells events of this severity and graver ones."),
        "DeviceModelService/SetMonitoringLevel",
        (Field("severity", N_("How grave"), "choice", _SEVERITIES),),
        protocols=OCPP_2,
        least="configure",
        shape=lambda told: {"severity": int(str(told["severity"]))},
        only_there=True,
    ),
    Operation(
        "install-certificate",
        N_("Install a certificate"),
        N_("Install"),
        N_("The station trusts this authority from now on."),
        "CertificateService/InstallCertificate",
        (
            Field(
                "certificate_type",
                N_("For"),
                "choice",
                (
                    ("CSMSRootCertificate", N_("this central system")),
                    ("ManufacturerRootCertificate", N_("firmware of the maker")),
                    ("V2GRootCertificate", N_("charging stations (V2G)")),
                    ("MORootCertificate", N_("mobility operators")),
                    ("OEMRootCertificate", N_("vehicles")),
                ),
            ),
            Field("certificate", N_("Certificate (PEM)"), "area", hint=N_("Empty: the root of this system itself.")),
        ),
        N_("Let the station trust this authority?"),
        protocols=CERTIFICATES,
        least="administer",
        only_there=True,
    ),
    Operation(
        "delete-certificate",
        N_("Delete a certificate"),
        N_("Delete"),
        N_("The station no longer trusts it. Without the one of this system it may not come back."),
        "CertificateService/DeleteCertificate",
        (
            Field(
                "hash_data",
                N_("Certificate"),
                "installed",
                demand=N_("Choose the certificate. Read them first, if none is there."),
            ),
        ),
        N_("Delete this certificate? The station may not come back without it."),
        protocols=CERTIFICATES,
        least="administer",
        shape=installed,
        only_there=True,
    ),
    Operation(
        "customer",
        N_("Customer information"),
        N_("Send"),
        N_("What the station keeps of somebody: have it told, or forgotten. What it tells is under Diagnostics."),
        "DeviceModelService/RequestCustomerInformation",
        (
            Field(
                "what",
                N_("What"),
                "choice",
                (("report", N_("Tell it")), ("clear", N_("Forget it")), ("both", N_("Tell it, then forget it"))),
            ),
            Field("id_token", N_("Tag"), longest=36),
            Field(
                "id_token_type",
                N_("Kind of tag"),
                "choice",
                tuple((word, word) for word in ("ISO14443", "ISO15693", "Central", "eMAID", "KeyCode", "Local")),
            ),
            Field("customer_identifier", N_("Or the maker's name for the customer"), longest=64),
        ),
        N_("Send this? What is forgotten cannot be brought back."),
        answer="job",
        protocols=OCPP_2,
        least="configure",
        shape=customer,
        only_there=True,
    ),
    Operation(
        "priority",
        N_("Priority charging"),
        N_("Send"),
        N_("Lets a session under way charge before the others, or no longer."),
        "SmartChargingService/UsePriorityCharging",
        (
            Field("transaction_id", N_("Session"), "transaction", demand=N_("Choose the session.")),
            Field("activate", N_("To"), "choice", (("1", N_("before the others")), ("0", N_("like the others")))),
        ),
        protocols=OCPP_21,
        shape=lambda told: {"transaction_id": told["transaction_id"], "activate": told["activate"] == "1"},
        only_there=True,
    ),
)
