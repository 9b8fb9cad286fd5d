"""A question that a person answers at once and a simple program does not: a small sum, told in words and figures.

It is text, so that everybody can read it or have it read to them, and it asks no third party. What the browser carries
is sealed (webui/sealing.py): the answer cannot be read there, it expires, and each is good for one try only.

It slows a guesser down; what stops one is the control plane, which refuses after some failures.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from webui.sealing import Seal
from webui.words import N_, _

FAILURES_OF_ONE_EMAIL: Final = 2
FAILURES_FROM_ONE_ADDRESS: Final = 20
"""Many people may sit behind one address, so it takes more."""
REMEMBERED_S: Final = 15 * 60.0
MOST: Final = 10_000
WORDS: Final = (
    N_("zero"),
    N_("one"),
    N_("two"),
    N_("three"),
    N_("four"),
    N_("five"),
    N_("six"),
    N_("seven"),
    N_("eight"),
    N_("nine"),
    N_("ten"),
)
MODES: Final = ("failures", "always", "never")


class Sum(msgspec.Struct, frozen=True):
    """What is sealed: the answer, and a number of its own so that it counts once."""

    answer: int
    nonce: str


class Puzzle(msgspec.Struct, frozen=True):
    """What is shown and what the form carries."""

    question: str
    sealed: str


class Captcha:
    """Makes questions, judges answers, and remembers who has to answer one."""

    def __init__(self, seal: Seal, mode: str = "failures", now: Callable[[], float] = time.monotonic) -> None:
        self._seal = seal
        self._mode = mode
        self._now = now
        self._used: OrderedDict[str, float] = OrderedDict()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def puzzle(self) -> Puzzle:
        """A new question in the reader's language."""
        first, second = secrets.randbelow(9) + 2, secrets.randbelow(8) + 2
        if secrets.randbelow(2) and first > second:
            question = _("How much is %(first)s minus %(second)s?")
            answer = first - second
        else:
            question = _("How much is %(first)s plus %(second)s?")
            answer = first + second
        told = {"first": _(WORDS[first]), "second": str(second)}
        return Puzzle(question % told, self._seal.close(Sum(answer, secrets.token_hex(8))))

    def is_right(self, sealed: str, answer: str) -> bool:
        """Is it the answer? Right or wrong, the question is used up."""
        found = self._seal.open(sealed, Sum)
        if found is None or found.nonce in self._used:
            return False
        self._used[found.nonce] = self._now()
        while len(self._used) > MOST:
            self._used.popitem(last=False)
        given = answer.strip()
        return given.isascii() and given.isdecimal() and int(given[:4]) == found.answer

    def is_wanted(self, email: str, address: str) -> bool:
        """Must who signs in as this, from there, answer a question?"""
        if self._mode != "failures":
            return self._mode == "always"
        return (
            self._count(f"e {email.casefold()}") >= FAILURES_OF_ONE_EMAIL
            or self._count(f"a {address}") >= FAILURES_FROM_ONE_ADDRESS
        )

    def failed(self, email: str, address: str) -> None:
        """A password or a code was wrong."""
        for key in (f"e {email.casefold()}", f"a {address}"):
            self._failures[key] = (self._count(key) + 1, self._now())
            self._failures.move_to_end(key)
        while len(self._failures) > MOST:
            self._failures.popitem(last=False)

    def succeeded(self, email: str) -> None:
        """The owner is in: the count of this e-mail begins anew."""
        self._failures.pop(f"e {email.casefold()}", None)

    def _count(self, key: str) -> int:
        count, when = self._failures.get(key, (0, 0.0))
        return count if self._now() - when < REMEMBERED_S else 0
