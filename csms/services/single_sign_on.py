"""Signing in elsewhere: an identity provider says who somebody is (OpenID Connect), and may say what they may do."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from csms.domain.access import Role
from csms.domain.errors import FailedPrecondition, PermissionDenied, Unauthenticated
from csms.domain.people import Person, canonical_email, check_email
from csms.ports.people import Identity, IdentityProvider, PeopleStore
from csms.ports.stores import AccessStore
from csms.services.access import AccessControl, Origin, SignedIn, digest_of
from csms.services.audit import note_change

ATTEMPT_LIFETIME: Final = timedelta(minutes=10)
_RANK: Final = (Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR, Role.SUPPORT, Role.EV_USER)
_MAX: Final = 4_000


class RoleRules(msgspec.Struct, frozen=True):
    """`by_value`: what a value of the roles' claim gives; the mightiest counts. `default`: for whom no value fits;
    None: they are not let in, unless there are no rules and somebody made them a user."""

    by_value: Mapping[str, Role] = {}
    default: Role | None = None

    def role_of(self, values: tuple[str, ...]) -> Role | None:
        """None: no rule fits."""
        given = {self.by_value[value] for value in values if value in self.by_value}
        return next((role for role in _RANK if role in given), None)


class SingleSignOn:
    """`provider` None: it is not set up. A second factor is the provider's matter."""

    def __init__(
        self,
        provider: IdentityProvider | None,
        store: PeopleStore,
        access_store: AccessStore,
        access: AccessControl,
        rules: RoleRules,
        *,
        display_name: str = "",
        now: Callable[[], datetime],
    ) -> None:
        self._provider = provider
        self._store = store
        self._access_store = access_store
        self._access = access
        self._rules = rules
        self._now = now
        self.display_name = display_name

    @property
    def available(self) -> bool:
        """Is it set up?"""
        return self._provider is not None

    async def begin(self) -> tuple[str, str]:
        """(where the browser goes, the state that it must come back with). Raises FailedPrecondition/NOT_CONFIGURED,
        Unavailable."""
        provider = self._must()
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        url = await provider.authorization_url(state, nonce, verifier)
        await self._store.put_attempt(digest_of(state), nonce, verifier, self._now() + ATTEMPT_LIFETIME)
        return url, state

    async def complete(self, state: str, code: str, origin: Origin) -> SignedIn:
        """The browser came back. Raises Unauthenticated/SINGLE_SIGN_ON_FAILED, PermissionDenied, Unavailable."""
        provider = self._must()
        if not (0 < len(state) <= _MAX and 0 < len(code) <= _MAX):
            raise failed("The answer of the identity provider is incomplete.")
        attempt = await self._store.take_attempt(digest_of(state), self._now())
        if attempt is None:
            raise failed("This sign-in was begun too long ago, or is done already. Begin again.")
        nonce, verifier = attempt
        identity = await provider.redeem(code, nonce, verifier)
        person = await self._person(identity)
        user = await self._access_store.find_user(person.id)
        if user is None:
            raise failed("The account is gone.")
        note_change(f"users/{user.id}")
        return await self._access.open_session(user, origin)

    def _must(self) -> IdentityProvider:
        if self._provider is None:
            raise FailedPrecondition(
                "Sign-in elsewhere is not set up. Sign in with e-mail and password.", reason="NOT_CONFIGURED"
            )
        return self._provider

    async def _person(self, identity: Identity) -> Person:
        """By subject; the first time by the e-mail that the provider vouches for; else somebody new."""
        role = self._rules.role_of(identity.roles)
        person = await self._store.find_by_subject(identity.subject)
        if person is None:
            email = canonical_email(identity.email)
            if not identity.email_verified:
                raise PermissionDenied(
                    "The identity provider does not vouch for your e-mail address.", reason="EMAIL_NOT_VERIFIED"
                )
            check_email(email)
            person = await self._store.find_by_email(email)
            if person is None:
                return await self._new(identity, email, role or self._rules.default)
            if person.has_single_sign_on:
                raise PermissionDenied(
                    "This e-mail belongs to another account of the identity provider. Ask an administrator.",
                    reason="SUBJECT_DIFFERS",
                )
            self._check_let_in(role)
            await self._store.set_subject(person.id, identity.subject)
        else:
            self._check_let_in(role)
        if role is not None and role is not person.role:
            person = await self._store.update(msgspec.structs.replace(person, role=role), version=None)
            self._access.forget_user(person.id)
        return person

    def _check_let_in(self, role: Role | None) -> None:
        """Where roles come from the provider, who has none there is not let in any more."""
        if role is None and self._rules.by_value and self._rules.default is None:
            raise _no_role()

    async def _new(self, identity: Identity, email: str, role: Role | None) -> Person:
        if role is None:
            raise _no_role()
        return await self._store.create(
            Person(0, email, identity.first_name[:100], identity.last_name[:100], role), subject=identity.subject
        )


def failed(why: str) -> Unauthenticated:
    """The sentence."""
    return Unauthenticated(f"{why} Sign in again.", reason="SINGLE_SIGN_ON_FAILED")


def _no_role() -> PermissionDenied:
    return PermissionDenied("You are not known here. Ask an administrator to let you in.", reason="NO_ROLE")
