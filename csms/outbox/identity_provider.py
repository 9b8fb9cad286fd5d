"""An identity provider by OpenID Connect: discovery, authorisation code flow with PKCE (RFC 7636), ID tokens.

The provider's own document says where its endpoints are; only https is followed, but on this machine. Nothing that it
sends is believed before its signature, issuer, audience, times and nonce were checked.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
import joserfc.errors
import trio
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.jwk import KeySet

from csms.domain.errors import FailedPrecondition, Unauthenticated, Unavailable
from csms.ports.people import Identity

TIMEOUT_SECONDS: Final = 15.0
MAX_ANSWER: Final = 256 * 1024
DISCOVERY_SECONDS: Final = 3600.0
KEYS_PAUSE_SECONDS: Final = 60.0
LEEWAY_SECONDS: Final = 60
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Those with a public key: a token that names none, or a shared secret, is refused."""


def new_client() -> httpx.AsyncClient:
    """Whoever makes it closes it."""
    headers = {"accept": "application/json", "user-agent": "chargehouse"}
    return httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, headers=headers)


class OpenIdProvider:
    """csms.ports.people.IdentityProvider. `role_claim` may be a path with dots (`realm_access.roles`)."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        role_claim: str,
        now: Callable[[], datetime],
        scope: str = "openid email profile",
    ) -> None:
        self._client = client
        self._issuer = issuer
        self._client_id, self._client_secret = client_id, client_secret
        self._redirect_uri = redirect_uri
        self._role_claim = role_claim
        self._scope = scope
        self._now = now
        self._metadata: tuple[Mapping[str, Any], float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    async def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """See `IdentityProvider.authorization_url`."""
        endpoint = await self._endpoint("authorization_endpoint")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client_id,
                "redirect_uri": self._redirect_uri,
                "scope": self._scope,
                "state": state,
                "nonce": nonce,
                "code_challenge": create_s256_code_challenge(verifier),
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"

    async def redeem(self, code: str, nonce: str, verifier: str) -> Identity:
        """See `IdentityProvider.redeem`."""
        answer = await self._ask(
            "POST",
            await self._endpoint("token_endpoint"),
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri,
                "code_verifier": verifier,
                **({} if self._client_secret else {"client_id": self._client_id}),
            },
            auth=httpx.BasicAuth(self._client_id, self._client_secret) if self._client_secret else None,
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _failed("The identity provider gave no ID token.")
        return _identity(await self._claims(token, nonce), self._issuer, self._role_claim)

    async def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Checked (OpenID Connect Core 3.1.3.7). Raises Unauthenticated."""
        try:
            try:
                decoded = jwt.decode(token, await self._key_set(fresh=False), algorithms=ALGORITHMS)
            except (joserfc.errors.JoseError, ValueError):  # perhaps signed with a new key
                decoded = jwt.decode(token, await self._key_set(fresh=True), algorithms=ALGORITHMS)
            rules = jwt.JWTClaimsRegistry(
                now=int(self._now().timestamp()),
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            rules.validate(decoded.claims)
        except (joserfc.errors.JoseError, ValueError, TypeError) as error:
            raise _failed(f"The ID token is not good: {type(error).__name__}.") from error
        claims: Mapping[str, Any] = decoded.claims
        audience = claims["aud"]
        party = claims.get("azp")
        if party not in (None, self._client_id) or (isinstance(audience, list) and len(audience) > 1 and party is None):
            raise _failed("The ID token was made for somebody else.")
        return claims

    async def _key_set(self, *, fresh: bool) -> KeySet:
        now = trio.current_time()
        age = DISCOVERY_SECONDS if not fresh else KEYS_PAUSE_SECONDS
        if self._keys is None or now - self._keys[1] > age:
            found = await self._ask("GET", await self._endpoint("jwks_uri"))
            self._keys = KeySet.import_key_set(found), now  # type: ignore[arg-type]  # it looks for itself
        return self._keys[0]

    async def _endpoint(self, name: str) -> str:
        now = trio.current_time()
        if self._metadata is None or now - self._metadata[1] > DISCOVERY_SECONDS:
            found = await self._ask("GET", self._issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self._issuer:
                raise FailedPrecondition(
                    f"The identity provider calls itself {str(found.get('issuer'))[:200]!r}, and not what the setting"
                    " oidc_issuer says. Make them the same, to the letter.",
                    reason="ISSUER_DIFFERS",
                )
            self._metadata = found, now
        url = self._metadata[0].get(name)
        if not isinstance(url, str) or not is_private(url):
            raise FailedPrecondition(
                f"The identity provider's document has no usable {name} (https://…).", reason="ISSUER_DIFFERS"
            )
        return url

    async def _ask(
        self, method: str, url: str, *, data: Mapping[str, str] | None = None, auth: httpx.Auth | None = None
    ) -> Mapping[str, Any]:
        """A JSON object. Raises Unavailable; Unauthenticated for an answer in the 400s."""
        try:
            with trio.fail_after(TIMEOUT_SECONDS):
                answer = await self._client.request(method, url, data=data, auth=auth or httpx.USE_CLIENT_DEFAULT)
            content = answer.json() if len(answer.content) <= MAX_ANSWER else None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, trio.TooSlowError, ValueError) as error:
            raise Unavailable(
                f"The identity provider cannot be reached: {str(error) or type(error).__name__}. Try again later.",
                reason="IDENTITY_PROVIDER",
            ) from error
        if data is not None and 400 <= answer.status_code < 500:
            told = content.get("error") if isinstance(content, dict) else None
            raise _failed(f"The identity provider refused: {str(told or answer.status_code)[:100]}.")
        if answer.status_code != 200 or not isinstance(content, dict):
            raise Unavailable(
                f"The identity provider answered {answer.status_code}. Try again later.", reason="IDENTITY_PROVIDER"
            )
        return content


def is_private(url: str) -> bool:
    """https, or on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme != "http" or not parts.hostname:
        return False
    try:
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def _identity(claims: Mapping[str, Any], issuer: str, role_claim: str) -> Identity:
    found: Any = claims
    for name in role_claim.split(".") if role_claim and role_claim not in claims else [role_claim]:
        found = found.get(name) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    return Identity(
        f"{issuer}#{claims['sub']}",
        str(claims.get("email") or ""),
        claims.get("email_verified") in (True, "true"),
        str(claims.get("given_name") or claims.get("name") or ""),
        str(claims.get("family_name") or ""),
        tuple(value for value in values if isinstance(value, str)),
    )


def _failed(why: str) -> Unauthenticated:
    return Unauthenticated(f"{why} Sign in again.", reason="SINGLE_SIGN_ON_FAILED")
