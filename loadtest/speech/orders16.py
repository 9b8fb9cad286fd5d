"""What a station answers when the server wants something of it in OCPP 1.6 (chapter 5, and the security extension).

The answer is decided at once; what follows from it happens after the answer has left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from loadtest.client import Answer, Json, Refusal
from loadtest.limits import Kept
from loadtest.speech.speech import (
    VENDOR,
    Commanded,
    FirmwareOrder,
    LogOrder,
    Reservation,
    Tag,
    moment,
    number,
    part,
    parts,
    spot,
    stamp,
    status,
    text,
)

# Actions that OCPP 1.6 knows and these stations do not offer: NotSupported, where nonsense is NotImplemented.
NOT_OFFERED = frozenset({"CertificateSigned", "DeleteCertificate", "GetInstalledCertificateIds", "InstallCertificate"})


def answer(station: Commanded, action: str, payload: Json) -> Answer:
    """Answer one CALL. Raises Refusal for what these stations do not know or cannot read."""
    handler = _HANDLERS.get(action)
    if handler is None:
        raise Refusal("NotSupported" if action in NOT_OFFERED else "NotImplemented", action)
    return handler(station, payload)


# -- charging -------------------------------------------------------------------------------------------------------


def _remote_start(station: Commanded, payload: Json) -> Answer:
    id_tag = text(payload, "idTag")
    wanted = payload.get("connectorId")
    free = [
        c for c in station.connectors if wanted in (None, c.number) and (c.free or _reserved_for(c.reservation, id_tag))
    ]
    if not station.accepted or not free:
        return status("Rejected")
    profile = payload.get("chargingProfile")
    chosen = free[0]

    def then() -> None:
        if isinstance(profile, dict):
            station.profiles.put(chosen.number, profile)
        station.begin_remote_session(chosen, Tag(id_tag))

    return status("Accepted", then)


def _reserved_for(reservation: Reservation | None, id_tag: str) -> bool:
    return reservation is not None and reservation.id_tag.upper() == id_tag.upper()


def _remote_stop(station: Commanded, payload: Json) -> Answer:
    wanted = number(payload, "transactionId")
    for connector in station.connectors:
        session = connector.session
        if session is not None and session.transaction_id == wanted:
            return status("Accepted", partial(session.stop, "Remote"))
    return status("Rejected")


def _unlock(station: Commanded, payload: Json) -> Answer:
    connector = spot(station, number(payload, "connectorId"))
    if connector is None:
        return status("NotSupported")
    session = connector.session
    return status("Unlocked", None if session is None else partial(session.stop, "UnlockCommand"))


def _reserve(station: Commanded, payload: Json) -> Answer:
    connector = spot(station, number(payload, "connectorId"))
    expires = moment(payload.get("expiryDate"))
    reservation_id, id_tag = number(payload, "reservationId"), text(payload, "idTag")
    if connector is None or expires is None or expires <= station.now():
        return status("Rejected")
    again = connector.reservation is not None and connector.reservation.number == reservation_id
    if not connector.free and not again:
        return status({"Faulted": "Faulted", "Unavailable": "Unavailable"}.get(connector.status, "Occupied"))
    return status("Accepted", partial(connector.reserve, Reservation(reservation_id, id_tag, expires)))


def _cancel_reservation(station: Commanded, payload: Json) -> Answer:
    wanted = number(payload, "reservationId")
    for connector in station.connectors:
        if connector.reservation is not None and connector.reservation.number == wanted:
            return status("Accepted", partial(connector.reserve, None))
    return status("Rejected")


# -- the station ------------------------------------------------------------------------------------------------------


def _reset(station: Commanded, payload: Json) -> Answer:
    kind = text(payload, "type")
    if kind not in ("Soft", "Hard"):
        raise Refusal("PropertyConstraintViolation", "type must be Soft or Hard")
    return status("Accepted", partial(station.reboot, f"{kind}Reset"))


def _change_availability(station: Commanded, payload: Json) -> Answer:
    wanted, kind = number(payload, "connectorId"), text(payload, "type")
    chosen = [c for c in station.connectors if wanted in (0, c.number)]
    if not chosen or kind not in ("Operative", "Inoperative"):
        return status("Rejected")
    busy = [c for c in chosen if c.session is not None]
    for connector in chosen:
        connector.operative = kind == "Operative"

    def then() -> None:
        for connector in chosen:
            if connector.session is None:
                connector.rest()

    return status("Scheduled" if busy and kind == "Inoperative" else "Accepted", then)


def _get_configuration(station: Commanded, payload: Json) -> Answer:
    configuration = station.configuration
    asked = payload.get("key")
    names = [str(name) for name in asked] if isinstance(asked, list) and asked else list(configuration.values)
    known = [
        {"key": name, "readonly": name in configuration.read_only, "value": configuration.values[name]}
        for name in names
        if name in configuration.values
    ]
    unknown = [name for name in names if name not in configuration.values]
    return Answer({"configurationKey": known, "unknownKey": unknown})


def _change_configuration(station: Commanded, payload: Json) -> Answer:
    key, value = text(payload, "key"), text(payload, "value")
    configuration = station.configuration
    if key not in configuration.values:
        return status("NotSupported")
    if key in configuration.read_only or (key.endswith("Interval") and not value.isdigit()):
        return status("Rejected")
    configuration.values[key] = value
    return status("Accepted", partial(station.configured, key))


def _trigger_message(station: Commanded, payload: Json) -> Answer:
    wanted = text(payload, "requestedMessage")
    if payload.get("connectorId") is not None and spot(station, number(payload, "connectorId")) is None:
        return status("Rejected")
    chosen = [c.number for c in station.connectors if payload.get("connectorId") in (None, c.number)]

    def each(send: Callable[[int], None]) -> Callable[[], None]:
        def then() -> None:
            for connector in chosen:
                send(connector)

        return then

    what: dict[str, Callable[[], None]] = {
        "BootNotification": station.send_boot,
        "DiagnosticsStatusNotification": station.send_log_status,
        "FirmwareStatusNotification": station.send_firmware_status,
        "Heartbeat": station.send_heartbeat,
        "LogStatusNotification": station.send_log_status,
        "MeterValues": each(station.send_meter_values),
        "StatusNotification": each(station.send_status),
    }
    then = what.get(wanted)
    return status("NotImplemented") if then is None else status("Accepted", then)


def _clear_cache(station: Commanded, payload: Json) -> Answer:
    station.local_list.forget()
    return status("Accepted")


def _send_local_list(station: Commanded, payload: Json) -> Answer:
    kind = text(payload, "updateType")
    tags: dict[str, bool | None] = {}
    for entry in parts(payload, "localAuthorizationList"):
        info = entry.get("idTagInfo")
        tags[text(entry, "idTag")] = info.get("status") == "Accepted" if isinstance(info, dict) else None
    done = station.local_list.update(number(payload, "listVersion"), tags, full=kind == "Full")
    return status("Accepted" if done else "VersionMismatch")


def _list_version(station: Commanded, payload: Json) -> Answer:
    return Answer({"listVersion": station.local_list.version})


def _data_transfer(station: Commanded, payload: Json) -> Answer:
    if text(payload, "vendorId") != VENDOR:
        return status("UnknownVendorId")
    echo = payload.get("data")
    return Answer({"status": "Accepted", **({"data": echo} if isinstance(echo, str) else {})})


# -- smart charging ---------------------------------------------------------------------------------------------------


def _set_profile(station: Commanded, payload: Json) -> Answer:
    where, profile = number(payload, "connectorId"), part(payload, "csChargingProfiles")
    connector = spot(station, where)
    purpose = profile.get("chargingProfilePurpose")
    if where != 0 and connector is None:
        return status("Rejected")
    if purpose == "TxProfile" and (connector is None or connector.session is None or not connector.session.started):
        return status("Rejected")
    if (purpose == "ChargePointMaxProfile") and where != 0:
        return status("Rejected")
    station.profiles.put(where, profile)
    return status("Accepted", station.profiles_changed)


def _clear_profile(station: Commanded, payload: Json) -> Answer:
    def wanted(kept: Kept) -> bool:
        return (
            payload.get("id") in (None, kept.number)
            and payload.get("connectorId") in (None, kept.connector)
            and payload.get("chargingProfilePurpose") in (None, kept.purpose)
            and payload.get("stackLevel") in (None, kept.stack_level)
        )

    cleared = station.profiles.clear(wanted)
    return status("Accepted" if cleared else "Unknown", station.profiles_changed)


def _composite(station: Commanded, payload: Json) -> Answer:
    where, duration = number(payload, "connectorId"), number(payload, "duration")
    if where != 0 and spot(station, where) is None:
        return status("Rejected")
    now = station.now()
    limit = station.profiles.limit_w(where, now, phases=3, began=now)
    schedule: Json = {
        "duration": duration,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": round(22_000.0 if limit is None else limit, 1)}],
    }
    return Answer(
        {"status": "Accepted", "connectorId": where, "scheduleStart": stamp(now), "chargingSchedule": schedule}
    )


# -- firmware and logs ------------------------------------------------------------------------------------------------


def _update_firmware(station: Commanded, payload: Json) -> Answer:
    order = FirmwareOrder(text(payload, "location"), moment(payload.get("retrieveDate")))
    return Answer({}, partial(station.update_firmware, order))


def _update_signed_firmware(station: Commanded, payload: Json) -> Answer:
    firmware = part(payload, "firmware")
    order = FirmwareOrder(
        text(firmware, "location"),
        moment(firmware.get("retrieveDateTime")),
        number(payload, "requestId"),
        signed=True,
    )
    return status("Accepted", partial(station.update_firmware, order))


def _get_diagnostics(station: Commanded, payload: Json) -> Answer:
    order = LogOrder(text(payload, "location"), "diagnostics.log")
    return Answer({"fileName": order.file_name}, partial(station.upload_log, order))


def _get_log(station: Commanded, payload: Json) -> Answer:
    kind = text(payload, "logType")
    order = LogOrder(text(part(payload, "log"), "remoteLocation"), f"{kind}.log", number(payload, "requestId"))
    return Answer({"status": "Accepted", "filename": order.file_name}, partial(station.upload_log, order))


_HANDLERS: dict[str, Callable[[Commanded, Json], Answer]] = {
    "CancelReservation": _cancel_reservation,
    "ChangeAvailability": _change_availability,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": _clear_cache,
    "ClearChargingProfile": _clear_profile,
    "DataTransfer": _data_transfer,
    "ExtendedTriggerMessage": _trigger_message,
    "GetCompositeSchedule": _composite,
    "GetConfiguration": _get_configuration,
    "GetDiagnostics": _get_diagnostics,
    "GetLocalListVersion": _list_version,
    "GetLog": _get_log,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "ReserveNow": _reserve,
    "Reset": _reset,
    "SendLocalList": _send_local_list,
    "SetChargingProfile": _set_profile,
    "SignedUpdateFirmware": _update_signed_firmware,
    "TriggerMessage": _trigger_message,
    "UnlockConnector": _unlock,
    "UpdateFirmware": _update_firmware,
}
