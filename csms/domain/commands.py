"""What is wanted of a station: commands, their answers and their one outcome. Words of OCPP 2.x; each version's
dialect translates."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from csms.domain.charging_profile import ChargingProfile


class Command(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="kind"):
    """Something that a station is to do. Each chapter of the domain has its own beside the core's in here."""


class Result(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="kind"):
    """What an answer carries beside its status: a composite schedule, certificate hashes, … One class per chapter's
    need."""


class RequestStartTransaction(Command, frozen=True):
    """1.6 RemoteStartTransaction. EVSE None: the station chooses. `remote_start_id` is ours (2.x needs it).

    2.x only: `token_type` (IdTokenEnumType; empty: what the token looks like), and `group_id_token`, who else may stop
    it. The profile is a TxProfile without transaction.
    """

    id_token: str
    evse_id: int | None = None
    remote_start_id: int = 0
    token_type: str = ""
    group_id_token: str | None = None
    charging_profile: ChargingProfile | None = None


class TransactionStarted(Result, frozen=True):
    """The remote start found a transaction under way (the cable was plugged in first): 2.x tells which."""

    transaction_id: str


class RequestStopTransaction(Command, frozen=True):
    """1.6 RemoteStopTransaction. `transaction_id` as the station knows it (1.6: our integer as text)."""

    transaction_id: str


class GetTransactionStatus(Command, frozen=True):
    """2.x: does a transaction go on, and are messages about it waiting at the station? Without one: about any."""

    transaction_id: str | None = None


class TransactionStatus(Result, frozen=True):
    """The answer. `ongoing` is None when no transaction was asked about."""

    messages_in_queue: bool
    ongoing: bool | None = None


class ResetType(StrEnum):
    """2.x words: Immediate is 1.6's Hard, OnIdle is Soft. 2.1 can take transactions up again afterwards."""

    IMMEDIATE = "Immediate"
    ON_IDLE = "OnIdle"
    IMMEDIATE_AND_RESUME = "ImmediateAndResume"


class Reset(Command, frozen=True):
    """Restart the station, or (2.x) one EVSE of it."""

    type: ResetType
    evse_id: int | None = None


class OperationalStatus(StrEnum):
    """May it be used?"""

    OPERATIVE = "Operative"
    INOPERATIVE = "Inoperative"


class ChangeAvailability(Command, frozen=True):
    """EVSE None or 0: the whole station. Connector None: the whole EVSE."""

    operational_status: OperationalStatus
    evse_id: int | None = None
    connector_id: int | None = None


class UnlockConnector(Command, frozen=True):
    """Let the cable go."""

    evse_id: int
    connector_id: int = 1


class ClearCache(Command, frozen=True):
    """Forget the station's authorisation cache."""


class TriggerMessage(Command, frozen=True):
    """Ask for a message now. `requested_message` is OCPP's word (MessageTriggerEnumType): BootNotification, Heartbeat,
    MeterValues, StatusNotification, … `custom_trigger` is 2.1's, with CustomTrigger."""

    requested_message: str
    evse_id: int | None = None
    connector_id: int | None = None
    custom_trigger: str = ""


class GetVariables(Command, frozen=True):
    """1.6 GetConfiguration: names are keys; no names: all of them. 2.x: names are written as in
    `csms.domain.variable_names`, and there must be some (all come with a report)."""

    names: tuple[str, ...] = ()


class SetVariable(msgspec.Struct, frozen=True, gc=False):
    """One variable and the value wanted. `name` as in GetVariables."""

    name: str
    value: str


class SetVariables(Command, frozen=True):
    """1.6 ChangeConfiguration carries one key per call, so `variables` has exactly one there; services split a
    longer list. 2.x: many, each with its own result in `Answer.variables`."""

    variables: tuple[SetVariable, ...]


class DataTransfer(Command, frozen=True):
    """A vendor's own message to the station."""

    vendor_id: str
    message_id: str = ""
    data: str | None = None


class Variable(msgspec.Struct, frozen=True, gc=False):
    """A configuration key (1.6) or variable (2.x) as the station reports it."""

    name: str
    value: str | None
    readonly: bool
    status: str = ""
    """2.x: its answer for this one (Accepted, Rejected, RebootRequired, UnknownVariable, …); 1.6: empty."""
    reason_code: str = ""
    additional_info: str = ""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the station answered. `status` is its own word ("Accepted", "Rejected", "RebootRequired", "Scheduled",
    …); "Accepted" where the
    message has no status (GetConfiguration). A CALLERROR is an answer too: `error_code` is then not empty."""

    status: str
    accepted: bool
    data: str | None = None
    variables: tuple[Variable, ...] = ()
    unknown_names: tuple[str, ...] = ()
    error_code: str = ""
    error_description: str = ""
    reason_code: str = ""
    """2.x statusInfo: a predefined word for the reason, and what the station adds in its own words."""
    additional_info: str = ""
    result: Result | None = None


class Outcome(StrEnum):
    """What became of a command. Every delivery ends in exactly one."""

    ANSWERED = "ANSWERED"
    """The station answered (maybe "Rejected", maybe with a CALLERROR)."""
    OFFLINE = "OFFLINE"
    """No link, and the caller did not want to wait."""
    EXPIRED = "EXPIRED"
    """The deadline passed before the command was sent: it has not happened."""
    UNKNOWN = "UNKNOWN"
    """Sent, but the link died or stayed silent: it may have happened. Never repeated by itself."""
    REFUSED = "REFUSED"
    """Mailbox full, draining, or the command cannot be said in the station's version."""
