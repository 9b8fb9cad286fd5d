"""Slow hashes, and attempts that are counted."""

from __future__ import annotations

import argon2
import pytest
import trio

from csms.domain.errors import Exhausted
from csms.services.passwords import AttemptLimiter, Passwords, default_hasher
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
