"""Tariffs and costs as the portal shows them. Money is decimal."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec


class Window(msgspec.Struct, frozen=True):
    """Hours of some days, in minutes after midnight; days 0 (Monday) to 6."""

    start_minute: int = 0
    end_minute: int = 0
    weekdays: tuple[int, ...] = ()


class Element(msgspec.Struct, frozen=True):
    """A price of one kind."""

    kind: str
    price: str
    step: int = 0
    grace_s: int = 0
    window: Window | None = None


class Terms(msgspec.Struct, frozen=True):
    """Prices."""

    currency: str = ""
    elements: tuple[Element, ...] = ()
    vat_percent: str = ""
    prices_exclude_vat: bool = False
    minimum: str = ""
    maximum: str = ""


class CostLine(msgspec.Struct, frozen=True):
    """quantity × price = amount."""

    kind: str
    quantity: Decimal | None
    used: Decimal | None
    price: Decimal | None
    amount: Decimal | None
    window: Window | None
    text: str


class Cost(msgspec.Struct, frozen=True):
    """What something costs, and why."""

    currency: str
    lines: tuple[CostLine, ...]
    total_excl: Decimal | None
    vat: Decimal | None
    total_incl: Decimal | None
    vat_percent: Decimal | None


class SessionCost(msgspec.Struct, frozen=True):
    """A revision of a session's cost."""

    revision: int
    tariff_version: str
    tariff_display_name: str
    cost: Cost
    reason: str
    compute_time: datetime | None
