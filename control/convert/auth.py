"""Callers, roles, API keys."""

from __future__ import annotations

from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name
from control.v1 import auth_pb2
from csms.domain.access import ApiKey, Principal, Role
from csms.domain.errors import InvalidArgument

ROLES: Final[dict[Role, auth_pb2.Role.ValueType]] = {
    Role.ADMINISTRATOR: auth_pb2.ROLE_ADMINISTRATOR,
    Role.SITE_ADMINISTRATOR: auth_pb2.ROLE_SITE_ADMINISTRATOR,
    Role.SUPPORT: auth_pb2.ROLE_SUPPORT,
    Role.EV_USER: auth_pb2.ROLE_EV_USER,
}
_ROLES_BACK: Final = {int(number): role for role, number in ROLES.items()}


def role_of(number: int) -> Role:
    """Raises InvalidArgument when none is given."""
    role = _ROLES_BACK.get(number)
    if role is None:
        raise InvalidArgument("Give the role, for example ROLE_SUPPORT.", reason="ROLE_MISSING")
    return role


def caller(principal: Principal) -> auth_pb2.Caller:
    """A person or a key."""
    return auth_pb2.Caller(
        name=principal.name,
        display_name=principal.display_name,
        email=principal.email,
        role=ROLES[principal.role],
    )


def api_key(key: ApiKey) -> auth_pb2.ApiKey:
    """Without its secret, which nobody has."""
    return auth_pb2.ApiKey(
        name=print_name("apiKeys", key.id),
        display_name=key.display_name,
        role=ROLES[key.role],
        hint=key.hint,
        create_time=timestamp(key.created_at),
        expire_time=timestamp(key.expires_at),
        last_use_time=timestamp(key.last_used_at),
    )
