"""May this tag charge? One pure decision (OCPP 1.6 §5.1, §4.1; 2.x block C)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationStatus, IdTokenInfo
from csms.domain.ids import parse_id_token

NO_AUTHORIZATION: Final = "NoAuthorization"
CENTRAL: Final = "Central"
LOCAL: Final = "Local"
EMAID: Final = "eMAID"
"""Words of 2.x's IdTokenEnumType (2.1: free texts, of which these are predefined)."""


class Token(msgspec.Struct, frozen=True):
    """A tag that somebody made known. `id_token` is in canonical spelling; `version` guards edits."""

    id: int
    id_token: str
    alias: str = ""
    blocked: bool = False
    expires_at: datetime | None = None
    parent_id_token: str | None = None
    allow_concurrent: bool = False
    note: str = ""
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None
    user_id: int | None = None
    """Whose it is."""


ACCEPTED: Final = IdTokenInfo(AuthorizationStatus.ACCEPTED)
_INVALID: Final = IdTokenInfo(AuthorizationStatus.INVALID)


def decide(token: Token | None, now: datetime, *, in_use_elsewhere: bool = False) -> IdTokenInfo:
    """Blocked outranks Expired outranks ConcurrentTx; an unknown tag is Invalid.

    `in_use_elsewhere`: another session is open on the tag. Only a start may say so: OCPP 1.6 §7.2 has ConcurrentTx for
    StartTransaction alone.
    """
    if token is None:
        return _INVALID
    if token.blocked:
        status = AuthorizationStatus.BLOCKED
    elif token.expires_at is not None and token.expires_at <= now:
        status = AuthorizationStatus.EXPIRED
    elif in_use_elsewhere and not token.allow_concurrent:
        status = AuthorizationStatus.CONCURRENT_TX
    else:
        status = AuthorizationStatus.ACCEPTED
    return IdTokenInfo(status, token.expires_at, token.parent_id_token)


def decide_typed(
    authorize: Callable[[str, int | None], IdTokenInfo],
    id_token: str,
    token_type: str,
    session_id: int | None,
    *,
    ours: bool = False,
) -> IdTokenInfo:
    """The decision on a token of OCPP 2.x.

    NoAuthorization (a start button) names nobody, and Local is an id that the station made up by itself: neither can be
    known here (C02, C03). `ours`: it came with a remote start of ours, which authorised it; we may have made it up for
    that, as Central says.
    """
    if token_type == NO_AUTHORIZATION:
        return ACCEPTED
    info = authorize(id_token, session_id)
    if ours and info.status is not AuthorizationStatus.ACCEPTED:
        return msgspec.structs.replace(info, status=AuthorizationStatus.ACCEPTED)
    if token_type == LOCAL and info.status is AuthorizationStatus.INVALID:
        return ACCEPTED
    return info


def canonical(id_token: str | None) -> str:
    """The spelling in which tags are kept and compared, whatever a station wrote. Empty for none."""
    if not id_token:
        return ""
    try:
        return parse_id_token(id_token)
    except InvalidArgument:
        return id_token.strip().upper()
