"""Security profiles 0 (none) and 1 (basic authentication): who does the station say it is, can it prove it?

OCPP 1.6 security whitepaper §3 (profile 1) and OCPP 2.0.1 part 2, A00: the user is the identity in the
URL, the password is a secret of 16 to 20 bytes (1.6: any bytes; written as 32 to 40 hexadecimal digits in
`AuthorizationKey`) or 16 to 40 characters (2.0.1).
"""

from __future__ import annotations

import base64
import binascii
import collections
import hashlib
import hmac
import math
import re
import secrets
import string
from dataclasses import dataclass
from typing import Protocol

import argon2
import trio

_ALPHABET = string.ascii_letters + string.digits
_GENERATED_LENGTH = 20  # characters of 62: 119 bits, and 20 bytes are the most that 1.6 stations store
_HEX_KEY = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,20}")

# Light on purpose (19 MiB, about 20 ms): a thousand stations may knock at once, and most passwords are
# generated ones that never come here.
_argon2 = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


# -- the Authorization header ----------------------------------------------------------------------------


def parse_basic(header: str | None, identity: str) -> tuple[str, bytes] | None:
    """(user, password) of an HTTP Basic header, None when there is no such header or it makes no sense.

    The password is any bytes. RFC 7617 ends the user at the first colon; an identity with colons in it is
    recognised all the same, as some 1.6 stations have one.
    """
    scheme, _, token = (header or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(token.strip(), validate=True)
    except binascii.Error:
        return None
    own = identity.encode() + b":"
    if pair.startswith(own):
        return identity, pair[len(own) :]
    user, colon, password = pair.partition(b":")
    if not colon:
        return None
    return user.decode(errors="replace"), password


# -- stored passwords ------------------------------------------------------------------------------------


def generate_password() -> str:
    """A password for a station: 20 letters and digits, 119 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GENERATED_LENGTH))


def hash_password(secret: bytes, *, generated: bool) -> str:
    """What to store for a station's password: `sha256$SALT$DIGEST` (hex) or an argon2id string.

    `generated` says that the secret has the entropy of `generate_password`: then one hash is enough.
    Otherwise argon2id, about 20 ms of CPU: call it from a worker thread.
    """
    secret = _canonical(secret)
    if not generated:
        return _argon2.hash(secret)
    salt = secrets.token_bytes(16)
    return f"sha256${salt.hex()}${hashlib.sha256(salt + secret).hexdigest()}"


def _canonical(secret: bytes) -> bytes:
    """One form for a key and its hexadecimal writing: stations send either (1.6 whitepaper, A00)."""
    return bytes.fromhex(secret.decode()) if _HEX_KEY.fullmatch(secret) else secret


class PasswordVerifier:
    """Checks passwords without letting a reconnect storm hash ten thousand times.

    argon2 runs in worker threads, at most `threads` at once. What was right once is remembered (in memory,
    under a key of this process) as long as the stored hash is the same; wrong ones are never remembered, so
    that guesses cannot crowd out the stations. Comparisons take constant time.
    """

    def __init__(self, *, threads: int = 2, remember: int = 50_000) -> None:
        self._key = secrets.token_bytes(32)
        self._right: collections.OrderedDict[bytes, None] = collections.OrderedDict()
        self._remember = remember
        self._limiter = trio.CapacityLimiter(threads)
        self.hashed = 0  # how often argon2 really ran

    async def verify(self, stored: str, secret: bytes) -> bool:
        """Whether `secret` is the password that `stored` (from `hash_password`) was made of.

        False as well when `stored` is not in a form we know.
        """
        secret = _canonical(secret)
        kind, _, rest = stored.partition("$")
        if kind == "sha256":
            return _verify_sha256(rest, secret)
        stored_bytes = stored.encode()
        tag = hmac.digest(self._key, len(stored_bytes).to_bytes(4) + stored_bytes + secret, "sha256")
        if tag in self._right:  # the tag is keyed: where a lookup stops tells nothing about the secret
            self._right.move_to_end(tag)
            return True
        right = await trio.to_thread.run_sync(_verify_argon2, stored, secret, limiter=self._limiter)
        self.hashed += 1
        if right:
            self._right[tag] = None
            while len(self._right) > self._remember:
                self._right.popitem(last=False)
        return right


def _verify_sha256(rest: str, secret: bytes) -> bool:
    salt_hex, _, digest = rest.partition("$")
    try:
        salt = bytes.fromhex(salt_hex)
    except ValueError:
        return False
    return hmac.compare_digest(hashlib.sha256(salt + secret).hexdigest().encode(), digest.encode())


def _verify_argon2(stored: str, secret: bytes) -> bool:
    try:
        return _argon2.verify(stored, secret)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHash):
        return False


# -- guessing is slow ------------------------------------------------------------------------------------


HEAR_SECONDS = 0.2
"""So long a node may take to hear what others saw. Who is slower counts by itself for that moment."""


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """Failures allowed within `window` seconds before attempts are turned away.

    `pair`: by one identity from one address. `identity`: by one identity from addresses where it has never
    signed in well (so that a stranger cannot lock a station out of its own address). `address`: by one
    address for any identity (a whole site may stand behind one).
    """

    window: float = 300.0
    pair: int = 5
    identity: int = 20
    address: int = 60


class Told(Protocol):
    """Other nodes, which count as well."""

    def note(self, good: bool, identity: str, address: str) -> None:
        """A sign-in, good or bad; sync, never fails."""


class AttemptLimiter:
    """Counts failed sign-ins per identity and per remote address and slows them down. Sync; trio's clock.

    `tell` and `heard` are for several nodes: failures count for all of them, and so does an address that is known.
    """

    def __init__(self, limits: AttemptLimits | None = None, *, remember: int = 20_000) -> None:
        self._limits = limits or AttemptLimits()
        self._remember = remember
        self._failures: collections.OrderedDict[tuple[str, str], collections.deque[float]] = collections.OrderedDict()
        self._good_address: collections.OrderedDict[str, str] = collections.OrderedDict()
        self._others: Told | None = None

    def tell(self, told: Told) -> None:
        """From now on tell others of what is seen here."""
        self._others = told

    def heard(self, good: bool, identity: str, address: str) -> None:
        """Seen by another node."""
        (self._note_good if good else self._note_failure)(identity, address)

    def retry_after(self, identity: str, address: str, *, besides: int = 0) -> int | None:
        """Seconds to wait before the next attempt is looked at; None: go ahead. `besides`: so many failures that are
        noted already do not count."""
        limits = self._limits
        checks = [((identity, address), limits.pair), (("", address), limits.address)]
        if self._good_address.get(identity) != address:
            checks.append(((identity, ""), limits.identity))
        now = trio.current_time()
        waits = [self._wait(key, limit + besides, now) for key, limit in checks]
        longest = max(waits)
        return math.ceil(longest) if longest > 0 else None

    async def looked_at(self, identity: str, address: str, *, right: bool) -> int | None:
        """Note what a password was. None: say so. Seconds: so many were wrong while this one was looked at that nobody
        is told what theirs was, so that who guesses many at once learns no more than who guesses one after the other.

        Of several nodes each waits a moment until it has heard of what the others saw; not for a station at the
        address that is known to be its.
        """
        wait = self.retry_after(identity, address)
        usual = right and self._good_address.get(identity) == address and (identity, address) not in self._failures
        if not right:
            self.failed(identity, address)
        if wait is None and not usual and self._others is not None:
            await trio.sleep(HEAR_SECONDS)
            wait = self.retry_after(identity, address, besides=0 if right else 1)
        if right and wait is None:
            self.succeeded(identity, address)
        return wait

    def failed(self, identity: str, address: str) -> None:
        """Note a wrong password (or a wrong user)."""
        self._note_failure(identity, address)
        if self._others is not None:
            self._others.note(False, identity, address)

    def succeeded(self, identity: str, address: str) -> None:
        """Note a right password: the station's own slate is clean, and this address is known to be its."""
        news = self._good_address.get(identity) != address or (identity, address) in self._failures
        self._note_good(identity, address)
        if news and self._others is not None:
            self._others.note(True, identity, address)

    def _note_failure(self, identity: str, address: str) -> None:
        now = trio.current_time()
        for key in ((identity, address), (identity, ""), ("", address)):
            times = self._failures.setdefault(key, collections.deque(maxlen=self._longest()))
            times.append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > self._remember:
            self._failures.popitem(last=False)

    def _note_good(self, identity: str, address: str) -> None:
        self._failures.pop((identity, address), None)
        self._good_address[identity] = address
        self._good_address.move_to_end(identity)
        while len(self._good_address) > self._remember:
            self._good_address.popitem(last=False)

    def _longest(self) -> int:
        return max(self._limits.pair, self._limits.identity, self._limits.address) + 1

    def _wait(self, key: tuple[str, str], limit: int, now: float) -> float:
        """Seconds until fewer than `limit` failures lie within the window."""
        times = self._failures.get(key)
        if times is None:
            return 0.0
        while times and times[0] <= now - self._limits.window:
            times.popleft()
        if not times:
            del self._failures[key]
            return 0.0
        return times[-limit] + self._limits.window - now if len(times) >= limit else 0.0
