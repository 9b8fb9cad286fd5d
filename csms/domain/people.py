"""People: what is kept of them, and the rules for e-mail addresses, passwords and settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from csms.domain.access import Role
from csms.domain.errors import InvalidArgument

MIN_PASSWORD, MAX_PASSWORD = 8, 256
MAX_NAME, MAX_FIELD, MAX_SITES = 100, 64, 1_000
MAX_WIDGETS: Final = 50
MAX_KEPT: Final = 50
MAX_KEPT_NAME: Final = 50
MAX_KEPT_VALUE: Final = 8000
LANGUAGES: Final = ("en", "sv", "nl", "de")
"""Languages in which people are written to."""
BLOT: Final = "•••"
"""What stands in the audit log in the place of a secret."""
MAX_AUDIT_CHARACTERS: Final = 16_000

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")
_SECRET_NAMES: Final = ("password", "secret", "private_key", "recovery_code", "one_time_code", "bearer", "pin_code")
_SECRET_EXACTLY: Final = frozenset(
    {
        "token",
        "code",
        "state",
        "sim_pin",
        "authorization_key",
        "key_pem",
        "email_again",
        "access_code",
        "new_key",
        "key_digest",
    }
)
_SECRET_VARIABLES: Final = frozenset({"authorizationkey", "basicauthpassword"})


class TicketKind(StrEnum):
    """What a link in a mail is good for: setting a password, for the first time or again."""

    INVITATION = "invitation"
    RESET = "reset"


class Theme(StrEnum):
    """Colours of the portal."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Preferences(msgspec.Struct, frozen=True, gc=False):
    """How somebody wants the portal. `widgets`: those of the dashboard, in their order (empty: the usual ones);
    `share_usage`: may be counted in statistics that name people; `kept`: what programs keep for them, by name."""

    theme: Theme = Theme.SYSTEM
    widgets: tuple[str, ...] = ()
    share_usage: bool = False
    kept: dict[str, str] = {}


class Person(msgspec.Struct, frozen=True):
    """A user as administrators and the user see it. `site_ids`: where a site administrator administers, and where an EV
    user belongs. `customer_number` is the operator's own, `employee_number` that of the user's employer."""

    id: int
    email: str
    first_name: str = ""
    last_name: str = ""
    role: Role = Role.EV_USER
    site_ids: tuple[int, ...] = ()
    language: str = "en"
    time_zone: str = ""
    mobile: str = ""
    employee_number: str = ""
    customer_number: str = ""
    alarm_mails: bool = False
    blocked: bool = False
    has_password: bool = False
    has_second_factor: bool = False
    has_single_sign_on: bool = False
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_sign_in_at: datetime | None = None
    must_change_password: bool = False
    """An administrator has set it; the next sign-in asks for another."""

    @property
    def display_name(self) -> str:
        """First and last name; the e-mail without any."""
        return f"{self.first_name} {self.last_name}".strip() or self.email

    @property
    def administers(self) -> bool:
        """Is this an administrator who can sign in?"""
        return self.role is Role.ADMINISTRATOR and not self.blocked and (self.has_password or self.has_single_sign_on)


EDITABLE: Final = (
    "email",
    "first_name",
    "last_name",
    "role",
    "site_ids",
    "language",
    "time_zone",
    "mobile",
    "employee_number",
    "customer_number",
    "alarm_mails",
    "blocked",
)
"""Fields of a Person that administrators write."""


class PersonFilter(msgspec.Struct, frozen=True, gc=False):
    """Which users. `query` stands in name, e-mail or a number; `within_sites`: all of whose sites are among these
    (None: everybody)."""

    query: str = ""
    role: Role | None = None
    site_id: int | None = None
    within_sites: tuple[int, ...] | None = None


class SignInRecord(msgspec.Struct, frozen=True):
    """A session of somebody who signed in: since when, from where and with what."""

    id: int
    user_id: int
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    address: str = ""
    client: str = ""
    digest: bytes = b""


class AuditEntry(msgspec.Struct, frozen=True):
    """Somebody changed, or tried to change, something. `before` and `after`: JSON of what differs, where the use case
    told; `request`: JSON of what was asked, without secrets. `outcome`: OK or the reason of the refusal."""

    id: int
    at: datetime
    actor: str
    actor_name: str
    method: str
    resource: str
    outcome: str
    request_id: str = ""
    peer: str = ""
    forwarded_for: str = ""
    request: str = ""
    before: str = ""
    after: str = ""


class AuditFilter(msgspec.Struct, frozen=True, gc=False):
    """Which entries; empty fields narrow nothing. `method`: an RPC's name or the beginning of its path."""

    actor: str = ""
    resource: str = ""
    method: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


def canonical_email(email: str) -> str:
    """As it is kept and compared."""
    return email.strip().casefold()[:320]


def check_email(email: str) -> None:
    """Raises InvalidArgument/INVALID_EMAIL."""
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        raise InvalidArgument(f"{email[:100]!r} is not an e-mail address.", reason="INVALID_EMAIL")


def check_password(password: str) -> None:
    """Raises InvalidArgument/WEAK_PASSWORD."""
    letters = any(character.isalpha() for character in password)
    digits = any(character.isdigit() for character in password)
    if not (MIN_PASSWORD <= len(password) <= MAX_PASSWORD and letters and digits):
        raise InvalidArgument(
            f"A password has at least {MIN_PASSWORD} characters (at most {MAX_PASSWORD}), with letters and digits.",
            reason="WEAK_PASSWORD",
        )


def check_person(person: Person, zones: frozenset[str] | set[str]) -> None:
    """Raises InvalidArgument with a sentence."""
    check_email(person.email)
    for name, limit in (
        ("first_name", MAX_NAME),
        ("last_name", MAX_NAME),
        ("mobile", MAX_FIELD),
        ("employee_number", MAX_FIELD),
        ("customer_number", MAX_FIELD),
    ):
        text = getattr(person, name)
        if len(text) > limit or (text and not text.isprintable()):
            raise InvalidArgument(
                f"{name} has at most {limit} characters, all of them printable.", reason="INVALID_FIELD"
            )
    check_language(person.language)
    check_zone(person.time_zone, zones)
    if len(person.site_ids) > MAX_SITES:
        raise InvalidArgument(f"A user has at most {MAX_SITES} sites.", reason="TOO_MANY_SITES")
    if person.role is Role.SITE_ADMINISTRATOR and not person.site_ids:
        raise InvalidArgument("A site administrator needs at least one site.", reason="SITES_MISSING")


def check_language(language: str) -> None:
    """Raises InvalidArgument."""
    if language not in LANGUAGES:
        raise InvalidArgument(f"Languages are {', '.join(LANGUAGES)}.", reason="INVALID_LANGUAGE")


def check_zone(zone: str, zones: frozenset[str] | set[str]) -> None:
    """Raises InvalidArgument; an empty one is that of the place."""
    if zone and zone not in zones:
        raise InvalidArgument(
            f"There is no time zone {zone[:60]!r}. Time zones look like Europe/Stockholm.", reason="INVALID_TIME_ZONE"
        )


def check_preferences(preferences: Preferences) -> None:
    """Raises InvalidArgument."""
    widgets = preferences.widgets
    if len(widgets) > MAX_WIDGETS or any(not 0 < len(name) <= 64 or not name.isprintable() for name in widgets):
        raise InvalidArgument(
            f"At most {MAX_WIDGETS} widgets, each named in 1 to 64 characters.", reason="INVALID_WIDGETS"
        )
    if len(preferences.kept) > MAX_KEPT or any(
        not 0 < len(name) <= MAX_KEPT_NAME or not name.isprintable() or len(value) > MAX_KEPT_VALUE
        for name, value in preferences.kept.items()
    ):
        raise InvalidArgument(
            f"At most {MAX_KEPT} preferences, each named in 1 to {MAX_KEPT_NAME} characters, with a value of at most"
            f" {MAX_KEPT_VALUE}.",
            reason="INVALID_PREFERENCES",
        )


def with_kept(preferences: Preferences, changes: Mapping[str, str]) -> Preferences:
    """Entries given are set, the others stay; an empty value removes one."""
    kept = {name: value for name, value in {**preferences.kept, **changes}.items() if value}
    return msgspec.structs.replace(preferences, kept=kept)


# -- the audit log ---------------------------------------------------------------------------------------------------


def masked(value: Any, name: str = "") -> Any:
    """Plain JSON values without secrets: fields whose names say so, and values of variables that are passwords."""
    lowered = name.lower()
    if isinstance(value, Mapping):
        variable = value.get("variable", value.get("key", value.get("name", "")))
        variable = variable.get("name", "") if isinstance(variable, Mapping) else variable
        secret = str(variable).rpartition(".")[2].lower() in _SECRET_VARIABLES
        return {
            key: BLOT if secret and key in ("value", "attribute_value") else masked(each, str(key))
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [masked(each, name) for each in value]
    hidden = lowered in _SECRET_EXACTLY or any(word in lowered for word in _SECRET_NAMES)
    if hidden and value not in ("", None, False, True):
        return BLOT
    return value


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was and what is, of the fields that differ; secrets are blotted out."""
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return (
        {name: masked(before[name], name) for name in names if name in before},
        {name: masked(after[name], name) for name in names if name in after},
    )


def audit_json(value: Mapping[str, Any]) -> str:
    """Compact JSON; too much of it is cut to its field names."""
    if not value:
        return ""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    if len(text) > MAX_AUDIT_CHARACTERS:
        text = json.dumps({"too_long": sorted(value)}, ensure_ascii=False, separators=(",", ":"))
    return text
