"""Rules for codes, when silence is an alarm, and who gets the daily mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from csms.domain.access import Action, Principal, check
from csms.domain.alarm_rules import BUILT_IN, AlarmRule, check_rule
from csms.domain.alarms import AlarmSettings, check_settings
from csms.domain.errors import InvalidArgument, NotFound
from csms.ports.alarms import AlarmSettingStore
from csms.services.audit import note_change

RULE_FIELDS: Final = ("source", "vendor", "model", "code", "kind", "severity", "text")
SETTING_FIELDS: Final = (
    "silent_after_s",
    "not_registered_after_s",
    "network_percent",
    "hold_off_s",
    "backup_after_s",
)


class AlarmSettingsDesk:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(self, store: AlarmSettingStore, *, can_send: bool) -> None:
        self._store = store
        self.can_send = can_send

    async def rules(self, caller: Principal) -> Sequence[AlarmRule]:
        """Those made here, then the built-in ones."""
        check(caller, Action.READ_SYSTEM)
        return [*await self._store.rules(), *BUILT_IN]

    async def create_rule(self, caller: Principal, rule: AlarmRule) -> AlarmRule:
        """`rule.id` is ignored. Raises InvalidArgument, AlreadyExists."""
        check(caller, Action.EDIT_ALARM_RULES)
        check_rule(rule)
        made = await self._store.create_rule(rule)
        note_change(f"alarmRules/{made.id}", None, made)
        return made

    async def update_rule(
        self, caller: Principal, rule_id: int, changes: AlarmRule, fields: Iterable[str], *, version: int | None
    ) -> AlarmRule:
        """The fields named. Raises InvalidArgument, NotFound, StaleVersion, AlreadyExists."""
        check(caller, Action.EDIT_ALARM_RULES)
        old = await self._must(rule_id)
        new = msgspec.structs.replace(old, **{name: getattr(changes, name) for name in fields if name in RULE_FIELDS})
        check_rule(new)
        made = await self._store.update_rule(new, version=version)
        note_change(f"alarmRules/{rule_id}", old, made)
        return made

    async def delete_rule(self, caller: Principal, rule_id: int) -> None:
        """Raises NotFound."""
        check(caller, Action.EDIT_ALARM_RULES)
        old = await self._must(rule_id)
        await self._store.delete_rule(rule_id)
        note_change(f"alarmRules/{rule_id}", old)

    async def settings(self, caller: Principal) -> AlarmSettings:
        """As they are."""
        check(caller, Action.READ_SYSTEM)
        return await self._store.settings()

    async def update_settings(
        self, caller: Principal, changes: AlarmSettings, fields: Iterable[str], *, version: int | None
    ) -> AlarmSettings:
        """The fields named. Raises InvalidArgument, StaleVersion."""
        check(caller, Action.EDIT_ALARM_RULES)
        old = await self._store.settings()
        chosen = {name: getattr(changes, name) for name in fields if name in SETTING_FIELDS}
        new = msgspec.structs.replace(old, **chosen)
        check_settings(new)
        made = await self._store.put_settings(new, version=version)
        note_change("alarmSettings", old, made)
        return made

    async def mail(self, caller: Principal) -> tuple[bool, int]:
        """(wanted, hour) of the caller's daily mail. Raises InvalidArgument for a key."""
        return await self._store.mail_of(_user(caller))

    async def choose_mail(self, caller: Principal, *, wanted: bool, hour: int) -> tuple[bool, int]:
        """Raises InvalidArgument."""
        user_id = _user(caller)
        if not 0 <= hour <= 23:
            raise InvalidArgument("An hour of the day is 0 to 23.", reason="INVALID_HOUR")
        await self._store.choose_mail(user_id, wanted=wanted, hour=hour)
        note_change(caller.name)
        return await self._store.mail_of(user_id)

    async def _must(self, rule_id: int) -> AlarmRule:
        found = next((rule for rule in await self._store.rules() if rule.id == rule_id), None)
        if found is None:
            raise NotFound(f"There is no rule {rule_id} (any more).", reason="RULE_NOT_FOUND")
        return found


def _user(caller: Principal) -> int:
    check(caller, Action.OWN_ACCOUNT)
    if caller.user_id is None:
        raise InvalidArgument("An API key gets no mails. Ask as a user who has signed in.", reason="NOT_A_USER")
    return caller.user_id
