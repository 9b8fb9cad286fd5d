"""Users and their settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from control.convert.auth import ROLES, role_of
from control.convert.common import timestamp
from control.convert.names import print_name, read_name
from control.v1 import users_pb2
from csms.domain.access import Role
from csms.domain.people import Person, PersonFilter, Preferences, Theme
from csms.services.account import Settings

FIELDS: Final = {
    "email": "email",
    "first_name": "first_name",
    "last_name": "last_name",
    "role": "role",
    "sites": "site_ids",
    "language": "language",
    "time_zone": "time_zone",
    "mobile": "mobile",
    "employee_number": "employee_number",
    "customer_number": "customer_number",
    "alarm_mails": "alarm_mails",
    "blocked": "blocked",
}
"""Paths of an update mask → fields of a Person."""
SETTINGS_FIELDS: Final = {
    "language": "language",
    "time_zone": "time_zone",
    "theme": "theme",
    "dashboard_widgets": "widgets",
    "preferences": "preferences",
    "alarm_mails": "alarm_mails",
    "share_usage": "share_usage",
}

_THEMES: Final = {
    Theme.SYSTEM: users_pb2.THEME_UNSPECIFIED,
    Theme.LIGHT: users_pb2.THEME_LIGHT,
    Theme.DARK: users_pb2.THEME_DARK,
}
_THEMES_BACK: Final = {int(number): theme for theme, number in _THEMES.items()}


def user(person: Person, id_tokens: Sequence[str] = ()) -> users_pb2.User:
    """All of it."""
    return users_pb2.User(
        name=print_name("users", person.id),
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        display_name=person.display_name,
        role=ROLES[person.role],
        sites=[print_name("places", site_id) for site_id in person.site_ids],
        language=person.language,
        time_zone=person.time_zone,
        mobile=person.mobile,
        employee_number=person.employee_number,
        customer_number=person.customer_number,
        alarm_mails=person.alarm_mails,
        blocked=person.blocked,
        has_password=person.has_password,
        has_second_factor=person.has_second_factor,
        has_single_sign_on=person.has_single_sign_on,
        id_tokens=id_tokens,
        create_time=timestamp(person.created_at),
        update_time=timestamp(person.updated_at),
        last_sign_in_time=timestamp(person.last_sign_in_at),
        etag=str(person.version),
        must_change_password=person.must_change_password,
    )


def read_user(message: users_pb2.User, *, need_role: bool) -> Person:
    """What people may write of it; the id is 0. Raises InvalidArgument."""
    return Person(
        0,
        message.email,
        message.first_name,
        message.last_name,
        role_of(message.role) if need_role or message.role else Role.EV_USER,
        tuple(read_name(name, "places") for name in message.sites),
        message.language,
        message.time_zone,
        message.mobile,
        message.employee_number,
        message.customer_number,
        message.alarm_mails,
        message.blocked,
    )


def read_filter(message: users_pb2.UserFilter) -> PersonFilter:
    """Raises InvalidArgument."""
    return PersonFilter(
        message.query,
        role_of(message.role) if message.role else None,
        read_name(message.site, "places") if message.site else None,
    )


def settings(found: Settings) -> users_pb2.UserSettings:
    """All of them."""
    return users_pb2.UserSettings(
        language=found.language,
        time_zone=found.time_zone,
        theme=_THEMES[found.preferences.theme],
        dashboard_widgets=found.preferences.widgets,
        alarm_mails=found.alarm_mails,
        share_usage=found.preferences.share_usage,
        preferences=found.preferences.kept,
    )


def read_settings(message: users_pb2.UserSettings) -> Settings:
    """An unknown theme is the browser's."""
    theme = _THEMES_BACK.get(message.theme, Theme.SYSTEM)
    preferences = Preferences(theme, tuple(message.dashboard_widgets), message.share_usage, dict(message.preferences))
    return Settings(message.language, message.time_zone, message.alarm_mails, preferences)
