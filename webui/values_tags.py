"""Tags as the portal shows them: all forms of a card's id, whose it is, where and when it counts; limits."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from webui.view import State
from webui.words import _


class CardForms(msgspec.Struct, frozen=True, gc=False):
    """One card in one reading of its id."""

    hexadecimal: str
    hexadecimal_reversed: str
    decimal: str
    decimal_reversed: str


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag."""

    name: str = ""
    id_token: str = ""
    alias: str = ""
    blocked: bool = False
    blocked_by_user: bool = False
    valid_from_time: datetime | None = None
    expire_time: datetime | None = None
    parent_id_token: str = ""
    allow_concurrent: bool = False
    note: str = ""
    etag: str = ""
    user: str = ""
    user_email: str = ""
    user_display_name: str = ""
    kind: str = "PHYSICAL"
    type: str = "OTHER"
    state: str = "VALID"
    valid_stations: tuple[str, ...] = ()
    valid_places: tuple[str, ...] = ()
    forms: tuple[CardForms, ...] = ()

    @property
    def key(self) -> str:
        """The id of ``idTokens/{id}``."""
        return self.name.partition("/")[2]

    @property
    def owner(self) -> str:
        """Whose it is, in words."""
        return self.user_display_name or self.user_email

    @property
    def shown_state(self) -> State:
        """Whether it counts now."""
        if self.blocked or self.state == "BLOCKED":
            return State("fault", _("Blocked by its driver") if self.blocked_by_user else _("Blocked"))
        return {
            "EXPIRED": State("unavailable", _("Expired")),
            "NOT_YET_VALID": State("occupied", _("Not valid yet")),
        }.get(self.state, State("free", _("Valid")))


class TagPage(msgspec.Struct, frozen=True):
    """A page of tags."""

    id_tokens: tuple[Tag, ...]
    next_page_token: str
    total_size: int


class TagAnswer(msgspec.Struct, frozen=True):
    """One tag."""

    id_token: Tag


class TagPolicy(msgspec.Struct, frozen=True):
    """What is decided for all tags."""

    users_register_tags: bool = False


class TagPolicyAnswer(msgspec.Struct, frozen=True):
    """The policy."""

    policy: TagPolicy


class ChargeLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How much a user, or the tags with a parent, may charge in a month."""

    target: str = ""
    energy_wh: float | None = None
    amount: Decimal | None = None
    currency: str = ""
    used_energy_wh: float = 0.0
    used_amount: Decimal | None = None
    etag: str = ""

    @property
    def parent(self) -> str:
        """The parent that it is for; empty when it is a user's."""
        return self.target.partition("/")[2] if self.target.startswith("tagGroups/") else ""


class ChargeLimits(msgspec.Struct, frozen=True):
    """All limits."""

    limits: tuple[ChargeLimit, ...]


class ChargeLimitAnswer(msgspec.Struct, frozen=True):
    """One limit."""

    limit: ChargeLimit


def kind_word(kind: str) -> str:
    """What a kind of tag is called."""
    return _("Virtual") if kind == "VIRTUAL" else _("Physical")


def type_word(word: str) -> str:
    """What a tag is used for."""
    return {"PRIVATE": _("Private"), "BUSINESS": _("Business")}.get(word, _("Other"))
