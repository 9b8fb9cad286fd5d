"""Callers, roles, API keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name, read_name
from control.v1 import auth_pb2
from csms.domain.access import Action, ApiKey, Principal, Role
from csms.domain.errors import InvalidArgument
from csms.domain.people import SignInRecord

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
        actions=[] if key.actions is None else sorted(action.value for action in key.actions),
        sites=[print_name("places", site_id) for site_id in sorted(key.site_ids)],
    )


def read_actions(names: Iterable[str]) -> frozenset[Action] | None:
    """None given: not narrowed. Raises InvalidArgument."""
    known = {action.value: action for action in Action}
    wanted = list(names)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InvalidArgument(
            f"There is no action {unknown[0][:60]!r}. There are: {', '.join(sorted(known))}.", reason="INVALID_ACTION"
        )
    return frozenset(known[name] for name in wanted) or None


def sign_in(record: SignInRecord, *, current: bool) -> auth_pb2.SignIn:
    """A session, without its token, which nobody else has."""
    return auth_pb2.SignIn(
        name=f"{print_name('users', record.user_id)}/{print_name('signIns', record.id)}",
        create_time=timestamp(record.created_at),
        last_use_time=timestamp(record.used_at),
        expire_time=timestamp(record.expires_at),
        address=record.address,
        client=record.client,
        current=current,
    )


def read_sign_in_name(name: str) -> tuple[int, int]:
    """`users/3/signIns/4` → (3, 4). Raises InvalidArgument/INVALID_NAME."""
    user, slash, rest = name.partition("/signIns/")
    if not slash:
        raise InvalidArgument(
            f"{name[:100]!r} is not a name of this kind; names look like users/3/signIns/4.", reason="INVALID_NAME"
        )
    return read_name(user, "users"), read_name(f"signIns/{rest}", "signIns")
