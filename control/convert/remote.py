"""Commands and their results."""

from __future__ import annotations

from typing import Final

from control.convert.common import duration, seconds, timestamp
from control.convert.names import read_name
from control.v1 import remote_pb2
from csms.domain.commands import (
    OperationalStatus,
    ResetType,
    SetVariable,
    TransactionStarted,
    TransactionStatus,
    Variable,
)
from csms.domain.errors import InvalidArgument
from csms.services.remote import DEFAULT_TIMEOUT, MAX_TIMEOUT, CommandOutcome, Target, VariableOutcome

_RESETS: Final = {
    int(remote_pb2.RESET_TYPE_IMMEDIATE): ResetType.IMMEDIATE,
    int(remote_pb2.RESET_TYPE_ON_IDLE): ResetType.ON_IDLE,
    int(remote_pb2.RESET_TYPE_IMMEDIATE_AND_RESUME): ResetType.IMMEDIATE_AND_RESUME,
}
_STATUSES: Final = {
    int(remote_pb2.OPERATIONAL_STATUS_OPERATIVE): OperationalStatus.OPERATIVE,
    int(remote_pb2.OPERATIONAL_STATUS_INOPERATIVE): OperationalStatus.INOPERATIVE,
}
_MARGIN, _MARGIN_PART = 0.5, 0.1
"""Of the call's deadline this much is kept back (seconds, at most this part), so that the outcome gets home in time."""


def timeout_of(message: remote_pb2.CommandTarget, remaining_s: float | None) -> float:
    """Seconds to wait for the station's answer: as asked, at most 10 min, at most what the call's deadline leaves."""
    timeout = min(seconds(message.timeout), MAX_TIMEOUT) if message.HasField("timeout") else DEFAULT_TIMEOUT
    if timeout <= 0:
        raise InvalidArgument("A timeout is longer than nothing; leave it out for 30 s.", reason="INVALID_TIMEOUT")
    if remaining_s is None:
        return timeout
    return min(timeout, remaining_s - min(_MARGIN, remaining_s * _MARGIN_PART))


def target(message: remote_pb2.CommandTarget, remaining_s: float | None) -> Target:
    """Raises InvalidArgument."""
    return Target(read_name(message.station, "stations"), timeout_of(message, remaining_s), message.wait_for_station)


def reset_type(number: int) -> ResetType:
    """Raises InvalidArgument when none is given."""
    if number not in _RESETS:
        raise InvalidArgument("Say how to restart: RESET_TYPE_IMMEDIATE or RESET_TYPE_ON_IDLE.", reason="TYPE_MISSING")
    return _RESETS[number]


def operational_status(number: int) -> OperationalStatus:
    """Raises InvalidArgument when none is given."""
    if number not in _STATUSES:
        raise InvalidArgument(
            "Say which way: OPERATIONAL_STATUS_OPERATIVE or OPERATIONAL_STATUS_INOPERATIVE.", reason="STATUS_MISSING"
        )
    return _STATUSES[number]


def result(outcome: CommandOutcome) -> remote_pb2.CommandResult:
    """What the station answered."""
    answer = outcome.answer
    return remote_pb2.CommandResult(
        accepted=answer.accepted,
        status="" if answer.error_code else answer.status,
        error_code=answer.error_code,
        error_description=answer.error_description,
        answer_time=timestamp(outcome.at),
        latency=duration(outcome.latency_s),
        reason_code=answer.reason_code,
        additional_info=answer.additional_info,
    )


def started_transaction(outcome: CommandOutcome) -> str:
    """OCPP's id of the transaction that was under way already; empty when there was none."""
    told = outcome.answer.result
    return told.transaction_id if isinstance(told, TransactionStarted) else ""


def transaction_status(outcome: CommandOutcome) -> remote_pb2.GetTransactionStatusResponse:
    """What the station said of a transaction."""
    told = outcome.answer.result
    response = remote_pb2.GetTransactionStatusResponse(result=result(outcome))
    if isinstance(told, TransactionStatus):
        response.messages_in_queue = told.messages_in_queue
        if told.ongoing is not None:
            response.ongoing = told.ongoing
    return response


def variable(known: Variable) -> remote_pb2.Variable:
    """As the station reports it."""
    return remote_pb2.Variable(
        name=known.name,
        value=known.value,
        readonly=known.readonly,
        status=known.status,
        reason_code=known.reason_code,
        additional_info=known.additional_info,
    )


def set_variable(message: remote_pb2.Variable) -> SetVariable:
    """Name and the value wanted."""
    return SetVariable(message.name, message.value)


def variable_outcome(outcome: VariableOutcome) -> remote_pb2.SetVariableResult:
    """What became of one variable."""
    return remote_pb2.SetVariableResult(
        name=outcome.name,
        result=None if outcome.outcome is None else result(outcome.outcome),
        failure_reason=outcome.failure_reason,
    )
