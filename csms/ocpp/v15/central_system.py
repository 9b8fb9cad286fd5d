"""OCPP 1.5: what stations tell (§4). The same facts as in 1.6; the words differ.

Connector n is EVSE n, connector 1; connector 0 is the station as a whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from csms.domain import facts
from csms.domain.metering import MeterValue, SampledValue, to_base_unit
from csms.ocpp.faults import ErrorCode, Fault, LocalProtocolError
from csms.ocpp.schemas import as_utc
from csms.ocpp.v15 import payloads
from csms.ocpp.v15.payloads import Payload

MAX_ID_TAG_LENGTH: Final = 20

_DECIMAL: Final = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?\s*", re.ASCII).fullmatch
_NO_READING: Final = frozenset({"", "nan", "null", "-"})
_UNITS: Final = {"Amp": "A", "Volt": "V"}


def _connector(number: int, least: int = 0) -> int:
    if number >= least:
        return number
    raise Fault(ErrorCode.PROTOCOL_ERROR, f"connectorId must be {least} or more, not {number}.")


# -- meter values --------------------------------------------------------------------------------------------------


def _default_unit(measurand: str) -> str:
    """The schema's default is Wh, which can be meant for energy only; all others get their base unit."""
    quantity, _, rest = measurand.partition(".")
    reactive = rest.startswith("Reactive")
    match quantity:
        case "Energy":
            return "varh" if reactive else "Wh"
        case "Power":
            return "var" if reactive else "W"
        case "Current":
            return "A"
        case "Voltage":
            return "V"
        case "Temperature":
            return "Celsius"
        case _:
            return ""


def _sample(value: payloads.Value, lenient: bool) -> SampledValue | None:
    """One sample in base units; None where the station had no reading."""
    unit = _UNITS.get(value.unit, value.unit) or _default_unit(value.measurand)
    signed: str | None = None
    number = 0.0
    if value.format == "SignedData":
        signed = value.value
    elif _DECIMAL(value.value) and math.isfinite(number := float(value.value)):
        number, unit = to_base_unit(number, unit)
    elif lenient or value.value.strip().lower() in _NO_READING:
        return None
    else:
        raise Fault(
            ErrorCode.PROTOCOL_ERROR, f"The value {value.value[:40]!r} of {value.measurand} is not a decimal number."
        )
    return SampledValue(value.measurand, number, unit, "", value.context, value.location, signed)


def _meter_values(values: Iterable[payloads.MeterValue], *, lenient: bool = False) -> tuple[MeterValue, ...]:
    return tuple(
        MeterValue(
            as_utc(value.timestamp),
            tuple(read for sample in value.value if (read := _sample(sample, lenient)) is not None),
        )
        for value in values
    )


# -- decoders ------------------------------------------------------------------------------------------------------


def authorize(payload: payloads.Authorize) -> facts.AuthorizationAsked:
    """§4.1."""
    return facts.AuthorizationAsked(payload.idTag)


def boot_notification(payload: payloads.BootNotification) -> facts.StationBooted:
    """§4.2."""
    return facts.StationBooted(
        vendor=payload.chargePointVendor,
        model=payload.chargePointModel,
        serial_number=payload.chargePointSerialNumber,
        firmware_version=payload.firmwareVersion,
        iccid=payload.iccid,
        imsi=payload.imsi,
        meter_type=payload.meterType,
        meter_serial_number=payload.meterSerialNumber,
        charge_box_serial_number=payload.chargeBoxSerialNumber,
    )


def data_transfer(payload: payloads.DataTransfer) -> facts.DataTransferred:
    """§4.3."""
    return facts.DataTransferred(payload.vendorId, payload.messageId, payload.data)


def heartbeat(_payload: payloads.Empty) -> facts.HeartbeatSeen:
    """§4.6."""
    return facts.HeartbeatSeen()


def meter_values(payload: payloads.MeterValues) -> facts.MeterSampled:
    """§4.7."""
    transaction_id = payload.transactionId
    return facts.MeterSampled(
        _connector(payload.connectorId),
        _meter_values(payload.values),
        None if transaction_id is None else str(transaction_id),
    )


def start_transaction(payload: payloads.StartTransaction) -> facts.TransactionEventSeen:
    """§4.8. The transaction has no id yet: ours goes back with the reply."""
    return facts.TransactionEventSeen(
        facts.TransactionEventType.STARTED,
        as_utc(payload.timestamp),
        evse_id=_connector(payload.connectorId, least=1),
        connector_id=1,
        id_token=payload.idTag,
        meter_wh=float(payload.meterStart),
        reservation_id=payload.reservationId,
        # 1.5 never says more of a connector than Occupied: with a transaction it charges, for all that is known.
        charging_state=facts.ChargingState.CHARGING,
    )


def status_notification(payload: payloads.StatusNotification) -> facts.StatusChanged:
    """§4.9."""
    number = _connector(payload.connectorId)
    occupied = payload.status == "Occupied"  # as in 2.x, whether it charges shows in its transaction
    return facts.StatusChanged(
        evse_id=number,
        connector_id=1 if number else 0,
        status=facts.ConnectorStatus.PREPARING if occupied else facts.ConnectorStatus(payload.status),
        error_code=payload.errorCode,
        info=payload.info,
        vendor_id=payload.vendorId,
        vendor_error_code=payload.vendorErrorCode,
        timestamp=None if payload.timestamp is None else as_utc(payload.timestamp),
        occupied=occupied,
    )


def stop_transaction(payload: payloads.StopTransaction) -> facts.TransactionEventSeen:
    """§4.10. 1.5 gives no reason. Samples that are no numbers are left out: a session must be able to end."""
    values = [value for data in payload.transactionData for value in data.values]
    return facts.TransactionEventSeen(
        facts.TransactionEventType.ENDED,
        as_utc(payload.timestamp),
        transaction_id=str(payload.transactionId),
        id_token=payload.idTag,
        meter_wh=float(payload.meterStop),
        meter_values=_meter_values(values, lenient=True),
        charging_state=facts.ChargingState.EV_CONNECTED,
    )


# -- repliers ------------------------------------------------------------------------------------------------------


def acknowledge(reply: facts.Reply) -> Payload:
    """The empty answer. Raises LocalProtocolError if there was more to say."""
    if isinstance(reply, facts.Ack):
        return {}
    raise _mismatch(reply)


def reply_authorize(reply: facts.Reply) -> Payload:
    """Authorize.conf."""
    if isinstance(reply, facts.AuthorizationReply):
        return {"idTagInfo": _id_tag_info(reply.info)}
    raise _mismatch(reply)


def reply_boot_notification(reply: facts.Reply) -> Payload:
    """BootNotification.conf. 1.5 does not know Pending: a station that waits for an operator is told Rejected, and when
    to ask again."""
    if isinstance(reply, facts.BootReply):
        accepted = reply.status is facts.RegistrationStatus.ACCEPTED
        return {
            "status": "Accepted" if accepted else "Rejected",
            "currentTime": _moment(reply.now),
            "heartbeatInterval": reply.interval_s,
        }
    raise _mismatch(reply)


def reply_heartbeat(reply: facts.Reply) -> Payload:
    """Heartbeat.conf."""
    if isinstance(reply, facts.HeartbeatReply):
        return {"currentTime": _moment(reply.now)}
    raise _mismatch(reply)


def reply_data_transfer(reply: facts.Reply) -> Payload:
    """DataTransfer.conf."""
    if isinstance(reply, facts.DataTransferReply):
        payload: Payload = {"status": reply.status}
        if reply.data is not None:
            payload["data"] = reply.data
        return payload
    raise _mismatch(reply)


def reply_start_transaction(reply: facts.Reply) -> Payload:
    """StartTransaction.conf."""
    if isinstance(reply, facts.TransactionReply) and reply.info is not None:
        return {"transactionId": reply.transaction_id, "idTagInfo": _id_tag_info(reply.info)}
    raise _mismatch(reply)


def reply_stop_transaction(reply: facts.Reply) -> Payload:
    """StopTransaction.conf."""
    if isinstance(reply, facts.TransactionReply):
        return {} if reply.info is None else {"idTagInfo": _id_tag_info(reply.info)}
    return acknowledge(reply)


def _id_tag_info(info: facts.IdTokenInfo) -> Payload:
    payload: Payload = {"status": info.status.value}
    if info.expires_at is not None:
        payload["expiryDate"] = _moment(info.expires_at)
    # The station can neither read nor hold a longer tag, so it loses nothing.
    if info.parent_id_token is not None and len(info.parent_id_token) <= MAX_ID_TAG_LENGTH:
        payload["parentIdTag"] = info.parent_id_token
    return payload


def _moment(moment: datetime) -> datetime:
    """Whole seconds of UTC: some stations can read no fractions."""
    return moment.astimezone(UTC).replace(microsecond=0)


def _mismatch(reply: facts.Reply) -> LocalProtocolError:
    return LocalProtocolError(f"{reply!r} does not answer this action.")
