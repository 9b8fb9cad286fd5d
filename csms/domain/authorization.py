"""May this tag charge? One pure decision (OCPP 1.6 §5.1, §4.1; 2.x block C)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationStatus, IdTokenInfo
from csms.domain.ids import parse_id_token

QUEUED: Final = timedelta(minutes=5)
"""What is told so long after it happened has waited in an offline queue."""
NO_AUTHORIZATION: Final = "NoAuthorization"
CENTRAL: Final = "Central"
LOCAL: Final = "Local"
EMAID: Final = "eMAID"
"""Words of 2.x's IdTokenEnumType (2.1: free texts, of which these are predefined)."""


class TagKind(StrEnum):
    """What a tag is."""

    PHYSICAL = "PHYSICAL"
    VIRTUAL = "VIRTUAL"
    """An id only."""


class TagType(StrEnum):
    """What it is used for: for the books alone."""

    OTHER = "OTHER"
    PRIVATE = "PRIVATE"
    BUSINESS = "BUSINESS"


class TagState(StrEnum):
    """Whether it counts."""

    VALID = "VALID"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"


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
    kind: TagKind = TagKind.PHYSICAL
    type: TagType = TagType.OTHER
    valid_from: datetime | None = None
    valid_station_ids: tuple[int, ...] = ()
    """Where alone it is valid, with `valid_place_ids`; both empty: everywhere."""
    valid_place_ids: tuple[int, ...] = ()
    """And in all below them."""
    blocked_by_user: bool = False
    """Its user blocked it, and may unblock it."""
    user_email: str = ""
    user_name: str = ""
    user_blocked: bool = False
    """Of the user, as they were when the tag was read."""

    def valid_at(self, station_id: int, place_ids: frozenset[int]) -> bool:
        """At this station, which stands in these places (its own, and those above)?"""
        if not self.valid_station_ids and not self.valid_place_ids:
            return True
        return station_id in self.valid_station_ids or not place_ids.isdisjoint(self.valid_place_ids)

    def state(self, now: datetime) -> TagState:
        """Does it count?"""
        if self.blocked or self.user_blocked:
            return TagState.BLOCKED
        if self.expires_at is not None and self.expires_at <= now:
            return TagState.EXPIRED
        if self.valid_from is not None and self.valid_from > now:
            return TagState.NOT_YET_VALID
        return TagState.VALID


ACCEPTED: Final = IdTokenInfo(AuthorizationStatus.ACCEPTED)
_INVALID: Final = IdTokenInfo(AuthorizationStatus.INVALID)


_REFUSALS: Final = {
    TagState.BLOCKED: AuthorizationStatus.BLOCKED,
    TagState.EXPIRED: AuthorizationStatus.EXPIRED,
    TagState.NOT_YET_VALID: AuthorizationStatus.NOT_AT_THIS_TIME,
}


def decide(
    token: Token | None,
    now: datetime,
    *,
    in_use_elsewhere: bool = False,
    elsewhere: bool = False,
    spent: bool = False,
) -> IdTokenInfo:
    """Blocked outranks Expired, then come not yet, not here, no credit and ConcurrentTx; an unknown tag is Invalid.
    (1.6 says Invalid for those that it has no word for.)

    `in_use_elsewhere`: another session is open on the tag. Only a start may say so: OCPP 1.6 §7.2 has ConcurrentTx for
    StartTransaction alone. `elsewhere`: it is valid at other stations only. `spent`: the user or the group has charged
    what they may in this month.
    """
    if token is None:
        return _INVALID
    status = _REFUSALS.get(token.state(now))
    if status is None:
        if elsewhere:
            status = AuthorizationStatus.NOT_AT_THIS_LOCATION
        elif spent:
            status = AuthorizationStatus.NO_CREDIT
        elif in_use_elsewhere and not token.allow_concurrent:
            status = AuthorizationStatus.CONCURRENT_TX
        else:
            status = AuthorizationStatus.ACCEPTED
    return IdTokenInfo(status, token.expires_at, token.parent_id_token)


def welcome(info: IdTokenInfo | None) -> IdTokenInfo:
    """The decision where anyone may charge: what a good tag tells of itself stays, what is wrong with a bad one is
    nobody's business."""
    if info is not None and info.status is AuthorizationStatus.ACCEPTED:
        return info
    return ACCEPTED


def judged_at(told: datetime, now: datetime) -> datetime:
    """The moment by which a start is judged: ours, since stations' clocks go wrong; but the station's own for what
    comes from an offline queue."""
    return now if abs(now - told) < QUEUED else told


def not_now(info: IdTokenInfo) -> IdTokenInfo:
    """The decision where the EVSE is reserved for somebody else; what else is wrong with a tag is told first. (1.6 says
    Invalid: it has no word for it.)"""
    if info.status is not AuthorizationStatus.ACCEPTED:
        return info
    return msgspec.structs.replace(info, status=AuthorizationStatus.NOT_AT_THIS_TIME)


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
