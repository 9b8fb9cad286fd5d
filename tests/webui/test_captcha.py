"""The question at sign-in: who has to answer it, and that it counts once."""

from __future__ import annotations

import re

import pytest

from webui import words
from webui.captcha import WORDS, Captcha, Puzzle
from webui.sealing import Seal


def answer_of(puzzle: Puzzle) -> str:
    """As a person does."""
    first, sign, second = re.findall(r"(\w+) (plus|minus) (\d+)", puzzle.question)[0]
    number = WORDS.index(first)
    return str(number + int(second) if sign == "plus" else number - int(second))


def test_a_right_answer_counts_once_and_a_wrong_one_uses_the_question_up() -> None:
    captcha = Captcha(Seal())
    for _ in range(50):
        puzzle = captcha.puzzle()
        assert captcha.is_right(puzzle.sealed, answer_of(puzzle)), puzzle.question
        assert not captcha.is_right(puzzle.sealed, answer_of(puzzle))
        puzzle = captcha.puzzle()
        assert not captcha.is_right(puzzle.sealed, "99")
        assert not captcha.is_right(puzzle.sealed, answer_of(puzzle))


@pytest.mark.parametrize("answer", ["", "five", "-1", "٣", "9" * 5000])
def test_nonsense_is_no_answer(answer: str) -> None:
    captcha = Captcha(Seal())
    assert not captcha.is_right(captcha.puzzle().sealed, answer)


def test_the_question_of_another_portal_or_a_made_up_one_is_no_question() -> None:
    captcha, other = Captcha(Seal()), Captcha(Seal()).puzzle()
    assert not captcha.is_right(other.sealed, answer_of(other))
    assert not captcha.is_right("made up", "5")
    assert not captcha.is_right("é", "5")


def test_it_is_asked_after_the_second_failure_of_one_email_and_not_of_others() -> None:
    captcha = Captcha(Seal())
    captcha.failed("Ann@example.org", "10.0.0.1")
    assert not captcha.is_wanted("ann@example.org", "10.0.0.2")
    captcha.failed("ann@example.org", "10.0.0.1")
    assert captcha.is_wanted("ann@example.org", "10.0.0.2")
    assert not captcha.is_wanted("bob@example.org", "10.0.0.1")
    captcha.succeeded("ANN@example.org")
    assert not captcha.is_wanted("ann@example.org", "10.0.0.2")


def test_somebody_who_tries_many_names_from_one_address_is_asked_too() -> None:
    captcha = Captcha(Seal())
    for number in range(20):
        captcha.failed(f"{number}@example.org", "10.0.0.9")
    assert captcha.is_wanted("new@example.org", "10.0.0.9")
    assert not captcha.is_wanted("new@example.org", "10.0.0.8")


def test_failures_are_forgotten_after_a_while() -> None:
    clock = [0.0]
    captcha = Captcha(Seal(), now=lambda: clock[0])
    for _ in range(2):
        captcha.failed("ann@example.org", "a")
    clock[0] = 16 * 60.0
    assert not captcha.is_wanted("ann@example.org", "a")


def test_an_operator_may_ask_everybody_or_nobody() -> None:
    assert Captcha(Seal(), "always").is_wanted("ann@example.org", "a")
    never = Captcha(Seal(), "never")
    for _ in range(5):
        never.failed("ann@example.org", "a")
    assert not never.is_wanted("ann@example.org", "a")


def test_the_question_can_be_translated() -> None:
    assert words.DEFAULT.language == "en"
    assert all(words.gettext(word) for word in WORDS)
