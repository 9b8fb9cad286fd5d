"""Commands."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration

from control.convert.remote import timeout_of, variable, variable_outcome
from control.v1 import remote_pb2 as pb
from csms.domain.commands import Variable
from csms.domain.errors import InvalidArgument
from csms.services.remote import VariableOutcome


@pytest.mark.parametrize(
    ("asked", "remaining", "timeout"),
    [(None, None, 30.0), (5, None, 5.0), (5000, None, 600.0), (60, 10.0, 9.5), (60, 1.0, 0.9), (5, 60.0, 5.0)],
)
def test_a_command_ends_before_its_caller_gives_up(asked: int | None, remaining: float | None, timeout: float) -> None:
    target = pb.CommandTarget(timeout=None if asked is None else Duration(seconds=asked))
    assert timeout_of(target, remaining) == pytest.approx(timeout)


def test_no_time_at_all_is_a_mistake() -> None:
    with pytest.raises(InvalidArgument):
        timeout_of(pb.CommandTarget(timeout=Duration()), None)


def test_a_variable_of_2_x_comes_with_the_station_s_answer_for_it() -> None:
    message = variable(Variable("A.B", None, readonly=False, status="Rejected", reason_code="No", additional_info="x"))
    assert message == pb.Variable(name="A.B", status="Rejected", reason_code="No", additional_info="x")


def test_a_variable_without_an_answer_has_a_reason_and_no_result() -> None:
    message = variable_outcome(VariableOutcome("A", failure_reason="NO_ANSWER"))
    assert not message.HasField("result")
    assert message.failure_reason == "NO_ANSWER"
