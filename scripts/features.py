"""Which promises of ``docs/features.md`` have a test that keeps them, read without running anything.

``python -m scripts.features`` prints a line per area and the ids that no test is marked with.
A test is marked with ``@pytest.mark.feature("F-SES-1", …)``; only literal strings count.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "docs" / "features.md"
TESTS = ROOT / "tests"
_ROW = re.compile(r"^\|\s*(F-[A-Z]+-\d+)\s*\|\s*(.+?)\s*\|\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mark:
    """One id on one test: where it stands and what it says."""

    feature: str
    path: Path
    line: int


def promises(text: str) -> dict[str, str]:
    """Id → promise, in the order of the table rows in ``text``.

    Raises ValueError when an id stands twice.
    """
    found: dict[str, str] = {}
    for feature, promise in _ROW.findall(text):
        if feature in found:
            raise ValueError(f"{feature} stands twice in the list of features")
        found[feature] = promise
    return found


def marks_in(source: str, path: Path) -> Iterator[Mark]:
    """Every ``pytest.mark.feature(…)`` of one test file."""
    for node in ast.walk(ast.parse(source, filename=str(path))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        if node.func.attr != "feature" or not (isinstance(owner, ast.Attribute) and owner.attr == "mark"):
            continue
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield Mark(argument.value, path, argument.lineno)


def all_marks(tests: Path = TESTS) -> list[Mark]:
    """The marks of every test file below ``tests``."""
    return [mark for path in sorted(tests.rglob("test_*.py")) for mark in marks_in(path.read_text("utf-8"), path)]


def area(feature: str) -> str:
    """``F-SES`` of ``F-SES-3``."""
    return feature.rpartition("-")[0]


def report(known: dict[str, str], marks: list[Mark]) -> list[str]:
    """The lines that ``make features`` prints."""
    kept = {mark.feature for mark in marks} & known.keys()
    lines = []
    for name in dict.fromkeys(map(area, known)):
        ids = [feature for feature in known if area(feature) == name]
        lines.append(f"{name}: {sum(i in kept for i in ids)} of {len(ids)} with a test")
        lines += [f"  {feature}  {known[feature]}" for feature in ids if feature not in kept]
    lines.append(f"{len(kept)} of {len(known)} features have a marked test; the ids above have none.")
    return lines


def main() -> int:
    """The command line; exit 1 when a test names an id that is not in the list."""
    known = promises(LIST.read_text("utf-8"))
    marks = all_marks()
    for line in report(known, marks):
        print(line)
    strangers = [mark for mark in marks if mark.feature not in known]
    for mark in strangers:
        where = mark.path.relative_to(ROOT)
        print(f"{where}:{mark.line}: {mark.feature} is not in {LIST.relative_to(ROOT)}", file=sys.stderr)
    return 1 if strangers else 0


if __name__ == "__main__":
    sys.exit(main())
