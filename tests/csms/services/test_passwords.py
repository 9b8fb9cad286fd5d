"""Slow hashes, and attempts that are counted."""

from __future__ import annotations

import argon2
import pytest
import trio

from csms.domain.errors import Exhausted, Unavailable
from csms.ports.attempts import Begun
from csms.services.passwords import AttemptLimiter, Passwords, SharedLimiter, default_hasher
from tests.kit.service_world import HASHER


def test_attempts_are_remembered_of_so_many_only() -> None:
    async def fill() -> None:
        limiter = AttemptLimiter(limit=1, remember=2)
        for key in ("a", "b", "c"):
            limiter.begin(key)
        limiter.begin("a")  # the oldest was forgotten
        with pytest.raises(Exhausted):
            limiter.begin("c")

    trio.run(fill)


class Book:
    """Counts for all processes of a test."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.asked = 0
        self.away = False

    async def begin(self, key: str, *, limit: int, window_s: float) -> Begun:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("the database is away")
        self.asked += 1
        count = self.counts.get(key, 0)
        if count >= limit:
            return Begun(False, count, window_s)
        self.counts[key] = count + 1
        return Begun(True, count + 1, window_s)

    async def clear(self, key: str) -> None:
        await trio.lowlevel.checkpoint()
        self.counts.pop(key, None)


@pytest.mark.feature("F-SYS-7")
async def test_a_limit_holds_for_all_processes_together(autojump_clock: object) -> None:
    book = Book()
    one, other = (SharedLimiter(book, "sign-in", limit=4) for _ in range(2))
    assert not await one.begin("anna")
    assert not await other.begin("anna")
    assert not await one.begin("anna")
    assert await other.begin("anna")
    for limiter in (one, other, one):
        with pytest.raises(Exhausted):
            await limiter.begin("anna")
    assert book.asked == 6  # who was refused is refused without a question
    await trio.sleep(901)
    book.counts.clear()
    assert not await one.begin("anna")
    await one.succeeded("anna")
    assert book.counts == {}


async def test_while_the_book_is_away_each_process_counts_by_itself_and_lets_no_more_through() -> None:
    book = Book()
    limiter = SharedLimiter(book, "sign-in", limit=3)
    await limiter.begin("anna")
    book.away = True
    await limiter.begin("anna")
    assert await limiter.begin("anna")
    with pytest.raises(Exhausted):
        await limiter.begin("anna")


async def test_nobody_with_a_password_is_never_right_and_takes_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    verified = []
    verify = argon2.PasswordHasher.verify

    def count(self: argon2.PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored)
        return bool(verify(self, stored, password))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", count)
    passwords = Passwords(HASHER)
    stored = await passwords.hash("charge-2-go")
    assert await passwords.verify(stored, "charge-2-go")
    assert not await passwords.verify(stored, "x" * 300)
    assert not await passwords.verify("", "charge-2-go")
    assert not await passwords.verify("rubbish", "charge-2-go")
    assert len(verified) == 4


async def test_what_is_usual_now_is_argon2id() -> None:
    assert default_hasher().type is argon2.Type.ID
    assert Passwords(default_hasher()).is_outdated(await Passwords(HASHER).hash("charge-2-go"))
