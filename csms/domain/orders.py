"""What an operation has each of its stations do: one class for each kind, with its parameters.

They are kept as JSON, tagged by `kind`; `ORDER_TYPES` says which there are.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from csms.domain.commands import OperationalStatus, ResetType, SetVariable
from csms.domain.errors import InvalidArgument
from csms.domain.maintenance import LogType

MAX_VARIABLES: Final = 100
_SECRET_VARIABLES: Final = ("authorizationkey", "basicauthpassword")


class OrderKind(StrEnum):
    """The kinds, as people filter by them."""

    RESET = "RESET"
    CHANGE_AVAILABILITY = "CHANGE_AVAILABILITY"
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR"
    CLEAR_CACHE = "CLEAR_CACHE"
    TRIGGER_MESSAGE = "TRIGGER_MESSAGE"
    SYNC_LOCAL_LIST = "SYNC_LOCAL_LIST"
    SET_VARIABLES = "SET_VARIABLES"
    DATA_TRANSFER = "DATA_TRANSFER"
    ADMISSION = "ADMISSION"
    GET_LOG = "GET_LOG"
    UPDATE_FIRMWARE = "UPDATE_FIRMWARE"


REPEATABLE: Final = frozenset(
    {
        OrderKind.CHANGE_AVAILABILITY,
        OrderKind.CLEAR_CACHE,
        OrderKind.TRIGGER_MESSAGE,
        OrderKind.SYNC_LOCAL_LIST,
        OrderKind.SET_VARIABLES,
        OrderKind.ADMISSION,
    }
)
"""Doing it twice is as good as once."""

WITH_JOB: Final = frozenset({OrderKind.GET_LOG, OrderKind.UPDATE_FIRMWARE})
"""The station's answer is only the beginning. A job is kept before the station is told, so it tells what was sent."""


class ResetOrder(msgspec.Struct, frozen=True, tag="RESET", tag_field="kind"):
    """Restart. EVSE 0: the station."""

    type: ResetType
    evse_id: int = 0


class AvailabilityOrder(msgspec.Struct, frozen=True, tag="CHANGE_AVAILABILITY", tag_field="kind"):
    """In or out of service. EVSE 0: the station; connector 0: all of the EVSE."""

    status: OperationalStatus
    evse_id: int = 0
    connector_id: int = 0


class UnlockOrder(msgspec.Struct, frozen=True, tag="UNLOCK_CONNECTOR", tag_field="kind"):
    """Release the cable."""

    evse_id: int = 1
    connector_id: int = 1


class ClearCacheOrder(msgspec.Struct, frozen=True, tag="CLEAR_CACHE", tag_field="kind"):
    """Empty the authorisation cache."""


class TriggerOrder(msgspec.Struct, frozen=True, tag="TRIGGER_MESSAGE", tag_field="kind"):
    """Ask for a message. `requested_message` as in csms.domain.commands.TriggerMessage; EVSE 0 leaves it out."""

    requested_message: str
    evse_id: int = 0


class LocalListOrder(msgspec.Struct, frozen=True, tag="SYNC_LOCAL_LIST", tag_field="kind"):
    """Bring our tags to the station. `full`: the whole list in any case."""

    full: bool = False


class VariablesOrder(msgspec.Struct, frozen=True, tag="SET_VARIABLES", tag_field="kind"):
    """Write variables (1.6: configuration keys)."""

    variables: tuple[SetVariable, ...]


class DataTransferOrder(msgspec.Struct, frozen=True, tag="DATA_TRANSFER", tag_field="kind"):
    """Send a vendor's own message."""

    vendor_id: str
    message_id: str = ""
    data: str = ""


class AdmissionOrder(msgspec.Struct, frozen=True, tag="ADMISSION", tag_field="kind"):
    """Let stations in (activate), or keep them out (deactivate). Nothing is sent to them."""

    admit: bool


class LogOrder(msgspec.Struct, frozen=True, tag="GET_LOG", tag_field="kind"):
    """Have a log uploaded. `location`: the folder; empty: ours, when there is one."""

    log_type: LogType = LogType.DIAGNOSTICS
    location: str = ""
    oldest: datetime | None = None
    latest: datetime | None = None


class FirmwareRolloutOrder(msgspec.Struct, frozen=True, tag="UPDATE_FIRMWARE", tag_field="kind"):
    """Have firmware fetched and installed: one of our images (`image_id`), or what stands at `location`.

    `version`: what stations tell when they run it; a station that boots with it has succeeded, and one that runs it
    already is passed over. Hours (minutes after midnight, by the clock of the station's site) bound when updates begin;
    both the same: at any time. `signing_certificate` (PEM) and `signature` (base64) go together.
    """

    image_id: int = 0
    location: str = ""
    version: str = ""
    window_start: int = 0
    window_end: int = 0
    signing_certificate: str = ""
    signature: str = ""
    retries: int | None = None
    retry_interval_s: int | None = None


Order: TypeAlias = (
    ResetOrder
    | AvailabilityOrder
    | UnlockOrder
    | ClearCacheOrder
    | TriggerOrder
    | LocalListOrder
    | VariablesOrder
    | DataTransferOrder
    | AdmissionOrder
    | LogOrder
    | FirmwareRolloutOrder
)


def kind_of(order: Order) -> OrderKind:
    """Which kind it is."""
    return OrderKind(str(order.__struct_config__.tag))


def check_order(order: Order) -> None:
    """Raises InvalidArgument with a sentence for what no station could be told."""
    if isinstance(order, ResetOrder | AvailabilityOrder | TriggerOrder) and order.evse_id < 0:
        raise InvalidArgument("EVSEs count from 1; 0 means the station as a whole.", reason="INVALID_EVSE")
    if isinstance(order, AvailabilityOrder) and order.connector_id < 0:
        raise InvalidArgument("Connectors count from 1; 0 means all of the EVSE.", reason="INVALID_CONNECTOR")
    if isinstance(order, UnlockOrder) and min(order.evse_id, order.connector_id) < 1:
        raise InvalidArgument("Say which EVSE and which connector; both count from 1.", reason="INVALID_EVSE")
    if isinstance(order, TriggerOrder) and not order.requested_message:
        raise InvalidArgument("Say which message, for example StatusNotification.", reason="MESSAGE_MISSING")
    if isinstance(order, DataTransferOrder) and not order.vendor_id:
        raise InvalidArgument("Say whose message it is: the vendor id is missing.", reason="VENDOR_MISSING")
    if isinstance(order, VariablesOrder):
        _check_variables(order.variables)
    if isinstance(order, FirmwareRolloutOrder):
        _check_firmware(order)
    if isinstance(order, LogOrder) and order.oldest and order.latest and order.latest <= order.oldest:
        raise InvalidArgument("The latest entry must be later than the oldest.", reason="INVALID_TIME")


def _check_variables(variables: tuple[SetVariable, ...]) -> None:
    if not 0 < len(variables) <= MAX_VARIABLES or not all(variable.name for variable in variables):
        raise InvalidArgument(
            f"Give 1 to {MAX_VARIABLES} variables, each with its name and value.", reason="INVALID_VARIABLES"
        )
    for variable in variables:
        if variable.name.rpartition(".")[2].casefold() in _SECRET_VARIABLES:
            raise InvalidArgument(
                f"{variable.name} is a password: every station gets one of its own. Set it at the station.",
                reason="SECRET_VARIABLE",
            )


def _check_firmware(order: FirmwareRolloutOrder) -> None:
    if bool(order.image_id) == bool(order.location):
        raise InvalidArgument("Give either an image of ours or the address of the firmware.", reason="INVALID_LOCATION")
    if bool(order.signing_certificate) != bool(order.signature):
        raise InvalidArgument(
            "A signature and the certificate that it was made with go together: give both or none.",
            reason="INVALID_SIGNATURE",
        )
    if not (0 <= order.window_start < 24 * 60 and 0 <= order.window_end < 24 * 60):
        raise InvalidArgument("Hours are given as minutes after midnight, 0 to 1439.", reason="INVALID_WINDOW")
