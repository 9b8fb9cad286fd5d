"""May this tag charge? One pure decision (OCPP 1.6 §5.1, §4.1; 2.x block C)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from csms.domain.facts import AuthorizationStatus, IdTokenInfo


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


_INVALID = IdTokenInfo(AuthorizationStatus.INVALID)


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
