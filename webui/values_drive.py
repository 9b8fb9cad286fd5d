"""What the driver's pages show. Money is decimal, energy in Wh."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from webui.values import Session
from webui.values_reservations import Answer, StationBrief


class Sessions(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions under way."""

    sessions: tuple[Session, ...] = ()


class Cost(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What something costs, with taxes. No currency: nothing is to be paid."""

    currency: str = ""
    total_incl: Decimal | None = None


class RunningCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a session has cost up to its last meter value."""

    cost: Cost = Cost()
    tariff_display_name: str = ""


class Element(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A price: per kWh, per minute, or once. A window says that it counts at some hours only."""

    kind: str
    price: Decimal
    grace_s: int = 0
    window: Window | None = None


class Window(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Hours of some days, as minutes after midnight."""

    start_minute: int = 0
    end_minute: int = 0
    weekdays: tuple[int, ...] = ()


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Prices."""

    currency: str = ""
    elements: tuple[Element, ...] = ()
    prices_exclude_vat: bool = False
    vat_percent: str = ""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The prices that hold now."""

    terms: Terms = Terms()


class TariffFor(msgspec.Struct, frozen=True, kw_only=True):
    """Which tariff holds for somebody; none: nothing is to be paid."""

    version: Version | None = None
    tariff_display_name: str = ""


class Logbook(msgspec.Struct, frozen=True, kw_only=True):
    """Does the station ask for mileage and vehicle?"""

    enabled: bool = False


class Vehicle(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A vehicle that was charged before."""

    vehicle_id: str
    mileage_km: int | None = None


class Vehicles(msgspec.Struct, frozen=True, kw_only=True):
    """The one charged last is the first."""

    vehicles: tuple[Vehicle, ...] = ()


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What the station said."""

    result: Answer = Answer()


class Free(msgspec.Struct, frozen=True, kw_only=True):
    """A station that the driver may use; `free` and `outlets` count its outlets."""

    station: StationBrief
    free: int
    outlets: int


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A session under way, with its cost so far; None: not known."""

    session: Session
    cost: Cost | None


class CostTotal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Costs in one currency."""

    currency: str
    amount: Decimal


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Of the sessions of a month."""

    session_count: int = 0
    energy_wh: float = 0.0
    costs: tuple[CostTotal, ...] = ()


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A month of one's own."""

    begin: datetime
    summary: Summary


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A monthly report, as it was made."""

    name: str
    number: str
    month: str
    session_count: int = 0
    energy_wh: float = 0.0

    @property
    def key(self) -> str:
        """The number of ``costReports/{id}``."""
        return self.name.partition("/")[2]


class Reports(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    reports: tuple[Report, ...] = ()


class ReportPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a report as a file."""

    filename: str = ""
    content_type: str = ""
    data: bytes = b""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """Does somebody get reports by mail?"""

    subject: str
    active: bool = False
    recipients: tuple[str, ...] = ()
    language: str = ""
    time_zone: str = ""


class Subscriptions(msgspec.Struct, frozen=True, kw_only=True):
    """Of one subject: at most one."""

    subscriptions: tuple[Subscription, ...] = ()
