"""Errors in words."""

from __future__ import annotations

import pytest

from webui import sentences
from webui.values import ApiError, CommandResult


def test_an_unknown_error_is_told_in_the_control_planes_own_words():
    assert sentences.of_error(ApiError("INVALID_ARGUMENT", "NEW_REASON", "The moon is wrong.")) == "The moon is wrong."


def test_an_error_without_words_still_says_what_to_do():
    assert "administrator" in sentences.of_error(ApiError("PERMISSION_DENIED", "", ""))
    assert "Try again" in sentences.of_error(ApiError("INTERNAL", "", ""))


@pytest.mark.parametrize("reason", ["STATION_OFFLINE", "NOT_SENT", "NO_ANSWER", "MAILBOX_FULL", "DRAINING"])
def test_every_way_of_getting_no_answer_has_its_own_sentence(reason: str):
    others = {"STATION_OFFLINE", "NOT_SENT", "NO_ANSWER", "MAILBOX_FULL", "DRAINING"} - {reason}
    mine = sentences.of_command(ApiError("X", reason, ""))
    assert mine not in {sentences.of_command(ApiError("X", other, "")) for other in others}


def test_a_word_that_this_portal_does_not_know_is_told_by_whether_it_agreed():
    yes = CommandResult(accepted=True, status="Sure", error_code="", error_description="", latency=None)
    no = CommandResult(accepted=False, status="Nah", error_code="", error_description="", latency=None)
    assert sentences.of_result(yes) == "The station agreed."
    assert sentences.of_result(no) == "The station refused."
