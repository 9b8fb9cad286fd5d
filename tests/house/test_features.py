"""The list of promises and the marks on tests speak of the same things."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from scripts.features import LIST, all_marks, area, marks_in, promises, report
from tests.house.tree import ROOT

marks = cache(all_marks)


def test_every_marked_id_is_in_the_list() -> None:
    known = promises(LIST.read_text("utf-8"))
    strangers = [f"{m.path.relative_to(ROOT)}:{m.line}: {m.feature}" for m in marks() if m.feature not in known]
    assert strangers == []


def test_what_is_said_to_work_has_a_marked_test() -> None:
    section = LIST.read_text("utf-8").partition("## What works today\n")[2].partition("\n## ")[0]
    claimed = set(re.findall(r"\*\*(F-[A-Z]+-\d+)\*\*", section))
    assert claimed
    assert claimed - {mark.feature for mark in marks()} == set()


def test_the_list_covers_every_area() -> None:
    known = promises(LIST.read_text("utf-8"))
    assert {area(feature) for feature in known} >= {"F-OCPP", "F-STA", "F-OPS", "F-SES", "F-TAG", "F-USR", "F-SYS"}


def test_marks_are_found_on_functions_classes_modules_and_parameters() -> None:
    source = """
import pytest
pytestmark = pytest.mark.feature("F-A-1")
@pytest.mark.feature("F-A-2", "F-A-3")
def test_one(): ...
class TestTwo:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.feature("F-A-4"))])
    async def test_three(self, x): ...
"""
    assert {mark.feature for mark in marks_in(source, Path("t.py"))} == {"F-A-1", "F-A-2", "F-A-3", "F-A-4"}


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="F-A-1 stands twice"):
        promises("| F-A-1 | one |\n| F-A-1 | two |\n")


def test_the_report_prints_the_ids_without_a_test() -> None:
    source = '@pytest.mark.feature("F-A-1")\ndef test(): ...\n'
    lines = report({"F-A-1": "kept", "F-A-2": "not kept"}, list(marks_in(source, Path("t.py"))))
    assert lines[0] == "F-A: 1 of 2 with a test"
    assert any("F-A-2" in line for line in lines)
    assert not any("F-A-1" in line for line in lines)
