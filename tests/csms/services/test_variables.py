"""Whose result is whose."""

from __future__ import annotations

from csms.domain.commands import Answer, SetVariable, Variable
from csms.services.variables import Plain, answers_of

WANTED = [SetVariable("A.B", "1"), SetVariable("C.D", "2")]


def told(*variables: Variable) -> Answer:
    return Answer("Accepted", accepted=True, variables=variables)


def test_1_6_and_errors_answer_for_all() -> None:
    rejected = Answer("Rejected", accepted=False)
    assert answers_of(WANTED[:1], rejected) == [rejected]
    failed = Answer("", accepted=False, error_code="InternalError")
    assert answers_of(WANTED, failed) == [failed, failed]


def test_results_are_found_by_name_whatever_their_order_and_spelling() -> None:
    answer = told(
        Variable("c.D", None, False, "RebootRequired"), Variable("A.B", None, False, "Rejected", "ReadOnly", "No.")
    )
    first, second = answers_of(WANTED, answer)
    assert (first.status, first.accepted, first.reason_code, first.additional_info) == (
        "Rejected",
        False,
        "ReadOnly",
        "No.",
    )
    assert (second.status, second.accepted) == ("RebootRequired", True)


def test_a_result_under_another_name_counts_by_its_place() -> None:
    answer = told(Variable("A.B", None, False, "Accepted"), Variable("Else.D", None, False, "Rejected"))
    assert [each.status for each in answers_of(WANTED, answer)] == ["Accepted", "Rejected"]


def test_a_variable_that_the_answer_forgets_was_not_set() -> None:
    answer = told(Variable("A.B", None, False, "Accepted"))
    assert [each.accepted for each in answers_of(WANTED, answer)] == [True, False]


async def test_without_further_knowledge_one_is_written_at_a_time() -> None:
    assert await Plain().of_names(1, ["A", "B"]) == [2]
    assert await Plain().of_values(1, WANTED) == [1, 1]
