"""Who calls: sign-in of people, keys of internal systems, and the first administrator."""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import argon2
import msgspec
import trio

from csms.domain.access import Action, ApiKey, Principal, Role, User, check
from csms.domain.errors import AlreadyExists, Exhausted, FailedPrecondition, InvalidArgument, Unauthenticated
from csms.ports.stores import AccessStore

API_KEY_PREFIX = "chk_"
MIN_PASSWORD, MAX_PASSWORD = 8, 256
CACHE_SECONDS = 5.0
CACHE_SIZE = 10_000
MAX_WAITING = 50
"""Passwords that may wait to be checked; more are turned away, so that strangers cannot queue work without end."""
MAX_BEARER = 512
SESSION_LIFETIME = timedelta(hours=12)
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")


def default_hasher() -> argon2.PasswordHasher:
    """argon2id with 46 MiB and one pass (OWASP's first choice), about 50 ms."""
    return argon2.PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)


class SignedIn(msgspec.Struct, frozen=True):
    """A session token, when it ends if it is not used, and whose it is."""

    token: str
    expires_at: datetime
    principal: Principal


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
            wait = math.ceil(times[0] + self._window - now)
            raise Exhausted(
                f"Too many attempts. Wait {math.ceil(wait / 60)} minutes, then try again.",
                reason="TOO_MANY_ATTEMPTS",
                retry_after_s=str(wait),
            )
        times.append(now)
        while len(self._attempts) > self._remember:
            self._attempts.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """The slate is clean."""
        self._attempts.pop(key, None)


class AccessControl:
    """Use cases of callers. All raise Unavailable while the database is away.

    Only SHA-256 digests of tokens and keys, and argon2id hashes of passwords, are kept.
    """

    def __init__(
        self,
        store: AccessStore,
        *,
        session_lifetime: timedelta = SESSION_LIFETIME,
        hasher: argon2.PasswordHasher | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._lifetime = session_lifetime
        self._hasher = hasher or default_hasher()
        self._now = now
        self._threads = trio.CapacityLimiter(2)
        self._attempts = AttemptLimiter()
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._nobody: str | None = None
        self._forgotten = 0

    # -- credentials -----------------------------------------------------------------------------------------------

    async def authenticate(self, bearer: str) -> Principal:
        """Whose token or key is this? Believed for CACHE_SECONDS, unless it is ended here.

        Raises Unauthenticated.
        """
        if not 0 < len(bearer) <= MAX_BEARER:
            raise _not_signed_in()
        digest = _digest(bearer)
        known = self._known.get(digest)
        if known is not None and trio.current_time() < known[1]:
            return known[0]
        forgotten = self._forgotten
        principal = await self._look_up(bearer, digest)
        if forgotten == self._forgotten:  # else it may have been ended while we read
            self._known[digest] = (principal, trio.current_time() + CACHE_SECONDS)
            self._known.move_to_end(digest)
            while len(self._known) > CACHE_SIZE:
                self._known.popitem(last=False)
        return principal

    async def _look_up(self, bearer: str, digest: bytes) -> Principal:
        now = self._now()
        if bearer.startswith(API_KEY_PREFIX):
            key = await self._store.find_api_key(digest, now)
            if key is None or (key.expires_at is not None and key.expires_at <= now):
                raise _not_signed_in()
            return Principal(f"apiKeys/{key.id}", key.display_name, key.role, digest=digest)
        user = await self._store.find_sign_in(digest, now)
        if user is None:
            raise _not_signed_in()
        return _principal(user, digest)

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """Raises Unauthenticated/WRONG_CREDENTIALS, Exhausted/TOO_MANY_ATTEMPTS. Takes as long for an unknown e-mail
        as for a wrong password."""
        email = _canonical_email(email)
        self._attempts.begin(email)
        user = await self._store.find_user_by_email(email)
        stored = user.password_hash if user is not None else await self._hash_of_nobody()
        right = await self._verify(stored, password)
        if user is None or not right:
            raise Unauthenticated("E-mail or password is wrong.", reason="WRONG_CREDENTIALS")
        self._attempts.succeeded(email)
        if self._hasher.check_needs_rehash(stored):
            await self._store.set_password_hash(user.id, await self._hash(password))
        token = secrets.token_urlsafe(32)
        digest = _digest(token)
        expires_at = self._now() + self._lifetime
        await self._store.create_sign_in(digest, user.id, expires_at)
        return SignedIn(token, expires_at, _principal(user, digest))

    async def sign_out(self, caller: Principal) -> None:
        """End the caller's session. Raises FailedPrecondition for an API key."""
        check(caller, Action.OWN_ACCOUNT)
        if not caller.name.startswith("users/"):
            raise FailedPrecondition("An API key has no session to end. Delete the key instead.", reason="NOT_A_PERSON")
        await self._store.delete_sign_in(caller.digest)
        self._forget(lambda principal: principal.digest == caller.digest)

    def caller(self, caller: Principal) -> Principal:
        """Who am I?"""
        check(caller, Action.OWN_ACCOUNT)
        return caller

    async def change_password(self, caller: Principal, current: str, new: str) -> None:
        """Change the own password and end the own other sessions.

        Raises Unauthenticated/WRONG_CREDENTIALS, Exhausted/TOO_MANY_ATTEMPTS, InvalidArgument/WEAK_PASSWORD,
        FailedPrecondition for an API key.
        """
        check(caller, Action.OWN_ACCOUNT)
        kind, _, number = caller.name.partition("/")
        if kind != "users":
            raise FailedPrecondition("An API key has no password. Make a new key instead.", reason="NOT_A_PERSON")
        _check_password(new)
        self._attempts.begin(caller.name)
        user = await self._store.find_user(int(number))
        if user is None:
            raise _not_signed_in()
        if not await self._verify(user.password_hash, current):
            raise Unauthenticated("The present password is wrong.", reason="WRONG_CREDENTIALS")
        self._attempts.succeeded(caller.name)
        await self._store.set_password_hash(user.id, await self._hash(new))
        await self._store.delete_sign_ins(user.id, keep=caller.digest)
        self._forget(lambda principal: principal.name == caller.name)

    # -- API keys --------------------------------------------------------------------------------------------------

    async def create_api_key(
        self, caller: Principal, display_name: str, role: Role, expires_at: datetime | None
    ) -> tuple[ApiKey, str]:
        """A key and its secret, which is nowhere else. Raises InvalidArgument."""
        check(caller, Action.MANAGE_KEYS)
        display_name = display_name.strip()
        if not 0 < len(display_name) <= 100 or not display_name.isprintable():
            raise InvalidArgument(
                "Give the key a name of 1 to 100 characters that says what it is for.", reason="INVALID_NAME"
            )
        if expires_at is not None and expires_at <= self._now():
            raise InvalidArgument("The key would have expired already. Give a later time.", reason="INVALID_TIME")
        secret = API_KEY_PREFIX + secrets.token_urlsafe(32)
        hint = secret[: len(API_KEY_PREFIX) + 4]
        key = await self._store.create_api_key(display_name, role, _digest(secret), hint, expires_at)
        return key, secret

    async def page_api_keys(self, caller: Principal, *, size: int, before: int | None) -> Sequence[ApiKey]:
        """Newest first, with an id below `before`."""
        check(caller, Action.MANAGE_KEYS)
        return await self._store.page_api_keys(size=size, before=before)

    async def delete_api_key(self, caller: Principal, key_id: int) -> None:
        """End a key at once (in other processes within CACHE_SECONDS). Raises NotFound."""
        check(caller, Action.MANAGE_KEYS)
        await self._store.delete_api_key(key_id)
        self._forget(lambda principal: principal.name == f"apiKeys/{key_id}")

    # -- the first start -------------------------------------------------------------------------------------------

    async def ensure_administrator(self, email: str | None, password: str | None) -> tuple[str, str] | None:
        """Make an administrator when there is nobody at all. The e-mail and the password, to be shown once, when the
        password was made here; None when there was somebody, or the password was given. Raises InvalidArgument."""
        if await self._store.count_users() > 0:
            return None
        email = _canonical_email(email or "admin@localhost")
        if not _EMAIL.fullmatch(email):
            raise InvalidArgument(f"{email!r} is not an e-mail address.", reason="INVALID_EMAIL")
        shown = password is None
        if password is None:
            password = secrets.token_urlsafe(12) + "1a"  # always with a letter and a digit
        _check_password(password)
        try:
            await self._store.create_user(email, "Administrator", await self._hash(password), Role.ADMINISTRATOR)
        except AlreadyExists:  # another process was faster
            return None
        return (email, password) if shown else None

    # -- inside ----------------------------------------------------------------------------------------------------

    def _forget(self, ended: Callable[[Principal], bool]) -> None:
        self._forgotten += 1
        for digest in [digest for digest, (principal, _) in self._known.items() if ended(principal)]:
            del self._known[digest]

    async def _hash(self, password: str) -> str:
        return await trio.to_thread.run_sync(self._hasher.hash, password, limiter=self._threads)

    async def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = await self._hash(secrets.token_urlsafe(16))
        return self._nobody

    async def _verify(self, stored: str, password: str) -> bool:
        def verify() -> bool:
            try:
                return self._hasher.verify(stored, password)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHash):
                return False

        if len(password) > MAX_PASSWORD:
            password = ""
        if self._threads.statistics().tasks_waiting >= MAX_WAITING:
            raise Exhausted(
                "Too many people sign in at this moment. Try again in a few seconds.",
                reason="TOO_MANY_ATTEMPTS",
                retry_after_s="5",
            )
        return await trio.to_thread.run_sync(verify, limiter=self._threads)


def _check_password(password: str) -> None:
    letters = any(character.isalpha() for character in password)
    digits = any(character.isdigit() for character in password)
    if not (MIN_PASSWORD <= len(password) <= MAX_PASSWORD and letters and digits):
        raise InvalidArgument(
            f"A password has at least {MIN_PASSWORD} characters (at most {MAX_PASSWORD}), with letters and digits.",
            reason="WEAK_PASSWORD",
        )


def _canonical_email(email: str) -> str:
    return email.strip().casefold()[:320]


def _principal(user: User, digest: bytes) -> Principal:
    return Principal(f"users/{user.id}", user.display_name or user.email, user.role, user.email, digest)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _not_signed_in() -> Unauthenticated:
    return Unauthenticated(
        "Sign in first: the session token or API key is missing, wrong or expired.", reason="NOT_SIGNED_IN"
    )
