"""Who may do what, and how far: one table, role × action × reach.

`check` is for use cases that concern the whole system: only who reaches all of it passes. What concerns stations asks
csms.services.scopes, which knows where they stand, whose they are and with whom they are shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
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
    READ_STATION_SECRETS = "read-station-secrets"
    ADMIT_STATIONS = "admit-stations"
    OPERATE_STATIONS = "operate-stations"
    CONFIGURE_STATIONS = "configure-stations"
    SHARE_STATIONS = "share-stations"
    ASSIGN_STATIONS = "assign-stations"
    READ_MESSAGES = "read-messages"
    READ_SESSIONS = "read-sessions"
    CORRECT_SESSIONS = "correct-sessions"
    """Correct what stations told of sessions, and close those whose end never came."""
    EDIT_LOGBOOK = "edit-logbook"
    """What drivers write down of their sessions."""
    READ_TARIFFS = "read-tariffs"
    EDIT_TARIFFS = "edit-tariffs"
    ASSIGN_TARIFFS = "assign-tariffs"
    READ_REPORTS = "read-reports"
    MANAGE_REPORTS = "manage-reports"
    READ_TOKENS = "read-tokens"
    EDIT_TOKENS = "edit-tokens"
    MANAGE_KEYS = "manage-keys"
    MANAGE_CERTIFICATES = "manage-certificates"
    READ_SYSTEM = "read-system"
    EDIT_SYSTEM = "edit-system"
    READ_CONNECTION = "read-connection"
    """Where stations connect: addresses, and whether the system is well."""
    MANAGE_BACKUPS = "manage-backups"
    READ_ALARMS = "read-alarms"
    HANDLE_ALARMS = "handle-alarms"
    EDIT_ALARM_RULES = "edit-alarm-rules"
    MANAGE_WEBHOOKS = "manage-webhooks"
    EDIT_NEWS = "edit-news"
    MANAGE_FILES = "manage-files"
    MANAGE_SERVICES = "manage-services"
    """Services of other companies, and the parties of roaming."""
    MANAGE_USERS = "manage-users"
    READ_AUDIT = "read-audit"
    OWN_ACCOUNT = "own-account"


class Reach(StrEnum):
    """How far a role's permission goes."""

    NONE = "none"
    OWN = "own"
    """The own things, and the stations that somebody shares with the caller, as far as the share's level goes."""
    SITES = "sites"
    """What stands at the caller's sites; and what OWN reaches."""
    ALL = "all"


class ShareLevel(StrEnum):
    """What a share of a station lets somebody do; each lets do what those before it do. An owner may all of it."""

    VIEW = "view"
    OPERATE = "operate"
    MANAGE = "manage"


_ORDER: Final = tuple(ShareLevel)
NEEDED_LEVEL: Final[Mapping[Action, ShareLevel]] = MappingProxyType(
    {
        Action.READ_STATIONS: ShareLevel.VIEW,
        Action.OPERATE_STATIONS: ShareLevel.OPERATE,
        Action.CONFIGURE_STATIONS: ShareLevel.MANAGE,
        Action.EDIT_STATIONS: ShareLevel.MANAGE,
        Action.SHARE_STATIONS: ShareLevel.MANAGE,
        Action.READ_STATION_SECRETS: ShareLevel.MANAGE,
        Action.READ_MESSAGES: ShareLevel.MANAGE,
        Action.READ_ALARMS: ShareLevel.MANAGE,
        Action.HANDLE_ALARMS: ShareLevel.MANAGE,
        Action.READ_SESSIONS: ShareLevel.MANAGE,  # of other people; the own ones need no share
        Action.EDIT_LOGBOOK: ShareLevel.MANAGE,  # the same
    }
)
"""What a share must be for which action; what is not named no share gives."""

_OF_SUPPORT: Final = (
    Action.READ_STATIONS,
    Action.OPERATE_STATIONS,
    Action.CONFIGURE_STATIONS,
    Action.READ_MESSAGES,
    Action.READ_SESSIONS,
    Action.READ_ALARMS,
    Action.HANDLE_ALARMS,
    Action.READ_TARIFFS,
    Action.READ_TOKENS,
    Action.READ_SYSTEM,
    Action.READ_CONNECTION,
    Action.OWN_ACCOUNT,
)
_OF_SITE_ADMINISTRATORS: Final = (
    Action.READ_STATIONS,
    Action.EDIT_STATIONS,
    Action.EDIT_PLACES,
    Action.READ_STATION_SECRETS,
    Action.ADMIT_STATIONS,
    Action.OPERATE_STATIONS,
    Action.CONFIGURE_STATIONS,
    Action.SHARE_STATIONS,
    Action.ASSIGN_STATIONS,
    Action.READ_MESSAGES,
    Action.READ_SESSIONS,
    Action.READ_ALARMS,
    Action.HANDLE_ALARMS,
    Action.CORRECT_SESSIONS,
    Action.EDIT_LOGBOOK,
    Action.ASSIGN_TARIFFS,
    Action.MANAGE_USERS,
)
# The table. What a role has no entry for it may not do at all.
REACH: Final[Mapping[Role, Mapping[Action, Reach]]] = MappingProxyType(
    {
        Role.ADMINISTRATOR: dict.fromkeys(Action, Reach.ALL),
        Role.SITE_ADMINISTRATOR: {
            **dict.fromkeys(_OF_SITE_ADMINISTRATORS, Reach.SITES),
            Action.READ_TARIFFS: Reach.ALL,
            Action.READ_REPORTS: Reach.OWN,
            Action.READ_CONNECTION: Reach.ALL,
            Action.OWN_ACCOUNT: Reach.ALL,
        },
        Role.SUPPORT: {**dict.fromkeys(_OF_SUPPORT, Reach.ALL), Action.READ_REPORTS: Reach.OWN},
        Role.EV_USER: {
            **dict.fromkeys(NEEDED_LEVEL, Reach.OWN),
            Action.READ_TOKENS: Reach.OWN,
            Action.EDIT_TOKENS: Reach.OWN,
            Action.READ_REPORTS: Reach.OWN,
            Action.OWN_ACCOUNT: Reach.ALL,
        },
    }
)


class Scope(msgspec.Struct, frozen=True):
    """A part of the system: what stands in one of the places, or is one of the stations, or (sessions, tags) belongs to
    the user; of that only what is at a station of `only`, when that is given (a chosen group)."""

    place_ids: frozenset[int] = frozenset()
    station_ids: frozenset[int] = frozenset()
    user_id: int | None = None
    only: frozenset[int] | None = None

    def holds(self, station_id: int | None, place_id: int | None, user_id: int | None = None) -> bool:
        """Is this in it? None: it has no such thing."""
        if self.only is not None and station_id not in self.only:
            return False
        return (
            place_id in self.place_ids
            or station_id in self.station_ids
            or (user_id is not None and user_id == self.user_id)
        )


class User(msgspec.Struct, frozen=True):
    """A person."""

    id: int
    email: str
    display_name: str
    password_hash: str
    role: Role
    site_ids: frozenset[int] = frozenset()
    """The sites of a site administrator."""
    totp_secret: str = ""
    """Empty: no second factor."""
    blocked: bool = False
    must_change_password: bool = False
    """An administrator has set the password: it is good for choosing another."""


class ApiKey(msgspec.Struct, frozen=True):
    """A key for an internal system."""

    id: int
    display_name: str
    role: Role
    hint: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    actions: frozenset[Action] | None = None
    """None: all that the role may."""
    site_ids: frozenset[int] = frozenset()
    """Where a key of the role site administrator counts."""


class Principal(msgspec.Struct, frozen=True):
    """Somebody whose credentials were checked. `name` is `users/{id}` or `apiKeys/{id}`; `digest` that of the
    credential used. `user_id` is None for an API key; `group_id` is the group that the call is narrowed to."""

    name: str
    display_name: str
    role: Role
    email: str = ""
    digest: bytes = b""
    user_id: int | None = None
    site_ids: frozenset[int] = frozenset()
    group_id: int | None = None
    actions: frozenset[Action] | None = None
    """What a key is narrowed to; None: all that the role may."""


def reach_of(role: Role, action: Action) -> Reach:
    """How far the role's permission goes."""
    return REACH[role].get(action, Reach.NONE)


def reach(principal: Principal, action: Action) -> Reach:
    """How far the caller's permission goes: the role's, unless the key in use is narrowed to other actions."""
    narrowed = principal.actions is not None and action is not Action.OWN_ACCOUNT and action not in principal.actions
    return Reach.NONE if narrowed else reach_of(principal.role, action)


def grants(level: ShareLevel | None, action: Action) -> bool:
    """Does a share of this level let somebody do it?"""
    needed = NEEDED_LEVEL.get(action)
    return level is not None and needed is not None and _ORDER.index(level) >= _ORDER.index(needed)


def may(principal: Principal, action: Action) -> bool:
    """Is it allowed in the whole system?"""
    return reach(principal, action) is Reach.ALL


def check(principal: Principal, action: Action) -> None:
    """Raises PermissionDenied with a sentence, for everybody who may not do it in the whole system."""
    if not may(principal, action):
        raise denied(principal, action)


def denied(principal: Principal, action: Action) -> PermissionDenied:
    """The sentence."""
    return PermissionDenied(
        f"The role {principal.role.value} may not do this ({action.value}). Ask an administrator for another role.",
        action=action.value,
    )
