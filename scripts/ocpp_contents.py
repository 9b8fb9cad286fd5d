"""The list of all OCPP messages for ``docs/ocpp.md``: version by version, in which direction, and where each shows up.

``python -m scripts.ocpp_contents`` prints it; ``--write`` puts it into the document, between its two marks. It is made
of the dialects' tables of contents, the official schemas and the control API's own descriptors, so that it cannot say
what is not so; a test holds the document to it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from csms.app.dialects import DIALECTS
from csms.ocpp.routing import RoutedDialect
from csms.ocpp.schemas import schemas_of
from csms.ocpp.v15 import routes as v15

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "ocpp.md"
BEGIN, END = "<!-- ocpp:begin -->", "<!-- ocpp:end -->"
VERSIONS: Final = ("1.5", "1.6", "2.0.1", "2.1")

# What a station tells: where people and systems find it. Everything is in the message log besides.
TOLD: Final[Mapping[str, str]] = {
    "Authorize": "decided from memory; tags: `IdTokenService`",
    "BatterySwap": "`InventoryService.ListStationEvents`, items `battery`",
    "BootNotification": "`Station.boot_info`; station page",
    "ClearedChargingLimit": "`InventoryService.ListStationEvents`, items `charging_limit`",
    "ClosePeriodicEventStream": "`DeviceModelService.ListPeriodicEventStreams`",
    "DataTransfer": "answered by vendors' plug-ins; `InventoryService.ListStationEvents`",
    "DiagnosticsStatusNotification": "`InventoryService.ListJobs`",
    "FirmwareStatusNotification": "`InventoryService.ListJobs`",
    "Get15118EVCertificate": "answered by the contract provider of the settings; `InventoryService.ListStationEvents`",
    "GetCertificateChainStatus": "answered by asking the authorities; `InventoryService.ListStationEvents`",
    "GetCertificateStatus": "answered by asking the authorities; `InventoryService.ListStationEvents`",
    "Heartbeat": "`Station.last_seen_time`",
    "LogStatusNotification": "`InventoryService.ListJobs`",
    "MeterValues": "`SessionService.ListMeterValues`; session page",
    "NotifyChargingLimit": "`InventoryService.ListStationEvents`, items `charging_limit`",
    "NotifyCustomerInformation": "`InventoryService.GetJob`",
    "NotifyDERAlarm": "`InventoryService.ListStationEvents`",
    "NotifyDERStartStop": "`InventoryService.ListStationEvents`",
    "NotifyDisplayMessages": "`DisplayService`, items `display_message`",
    "NotifyEVChargingNeeds": "`InventoryService.ListStationEvents`, items `ev_charging_needs`",
    "NotifyEVChargingSchedule": "`InventoryService.ListStationEvents`",
    "NotifyEvent": "`InventoryService.ListStationEvents`, `DeviceModelService.ListVariables`",
    "NotifyMonitoringReport": "`DeviceModelService.ListMonitors`",
    "NotifyPeriodicEventStream": "`DeviceModelService.ListVariables`",
    "NotifyPriorityCharging": "`InventoryService.ListStationEvents`",
    "NotifyReport": "`DeviceModelService.ListVariables`",
    "NotifySettlement": "`InventoryService.ListStationEvents`, items `settlement`",
    "OpenPeriodicEventStream": "`DeviceModelService.ListPeriodicEventStreams`",
    "PublishFirmwareStatusNotification": "`InventoryService.ListJobs`",
    "PullDynamicScheduleUpdate": "answered from the profiles that are held",
    "ReportChargingProfiles": "`SmartChargingService.ListChargingProfiles`",
    "ReportDERControl": "`DerService.ListDerControls`",
    "ReservationStatusUpdate": "`ReservationService.ListReservations`",
    "SecurityEventNotification": "`InventoryService.ListStationEvents`",
    "SignCertificate": "signed by the certificate authority; `CertificateService.ListIssuedCertificates`",
    "SignedFirmwareStatusNotification": "`InventoryService.ListJobs`",
    "StartTransaction": "`SessionService`; sessions page",
    "StatusNotification": "`Station.evses`; stations page",
    "StopTransaction": "`SessionService`; sessions page",
    "TransactionEvent": "`SessionService`; sessions page",
    "VatNumberValidation": "answered by a VAT register, else rejected; `InventoryService.ListStationEvents`",
}

# What a station is told by calls that are not named like the command.
ORDERED: Final[Mapping[str, str]] = {
    "CancelReservation": "ReservationService.CancelReservation",
    "CertificateSigned": "CertificateService.RenewStationCertificate",
    "CustomerInformation": "DeviceModelService.RequestCustomerInformation",
    "ReserveNow": "ReservationService.CreateReservation",
}


def contents() -> str:
    """Two Markdown tables, what stations tell and what they are told; ends with a line end."""
    lines = ["### From stations", "", _head("where it shows up"), _rule()]
    told = {version: _incoming(version) for version in VERSIONS}
    for action in sorted(set().union(*told.values())):
        lines.append(_row(action, [action in told[version] for version in VERSIONS], TOLD.get(action, "**nowhere**")))
    lines += ["", "### To stations", "", _head("ordered by"), _rule()]
    ordered = {version: dict(_outgoing(version)) for version in VERSIONS}
    calls = _calls()
    for action in sorted(set().union(*ordered.values())):
        commands = {ordered[version][action] for version in VERSIONS if action in ordered[version]}
        where = sorted({_call_of(command, calls) for command in commands})
        lines.append(_row(action, [action in ordered[version] for version in VERSIONS], ", ".join(where)))
    return "\n".join(lines) + "\n"


def not_routed() -> dict[str, list[str]]:
    """Version → actions of its official schemas that no table has."""
    return {
        dialect.edition.subprotocol: sorted(
            schemas_of(dialect.edition).actions
            - set(dialect.incoming)
            - {row.action for rows in dialect.outgoing.values() for row in rows}
        )
        for dialect in _dialects().values()
    }


def within(document: str) -> str:
    """What stands between the marks. Raises ValueError when they are missing or doubled."""
    before, begin, rest = document.partition(f"{BEGIN}\n")
    table, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before:
        raise ValueError(f"docs/ocpp.md needs the marks {BEGIN} and {END}, once each, in this order")
    return table


def _dialects() -> dict[str, RoutedDialect]:
    found: dict[str, RoutedDialect] = {}
    for dialect in DIALECTS.values():
        if not isinstance(dialect, RoutedDialect):
            raise TypeError(f"{dialect.subprotocol} has no table of contents")
        found[dialect.subprotocol.removeprefix("ocpp")] = dialect
    return found


def _incoming(version: str) -> set[str]:
    return {row.action for row in v15.INCOMING} if version == "1.5" else set(_dialects()[version].incoming)


def _outgoing(version: str) -> Iterator[tuple[str, str]]:
    if version == "1.5":
        yield from ((row.action, row.command.__name__) for row in v15.OUTGOING)
        return
    for rows in _dialects()[version].outgoing.values():
        yield from ((row.action, row.command.__name__) for row in rows)


def _calls() -> dict[str, str]:
    """Method of the control API → `Service.Method`."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "proto/control/v1").glob("*.proto")):
        module = importlib.import_module(f"control.v1.{path.stem}_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            found |= {method.name: f"{service.name}.{method.name}" for method in service.methods}
    return found


def _call_of(command: str, calls: Mapping[str, str]) -> str:
    name = ORDERED.get(command) or calls.get(command)
    if name is None or name.partition(".")[2] not in calls:
        return "**nobody**"
    return f"`{name}`"


def _head(last: str) -> str:
    return f"| message | {' | '.join(VERSIONS)} | {last} |"


def _rule() -> str:
    return f"| --- |{' --- |' * (len(VERSIONS) + 1)}"


def _row(action: str, versions: list[bool], where: str) -> str:
    return f"| {action} | {' | '.join('✓' if there else '' for there in versions)} | {where} |"


def main(arguments: list[str]) -> int:
    """Run the command. Returns the exit code."""
    if arguments == ["--write"]:
        document = DOCUMENT.read_text("utf-8")
        DOCUMENT.write_text(
            document.replace(f"{BEGIN}\n{within(document)}{END}", f"{BEGIN}\n{contents()}{END}"), "utf-8"
        )
        return 0
    sys.stdout.write(contents())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
