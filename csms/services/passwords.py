"""Passwords of people: slow hashes made in threads, and attempts that are counted."""

from __future__ import annotations

import math
import secrets
from collections import OrderedDict, deque

import argon2
import trio

from csms.domain.errors import Exhausted, Unavailable
from csms.domain.people import MAX_PASSWORD
from csms.ports.attempts import AttemptBook, Begun

MAX_WAITING = 50
"""Passwords that may wait to be checked; more are turned away, so that strangers cannot queue work without end."""
REMEMBERED = 10_000


def default_hasher() -> argon2.PasswordHasher:
    """argon2id with 46 MiB and one pass (OWASP's first choice), about 50 ms."""
    return argon2.PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)


class AttemptLimiter:
    """At most `limit` attempts a key within `window` seconds (trio's clock). Bounded memory: the oldest key goes."""

    def __init__(self, *, limit: int = 5, window: float = 900.0, remember: int = 10_000) -> None:
        self._limit, self._window, self._remember = limit, window, remember
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, key: str) -> None:
        """Note an attempt before it is looked at, so that many at once count too. Raises Exhausted."""
        now = trio.current_time()
        times = self._attempts.setdefault(key, deque())
        self._attempts.move_to_end(key)
        while times and times[0] <= now - self._window:
            times.popleft()
        if len(times) >= self._limit:
            raise _too_many(times[0] + self._window - now)
        times.append(now)
        while len(self._attempts) > self._remember:
            self._attempts.popitem(last=False)

    def is_last(self, key: str) -> bool:
        """Is the next attempt the last one for now?"""
        since = trio.current_time() - self._window
        return sum(at > since for at in self._attempts.get(key, ())) == self._limit - 1

    def succeeded(self, key: str) -> None:
        """The slate is clean."""
        self._attempts.pop(key, None)


class SharedLimiter:
    """The same for all processes together: `book` counts, under keys that begin with `name`. While it is away, and
    without one, each process counts what it sees; the limit is then one for each of them."""

    def __init__(self, book: AttemptBook | None, name: str, *, limit: int = 5, window: float = 900.0) -> None:
        self._book, self._name, self._limit, self._window = book, name, limit, window
        self._here = AttemptLimiter(limit=limit, window=window)
        self._refused_until: OrderedDict[str, float] = OrderedDict()

    async def begin(self, key: str) -> bool:
        """Note an attempt before it is looked at, so that many at once count too. True: it is the last one for now.
        Raises Exhausted."""
        wait = self._refused_until.get(key, 0.0) - trio.current_time()
        if wait > 0:  # the book need not be asked again
            raise _too_many(wait)
        told = None if self._book is None else await self._ask(self._book, key)
        last = self._here.is_last(key)
        try:
            self._here.begin(key)
        except Exhausted:
            if told is None:
                raise
        if told is None:
            return last
        if told.allowed:
            return told.count == self._limit
        self._refused_until[key] = trio.current_time() + told.wait_s
        while len(self._refused_until) > REMEMBERED:
            self._refused_until.popitem(last=False)
        raise _too_many(told.wait_s)

    async def succeeded(self, key: str) -> None:
        """The slate is clean."""
        self._here.succeeded(key)
        if self._book is not None:
            await self._book.clear(f"{self._name}:{key}")

    async def _ask(self, book: AttemptBook, key: str) -> Begun | None:
        try:
            return await book.begin(f"{self._name}:{key}", limit=self._limit, window_s=self._window)
        except Unavailable:
            return None


def _too_many(wait_s: float) -> Exhausted:
    wait = math.ceil(wait_s)
    return Exhausted(
        f"Too many attempts. Wait {math.ceil(wait / 60)} minutes, then try again.",
        reason="TOO_MANY_ATTEMPTS",
        retry_after_s=str(wait),
    )


class Passwords:
    """Hashes and checks, two at a time, in threads."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or default_hasher()
        self._threads = trio.CapacityLimiter(2)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """For the store."""
        return await trio.to_thread.run_sync(self._hasher.hash, password, limiter=self._threads)

    def is_outdated(self, stored: str) -> bool:
        """Was it made with less than what is usual now?"""
        return self._hasher.check_needs_rehash(stored)

    async def verify(self, stored: str, password: str) -> bool:
        """Is it this one's? An empty hash (nobody, or nobody with a password) takes as long and is never right.

        Raises Exhausted.
        """
        nobody = not stored
        if self._threads.statistics().tasks_waiting >= MAX_WAITING:
            raise Exhausted(
                "Too many people sign in at this moment. Try again in a few seconds.",
                reason="TOO_MANY_ATTEMPTS",
                retry_after_s="5",
            )
        if self._nobody is None:
            self._nobody = await self.hash(secrets.token_urlsafe(16))
        hashed = self._nobody if nobody else stored
        text = "" if len(password) > MAX_PASSWORD else password

        def verify() -> bool:
            try:
                return self._hasher.verify(hashed, text)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHash):
                return False

        return await trio.to_thread.run_sync(verify, limiter=self._threads) and not nobody
