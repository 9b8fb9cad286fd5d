"""OCPP 1.5: reservations, local lists, firmware and diagnostics, both ways."""

from __future__ import annotations

from typing import Final

from csms.domain import local_list, maintenance, reservation
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument, NotSupported
from csms.domain.facts import AuthorizationStatus
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.v15 import payloads
from csms.ocpp.v15.charge_point import MAX_ID_TAG_LENGTH, bounded, evse, number
from csms.ocpp.v15.payloads import Payload

_STATUSES: Final = {
    AuthorizationStatus.ACCEPTED: "Accepted",
    AuthorizationStatus.BLOCKED: "Blocked",
    AuthorizationStatus.EXPIRED: "Expired",
    AuthorizationStatus.CONCURRENT_TX: "ConcurrentTx",
}
"""What else 2.x knows is Invalid here."""


# -- reservations ----------------------------------------------------------------------------------------------------


def reserve_now(command: reservation.ReserveNow) -> Payload:
    """§5.11. Connector 0: any of the station's."""
    if command.connector_type:
        raise NotSupported("OCPP 1.5 cannot reserve by a connector's type. Name an EVSE, or none.")
    payload: Payload = {
        "connectorId": evse(command.evse_id or 0),
        "expiryDate": command.expires_at,
        "idTag": bounded("a tag", command.id_token, MAX_ID_TAG_LENGTH),
    }
    if command.group_id_token is not None:
        payload["parentIdTag"] = bounded("a parent tag", command.group_id_token, MAX_ID_TAG_LENGTH)
    payload["reservationId"] = number("a reservation", command.reservation_id)
    return payload


def cancel_reservation(command: reservation.CancelReservation) -> Payload:
    """§5.1."""
    return {"reservationId": number("a reservation", command.reservation_id)}


# -- local lists -----------------------------------------------------------------------------------------------------


def send_local_list(command: local_list.SendLocalList) -> Payload:
    """§5.13. Without a hash: it is optional, and nobody agrees on how to reckon it."""
    if command.full and any(entry.status is None for entry in command.entries):
        raise InvalidArgument(
            "A full list names the tags that are in it; to take tags out, send a differential one.",
            reason="NOTHING_TO_REMOVE",
        )
    return {
        "updateType": "Full" if command.full else "Differential",
        "listVersion": number("a list's version", command.version, least=1),
        "localAuthorisationList": [_entry(entry) for entry in command.entries],
    }


def _entry(entry: local_list.LocalListEntry) -> Payload:
    payload: Payload = {"idTag": bounded("a tag", entry.id_token, MAX_ID_TAG_LENGTH)}
    if entry.status is None:
        return payload
    info: Payload = {"status": _STATUSES.get(entry.status, "Invalid")}
    if entry.expires_at is not None:
        info["expiryDate"] = entry.expires_at
    # A station of 1.5 can neither read nor hold a longer tag, so it loses nothing.
    if entry.parent_id_token is not None and len(entry.parent_id_token) <= MAX_ID_TAG_LENGTH:
        info["parentIdTag"] = entry.parent_id_token
    payload["idTagInfo"] = info
    return payload


def get_local_list_version(_command: local_list.GetLocalListVersion) -> Payload:
    """§5.8."""
    return {}


def read_version(payload: payloads.ListVersionAnswer) -> Answer:
    """GetLocalListVersion.conf. -1: the station supports no list."""
    if not local_list.NOT_SUPPORTED <= payload.listVersion <= local_list.MAX_VERSION:
        raise Fault(ErrorCode.PROTOCOL_ERROR, "listVersion is a number from -1 to 2³¹-1.")
    return Answer("Accepted", accepted=True, result=local_list.LocalListVersion(payload.listVersion))


def read_local_list(payload: payloads.SendLocalListAnswer) -> Answer:
    """SendLocalList.conf. HashError is what 1.5 has beside the words of 1.6."""
    return Answer(payload.status, payload.status == "Accepted")


# -- firmware and diagnostics ----------------------------------------------------------------------------------------


def _retrying(retries: int | None, retry_interval_s: int | None) -> Payload:
    payload: Payload = {}
    if retries is not None:
        payload["retries"] = number("the retries", retries)
    if retry_interval_s is not None:
        payload["retryInterval"] = number("the interval of retries", retry_interval_s)
    return payload


def update_firmware(command: maintenance.UpdateFirmware) -> Payload:
    """§5.15. The station installs when it likes, and checks no signature."""
    if command.signed:
        raise NotSupported("OCPP 1.5 knows no signed firmware. Send it without certificate and signature.")
    if command.install_at is not None:
        raise InvalidArgument(
            "OCPP 1.5 cannot tell a station when to install firmware.", reason="INSTALL_TIME_NOT_SUPPORTED"
        )
    payload: Payload = {"retrieveDate": command.retrieve_at, "location": command.location}
    return payload | _retrying(command.retries, command.retry_interval_s)


def read_taken(_payload: payloads.Empty) -> Answer:
    """UpdateFirmware.conf says nothing. The order was taken."""
    return Answer("Accepted", accepted=True)


def get_diagnostics(command: maintenance.GetLog) -> Payload:
    """§5.7."""
    if command.log_type is not maintenance.LogType.DIAGNOSTICS or command.security_extension:
        raise NotSupported("A station that speaks OCPP 1.5 has diagnostics to upload and no other log.")
    payload: Payload = {"location": command.location}
    if command.oldest is not None:
        payload["startTime"] = command.oldest
    if command.latest is not None:
        payload["stopTime"] = command.latest
    return payload | _retrying(command.retries, command.retry_interval_s)


def read_diagnostics(payload: payloads.DiagnosticsAnswer) -> Answer:
    """GetDiagnostics.conf. No file name: there is nothing to upload."""
    if not payload.fileName:
        return Answer("Rejected", accepted=False, additional_info="The station has no diagnostics to upload.")
    return Answer("Accepted", accepted=True, result=maintenance.LogNamed(payload.fileName))


def firmware_status(payload: payloads.StatusOnly) -> maintenance.FirmwareProgressed:
    """§4.5. It names no order: the newest unfinished one is meant."""
    return maintenance.FirmwareProgressed(payload.status)


def diagnostics_status(payload: payloads.StatusOnly) -> maintenance.LogProgressed:
    """§4.4."""
    return maintenance.LogProgressed("UploadFailure" if payload.status == "UploadFailed" else payload.status)
