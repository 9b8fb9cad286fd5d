"""RemoteService over the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from control.v1 import remote_pb2 as pb
from csms.domain.commands import (
    Answer,
    ChangeAvailability,
    ClearCache,
    DataTransfer,
    GetTransactionStatus,
    GetVariables,
    OperationalStatus,
    Outcome,
    RequestStartTransaction,
    RequestStopTransaction,
    Reset,
    ResetType,
    TransactionStarted,
    TransactionStatus,
    TriggerMessage,
    UnlockConnector,
    Variable,
)
from csms.ports.directory import Settled
from tests.kit.control_world import ControlWorld, Refused


def to(number: int, **fields: object) -> pb.CommandTarget:
    return pb.CommandTarget(station=f"stations/{number}", **fields)  # type: ignore[arg-type]


def every_command(number: int) -> list[tuple[str, Message, object]]:
    """(method, request, what the station is sent)."""
    return [
        ("Reset", pb.ResetRequest(target=to(number), type=pb.RESET_TYPE_ON_IDLE), Reset(ResetType.ON_IDLE)),
        (
            "Reset",
            pb.ResetRequest(target=to(number), type=pb.RESET_TYPE_IMMEDIATE_AND_RESUME, evse_id=2),
            Reset(ResetType.IMMEDIATE_AND_RESUME, 2),
        ),
        (
            "ChangeAvailability",
            pb.ChangeAvailabilityRequest(
                target=to(number), evse_id=2, operational_status=pb.OPERATIONAL_STATUS_INOPERATIVE
            ),
            ChangeAvailability(OperationalStatus.INOPERATIVE, 2),
        ),
        (
            "ChangeAvailability",
            pb.ChangeAvailabilityRequest(
                target=to(number), evse_id=2, connector_id=1, operational_status=pb.OPERATIONAL_STATUS_OPERATIVE
            ),
            ChangeAvailability(OperationalStatus.OPERATIVE, 2, 1),
        ),
        ("UnlockConnector", pb.UnlockConnectorRequest(target=to(number), evse_id=2), UnlockConnector(2, 1)),
        ("ClearCache", pb.ClearCacheRequest(target=to(number)), ClearCache()),
        (
            "TriggerMessage",
            pb.TriggerMessageRequest(target=to(number), requested_message="Heartbeat"),
            TriggerMessage("Heartbeat"),
        ),
        (
            "TriggerMessage",
            pb.TriggerMessageRequest(
                target=to(number),
                requested_message="CustomTrigger",
                evse_id=1,
                connector_id=2,
                custom_trigger="CatVideo",
            ),
            TriggerMessage("CustomTrigger", 1, 2, "CatVideo"),
        ),
        ("GetTransactionStatus", pb.GetTransactionStatusRequest(target=to(number)), GetTransactionStatus()),
        (
            "GetTransactionStatus",
            pb.GetTransactionStatusRequest(session="sessions/7"),
            GetTransactionStatus("7"),
        ),
        ("GetVariables", pb.GetVariablesRequest(target=to(number), names=["A"]), GetVariables(("A",))),
        (
            "DataTransfer",
            pb.DataTransferRequest(target=to(number), vendor_id="V", message_id="M", data="D"),
            DataTransfer("V", "M", "D"),
        ),
        (
            "RequestStopTransaction",
            pb.RequestStopTransactionRequest(session="sessions/7"),
            RequestStopTransaction("7"),
        ),
    ]


@pytest.mark.feature("F-OPS-1", "F-SYS-4")
async def test_every_command_reaches_the_station_in_domain_words(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    world.add_session(7, number)
    for method, request, command in every_command(number):
        answer = await world.client.call(f"remote.{method}", request)
        assert (answer.result.accepted, answer.result.status) == (True, "Accepted"), method
        assert world.directory.sent[-1][:2] == (number, command), method
    start = pb.RequestStartTransactionRequest(
        target=to(number), id_token="04a2", evse_id=1, id_token_type="eMAID", group_id_token="family"
    )
    answer = await world.client.call("remote.RequestStartTransaction", start)
    sent = world.directory.sent[-1][1]
    assert isinstance(sent, RequestStartTransaction)
    assert (sent.id_token, sent.evse_id, sent.token_type, sent.group_id_token) == ("04A2", 1, "eMAID", "FAMILY")
    assert sent.remote_start_id > 0
    assert answer.result.latency == Duration(nanos=250_000_000)


OUTCOMES = [
    (Settled(Outcome.OFFLINE), grpc.StatusCode.FAILED_PRECONDITION, "STATION_OFFLINE"),
    (Settled(Outcome.EXPIRED), grpc.StatusCode.DEADLINE_EXCEEDED, "NOT_SENT"),
    (Settled(Outcome.UNKNOWN), grpc.StatusCode.DEADLINE_EXCEEDED, "NO_ANSWER"),
    (Settled(Outcome.REFUSED, reason="MAILBOX_FULL"), grpc.StatusCode.RESOURCE_EXHAUSTED, "MAILBOX_FULL"),
    (Settled(Outcome.REFUSED, reason="DRAINING"), grpc.StatusCode.UNAVAILABLE, "DRAINING"),
    (Settled(Outcome.REFUSED, reason="NOT_SUPPORTED"), grpc.StatusCode.FAILED_PRECONDITION, "NOT_SUPPORTED"),
]


@pytest.mark.feature("F-OCPP-11")
@pytest.mark.parametrize(("settled", "code", "reason"), OUTCOMES, ids=lambda value: str(value)[:20])
async def test_a_command_without_an_answer_says_what_became_of_it(
    world: ControlWorld, settled: Settled, code: grpc.StatusCode, reason: str
) -> None:
    number = await world.add_station("CP-1")
    world.directory.settled.append(settled)
    with pytest.raises(Refused) as refused:
        await world.client.call("remote.ClearCache", pb.ClearCacheRequest(target=to(number)))
    assert (refused.value.code, refused.value.reason) == (code, reason)
    assert refused.value.message.endswith(".")


@pytest.mark.feature("F-OCPP-4")
async def test_what_a_station_of_2_x_adds_to_its_answer_is_told(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    late = Answer("Rejected", accepted=False, reason_code="TxInProgress", additional_info="wait")
    world.directory.settled.append(Settled(Outcome.ANSWERED, late, 0.1))
    rejected = await world.client.call("remote.ClearCache", pb.ClearCacheRequest(target=to(number)))
    assert (rejected.result.reason_code, rejected.result.additional_info) == ("TxInProgress", "wait")
    begun = Answer("Accepted", accepted=True, result=TransactionStarted("tx-1"))
    world.directory.settled.append(Settled(Outcome.ANSWERED, begun, 0.1))
    start = pb.RequestStartTransactionRequest(target=to(number), id_token="04a2")
    assert (await world.client.call("remote.RequestStartTransaction", start)).transaction_id == "tx-1"
    for told, ongoing in ((TransactionStatus(True, False), False), (TransactionStatus(True), None)):
        world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Accepted", True, result=told), 0.1))
        asked = pb.GetTransactionStatusRequest(target=to(number))
        status = await world.client.call("remote.GetTransactionStatus", asked)
        assert status.messages_in_queue
        assert (status.ongoing if status.HasField("ongoing") else None) is ongoing


async def test_a_rejection_and_a_callerror_are_answers(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Rejected", accepted=False), 0.1))
    rejected = await world.client.call("remote.ClearCache", pb.ClearCacheRequest(target=to(number)))
    assert (rejected.result.accepted, rejected.result.status) == (False, "Rejected")
    error = Answer("", accepted=False, error_code="NotImplemented", error_description="no")
    world.directory.settled.append(Settled(Outcome.ANSWERED, error, 0.1))
    failed = await world.client.call("remote.ClearCache", pb.ClearCacheRequest(target=to(number)))
    assert (failed.result.status, failed.result.error_code) == ("", "NotImplemented")


async def test_the_timeout_is_bounded_by_the_call_and_by_ten_minutes(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    long = pb.ClearCacheRequest(target=to(number, timeout=Duration(seconds=5000), wait_for_station=True))
    await world.client.call("remote.ClearCache", long, timeout=5.0)
    assert 3.0 < world.directory.sent[-1][2] < 5.0
    assert world.directory.sent[-1][3]
    await world.client.call("remote.ClearCache", long, timeout=None)
    assert world.directory.sent[-1][2] == 600.0
    nothing = pb.ClearCacheRequest(target=to(number, timeout=Duration(seconds=-1)))
    with pytest.raises(Refused) as refused:
        await world.client.call("remote.ClearCache", nothing)
    assert refused.value.reason == "INVALID_TIMEOUT"


@pytest.mark.parametrize(
    ("method", "request_", "reason"),
    [
        ("Reset", pb.ResetRequest(target=to(1)), "TYPE_MISSING"),
        ("ChangeAvailability", pb.ChangeAvailabilityRequest(target=to(1)), "STATUS_MISSING"),
        ("UnlockConnector", pb.UnlockConnectorRequest(target=to(1)), "INVALID_EVSE"),
        ("TriggerMessage", pb.TriggerMessageRequest(target=to(1)), "MESSAGE_MISSING"),
        ("DataTransfer", pb.DataTransferRequest(target=to(1)), "VENDOR_MISSING"),
        ("SetVariables", pb.SetVariablesRequest(target=to(1)), "INVALID_VARIABLES"),
        ("GetVariables", pb.GetVariablesRequest(), "INVALID_NAME"),
        ("GetTransactionStatus", pb.GetTransactionStatusRequest(), "INVALID_NAME"),
        (
            "ChangeAvailability",
            pb.ChangeAvailabilityRequest(target=to(1), connector_id=-1, operational_status=1),
            "INVALID_CONNECTOR",
        ),
        ("RequestStartTransaction", pb.RequestStartTransactionRequest(target=to(1)), "INVALID_ID_TOKEN"),
        ("RequestStopTransaction", pb.RequestStopTransactionRequest(session="sessions/0"), "INVALID_NAME"),
    ],
)
async def test_half_a_command_is_not_sent(world: ControlWorld, method: str, request_: Message, reason: str) -> None:
    await world.add_station("CP-1")
    with pytest.raises(Refused) as refused:
        await world.client.call(f"remote.{method}", request_)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert world.directory.sent == []


async def test_variables_are_written_one_by_one_and_the_rest_stays_unsent(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    world.directory.settled += [
        Settled(Outcome.ANSWERED, Answer("RebootRequired", accepted=True), 0.1),
        Settled(Outcome.UNKNOWN),
    ]
    wanted = [pb.Variable(name=name, value="1") for name in "ABC"]
    answer = await world.client.call("remote.SetVariables", pb.SetVariablesRequest(target=to(number), variables=wanted))
    assert [(r.name, r.result.status, r.failure_reason) for r in answer.results] == [
        ("A", "RebootRequired", ""),
        ("B", "", "NO_ANSWER"),
        ("C", "", "NOT_SENT"),
    ]


async def test_variables_come_with_those_that_are_unknown(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    known = (Variable("A", "1", True), Variable("B", None, False))
    answered = Answer("Accepted", accepted=True, variables=known, unknown_names=("C",))
    world.directory.settled.append(Settled(Outcome.ANSWERED, answered, 0.1))
    answer = await world.client.call("remote.GetVariables", pb.GetVariablesRequest(target=to(number)))
    assert [(v.name, v.HasField("value"), v.readonly) for v in answer.variables] == [
        ("A", True, True),
        ("B", False, False),
    ]
    assert list(answer.unknown_names) == ["C"]
