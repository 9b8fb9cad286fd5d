"""OCPP 1.6, Core profile (§4.1 – §4.10 from the station, §5.2 – §5.18 to it).

Decoders turn a payload into a fact, repliers a reply into a payload; encoders turn a command into a payload, readers a
station's answer into an `Answer`. Connector n is EVSE n, connector 1; connector 0 is the station as a whole.

Integers have no bounds in the 1.6 schemas. Ours: connectors 0 to 2³¹-1, all others 64 bits; anything past them is a
PropertyConstraintViolation, because it could not be kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET

from csms.domain import commands, facts
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument, NotSupported
from csms.domain.metering import ENERGY_REGISTER, MeterValue, SampledValue, to_base_unit
from csms.ocpp.faults import V16, ErrorCode, Fault, LocalProtocolError
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Payload, Printable, acknowledge
from csms.ocpp.schemas import as_utc
from csms.ocpp.v16 import payloads
from csms.ocpp.v16.payloads import given
from csms.ocpp.v16.smart_charging import print_charging_profile

MAX_ID_TAG_LENGTH: Final = 20
"""CiString20Type (§7.27)."""
_MAX_CONNECTOR: Final = 2**31 - 1
_MAX_INTEGER: Final = 2**63 - 1


def _connector(number: int, least: int = 0) -> int:
    if least <= number <= _MAX_CONNECTOR:
        return number
    raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"connectorId must be {least} or more, not {_show(number)}.")


def _integer(name: str, number: int) -> int:
    if -_MAX_INTEGER <= number <= _MAX_INTEGER:
        return number
    raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{name} does not fit into 64 bits.")


def _show(number: int) -> str:
    return str(number) if abs(number) <= _MAX_INTEGER else "a number past 64 bits"


def _time(moment: datetime) -> str:
    """§3.13 wants ISO 8601 and advises against more than three decimals; some stations can read none."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# -- meter values (§7.33, §7.43) ---------------------------------------------------------------------------------

_DECIMAL: Final = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?\s*", re.ASCII).fullmatch
_NO_READING: Final = frozenset({"", "nan", "null", "-"})

# "Unit of the value. Default = Wh if the (default) measurand is an Energy type"; the text has none for the others, so
# they get the base unit.
_DEFAULT_UNITS: Final = {
    "Energy.Active.Export.Register": "Wh",
    "Energy.Active.Import.Register": "Wh",
    "Energy.Active.Export.Interval": "Wh",
    "Energy.Active.Import.Interval": "Wh",
    "Energy.Reactive.Export.Register": "varh",
    "Energy.Reactive.Import.Register": "varh",
    "Energy.Reactive.Export.Interval": "varh",
    "Energy.Reactive.Import.Interval": "varh",
    "Power.Active.Export": "W",
    "Power.Active.Import": "W",
    "Power.Offered": "W",
    "Power.Reactive.Export": "var",
    "Power.Reactive.Import": "var",
    "Power.Factor": "",
    "Current.Import": "A",
    "Current.Export": "A",
    "Current.Offered": "A",
    "Voltage": "V",
    "Frequency": "Hz",
    "Temperature": "Celsius",
    "SoC": "Percent",
    "RPM": "rpm",
}


_MOST_LABELS: Final = 1_000
_labels: Final[dict[tuple[object, ...], tuple[str, str, str, str, str]]] = {}
"""What stations write around their numbers → (measurand, base unit, phase, context, location), for numbers that are in
base units already. A fleet uses a few dozen of them."""


def _sample(sample: payloads.SampledValue, lenient: bool) -> SampledValue | None:
    """One sample in base units; None where the station had no reading ("", "NaN"). The busiest function of all."""
    if sample.format is UNSET or sample.format == "Raw":
        key = (sample.measurand, sample.unit, sample.phase, sample.context, sample.location)
        label = _labels.get(key)
        text = sample.value
        if label is not None and _DECIMAL(text) and math.isfinite(number := float(text)):
            measurand, unit, phase, context, location = label
            return SampledValue(measurand, number, unit, phase, context, location)
        read = _sample_slowly(sample, lenient)
        if label is None and read is not None and len(_labels) < _MOST_LABELS and read.value == float(text):
            written = _DEFAULT_UNITS.get(read.measurand, "") if sample.unit is UNSET else sample.unit
            if to_base_unit(1.0, written) == (1.0, read.unit):
                _labels[key] = (read.measurand, read.unit, read.phase, read.context, read.location)
        return read
    return _sample_slowly(sample, lenient)


def _sample_slowly(sample: payloads.SampledValue, lenient: bool) -> SampledValue | None:
    measurand, unit, text = sample.measurand, sample.unit, sample.value
    phase, context, location = sample.phase, sample.context, sample.location
    if measurand is UNSET:
        measurand = ENERGY_REGISTER
    if unit is UNSET:
        unit = _DEFAULT_UNITS.get(measurand, "")
    signed: str | None = None
    number = 0.0
    if sample.format == "SignedData":
        signed = text
    elif _DECIMAL(text) and math.isfinite(number := float(text)):
        number, unit = to_base_unit(number, unit)
    elif lenient or text.strip().lower() in _NO_READING:
        return None
    else:
        raise Fault(
            ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
            f"The sampled value {text[:40]!r} of {measurand} is not a decimal number.",
        )
    return SampledValue(
        measurand,
        number,
        unit,
        "" if phase is UNSET else phase,
        "Sample.Periodic" if context is UNSET else context,
        "Outlet" if location is UNSET else location,
        signed,
    )


def _meter_values(values: Sequence[payloads.MeterValue], *, lenient: bool = False) -> tuple[MeterValue, ...]:
    found: list[MeterValue] = []
    for value in values:
        samples = [read for sample in value.sampledValue if (read := _sample(sample, lenient)) is not None]
        found.append(MeterValue(as_utc(value.timestamp), tuple(samples)))
    return tuple(found)


# -- from the station: decoders ------------------------------------------------------------------------------------


def authorize(payload: payloads.AuthorizeRequest) -> facts.AuthorizationAsked:
    """§4.2."""
    return facts.AuthorizationAsked(payload.idTag)


def boot_notification(payload: payloads.BootNotificationRequest) -> facts.StationBooted:
    """§4.3."""
    return facts.StationBooted(
        vendor=payload.chargePointVendor,
        model=payload.chargePointModel,
        serial_number=given(payload.chargePointSerialNumber) or "",
        firmware_version=given(payload.firmwareVersion) or "",
        iccid=given(payload.iccid) or "",
        imsi=given(payload.imsi) or "",
        meter_type=given(payload.meterType) or "",
        meter_serial_number=given(payload.meterSerialNumber) or "",
        charge_box_serial_number=given(payload.chargeBoxSerialNumber) or "",
    )


def data_transfer(payload: payloads.DataTransferRequest) -> facts.DataTransferred:
    """§4.4."""
    return facts.DataTransferred(payload.vendorId, given(payload.messageId) or "", given(payload.data))


_HEARTBEAT: Final = facts.HeartbeatSeen()


def heartbeat(_payload: payloads.Empty) -> facts.HeartbeatSeen:
    """§4.6."""
    return _HEARTBEAT


def meter_values(payload: payloads.MeterValuesRequest) -> facts.MeterSampled:
    """§4.7."""
    transaction_id = given(payload.transactionId)
    return facts.MeterSampled(
        _connector(payload.connectorId),
        _meter_values(payload.meterValue),
        None if transaction_id is None else str(_integer("transactionId", transaction_id)),
    )


def start_transaction(payload: payloads.StartTransactionRequest) -> facts.TransactionEventSeen:
    """§4.8. The transaction has no id yet: ours goes back with the reply."""
    reservation_id = given(payload.reservationId)
    return facts.TransactionEventSeen(
        facts.TransactionEventType.STARTED,
        as_utc(payload.timestamp),
        evse_id=_connector(payload.connectorId, least=1),
        connector_id=1,
        id_token=payload.idTag,
        meter_wh=float(_integer("meterStart", payload.meterStart)),
        reservation_id=None if reservation_id is None else _integer("reservationId", reservation_id),
    )


def status_notification(payload: payloads.StatusNotificationRequest) -> facts.StatusChanged:
    """§4.9."""
    number = _connector(payload.connectorId)
    timestamp = given(payload.timestamp)
    return facts.StatusChanged(
        evse_id=number,
        connector_id=1 if number else 0,
        status=facts.ConnectorStatus(payload.status),
        error_code=payload.errorCode,
        info=given(payload.info) or "",
        vendor_id=given(payload.vendorId) or "",
        vendor_error_code=given(payload.vendorErrorCode) or "",
        timestamp=None if timestamp is None else as_utc(timestamp),
    )


def stop_transaction(payload: payloads.StopTransactionRequest) -> facts.TransactionEventSeen:
    """§4.10. Samples of transactionData that are no numbers are left out: a session must be able to end."""
    return facts.TransactionEventSeen(
        facts.TransactionEventType.ENDED,
        as_utc(payload.timestamp),
        transaction_id=str(_integer("transactionId", payload.transactionId)),
        id_token=given(payload.idTag),
        # No register shows less than nothing; the tolerance for a missing one says -1.
        meter_wh=float(_integer("meterStop", payload.meterStop)) if payload.meterStop >= 0 else None,
        reason=given(payload.reason) or "Local",  # §4.10: may be omitted when it is Local
        meter_values=_meter_values(given(payload.transactionData) or (), lenient=True),
    )


# -- from the station: repliers ------------------------------------------------------------------------------------


def reply_authorize(reply: facts.Reply) -> Payload:
    """§6.2."""
    if isinstance(reply, facts.AuthorizationReply):
        return {"idTagInfo": _id_tag_info(reply.info)}
    raise _mismatch(reply)


def reply_boot_notification(reply: facts.Reply) -> Payload:
    """§6.4."""
    if isinstance(reply, facts.BootReply):
        return {"currentTime": _time(reply.now), "interval": reply.interval_s, "status": reply.status.value}
    raise _mismatch(reply)


def reply_heartbeat(reply: facts.Reply) -> Payload:
    """§6.30."""
    if isinstance(reply, facts.HeartbeatReply):
        return {"currentTime": _time(reply.now)}
    raise _mismatch(reply)


def reply_data_transfer(reply: facts.Reply) -> Payload:
    """§6.16."""
    if isinstance(reply, facts.DataTransferReply):
        payload: Payload = {"status": reply.status}
        if reply.data is not None:
            payload["data"] = reply.data
        return payload
    raise _mismatch(reply)


def reply_start_transaction(reply: facts.Reply) -> Payload:
    """§6.46. idTagInfo is required there."""
    if isinstance(reply, facts.TransactionReply) and reply.info is not None:
        return {"transactionId": reply.transaction_id, "idTagInfo": _id_tag_info(reply.info)}
    raise _mismatch(reply)


def reply_stop_transaction(reply: facts.Reply) -> Payload:
    """§6.50."""
    if isinstance(reply, facts.TransactionReply):
        return {} if reply.info is None else {"idTagInfo": _id_tag_info(reply.info)}
    return acknowledge(reply)


_STATUSES: Final = frozenset(
    {
        facts.AuthorizationStatus.ACCEPTED,
        facts.AuthorizationStatus.BLOCKED,
        facts.AuthorizationStatus.EXPIRED,
        facts.AuthorizationStatus.CONCURRENT_TX,
    }
)
"""§7.2; what 2.x says more finely (no credit, not here, not now) is Invalid."""


def _id_tag_info(info: facts.IdTokenInfo) -> Payload:
    status = info.status if info.status in _STATUSES else facts.AuthorizationStatus.INVALID
    payload: Payload = {"status": status.value}
    if info.expires_at is not None:
        payload["expiryDate"] = _time(info.expires_at)
    # A 1.6 station can neither read nor hold a longer tag, so it loses nothing.
    if info.parent_id_token is not None and len(info.parent_id_token) <= MAX_ID_TAG_LENGTH:
        payload["parentIdTag"] = info.parent_id_token
    return payload


def _mismatch(reply: facts.Reply) -> LocalProtocolError:
    return LocalProtocolError(f"{reply!r} does not answer this action.")


# -- to the station: encoders --------------------------------------------------------------------------------------


def _bounded(name: str, text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    raise InvalidArgument(
        f"OCPP 1.6 takes at most {limit} characters for {name}; this one has {len(text)}. Shorten it.",
        reason="VALUE_TOO_LONG",
    )


def evse(number: int, least: int = 0) -> int:
    """A connectorId from our EVSE number. Raises InvalidArgument."""
    if least <= number <= _MAX_CONNECTOR:
        return number
    raise InvalidArgument(f"There is no EVSE {number} here: give a number from {least} up.", reason="INVALID_EVSE")


def remote_start_transaction(command: commands.RequestStartTransaction) -> Printable:
    """§5.11. A profile with it is a TxProfile (§5.16.2)."""
    payload: Payload = {"idTag": _bounded("a tag", command.id_token, MAX_ID_TAG_LENGTH)}
    if command.evse_id:
        payload["connectorId"] = evse(command.evse_id)
    if command.charging_profile is None:
        return payload
    payload["chargingProfile"] = print_charging_profile(command.charging_profile)
    return fitted(V16, "RemoteStartTransaction", payload)


def remote_stop_transaction(command: commands.RequestStopTransaction) -> Payload:
    """§5.12."""
    try:
        return {"transactionId": int(command.transaction_id)}
    except ValueError:
        raise InvalidArgument(
            f"An OCPP 1.6 transaction has a number, not {command.transaction_id[:40]!r}.",
            reason="INVALID_TRANSACTION_ID",
        ) from None


def reset(command: commands.Reset) -> Payload:
    """§5.14."""
    if command.evse_id:
        raise NotSupported("OCPP 1.6 restarts whole stations only, not one EVSE.", version=V16.subprotocol)
    if command.type is commands.ResetType.IMMEDIATE_AND_RESUME:
        raise NotSupported("OCPP 1.6 cannot take sessions up again after a restart.", version=V16.subprotocol)
    return {"type": "Hard" if command.type is commands.ResetType.IMMEDIATE else "Soft"}


def change_availability(command: commands.ChangeAvailability) -> Payload:
    """§5.2. Connector 0 is the station and all its connectors."""
    _only_connector(command.connector_id)
    return {"connectorId": evse(command.evse_id or 0), "type": command.operational_status.value}


def unlock_connector(command: commands.UnlockConnector) -> Payload:
    """§5.18."""
    _only_connector(command.connector_id)
    return {"connectorId": evse(command.evse_id, least=1)}


def _only_connector(number: int | None) -> None:
    if number not in (None, 1):
        raise InvalidArgument("An EVSE has one connector in OCPP 1.6: number 1.", reason="INVALID_CONNECTOR")


def clear_cache(_command: commands.ClearCache) -> Payload:
    """§5.4."""
    return {}


def get_configuration(command: commands.GetVariables) -> Payload:
    """§5.8. No keys: all of them."""
    if not command.names:
        return {}
    return {"key": [_bounded("a configuration key", name, 50) for name in command.names]}


def change_configuration(command: commands.SetVariables) -> Payload:
    """§5.3. One key per call."""
    if len(command.variables) != 1:
        raise InvalidArgument("OCPP 1.6 changes one configuration key per call.", reason="ONE_VARIABLE_PER_CALL")
    variable = command.variables[0]
    return {
        "key": _bounded("a configuration key", variable.name, 50),
        "value": _bounded("a configuration value", variable.value, 500),
    }


def send_data_transfer(command: commands.DataTransfer) -> Payload:
    """§5.6."""
    payload: Payload = {"vendorId": _bounded("a vendor id", command.vendor_id, 255)}
    if command.message_id:
        payload["messageId"] = _bounded("a message id", command.message_id, 50)
    if command.data is not None:
        payload["data"] = command.data
    return payload


# -- to the station: readers ---------------------------------------------------------------------------------------

_ACCEPTED: Final = frozenset({"Accepted", "Scheduled", "RebootRequired", "Unlocked"})
"""The words of 1.6 that mean: it is done, or will be."""


def read_status(payload: payloads.StatusResponse) -> Answer:
    """An answer with a status and no more."""
    return Answer(payload.status, payload.status in _ACCEPTED)


def read_data_transfer(payload: payloads.DataTransferResponse) -> Answer:
    """§6.16."""
    return Answer(payload.status, payload.status in _ACCEPTED, data=given(payload.data))


def read_configuration(payload: payloads.GetConfigurationResponse) -> Answer:
    """§6.24."""
    return Answer(
        "Accepted",
        accepted=True,
        variables=tuple(
            commands.Variable(entry.key, given(entry.value), entry.readonly)
            for entry in given(payload.configurationKey) or ()
        ),
        unknown_names=tuple(given(payload.unknownKey) or ()),
    )
