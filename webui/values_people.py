"""People as the portal shows them: users, their sign-ins, groups of stations, and entries of the audit log."""

from __future__ import annotations

import json
from datetime import datetime

import msgspec

from webui.values import Role
from webui.view import State
from webui.words import _


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person."""

    name: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    role: Role = Role.EV_USER
    sites: tuple[str, ...] = ()
    language: str = ""
    time_zone: str = ""
    mobile: str = ""
    employee_number: str = ""
    customer_number: str = ""
    alarm_mails: bool = False
    blocked: bool = False
    has_password: bool = False
    has_second_factor: bool = False
    has_single_sign_on: bool = False
    must_change_password: bool = False
    id_tokens: tuple[str, ...] = ()
    create_time: datetime | None = None
    last_sign_in_time: datetime | None = None
    etag: str = ""

    @property
    def key(self) -> str:
        """The id of ``users/{id}``."""
        return self.name.partition("/")[2]

    @property
    def label(self) -> str:
        """What people call them."""
        return self.display_name or self.email

    @property
    def state(self) -> State:
        """Whether they can sign in."""
        if self.blocked:
            return State("fault", _("Blocked"))
        if self.has_password or self.has_single_sign_on:
            return State("free", _("Active"))
        return State("occupied", _("Invited"))


class UserPage(msgspec.Struct, frozen=True):
    """A page of users."""

    users: tuple[User, ...]
    next_page_token: str
    total_size: int


class UserAnswer(msgspec.Struct, frozen=True):
    """One user."""

    user: User


class Invited(msgspec.Struct, frozen=True):
    """The link of an invitation, where no mail could carry it."""

    invitation_link: str


class Made(msgspec.Struct, frozen=True):
    """A new user, with the link where no mail could carry it."""

    user: User
    invitation_link: str


class SignIn(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A browser or program where somebody is signed in."""

    name: str
    create_time: datetime | None
    last_use_time: datetime | None
    address: str
    client: str
    current: bool

    @property
    def key(self) -> str:
        """The last part of ``users/{id}/signIns/{id}``."""
        return self.name.rpartition("/")[2]


class SignIns(msgspec.Struct, frozen=True):
    """Newest first."""

    sign_ins: tuple[SignIn, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A choice of stations of one's own."""

    name: str = ""
    display_name: str = ""
    description: str = ""
    stations: tuple[str, ...] = ()
    etag: str = ""

    @property
    def key(self) -> str:
        """The id of ``groups/{id}``."""
        return self.name.partition("/")[2]


class Groups(msgspec.Struct, frozen=True):
    """By name."""

    groups: tuple[Group, ...]


class GroupAnswer(msgspec.Struct, frozen=True):
    """One group."""

    group: Group


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One call that changed something, or tried to."""

    name: str
    time: datetime | None
    actor: str
    actor_display_name: str
    method: str
    resource: str
    outcome: str
    request_id: str
    peer: str
    forwarded_for: str
    request_json: str
    before_json: str
    after_json: str

    @property
    def key(self) -> str:
        """The id of ``auditEntries/{id}``."""
        return self.name.partition("/")[2]

    @property
    def action(self) -> str:
        """`UpdateUser` of `/control.v1.UserService/UpdateUser`."""
        return self.method.rpartition("/")[2]

    @property
    def changes(self) -> tuple[tuple[str, str, str], ...]:
        """Field, what was, what is."""
        before, after = _fields(self.before_json), _fields(self.after_json)
        names = [*before, *(name for name in after if name not in before)]
        return tuple((name, before.get(name, ""), after.get(name, "")) for name in names)

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """What was asked, field by field."""
        return tuple(_fields(self.request_json).items())


class AuditPage(msgspec.Struct, frozen=True):
    """A page of the audit log."""

    audit_entries: tuple[AuditEntry, ...]
    next_page_token: str


def _fields(text: str) -> dict[str, str]:
    """A JSON object field by field, in words; text that is none stands alone."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = text
    if not isinstance(found, dict):
        return {"": json.dumps(found, ensure_ascii=False)}
    return {
        str(name): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in found.items()
    }
