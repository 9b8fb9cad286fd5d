"""OCPP 1.5: reservations, local lists, firmware and diagnostics."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from csms.domain.commands import Answer, Command
from csms.domain.errors import DomainError, InvalidArgument, NotSupported
from csms.domain.facts import AuthorizationStatus
from csms.domain.local_list import GetLocalListVersion, LocalListEntry, LocalListVersion, SendLocalList
from csms.domain.maintenance import (
    FirmwareProgressed,
    GetLog,
    LogNamed,
    LogProgressed,
    LogType,
    UpdateFirmware,
)
from csms.domain.reservation import CancelReservation, ReserveNow
from csms.ocpp.faults import Fault
from csms.ocpp.v15.routes import Dialect15

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DIALECT = Dialect15()
ENTRIES = (
    LocalListEntry("A", AuthorizationStatus.ACCEPTED, AT, "P"),
    LocalListEntry("B", AuthorizationStatus.BLOCKED, parent_id_token="P" * 21),
)


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (
            ReserveNow(5, "TAG", AT, 1, group_id_token="G"),
            "ReserveNow",
            {"connectorId": 1, "expiryDate": AT, "idTag": "TAG", "parentIdTag": "G", "reservationId": 5},
        ),
        (
            ReserveNow(5, "TAG", AT),
            "ReserveNow",
            {"connectorId": 0, "expiryDate": AT, "idTag": "TAG", "reservationId": 5},
        ),
        (CancelReservation(5), "CancelReservation", {"reservationId": 5}),
        (GetLocalListVersion(), "GetLocalListVersion", {}),
        (
            SendLocalList(3, full=True, entries=ENTRIES),
            "SendLocalList",
            {
                "updateType": "Full",
                "listVersion": 3,
                "localAuthorisationList": [
                    {"idTag": "A", "idTagInfo": {"status": "Accepted", "expiryDate": AT, "parentIdTag": "P"}},
                    {"idTag": "B", "idTagInfo": {"status": "Blocked"}},
                ],
            },
        ),
        (
            SendLocalList(4, full=False, entries=(LocalListEntry("A"),)),
            "SendLocalList",
            {"updateType": "Differential", "listVersion": 4, "localAuthorisationList": [{"idTag": "A"}]},
        ),
        (
            UpdateFirmware(1, "ftp://h/f", AT, retries=2, retry_interval_s=60),
            "UpdateFirmware",
            {"retrieveDate": AT, "location": "ftp://h/f", "retries": 2, "retryInterval": 60},
        ),
        (
            GetLog(1, LogType.DIAGNOSTICS, "ftp://h/", AT, AT),
            "GetDiagnostics",
            {"location": "ftp://h/", "startTime": AT, "stopTime": AT},
        ),
    ],
)
def test_orders(command: Command, action: str, payload: dict[str, object]) -> None:
    assert DIALECT.encode(command) == (action, payload)


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (ReserveNow(5, "TAG", AT, connector_type="cType2"), NotSupported),
        (ReserveNow(5, "T" * 21, AT), InvalidArgument),
        (ReserveNow(2**31, "TAG", AT), InvalidArgument),
        (SendLocalList(0, full=True), InvalidArgument),
        (SendLocalList(1, full=True, entries=(LocalListEntry("A"),)), InvalidArgument),
        (
            SendLocalList(1, full=True, entries=(LocalListEntry("A" * 21, AuthorizationStatus.ACCEPTED),)),
            InvalidArgument,
        ),
        (UpdateFirmware(1, "l", AT, install_at=AT), InvalidArgument),
        (UpdateFirmware(1, "l", AT, signing_certificate="c", signature="s"), NotSupported),
        (GetLog(1, LogType.SECURITY, "l"), NotSupported),
        (GetLog(1, LogType.DIAGNOSTICS, "l", security_extension=True), NotSupported),
    ],
)
def test_what_1_5_cannot_say_is_refused(command: Command, error: type[DomainError]) -> None:
    with pytest.raises(error, match=r"1\.5|list"):
        DIALECT.encode(command)


def test_answers() -> None:
    update = UpdateFirmware(1, "l", AT)
    assert DIALECT.outcome(update, {}) == Answer("Accepted", True)
    log = GetLog(1, LogType.DIAGNOSTICS, "l")
    assert DIALECT.outcome(log, {"fileName": "f.zip"}).result == LogNamed("f.zip")
    assert not DIALECT.outcome(log, {}).accepted
    assert DIALECT.outcome(GetLocalListVersion(), {"listVersion": "7"}).result == LocalListVersion(7)
    listed = SendLocalList(1, full=True)
    assert DIALECT.outcome(listed, {"status": "HashError", "hash": "x"}) == Answer("HashError", False)
    assert DIALECT.outcome(listed, {"status": "Accepted"}) == Answer("Accepted", True)
    assert DIALECT.outcome(ReserveNow(5, "T", AT), {"status": "Occupied"}) == Answer("Occupied", False)
    with pytest.raises(Fault):
        DIALECT.outcome(GetLocalListVersion(), {"listVersion": "-2"})


def test_what_became_of_orders() -> None:
    assert DIALECT.decode("FirmwareStatusNotification", {"status": "Installed"}) == FirmwareProgressed("Installed")
    assert DIALECT.decode("DiagnosticsStatusNotification", {"status": "Uploaded"}) == LogProgressed("Uploaded")
    failed = DIALECT.decode("DiagnosticsStatusNotification", {"status": "UploadFailed"})
    assert failed == LogProgressed("UploadFailure")
