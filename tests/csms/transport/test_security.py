"""Passwords of stations: what they send, what we store, how guessing is slowed."""

from __future__ import annotations

import base64

import pytest
import trio
from trio.testing import MockClock

from csms.transport.security import (
    AttemptLimiter,
    AttemptLimits,
    PasswordVerifier,
    generate_password,
    hash_password,
    parse_basic,
)


def header(pair: bytes, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(pair).decode()}"


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    ("value", "credentials"),
    [
        (header(b"CP1:secret"), ("CP1", b"secret")),
        (header(b"CP1:secret", "BASIC"), ("CP1", b"secret")),
        (header(b"CP1:"), ("CP1", b"")),
        (header(b"CP1:a:b\x00\xff"), ("CP1", b"a:b\x00\xff")),
        (header(b"CP2:secret"), ("CP2", b"secret")),
        (header(b"\xff:secret"), ("\ufffd", b"secret")),
        (header(b"no colon"), None),
        ("Basic", None),
        ("Basic not/base64!", None),
        ("Bearer abc", None),
        ("", None),
        (None, None),
    ],
)
def test_the_authorization_header(value: str | None, credentials: tuple[str, bytes] | None) -> None:
    assert parse_basic(value, "CP1") == credentials


def test_an_identity_with_colons_in_it() -> None:
    assert parse_basic(header(b"DE:ABC:1:secret"), "DE:ABC:1") == ("DE:ABC:1", b"secret")


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize("generated", [True, False])
async def test_only_the_right_password_verifies(generated: bool) -> None:
    verifier = PasswordVerifier()
    stored = hash_password(b"correct horse battery", generated=generated)
    assert b"correct" not in stored.encode()
    assert stored.startswith("sha256$" if generated else "$argon2id$")
    assert stored != hash_password(b"correct horse battery", generated=generated)
    for _ in range(2):
        assert await verifier.verify(stored, b"correct horse battery")
        assert not await verifier.verify(stored, b"correct horse batterY")
        assert not await verifier.verify(stored, b"")


@pytest.mark.parametrize("generated", [True, False])
async def test_a_key_and_its_hexadecimal_writing_are_the_same(generated: bool) -> None:
    key = bytes(range(200, 220))
    for stored in (hash_password(key, generated=generated), hash_password(key.hex().encode(), generated=generated)):
        for sent in (key, key.hex().encode(), key.hex().upper().encode()):
            assert await PasswordVerifier().verify(stored, sent)
        assert not await PasswordVerifier().verify(stored, key.hex().encode()[:-2])


@pytest.mark.parametrize("stored", ["", "x", "sha256$", "sha256$zz$aa", "sha256$00$å", "$argon2id$broken"])
async def test_a_stored_hash_that_makes_no_sense_verifies_nothing(stored: str) -> None:
    assert not await PasswordVerifier().verify(stored, b"secret")


async def test_a_reconnect_storm_hashes_each_password_once() -> None:
    verifier = PasswordVerifier(remember=2)
    stored = hash_password(b"chosen by a human", generated=False)
    for _ in range(100):
        assert await verifier.verify(stored, b"chosen by a human")
    assert verifier.hashed == 1
    for _ in range(2):  # wrong ones are not remembered
        assert not await verifier.verify(stored, b"wrong")
    assert verifier.hashed == 3
    changed = hash_password(b"chosen by another", generated=False)
    assert not await verifier.verify(changed, b"chosen by a human")
    assert verifier.hashed == 4


def test_generated_passwords_suit_every_station() -> None:
    passwords = {generate_password() for _ in range(100)}
    assert len(passwords) == 100
    for password in passwords:
        assert len(password) == 20
        assert password.isascii()
        assert password.isalnum()


# -- guessing ------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-7")
async def test_guessing_waits_until_the_window_has_passed(autojump_clock: MockClock) -> None:
    limiter = AttemptLimiter(AttemptLimits(window=60, pair=3))
    for _ in range(3):
        assert limiter.retry_after("CP1", "10.0.0.1") is None
        limiter.failed("CP1", "10.0.0.1")
        await trio.sleep(10)
    assert limiter.retry_after("CP1", "10.0.0.1") == 30
    assert limiter.retry_after("CP2", "10.0.0.1") is None
    assert limiter.retry_after("CP1", "10.0.0.2") is None
    await trio.sleep(30)
    assert limiter.retry_after("CP1", "10.0.0.1") is None
    await trio.sleep(60)
    assert limiter.retry_after("CP1", "10.0.0.1") is None


class Others:
    """Another node: hears, after so many seconds."""

    def __init__(self, nursery: trio.Nursery, limiter: AttemptLimiter, *, after: float = 0.05) -> None:
        self.nursery, self.limiter, self.after = nursery, limiter, after

    def note(self, good: bool, identity: str, address: str) -> None:
        self.nursery.start_soon(self._later, good, identity, address)

    async def _later(self, good: bool, identity: str, address: str) -> None:
        await trio.sleep(self.after)
        self.limiter.heard(good, identity, address)


@pytest.mark.feature("F-OCPP-7")
async def test_who_guesses_a_thousand_at_once_learns_no_more_than_who_guesses_one_after_the_other(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    limiter = AttemptLimiter(AttemptLimits(pair=5))
    said: list[tuple[bool, bool]] = []

    async def guess(right: bool) -> None:
        assert limiter.retry_after("CP1", "192.0.2.1") is None  # all of them come in before the first is looked at
        await trio.sleep(1)
        said.append((right, await limiter.looked_at("CP1", "192.0.2.1", right=right) is None))

    for number in range(1_000):
        nursery.start_soon(guess, number == 700)
        if number < 10:
            await trio.sleep(0.001)  # so these are looked at first
    await trio.sleep(2)
    told = [right for right, answered in said if answered]
    assert len(said) == 1_000
    assert told == [False] * 5
    assert limiter.retry_after("CP1", "192.0.2.1") is not None


@pytest.mark.feature("F-OCPP-7")
async def test_who_guesses_at_all_nodes_at_once_learns_nothing(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    nodes = [AttemptLimiter(AttemptLimits(pair=5)) for _ in range(3)]
    hear = [[Others(nursery, other) for other in nodes if other is not node] for node in nodes]

    class All:
        def __init__(self, others: list[Others]) -> None:
            self.others = others

        def note(self, good: bool, identity: str, address: str) -> None:
            for other in self.others:
                other.note(good, identity, address)

    for node, others in zip(nodes, hear, strict=True):
        node.tell(All(others))
    said: list[tuple[bool, bool]] = []

    async def guess(node: AttemptLimiter, right: bool) -> None:
        said.append((right, await node.looked_at("CP1", "192.0.2.1", right=right) is None))

    for number in range(12):  # four at each: fewer than a node alone would allow
        nursery.start_soon(guess, nodes[number % 3], number == 7)
    await trio.sleep(2)
    assert [answered for _, answered in said] == [False] * 12
    assert all(node.retry_after("CP1", "192.0.2.1") is not None for node in nodes)


async def test_a_typing_error_is_told_and_the_station_gets_in_at_once_where_it_always_is(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    limiter = AttemptLimiter(AttemptLimits(pair=2))
    limiter.tell(Others(nursery, AttemptLimiter()))
    assert await limiter.looked_at("CP1", "192.0.2.1", right=False) is None
    assert await limiter.looked_at("CP1", "192.0.2.1", right=True) is None
    before = trio.current_time()
    assert await limiter.looked_at("CP1", "192.0.2.1", right=True) is None
    assert trio.current_time() == before
    assert await limiter.looked_at("CP1", "192.0.2.1", right=False) is None
    assert await limiter.looked_at("CP1", "192.0.2.1", right=False) is None
    assert await limiter.looked_at("CP1", "192.0.2.1", right=False) is not None


async def test_a_stranger_cannot_lock_a_station_out_of_its_own_address(autojump_clock: MockClock) -> None:
    limiter = AttemptLimiter(AttemptLimits(pair=5, identity=20))
    limiter.succeeded("CP1", "10.0.0.1")
    for n in range(40):
        limiter.failed("CP1", f"192.0.2.{n}")
    assert limiter.retry_after("CP1", "192.0.2.99") is not None
    assert limiter.retry_after("CP1", "10.0.0.1") is None


async def test_one_address_that_tries_many_identities(autojump_clock: MockClock) -> None:
    limiter = AttemptLimiter(AttemptLimits(address=10))
    for n in range(10):
        limiter.failed(f"CP{n}", "192.0.2.1")
    assert limiter.retry_after("CP99", "192.0.2.1") == 300
    assert limiter.retry_after("CP99", "192.0.2.2") is None


async def test_a_right_password_wipes_the_slate(autojump_clock: MockClock) -> None:
    limiter = AttemptLimiter(AttemptLimits(pair=2))
    for _ in range(5):
        limiter.failed("CP1", "10.0.0.1")
        limiter.succeeded("CP1", "10.0.0.1")
        assert limiter.retry_after("CP1", "10.0.0.1") is None


async def test_a_million_guessed_identities_are_not_remembered(autojump_clock: MockClock) -> None:
    limiter = AttemptLimiter(remember=100)
    for n in range(1_000):
        limiter.failed(f"CP{n}", "192.0.2.1")
        limiter.succeeded(f"CP{n}", "192.0.2.1")
    assert len(limiter._failures) <= 100
    assert len(limiter._good_address) <= 100
