"""OpenID Connect against a provider of our own, which can be told to cheat."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import trio
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from csms.domain.errors import DomainError, FailedPrecondition, Unauthenticated, Unavailable
from csms.outbox.identity_provider import OpenIdProvider, is_private
from csms.ports.people import Identity

ISSUER = "https://id.example.org/realm"
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
NONCE, VERIFIER = "the-nonce", "a-verifier-of-at-least-forty-three-characters-long"


class Provider:
    """Answers as `claims` and the other attributes say."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1"})
        self.algorithm = "RS256"
        self.header: dict[str, str] = {"kid": "k1"}
        self.metadata = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }
        moment = int(NOW.timestamp())
        self.claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": "chargehouse",
            "sub": "17",
            "iat": moment,
            "exp": moment + 300,
            "nonce": NONCE,
            "email": "ann@example.org",
            "email_verified": True,
            "given_name": "Ann",
            "family_name": "Berg",
            "realm_access": {"roles": ["staff", 7]},
        }
        self.signed_with: Any = None
        self.status = 200
        self.asked: list[str] = []
        self.form: dict[str, list[str]] = {}
        self.authorization = ""
        self.challenge = ""

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/realm")
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return httpx.Response(self.status, json=self.metadata)
        if path == "/keys":
            return httpx.Response(200, json=KeySet([self.key]).as_dict(private=False))
        assert path == "/token"
        self.form = parse_qs(request.content.decode())
        self.authorization = request.headers.get("authorization", "")
        proof = base64.urlsafe_b64encode(hashlib.sha256(self.form["code_verifier"][0].encode()).digest())
        if self.form["code"] != ["good"] or proof.rstrip(b"=").decode() != self.challenge:
            return httpx.Response(400, json={"error": "invalid_grant"})
        key = self.signed_with or self.key
        token = jwt.encode({"alg": self.algorithm, **self.header}, self.claims, key, algorithms=[self.algorithm])
        return httpx.Response(200, json={"access_token": "x", "id_token": token})

    def client(self, **changes: Any) -> OpenIdProvider:
        options: dict[str, Any] = {
            "issuer": ISSUER,
            "client_id": "chargehouse",
            "client_secret": "secret",
            "redirect_uri": "https://portal.example.org/sign-in/return",
            "role_claim": "realm_access.roles",
            "now": lambda: NOW,
            **changes,
        }
        return OpenIdProvider(httpx.AsyncClient(transport=httpx.MockTransport(self.handle)), **options)

    async def redeem(self, client: OpenIdProvider, code: str = "good", verifier: str = VERIFIER) -> Identity:
        url = await client.authorization_url("the-state", NONCE, VERIFIER)
        query = parse_qs(urlsplit(url).query)
        self.challenge = query["code_challenge"][0]
        assert (query["state"], query["nonce"], query["code_challenge_method"]) == (["the-state"], [NONCE], ["S256"])
        return await client.redeem(code, NONCE, verifier)


@pytest.mark.feature("F-USR-3")
async def test_who_comes_back_with_a_good_token_is_somebody() -> None:
    provider = Provider()
    identity = await provider.redeem(provider.client())
    assert identity == Identity(f"{ISSUER}#17", "ann@example.org", True, "Ann", "Berg", ("staff",))
    assert provider.authorization == "Basic " + base64.b64encode(b"chargehouse:secret").decode()
    assert provider.form["redirect_uri"] == ["https://portal.example.org/sign-in/return"]


async def test_without_a_secret_the_client_names_itself() -> None:
    provider = Provider()
    await provider.redeem(provider.client(client_secret=""))
    assert (provider.authorization, provider.form["client_id"]) == ("", ["chargehouse"])


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://evil.example.org"},
        {"aud": "another"},
        {"aud": ["chargehouse", "another"]},
        {"azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": int(NOW.timestamp()) - 100},
        {"exp": None},
        {"iat": int(NOW.timestamp()) + 1000},
        {"sub": None},
        {"iss": None},
    ],
    ids=str,
)
async def test_a_token_that_lies_is_not_believed(lie: dict[str, Any]) -> None:
    provider = Provider()
    provider.claims = {name: value for name, value in (provider.claims | lie).items() if value is not None}
    with pytest.raises(Unauthenticated) as failed:
        await provider.redeem(provider.client())
    assert failed.value.reason == "SINGLE_SIGN_ON_FAILED"


async def test_a_token_of_another_key_or_with_a_shared_secret_is_not_believed() -> None:
    provider = Provider()
    provider.signed_with = RSAKey.generate_key(2048, {"kid": "k1"})
    with pytest.raises(Unauthenticated):
        await provider.redeem(provider.client())
    provider.algorithm, provider.signed_with = "HS256", OctKey.import_key("secret-that-is-long-enough-for-hs256-x")
    with pytest.raises(Unauthenticated):
        await provider.redeem(provider.client())


async def test_new_keys_are_fetched_but_not_all_the_time(autojump_clock: trio.testing.MockClock) -> None:
    provider = Provider()
    client = provider.client()
    await provider.redeem(client)
    provider.key, provider.header = RSAKey.generate_key(2048, {"kid": "k2"}), {"kid": "k2"}
    with pytest.raises(Unauthenticated):
        await provider.redeem(client)  # within a minute they are not asked for again
    await trio.sleep(61)
    await provider.redeem(client)
    assert provider.asked.count("/keys") == 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1


async def test_a_wrong_code_or_verifier_is_refused() -> None:
    provider = Provider()
    for code, verifier in (("bad", VERIFIER), ("good", "another-verifier")):
        with pytest.raises(Unauthenticated):
            await provider.redeem(provider.client(), code, verifier)


async def test_a_provider_that_is_away_or_calls_itself_otherwise_is_said() -> None:
    provider = Provider()
    provider.status = 503
    with pytest.raises(Unavailable):
        await provider.redeem(provider.client())
    provider.status, provider.metadata["issuer"] = 200, ISSUER + "/"
    with pytest.raises(FailedPrecondition):
        await provider.redeem(provider.client())
    provider.metadata |= {"issuer": ISSUER, "token_endpoint": "http://id.example.org/token"}
    with pytest.raises(DomainError):
        await provider.redeem(provider.client())


def test_only_private_ways_are_taken() -> None:
    good = ("https://x.org/a", "http://127.0.0.1:8080/", "http://localhost/", "http://[::1]/")
    assert all(is_private(url) for url in good)
    assert not any(is_private(url) for url in ("http://x.org/", "ftp://x.org", "https://", "", "http://"))
    assert json.dumps(NONCE)
