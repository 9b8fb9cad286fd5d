"""Which of two versions of firmware is the newer one, as far as can be told.

Every vendor counts in its own way. What is told as newer is newer in any way of counting that we know; all else is
*different*, and a person decides.
"""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import zip_longest
from typing import Final

_WORD: Final = re.compile(r"[0-9]+|[a-z]+")
_NUMBERS: Final = re.compile(r"(?:[a-z_ -]*?[-_ ])?(?:version|ver|fw|v|r)?[-_. ]?([0-9]+(?:[._-][0-9]+)*)(.*)")
_BEFORE: Final = {"dev": -5, "alpha": -4, "a": -4, "beta": -3, "b": -3, "pre": -2, "preview": -2, "rc": -1}
"""What precedes the release of that number."""


class Comparison(StrEnum):
    """How an offered version stands to the present one."""

    SAME = "SAME"
    NEWER = "NEWER"
    OLDER = "OLDER"
    DIFFERENT = "DIFFERENT"
    """Nobody can tell."""


def compare(offered: str, present: str) -> Comparison:
    """How `offered` stands to `present`. Numbers count as numbers (1.2.10 is newer than 1.2.9), missing ones as 0, a
    release is newer than its own release candidates. Other suffixes, other prefixes: DIFFERENT."""
    one, other = _canonical(offered), _canonical(present)
    if one == other:
        return Comparison.SAME
    if not one or not other:
        return Comparison.DIFFERENT
    first, second = _parsed(one), _parsed(other)
    if first is None or second is None or first[0] != second[0]:
        return Comparison.DIFFERENT
    by_numbers = _by_numbers(first[1], second[1])
    if by_numbers:
        return Comparison.NEWER if by_numbers > 0 else Comparison.OLDER
    return _by_suffix(first[2], second[2])


def is_same(one: str, other: str) -> bool:
    """Do both name one version?"""
    return compare(one, other) is Comparison.SAME


def _canonical(version: str) -> str:
    return " ".join(version.casefold().split())


def _parsed(version: str) -> tuple[str, tuple[int, ...], str] | None:
    """(prefix, numbers, suffix); None without numbers."""
    match = _NUMBERS.fullmatch(version)
    if match is None:
        return None
    prefix = version[: match.start(1)].strip(" ._-")
    prefix = re.sub(r"(?:^|[-_ ])(?:version|ver|fw|v|r)$", "", prefix)
    numbers = tuple(int(part[:18]) for part in re.split(r"[._-]", match[1]))
    return prefix, numbers, match[2].strip(" ._-")


def _by_numbers(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    for left, right in zip_longest(one, other, fillvalue=0):
        if left != right:
            return 1 if left > right else -1
    return 0


def _by_suffix(one: str, other: str) -> Comparison:
    """Of versions with the same numbers."""
    left, right = _stage(one), _stage(other)
    if left is None or right is None:
        return Comparison.SAME if one == other else Comparison.DIFFERENT
    if left == right:
        return Comparison.SAME
    return Comparison.NEWER if left > right else Comparison.OLDER


def _stage(suffix: str) -> tuple[int, ...] | None:
    """A release is (0,), a second beta (-3, 2); None: no word that we know."""
    if not suffix:
        return (0,)
    words = _WORD.findall(suffix)
    if not words or "".join(words) != re.sub(r"[._ -]", "", suffix) or words[0] not in _BEFORE:
        return None
    if any(not word.isdigit() for word in words[1:]):
        return None
    return (_BEFORE[words[0]], *(int(word[:18]) for word in words[1:]))
