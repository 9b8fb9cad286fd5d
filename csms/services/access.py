"""Who calls: sign-in of people, the credentials of calls, and the first administrator."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import argon2
import msgspec
import trio

from csms.domain.access import Action, Principal, Role, User, check
from csms.domain.errors import AlreadyExists, FailedPrecondition, InvalidArgument, PermissionDenied, Unauthenticated
from csms.domain.people import canonical_email, check_email, check_password
from csms.ports.attempts import AttemptBook
from csms.ports.stores import AccessStore
from csms.services.passwords import Passwords, SharedLimiter
from csms.services.sign_in_log import SignInLog

API_KEY_PREFIX = "chk_"
CACHE_SECONDS = 5.0
CACHE_SIZE = 10_000
MAX_BEARER = 512
SESSION_LIFETIME = timedelta(hours=12)
ATTEMPTS_OF_AN_ADDRESS = 100
"""Sign-ins, good or bad, from one address within 15 minutes, whatever the e-mails."""

FactorCheck = Callable[[User, str], Awaitable[bool]]
"""Is this code the second factor of that user?"""


class SignedIn(msgspec.Struct, frozen=True):
    """A session token, when it ends if it is not used, and whose it is."""

    token: str
    expires_at: datetime
    principal: Principal


class Origin(msgspec.Struct, frozen=True, gc=False):
    """From where somebody signs in: an address (empty: not known) and the name of the program."""

    address: str = ""
    client: str = ""


class AccessControl:
    """Use cases of callers. All raise Unavailable while the database is away.

    Only SHA-256 digests of tokens and keys, and argon2id hashes of passwords, are kept. Without `second_factor`, users
    who have one cannot sign in. `book` counts attempts for all processes.
    """

    def __init__(
        self,
        store: AccessStore,
        *,
        session_lifetime: timedelta = SESSION_LIFETIME,
        hasher: argon2.PasswordHasher | None = None,
        second_factor: FactorCheck | None = None,
        failures: SignInLog | None = None,
        book: AttemptBook | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._lifetime = session_lifetime
        self._second_factor = second_factor
        self._failures = failures
        self._now = now
        self.passwords = Passwords(hasher)
        self._attempts = SharedLimiter(book, "sign-in")
        self._addresses = SharedLimiter(book, "sign-in-from", limit=ATTEMPTS_OF_AN_ADDRESS)
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._forgotten = 0

    # -- credentials -----------------------------------------------------------------------------------------------

    async def authenticate(self, bearer: str) -> Principal:
        """Whose token or key is this? Believed for CACHE_SECONDS, unless it is ended here.

        Raises Unauthenticated.
        """
        if not 0 < len(bearer) <= MAX_BEARER:
            raise not_signed_in()
        digest = digest_of(bearer)
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
                raise not_signed_in()
            return Principal(
                f"apiKeys/{key.id}",
                key.display_name,
                key.role,
                digest=digest,
                site_ids=key.site_ids,
                actions=key.actions,
            )
        user = await self._store.find_sign_in(digest, now)
        if user is None or user.blocked:
            raise not_signed_in()
        return principal_of(user, digest)

    async def sign_in(
        self, email: str, password: str, code: str = "", origin: Origin | None = None, *, new_password: str = ""
    ) -> SignedIn:
        """`new_password`: in the place of one that an administrator has set; else it is ignored.

        Raises Unauthenticated/WRONG_CREDENTIALS, PASSWORD_CHANGE_REQUIRED or SECOND_FACTOR_REQUIRED (the password was
        right, a new one or a code is missing) or WRONG_CODE, InvalidArgument/WEAK_PASSWORD or SAME_PASSWORD,
        Exhausted/TOO_MANY_ATTEMPTS. Takes as long for an unknown e-mail as for a wrong password.
        """
        origin = origin or Origin()
        email = canonical_email(email)
        locks = await self._attempts.begin(email)
        if _is_elsewhere(origin.address):
            await self._addresses.begin(origin.address)
        user = await self._store.find_user_by_email(email)
        stored = user.password_hash if user is not None else ""
        right = await self.passwords.verify(stored, password)
        if user is None or not right or user.blocked:
            reason = "BLOCKED" if right else "WRONG_CREDENTIALS"
            self._note_failure(user, reason, origin, locks=locks)
            raise Unauthenticated("E-mail or password is wrong.", reason="WRONG_CREDENTIALS")
        if user.must_change_password:
            if not user.totp_secret:
                await self._attempts.succeeded(email)  # trying new passwords is no guessing
            _check_new(password, new_password)
        if user.totp_secret:
            try:
                await self._check_factor(user, code)
            except Unauthenticated as error:
                if error.reason == "WRONG_CODE":
                    self._note_failure(user, error.reason, origin, locks=locks)
                raise
        await self._attempts.succeeded(email)
        if user.must_change_password:
            await self._store.set_password_hash(user.id, await self.passwords.hash(new_password))
        elif self.passwords.is_outdated(stored):
            await self._store.set_password_hash(user.id, await self.passwords.hash(password))
        return await self.open_session(user, origin)

    async def open_session(self, user: User, origin: Origin) -> SignedIn:
        """A session of somebody whose identity was proven. Raises PermissionDenied for those who are blocked."""
        if user.blocked:
            raise PermissionDenied("This account is blocked. Ask an administrator.", reason="BLOCKED")
        token = secrets.token_urlsafe(32)
        digest = digest_of(token)
        expires_at = self._now() + self._lifetime
        await self._store.create_sign_in(
            digest, user.id, expires_at, address=origin.address[:100], client=origin.client[:200]
        )
        return SignedIn(token, expires_at, principal_of(user, digest))

    async def sign_out(self, caller: Principal) -> None:
        """End the caller's session. Raises FailedPrecondition for an API key."""
        check(caller, Action.OWN_ACCOUNT)
        if caller.user_id is None:
            raise FailedPrecondition("An API key has no session to end. Delete the key instead.", reason="NOT_A_PERSON")
        await self._store.delete_sign_in(caller.digest)
        self.forget(lambda principal: principal.digest == caller.digest)

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
        if caller.user_id is None:
            raise FailedPrecondition("An API key has no password. Make a new key instead.", reason="NOT_A_PERSON")
        check_password(new)
        user = await self.prove_password(caller, current)
        await self._store.set_password_hash(user.id, await self.passwords.hash(new))
        await self._store.delete_sign_ins(user.id, keep=caller.digest)
        self.forget_user(user.id)

    async def prove_password(self, caller: Principal, password: str) -> User:
        """Is it really the caller who sits there? Raises Unauthenticated/WRONG_CREDENTIALS,
        Exhausted/TOO_MANY_ATTEMPTS."""
        await self._attempts.begin(caller.name)
        user = await self._store.find_user(caller.user_id or 0)
        if user is None:
            raise not_signed_in()
        if not await self.passwords.verify(user.password_hash, password):
            raise Unauthenticated("The present password is wrong.", reason="WRONG_CREDENTIALS")
        await self._attempts.succeeded(caller.name)
        return user

    def forget_user(self, user_id: int) -> None:
        """Something about this user has changed: whoever calls as them is looked up anew."""
        self.forget(lambda principal: principal.user_id == user_id)

    def forget(self, ended: Callable[[Principal], bool]) -> None:
        """These credentials are looked up anew."""
        self._forgotten += 1
        for digest in [digest for digest, (principal, _) in self._known.items() if ended(principal)]:
            del self._known[digest]

    # -- the first start -------------------------------------------------------------------------------------------

    async def ensure_administrator(self, email: str | None, password: str | None) -> tuple[str, str] | None:
        """Make an administrator when there is nobody at all. The e-mail and the password, to be shown once, when the
        password was made here; None when there was somebody, or the password was given. Raises InvalidArgument."""
        if await self._store.count_users() > 0:
            return None
        email = canonical_email(email or "admin@localhost")
        check_email(email)
        shown = password is None
        if password is None:
            password = secrets.token_urlsafe(12) + "1a"  # always with a letter and a digit
        check_password(password)
        hashed = await self.passwords.hash(password)
        try:
            await self._store.create_user(email, "Administrator", hashed, Role.ADMINISTRATOR)
        except AlreadyExists:  # another process was faster
            return None
        return (email, password) if shown else None

    # -- inside ----------------------------------------------------------------------------------------------------

    def _note_failure(self, user: User | None, reason: str, origin: Origin, *, locks: bool) -> None:
        """`locks`: the next attempt will be refused unseen."""
        if self._failures is None:
            return
        who, number = ("", None) if user is None else (user.email, user.id)
        self._failures.failed(who, number, reason, address=origin.address, client=origin.client)
        if locks:
            self._failures.locked(who, number, address=origin.address, client=origin.client)

    async def _check_factor(self, user: User, code: str) -> None:
        if not code.strip():
            raise Unauthenticated(
                "Give the code that your authenticator shows, or one of your recovery codes.",
                reason="SECOND_FACTOR_REQUIRED",
            )
        if self._second_factor is None or not await self._second_factor(user, code):
            raise Unauthenticated("The code is wrong, or was used before. Wait for the next one.", reason="WRONG_CODE")


def _check_new(password: str, new: str) -> None:
    """Before a code is used up. Raises Unauthenticated/PASSWORD_CHANGE_REQUIRED, InvalidArgument."""
    if not new:
        raise Unauthenticated(
            "An administrator has set this password. Choose one of your own: give it beside the present one.",
            reason="PASSWORD_CHANGE_REQUIRED",
        )
    check_password(new)
    if new == password:
        raise InvalidArgument("Choose another password than the present one.", reason="SAME_PASSWORD")


def _is_elsewhere(address: str) -> bool:
    """Addresses of this machine stand for many people (the portal's)."""
    try:
        return not ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def principal_of(user: User, digest: bytes) -> Principal:
    """Somebody who signed in."""
    return Principal(
        f"users/{user.id}",
        user.display_name or user.email,
        user.role,
        user.email,
        digest,
        user_id=user.id,
        site_ids=user.site_ids,
    )


def digest_of(secret: str) -> bytes:
    """As credentials are kept."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def not_signed_in() -> Unauthenticated:
    """The sentence."""
    return Unauthenticated(
        "Sign in first: the session token or API key is missing, wrong or expired.", reason="NOT_SIGNED_IN"
    )
