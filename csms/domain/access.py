"""Who may do what: one table, role × action. Scopes (sites, groups, own things) narrow it and come with the places."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.errors import PermissionDenied


class Role(StrEnum):
    """What somebody may do."""

    ADMINISTRATOR = "administrator"
    SITE_ADMINISTRATOR = "site-administrator"
    SUPPORT = "support"
    EV_USER = "ev-user"


class Action(StrEnum):
    """What can be done. Every use case names exactly one."""

    READ_STATIONS = "read-stations"
    EDIT_STATIONS = "edit-stations"
    EDIT_PLACES = "edit-places"
    ADMIT_STATIONS = "admit-stations"
    OPERATE_STATIONS = "operate-stations"
    CONFIGURE_STATIONS = "configure-stations"
    READ_MESSAGES = "read-messages"
    READ_SESSIONS = "read-sessions"
    READ_TOKENS = "read-tokens"
    EDIT_TOKENS = "edit-tokens"
    MANAGE_KEYS = "manage-keys"
    MANAGE_CERTIFICATES = "manage-certificates"
    READ_SYSTEM = "read-system"
    MANAGE_BACKUPS = "manage-backups"
    OWN_ACCOUNT = "own-account"


_SUPPORT: Final = frozenset(
    {
        Action.READ_STATIONS,
        Action.OPERATE_STATIONS,
        Action.CONFIGURE_STATIONS,
        Action.READ_MESSAGES,
        Action.READ_SESSIONS,
        Action.READ_TOKENS,
        Action.READ_SYSTEM,
        Action.OWN_ACCOUNT,
    }
)
ALLOWED: Final[dict[Role, frozenset[Action]]] = {
    Role.ADMINISTRATOR: frozenset(Action),
    # Until stations have sites, a site administrator would see all of them: nothing but the own account is safe.
    Role.SITE_ADMINISTRATOR: frozenset({Action.OWN_ACCOUNT}),
    Role.SUPPORT: _SUPPORT,
    # Until tags belong to users, an EV user has nothing to see but the account.
    Role.EV_USER: frozenset({Action.OWN_ACCOUNT}),
}


class User(msgspec.Struct, frozen=True):
    """A person."""

    id: int
    email: str
    display_name: str
    password_hash: str
    role: Role


class ApiKey(msgspec.Struct, frozen=True):
    """A key for an internal system."""

    id: int
    display_name: str
    role: Role
    hint: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


class Principal(msgspec.Struct, frozen=True):
    """Somebody whose credentials were checked. `name` is `users/{id}` or `apiKeys/{id}`; `digest` that of the
    credential used."""

    name: str
    display_name: str
    role: Role
    email: str = ""
    digest: bytes = b""


def may(principal: Principal, action: Action) -> bool:
    """Is it allowed?"""
    return action in ALLOWED[principal.role]


def check(principal: Principal, action: Action) -> None:
    """Raises PermissionDenied with a sentence."""
    if not may(principal, action):
        raise PermissionDenied(
            f"The role {principal.role.value} may not do this ({action.value}). Ask an administrator for another role.",
            action=action.value,
        )
