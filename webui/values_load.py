"""Load groups as the pages want them (control.v1 load_balancing.proto), and the sentences for how they stand."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from webui.view import State
from webui.words import _


class Unit(StrEnum):
    """What a limit is in."""

    UNSPECIFIED = "UNSPECIFIED"
    AMPERE = "AMPERE"
    WATT = "WATT"

    @property
    def label(self) -> str:
        """For a choice."""
        return _("Watts in all (a contract)") if self is Unit.WATT else _("Amperes on each phase (a fuse)")

    @property
    def sign(self) -> str:
        """Behind numbers."""
        return "W" if self is Unit.WATT else "A"


class Sharing(StrEnum):
    """What is shared how."""

    UNSPECIFIED = "UNSPECIFIED"
    FAIR = "FAIR"
    PRIORITY = "PRIORITY"

    @property
    def label(self) -> str:
        """For a choice."""
        return _("The highest priority first") if self is Sharing.PRIORITY else _("The same to each")


class Phases(StrEnum):
    """To which a station is connected."""

    UNSPECIFIED = "UNSPECIFIED"
    ALL = "ALL"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"

    @property
    def label(self) -> str:
        """For a choice."""
        return _("All") if self in (Phases.ALL, Phases.UNSPECIFIED) else self.value


class StationShare(msgspec.Struct, frozen=True):
    """What is particular about one station."""

    station: str
    priority: int = 0
    phases: Phases = Phases.ALL
    max_current_a: float | None = None
    in_watts: bool = False


class LoadGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group."""

    name: str = ""
    place: str = ""
    display_name: str = ""
    unit: Unit = Unit.AMPERE
    limit: float = 0.0
    voltage_v: int = 230
    fail_safe_current_a: float = 6.0
    max_current_a: float = 32.0
    sharing: Sharing = Sharing.FAIR
    meter: bool = False
    meter_max_age_s: int = 60
    fallback_limit: float = 0.0
    stations: tuple[str, ...] = ()
    shares: tuple[StationShare, ...] = ()
    enabled: bool = True
    etag: str = ""

    @property
    def key(self) -> str:
        """The number of ``loadGroups/{id}``."""
        return self.name.partition("/")[2]

    @property
    def place_key(self) -> str:
        """The number of its place."""
        return self.place.partition("/")[2]

    def share_of(self, station: str) -> StationShare:
        """Of a station, which may have nothing particular."""
        return next((each for each in self.shares if each.station == station), StationShare(station))

    def holds(self, station: str) -> bool:
        """Is a station of the place in it?"""
        return not self.stations or station in self.stations


class LoadGroups(msgspec.Struct, frozen=True):
    """All that are seen."""

    load_groups: tuple[LoadGroup, ...]


class LoadGroupAnswer(msgspec.Struct, frozen=True):
    """One."""

    load_group: LoadGroup


class Standing(StrEnum):
    """Why an outlet may draw what it may."""

    UNSPECIFIED = "UNSPECIFIED"
    FULL = "FULL"
    SHARED = "SHARED"
    DRAWS_LESS = "DRAWS_LESS"
    WAITS = "WAITS"
    READY = "READY"
    CLOSED = "CLOSED"
    OFFLINE = "OFFLINE"
    UNCONTROLLED = "UNCONTROLLED"
    REFUSED = "REFUSED"
    SILENT = "SILENT"


class OutletLoad(msgspec.Struct, frozen=True):
    """An outlet now."""

    station: str
    evse_id: int
    station_identity: str
    station_display_name: str
    standing: Standing
    online: bool
    charging: bool
    given_current_a: float
    due_current_a: float
    drawable_current_a: float
    power_w: float
    since_time: datetime | None
    answer: str

    @property
    def label(self) -> str:
        """Its station's name."""
        return self.station_display_name or self.station_identity

    @property
    def key(self) -> str:
        """The number of its station."""
        return self.station.partition("/")[2]

    @property
    def state(self) -> State:
        """In a word, with a sign."""
        if self.standing is Standing.OFFLINE:
            return State("offline", _("Offline"))
        if self.standing in (Standing.UNCONTROLLED, Standing.REFUSED, Standing.SILENT):
            return State("fault", _("Not under control"))
        if self.standing is Standing.WAITS:
            return State("pending", _("Waits"))
        if self.charging:
            return State("charging", _("Charging"))
        return State("free", _("Free"))

    @property
    def why(self) -> str:
        """A sentence."""
        return {
            Standing.FULL: _("It has as much as it can give."),
            Standing.SHARED: _("It has its part of what there is."),
            Standing.DRAWS_LESS: _("Its vehicle takes less than its part; the rest goes to others."),
            Standing.WAITS: _("Not all can charge at once; it waits for its turn."),
            Standing.READY: _("Nobody charges; a vehicle that comes can begin at once."),
            Standing.CLOSED: _("Nobody charges; a vehicle that comes gets its share after a moment."),
            Standing.OFFLINE: _("Its station is offline; so much is kept free for it."),
            Standing.UNCONTROLLED: _("Its station never took a limit; it counts with all that it can give."),
            Standing.REFUSED: _("Its station refused the last limit; it counts with what it had."),
            Standing.SILENT: _("Its station did not answer; the greater of the old limit and the new one counts."),
        }.get(self.standing, "")


class LoadSum(msgspec.Struct, frozen=True):
    """Amperes on each phase, and watts in all."""

    l1_a: float
    l2_a: float
    l3_a: float
    power_w: float

    @property
    def most(self) -> float:
        """On the fullest phase."""
        return max(self.l1_a, self.l2_a, self.l3_a)

    @property
    def least(self) -> float:
        """On the scarcest phase."""
        return min(self.l1_a, self.l2_a, self.l3_a)


class MeterReading(msgspec.Struct, frozen=True):
    """What a grid meter told."""

    time: datetime | None
    l1_a: float
    l2_a: float
    l3_a: float
    power_w: float


class LoadState(msgspec.Struct, frozen=True):
    """A group now."""

    group: LoadGroup
    time: datetime | None
    available: LoadSum
    drawable: LoadSum
    reserved: LoadSum
    fail_safe: LoadSum
    fail_safe_fits: bool
    meter_reading: MeterReading | None
    meter_time: datetime | None
    outlets: tuple[OutletLoad, ...]

    @property
    def in_watts(self) -> bool:
        """Is the limit in watts?"""
        return self.group.unit is Unit.WATT

    def value(self, total: LoadSum, *, scarcest: bool = False) -> float:
        """Of a sum: what counts against the limit."""
        if self.in_watts:
            return total.power_w
        return total.least if scarcest else total.most

    @property
    def available_value(self) -> float:
        """What outlets may draw together, on the scarcest phase."""
        return max(0.0, self.value(self.available, scarcest=True))

    @property
    def meter_is_silent(self) -> bool:
        """It should tell something, and does not."""
        return self.group.meter and self.meter_reading is None

    @property
    def exceeded(self) -> bool:
        """Could more be drawn than there is?"""
        if self.in_watts:
            return self.drawable.power_w > self.available.power_w
        pairs = zip(
            (self.drawable.l1_a, self.drawable.l2_a, self.drawable.l3_a),
            (self.available.l1_a, self.available.l2_a, self.available.l3_a),
            strict=True,
        )
        return any(have > limit for have, limit in pairs)

    @property
    def charging_count(self) -> int:
        """How many charge."""
        return sum(each.charging and each.standing is not Standing.WAITS for each in self.outlets)

    @property
    def waiting_count(self) -> int:
        """How many wait for their turn."""
        return sum(each.standing is Standing.WAITS for each in self.outlets)


class LoadStateAnswer(msgspec.Struct, frozen=True):
    """It."""

    state: LoadState
