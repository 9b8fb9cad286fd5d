"""The own account: settings, the export of everything that is kept of somebody, and going for good."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal, check
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound
from csms.domain.people import (
    AuditFilter,
    Person,
    Preferences,
    canonical_email,
    check_language,
    check_preferences,
    check_zone,
    with_kept,
)
from csms.ports.audit import AuditStore
from csms.ports.people import OwnData, PeopleStore
from csms.services.access import AccessControl
from csms.services.audit import note_change
from csms.services.users import Users
from csms.services.zones import known_zones

PREFERENCES: Final = ("theme", "widgets", "share_usage")
OF_THE_PERSON: Final = ("language", "time_zone", "alarm_mails")
AUDIT_PAGE: Final = 500


class Settings(msgspec.Struct, frozen=True):
    """What somebody chose for themselves."""

    language: str
    time_zone: str
    alarm_mails: bool
    preferences: Preferences


class Account:
    """Use cases of people, for themselves. All raise FailedPrecondition/NOT_A_PERSON for API keys."""

    def __init__(
        self,
        store: PeopleStore,
        audit: AuditStore,
        access: AccessControl,
        users: Users,
        own_data: OwnData,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._audit = audit
        self._access = access
        self._users = users
        self._own_data = own_data
        self._now = now
        self._zones = known_zones()

    async def settings(self, caller: Principal) -> Settings:
        """The own ones."""
        person = await self._me(caller)
        return _settings(person, await self._store.preferences(person.id))

    async def update_settings(self, caller: Principal, changes: Settings, fields: Iterable[str]) -> Settings:
        """The fields named. Raises InvalidArgument."""
        named = set(fields)
        person = await self._me(caller)
        old = await self._store.preferences(person.id)
        if "language" in named:
            check_language(changes.language)
        if "time_zone" in named:
            check_zone(changes.time_zone, self._zones)
        new = msgspec.structs.replace(
            old, **{name: getattr(changes.preferences, name) for name in PREFERENCES if name in named}
        )
        if "preferences" in named:
            new = with_kept(new, changes.preferences.kept)
        check_preferences(new)
        changed = msgspec.structs.replace(
            person, **{name: getattr(changes, name) for name in OF_THE_PERSON if name in named}
        )
        if changed != person:
            changed = await self._store.update(changed, version=None)
        if new != old:
            await self._store.set_preferences(person.id, new)
        note_change(caller.name, _settings(person, _bare(old)), _settings(changed, _bare(new)))
        return _settings(changed, new)

    async def export(self, caller: Principal) -> AsyncGenerator[str, None]:
        """JSON in pieces, which together are one object: the account, settings, sign-ins, what was done, and the
        sections of the own data (tags, sessions …)."""
        person = await self._me(caller)
        preferences = await self._store.preferences(person.id)
        account = msgspec.to_builtins(person)
        yield f'{{"account":{_dumps(account)},"settings":{_dumps(msgspec.to_builtins(preferences))}'
        found = await self._store.sign_ins(person.id, self._now())
        yield ',"sign_ins":' + _dumps([msgspec.to_builtins(each) | {"digest": None} for each in found])
        yield ',"done":['
        before, first = None, True
        while True:
            page = await self._audit.page(wanted=AuditFilter(actor=caller.name), size=AUDIT_PAGE, before=before)
            if page:
                yield ("" if first else ",") + _dumps([msgspec.to_builtins(entry) for entry in page])[1:-1]
                before, first = page[-1].id, False
            if len(page) < AUDIT_PAGE:
                break
        yield "]"
        open_section = ""
        async with aclosing(self._own_data.sections(person.id)) as sections:  # whoever asked may go in the middle
            async for section, part in sections:
                inside = part.strip()[1:-1]
                if section != open_section:
                    yield ("]" if open_section else "") + f",{json.dumps(section)}:[" + inside
                    open_section, first = section, not inside
                elif inside:
                    yield ("" if first else ",") + inside
                    first = False
        yield ("]" if open_section else "") + "}"

    async def delete(self, caller: Principal, password: str, email: str) -> None:
        """Go for good. The own e-mail is typed once more; whoever has a password gives it too.

        Raises Unauthenticated/WRONG_CREDENTIALS, InvalidArgument/EMAIL_DIFFERS, FailedPrecondition/LAST_ADMINISTRATOR
        or SESSION_ACTIVE.
        """
        person = await self._me(caller)
        if canonical_email(email) != canonical_email(person.email):
            raise InvalidArgument("Type your own e-mail address to confirm.", reason="EMAIL_DIFFERS")
        if person.has_password:
            await self._access.prove_password(caller, password)
        await self._users.remove(person)
        await self._audit.forget_actor(caller.name)

    async def _me(self, caller: Principal) -> Person:
        check(caller, Action.OWN_ACCOUNT)
        if caller.user_id is None:
            raise FailedPrecondition("An API key has no account of its own.", reason="NOT_A_PERSON")
        person = await self._store.find(caller.user_id)
        if person is None:
            raise NotFound("Your account is gone.", reason="USER_NOT_FOUND")
        return person


def _settings(person: Person, preferences: Preferences) -> Settings:
    return Settings(person.language, person.time_zone, person.alarm_mails, preferences)


def _bare(preferences: Preferences) -> Preferences:
    """Without what programs keep: long, and nobody's business."""
    return msgspec.structs.replace(preferences, kept={})


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
