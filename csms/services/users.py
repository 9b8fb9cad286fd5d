"""Users as administrators manage them. Site administrators manage those whose sites are all among their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal, Reach, Role, denied, reach
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from csms.domain.people import (
    EDITABLE,
    Person,
    PersonFilter,
    SignInRecord,
    canonical_email,
    check_password,
    check_person,
)
from csms.domain.topology import PlaceKind, Tree
from csms.ports.people import OwnData, PeopleStore
from csms.services.access import AccessControl
from csms.services.audit import note_change
from csms.services.invitations import Invitations
from csms.services.zones import known_zones

ROLES_OF_SITE_ADMINISTRATORS = frozenset({Role.SITE_ADMINISTRATOR, Role.EV_USER})
"""What they may give: roles that count at their sites or for own things only."""

OWN_EDITABLE: Final = frozenset({"first_name", "last_name", "mobile", "employee_number"})
"""What everybody may change of themselves."""


class Users:
    """Use cases of administrators. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        store: PeopleStore,
        access: AccessControl,
        invitations: Invitations,
        own_data: OwnData,
        *,
        tree: Callable[[], Tree],
        now: Callable[[], datetime],
        tags_changed: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
    ) -> None:
        self._store = store
        self._tags_changed = tags_changed
        self._access = access
        self._invitations = invitations
        self._own_data = own_data
        self._tree = tree
        self._now = now
        self._zones = known_zones()

    # -- reading ---------------------------------------------------------------------------------------------------

    async def get(self, caller: Principal, user_id: int) -> Person:
        """Everybody may read themselves. Raises NotFound."""
        if caller.user_id == user_id and reach(caller, Action.OWN_ACCOUNT) is Reach.ALL:
            return await self._must(user_id)
        return await self._managed(caller, user_id)

    async def page(
        self, caller: Principal, wanted: PersonFilter, *, size: int, after: int
    ) -> tuple[Sequence[Person], int]:
        """In the order of ids, and how many match in all."""
        if self._reach(caller) is Reach.SITES:
            wanted = msgspec.structs.replace(wanted, within_sites=tuple(sorted(caller.site_ids)))
        return await self._store.page(wanted=wanted, size=size, after=after)

    async def sign_ins(self, caller: Principal, user_id: int) -> Sequence[SignInRecord]:
        """The sessions of somebody, or the own ones. Raises NotFound."""
        await self.get(caller, user_id)
        return await self._store.sign_ins(user_id, self._now())

    # -- changing --------------------------------------------------------------------------------------------------

    async def create(
        self, caller: Principal, person: Person, *, invite: bool, password: str = ""
    ) -> tuple[Person, str]:
        """The user, and the link of the invitation when there is no mail server. A password in its place is asked to be
        changed at the first sign-in. Raises InvalidArgument/WEAK_PASSWORD, PASSWORD_AND_INVITATION and others,
        AlreadyExists/EMAIL_TAKEN, NotFound for a site."""
        new = self.vetted(caller, person)
        if invite and password:
            raise InvalidArgument("Invite the user, or set a password: not both.", reason="PASSWORD_AND_INVITATION")
        made = await self._store.create(new, password_hash=await self._hashed(password) if password else "")
        note_change(f"users/{made.id}", {}, made)
        return made, await self._invitations.invite(made) if invite else ""

    def vetted(self, caller: Principal, person: Person) -> Person:
        """A user whom the caller may make, as they would be kept. Raises InvalidArgument, NotFound for a site."""
        self._reach(caller)
        new = self._checked(person)
        self._check_grant(caller, new)
        return new

    async def welcome(self, person: Person) -> str:
        """The first invitation of somebody who was made just now: the link when there is no mail server, else empty."""
        return await self._invitations.invite(person)

    async def update(
        self, caller: Principal, user_id: int, changes: Person, fields: Iterable[str], *, version: int | None
    ) -> Person:
        """The fields named. Everybody may change their own name, telephone and employee number. Raises
        InvalidArgument, NotFound, AlreadyExists/EMAIL_TAKEN, StaleVersion, FailedPrecondition/LAST_ADMINISTRATOR."""
        changed = {name: getattr(changes, name) for name in fields if name in EDITABLE}
        if user_id == caller.user_id and changed and OWN_EDITABLE.issuperset(changed):
            old = await self._must(user_id)
            new = self._checked(msgspec.structs.replace(old, **changed))
        else:
            old = await self._managed(caller, user_id)
            new = self._checked(msgspec.structs.replace(old, **changed))
            self._check_grant(caller, new)
        if user_id == caller.user_id and new.blocked:
            raise FailedPrecondition("You cannot block your own account.", reason="OWN_ACCOUNT")
        made = await self._store.update(new, version=version)
        self._access.forget_user(user_id)
        note_change(f"users/{user_id}", old, made)
        if old.blocked != made.blocked:  # from now on, not when the tags are read again by themselves
            with suppress(Unavailable):
                await self._tags_changed()
        return made

    async def delete(self, caller: Principal, user_id: int) -> None:
        """With the sign-ins; the sessions stay, without a name. Raises NotFound,
        FailedPrecondition/LAST_ADMINISTRATOR, SESSION_ACTIVE."""
        old = await self._managed(caller, user_id)
        await self.remove(old)
        note_change(f"users/{user_id}", {"email": old.email, "role": old.role.value})

    async def remove(self, person: Person) -> None:
        """The same, for whoever may: an administrator or the user. The audit log gets no name."""
        await self._check_last(person)
        await self._own_data.forget(person.id)
        await self._store.delete(person.id)
        self._access.forget_user(person.id)
        note_change(f"users/{person.id}")

    async def invite(self, caller: Principal, user_id: int) -> str:
        """Once more, or a new password for somebody. The link when there is no mail server, else empty."""
        person = await self._managed(caller, user_id)
        if person.blocked:
            raise FailedPrecondition("This account is blocked. Unblock it first.", reason="BLOCKED")
        link = await self._invitations.invite(person)
        note_change(f"users/{user_id}")
        return link

    async def set_password(self, caller: Principal, user_id: int, password: str) -> Person:
        """For somebody without mail, or at the telephone: it is asked to be changed at the next sign-in, and ends all
        sessions. Raises NotFound, InvalidArgument/WEAK_PASSWORD, FailedPrecondition/OWN_ACCOUNT."""
        person = await self._managed(caller, user_id)
        if user_id == caller.user_id:
            raise FailedPrecondition("Change your own password in your settings.", reason="OWN_ACCOUNT")
        await self._store.give_password(user_id, await self._hashed(password))
        self._access.forget_user(user_id)
        note_change(f"users/{user_id}", {"must_change_password": person.must_change_password})
        return await self._must(user_id)

    async def remove_second_factor(self, caller: Principal, user_id: int) -> None:
        """For somebody who lost it; they sign in with the password alone, and can enrol anew."""
        person = await self._managed(caller, user_id)
        await self._store.remove_totp(user_id)
        self._access.forget_user(user_id)
        note_change(f"users/{user_id}", {"has_second_factor": person.has_second_factor})

    async def end_sign_in(self, caller: Principal, user_id: int, sign_in_id: int) -> None:
        """Somebody's session, or an own one. Raises NotFound."""
        await self.get(caller, user_id)
        await self._store.end_sign_in(user_id, sign_in_id)
        self._access.forget_user(user_id)
        note_change(f"users/{user_id}/signIns/{sign_in_id}")

    # -- inside ----------------------------------------------------------------------------------------------------

    def _reach(self, caller: Principal) -> Reach:
        found = reach(caller, Action.MANAGE_USERS)
        if found not in (Reach.ALL, Reach.SITES):
            raise denied(caller, Action.MANAGE_USERS)
        return found

    async def _hashed(self, password: str) -> str:
        check_password(password)
        return await self._access.passwords.hash(password)

    async def _must(self, user_id: int) -> Person:
        person = await self._store.find(user_id)
        if person is None:
            raise _no_user(user_id)
        return person

    async def _managed(self, caller: Principal, user_id: int) -> Person:
        """Somebody whom the caller manages; others are not there for them."""
        managed_everywhere = self._reach(caller) is Reach.ALL
        person = await self._must(user_id)
        if managed_everywhere:
            return person
        if not person.site_ids or not caller.site_ids.issuperset(person.site_ids):
            raise _no_user(user_id)
        if person.role not in ROLES_OF_SITE_ADMINISTRATORS:
            raise _no_user(user_id)
        return person

    def _check_grant(self, caller: Principal, person: Person) -> None:
        """Nobody gives more than they have."""
        if self._reach(caller) is Reach.ALL:
            return
        if person.role not in ROLES_OF_SITE_ADMINISTRATORS:
            raise PermissionDenied(
                "Site administrators make EV users and site administrators only.", reason="ROLE_NOT_ALLOWED"
            )
        if not person.site_ids or not caller.site_ids.issuperset(person.site_ids):
            raise PermissionDenied("Give the user some of your own sites, and no others.", reason="SITES_NOT_ALLOWED")

    def _checked(self, person: Person) -> Person:
        tidy = msgspec.structs.replace(
            person,
            email=canonical_email(person.email),
            first_name=" ".join(person.first_name.split()),
            last_name=" ".join(person.last_name.split()),
            mobile=person.mobile.strip(),
            employee_number=person.employee_number.strip(),
            customer_number=person.customer_number.strip(),
            language=person.language or "en",
            site_ids=tuple(sorted(set(person.site_ids))),
        )
        check_person(tidy, self._zones)
        tree = self._tree()
        for site_id in tidy.site_ids:
            if tree.get(site_id).kind is not PlaceKind.SITE:
                raise InvalidArgument(f"places/{site_id} is not a site.", reason="NOT_A_SITE")
        return tidy

    async def _check_last(self, person: Person) -> None:
        """A word before anything of theirs is touched; the store makes sure."""
        if person.administers:
            found, _ = await self._store.page(wanted=PersonFilter(role=Role.ADMINISTRATOR), size=1_000, after=0)
            if not any(each.administers and each.id != person.id for each in found):
                raise last_administrator()


def last_administrator() -> FailedPrecondition:
    """The sentence."""
    return FailedPrecondition(
        "This is the last administrator. Make somebody else one first.", reason="LAST_ADMINISTRATOR"
    )


def _no_user(user_id: int) -> NotFound:
    return NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")
