"""How much a user, or a group of tags, may charge in a calendar month."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.ids import parse_id_token

USERS: Final = "users/"
TAG_GROUPS: Final = "tagGroups/"
MAX_ENERGY_WH: Final = 1e12
MAX_AMOUNT: Final = Decimal(10) ** 12


class ChargeLimit(msgspec.Struct, frozen=True):
    """`target` is `users/3` or `tagGroups/FLEET` (the tags with this parent). Energy in Wh; amounts with VAT, in
    `currency` (ISO 4217). None: no such limit."""

    target: str
    energy_wh: float | None = None
    amount: Decimal | None = None
    currency: str = ""
    version: int = 0
    time_zone: str = ""
    """Of the user, as it was when the limit was read; empty: as the system."""

    @property
    def user_id(self) -> int | None:
        """Whose it is; None: a group's."""
        return int(self.target.removeprefix(USERS)) if self.target.startswith(USERS) else None

    @property
    def group(self) -> str:
        """The parent of the tags; empty: it is a user's."""
        return self.target.removeprefix(TAG_GROUPS) if self.target.startswith(TAG_GROUPS) else ""

    def is_reached(self, used: Used) -> bool:
        """May no other session begin?"""
        return (self.energy_wh is not None and used.energy_wh >= self.energy_wh) or (
            self.amount is not None and used.amount >= self.amount
        )


class Used(msgspec.Struct, frozen=True):
    """What was charged in a month so far."""

    energy_wh: float = 0.0
    amount: Decimal = Decimal(0)


def parse_target(text: str) -> str:
    """`users/3` or `tagGroups/FLEET`, the group as tags are spelt. Raises InvalidArgument/INVALID_NAME."""
    number = text.removeprefix(USERS)
    if text.startswith(USERS) and number.isascii() and number.isdecimal() and 0 < int(number[:20]) < 2**63:
        if str(int(number)) == number:
            return text
    elif text.startswith(TAG_GROUPS):
        return TAG_GROUPS + parse_id_token(text.removeprefix(TAG_GROUPS))
    raise InvalidArgument(
        "A limit is that of users/17, or of tagGroups/FLEET for the tags with the parent FLEET.", reason="INVALID_NAME"
    )


def checked_limit(limit: ChargeLimit) -> ChargeLimit:
    """Raises InvalidArgument/INVALID_LIMIT."""
    currency = limit.currency.strip().upper()
    if limit.energy_wh is not None and not 0.0 <= limit.energy_wh <= MAX_ENERGY_WH:
        raise InvalidArgument("A limit of energy is 0 Wh or more.", reason="INVALID_LIMIT")
    if limit.amount is None:
        currency = ""
    elif not limit.amount.is_finite() or not 0 <= limit.amount <= MAX_AMOUNT:
        raise InvalidArgument("A limit of money is 0 or more.", reason="INVALID_LIMIT")
    elif not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise InvalidArgument("A limit of money names its currency, for example EUR.", reason="INVALID_LIMIT")
    return msgspec.structs.replace(limit, target=parse_target(limit.target), currency=currency)


def month_begin(now: datetime, zone: ZoneInfo) -> datetime:
    """When the calendar month of `now` began in the zone, in UTC."""
    local = now.astimezone(zone)
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
