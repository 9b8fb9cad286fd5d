"""What a station answers when the server wants something of it in OCPP 2.0.1 and 2.1.

The answer is decided at once; what follows from it happens after the answer has left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from loadtest.client import Answer, Json, Refusal
from loadtest.limits import Kept
from loadtest.speech import reports2x
from loadtest.speech.speech import (
    VENDOR,
    Commanded,
    FirmwareOrder,
    LogOrder,
    Reservation,
    Spot,
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

# Actions that 2.x knows and these stations do not offer: NotSupported, where nonsense is NotImplemented.
NOT_OFFERED = frozenset(
    [
        "AFRRSignal",
        "AdjustPeriodicEventStream",
        "CertificateSigned",
        "ChangeTransactionTariff",
        "ClearDERControl",
        "ClearTariffs",
        "ClosePeriodicEventStream",
        "DeleteCertificate",
        "GetCertificateChainStatus",
        "GetDERControl",
        "GetPeriodicEventStream",
        "GetTariffs",
        "InstallCertificate",
        "NotifyAllowedEnergyTransfer",
        "NotifyWebPaymentStarted",
        "PublishFirmware",
        "RequestBatterySwap",
        "SetDERControl",
        "SetDefaultTariff",
        "SetNetworkProfile",
        "UnpublishFirmware",
        "UpdateDynamicSchedule",
        "UsePriorityCharging",
    ]
)


def answer(station: Commanded, action: str, payload: Json, version: str) -> Answer:
    """Answer one CALL. Raises Refusal for what these stations do not know or cannot read."""
    handler = _HANDLERS.get(action)
    if handler is None:
        raise Refusal("NotSupported" if action in NOT_OFFERED else "NotImplemented", action)
    return handler(station, payload)


def _evse(payload: Json, key: str = "evse") -> int | None:
    """The EVSE that is meant; None when it is left out."""
    return None if payload.get(key) is None else number(part(payload, key), "id")


# -- charging -------------------------------------------------------------------------------------------------------


def _request_start(station: Commanded, payload: Json) -> Answer:
    token = part(payload, "idToken")
    tag, remote_start_id = Tag(text(token, "idToken"), text(token, "type")), number(payload, "remoteStartId")
    wanted = payload.get("evseId")
    free = [c for c in station.connectors if wanted in (None, c.number) and (c.free or _reserved_for(c, tag.text))]
    if not station.accepted or not free:
        return status("Rejected")
    profile, chosen = payload.get("chargingProfile"), free[0]

    def then() -> None:
        if isinstance(profile, dict):
            station.profiles.put(chosen.number, profile)
        station.begin_remote_session(chosen, tag, remote_start_id)

    return status("Accepted", then)


def _reserved_for(connector: Spot, tag: str) -> bool:
    return connector.reservation is not None and connector.reservation.id_tag.upper() == tag.upper()


def _request_stop(station: Commanded, payload: Json) -> Answer:
    wanted = text(payload, "transactionId")
    for connector in station.connectors:
        session = connector.session
        if session is not None and session.transaction_id == wanted:
            return status("Accepted", partial(session.stop, "Remote"))
    return status("Rejected")


def _transaction_status(station: Commanded, payload: Json) -> Answer:
    wanted = payload.get("transactionId")
    if not isinstance(wanted, str):
        return Answer({"messagesInQueue": station.waiting(None)})
    sessions = [c.session for c in station.connectors if c.session is not None]
    ongoing = any(session.transaction_id == wanted for session in sessions)
    return Answer({"ongoingIndicator": ongoing, "messagesInQueue": station.waiting(wanted)})


def _unlock(station: Commanded, payload: Json) -> Answer:
    connector = spot(station, number(payload, "evseId"))
    if connector is None or number(payload, "connectorId") != 1:
        return status("UnknownConnector")
    busy = connector.session is not None and connector.session.started
    return status("OngoingAuthorizedTransaction" if busy else "Unlocked")


def _reserve(station: Commanded, payload: Json) -> Answer:
    expires = moment(payload.get("expiryDateTime"))
    reservation_id, tag = number(payload, "id"), text(part(payload, "idToken"), "idToken")
    wanted = payload.get("evseId")
    if wanted is None:
        chosen = next((c for c in station.connectors if c.free), None)
    else:
        chosen = spot(station, number(payload, "evseId"))
        if chosen is None:
            return status("Rejected")
    if expires is None or expires <= station.now():
        return status("Rejected")
    again = chosen is not None and chosen.reservation is not None and chosen.reservation.number == reservation_id
    if chosen is None or not (chosen.free or again):
        held = "" if chosen is None else chosen.status
        return status({"Faulted": "Faulted", "Unavailable": "Unavailable"}.get(held, "Occupied"))
    return status("Accepted", partial(chosen.reserve, Reservation(reservation_id, tag, expires)))


def _cancel_reservation(station: Commanded, payload: Json) -> Answer:
    wanted = number(payload, "reservationId")
    for connector in station.connectors:
        if connector.reservation is not None and connector.reservation.number == wanted:
            return status("Accepted", partial(connector.reserve, None))
    return status("Rejected")


# -- the station ------------------------------------------------------------------------------------------------------


def _reset(station: Commanded, payload: Json) -> Answer:
    kind = text(payload, "type")
    busy = any(c.session is not None for c in station.connectors)
    if payload.get("evseId") is not None or kind not in ("Immediate", "OnIdle"):
        return status("Rejected")  # the whole station only
    if kind == "OnIdle" and busy:
        return status("Scheduled", station.reboot_when_idle)
    return status("Accepted", partial(station.reboot, "ImmediateReset"))


def _change_availability(station: Commanded, payload: Json) -> Answer:
    evse, kind = _evse(payload), text(payload, "operationalStatus")
    chosen = [c for c in station.connectors if evse in (None, 0, c.number)]
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


def _trigger_message(station: Commanded, payload: Json) -> Answer:
    wanted, evse = text(payload, "requestedMessage"), _evse(payload)
    chosen = [c.number for c in station.connectors if evse in (None, 0, c.number)]
    if not chosen:
        return status("Rejected")

    def each(send: Callable[[int], None]) -> Callable[[], None]:
        def then() -> None:
            for connector in chosen:
                send(connector)

        return then

    what: dict[str, Callable[[], None]] = {
        "BootNotification": station.send_boot,
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
        info = entry.get("idTokenInfo")
        good = info.get("status") == "Accepted" if isinstance(info, dict) else None
        tags[text(part(entry, "idToken"), "idToken")] = good
    done = station.local_list.update(number(payload, "versionNumber"), tags, full=kind == "Full")
    return status("Accepted" if done else "VersionMismatch")


def _list_version(station: Commanded, payload: Json) -> Answer:
    return Answer({"versionNumber": station.local_list.version})


def _data_transfer(station: Commanded, payload: Json) -> Answer:
    if text(payload, "vendorId") != VENDOR:
        return status("UnknownVendorId")
    return Answer({"status": "Accepted", **({"data": payload["data"]} if "data" in payload else {})})


def _unknown(station: Commanded, payload: Json) -> Answer:
    return status("Unknown")


def _rejected(station: Commanded, payload: Json) -> Answer:
    return status("Rejected")


def _cost_updated(station: Commanded, payload: Json) -> Answer:
    return Answer({})


# -- smart charging ---------------------------------------------------------------------------------------------------


def _set_profile(station: Commanded, payload: Json) -> Answer:
    where, profile = number(payload, "evseId"), part(payload, "chargingProfile")
    connector = spot(station, where)
    purpose = profile.get("chargingProfilePurpose")
    if where != 0 and connector is None:
        return status("Rejected")
    if purpose == "TxProfile":
        session = None if connector is None else connector.session
        if session is None or not session.started or profile.get("transactionId") != session.transaction_id:
            return status("Rejected")
    if purpose == "ChargingStationMaxProfile" and where != 0:
        return status("Rejected")
    station.profiles.put(where, profile)
    return status("Accepted", station.profiles_changed)


def _clear_profile(station: Commanded, payload: Json) -> Answer:
    wanted_id = payload.get("chargingProfileId")
    criteria = part(payload, "chargingProfileCriteria") if "chargingProfileCriteria" in payload else {}

    def wanted(kept: Kept) -> bool:
        if wanted_id is not None:
            return wanted_id == kept.number
        return (
            criteria.get("evseId") in (None, kept.connector)
            and criteria.get("chargingProfilePurpose") in (None, kept.purpose)
            and criteria.get("stackLevel") in (None, kept.stack_level)
        )

    cleared = station.profiles.clear(wanted)
    return status("Accepted" if cleared else "Unknown", station.profiles_changed)


def _composite(station: Commanded, payload: Json) -> Answer:
    where, duration = number(payload, "evseId"), number(payload, "duration")
    if where != 0 and spot(station, where) is None:
        return status("Rejected")
    now = station.now()
    limit = station.profiles.limit_w(where, now, phases=3, began=now)
    schedule: Json = {
        "evseId": where,
        "duration": duration,
        "scheduleStart": stamp(now),
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": round(22_000.0 if limit is None else limit, 1)}],
    }
    return Answer({"status": "Accepted", "schedule": schedule})


# -- firmware and logs ------------------------------------------------------------------------------------------------


def _update_firmware(station: Commanded, payload: Json) -> Answer:
    firmware = part(payload, "firmware")
    order = FirmwareOrder(
        text(firmware, "location"),
        moment(firmware.get("retrieveDateTime")),
        number(payload, "requestId"),
        signed="signature" in firmware,
    )
    return status("Accepted", partial(station.update_firmware, order))


def _get_log(station: Commanded, payload: Json) -> Answer:
    kind = text(payload, "logType")
    order = LogOrder(text(part(payload, "log"), "remoteLocation"), f"{kind}.log", number(payload, "requestId"))
    return Answer({"status": "Accepted", "filename": order.file_name}, partial(station.upload_log, order))


_HANDLERS: dict[str, Callable[[Commanded, Json], Answer]] = {
    "CancelReservation": _cancel_reservation,
    "ChangeAvailability": _change_availability,
    "ClearCache": _clear_cache,
    "ClearChargingProfile": _clear_profile,
    "ClearDisplayMessage": _unknown,
    "ClearVariableMonitoring": reports2x.clear_monitoring,
    "CostUpdated": _cost_updated,
    "CustomerInformation": reports2x.customer_information,
    "DataTransfer": _data_transfer,
    "GetBaseReport": reports2x.base_report,
    "GetChargingProfiles": reports2x.charging_profiles,
    "GetCompositeSchedule": _composite,
    "GetDisplayMessages": _unknown,
    "GetInstalledCertificateIds": reports2x.certificates,
    "GetLocalListVersion": _list_version,
    "GetLog": _get_log,
    "GetMonitoringReport": reports2x.nothing_to_report,
    "GetReport": reports2x.report,
    "GetTransactionStatus": _transaction_status,
    "GetVariables": reports2x.get_variables,
    "RequestStartTransaction": _request_start,
    "RequestStopTransaction": _request_stop,
    "ReserveNow": _reserve,
    "Reset": _reset,
    "SendLocalList": _send_local_list,
    "SetChargingProfile": _set_profile,
    "SetDisplayMessage": _rejected,
    "SetMonitoringBase": reports2x.not_supported,
    "SetMonitoringLevel": _rejected,
    "SetVariableMonitoring": reports2x.set_monitoring,
    "SetVariables": reports2x.set_variables,
    "TriggerMessage": _trigger_message,
    "UnlockConnector": _unlock,
    "UpdateFirmware": _update_firmware,
}
