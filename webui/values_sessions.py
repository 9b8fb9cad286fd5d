"""Sessions as the portal shows them. Money is decimal, energy in Wh, power in W, durations in seconds."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec


class SessionState(StrEnum):
    """Is a session still going on?"""

    UNSPECIFIED = "UNSPECIFIED"
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class Authentication(StrEnum):
    """How the driver was known."""

    UNSPECIFIED = "UNSPECIFIED"
    ANONYMOUS = "ANONYMOUS"
    RFID = "RFID"
    REMOTE = "REMOTE"


class Logbook(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the driver or an operator wrote down."""

    mileage_km: int | None = None
    vehicle_id: str = ""
    purpose: str = ""
    note: str = ""
    reference_number: str = ""


class StationValues(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the station told, where people know better."""

    energy_wh: float = 0.0
    start_time: datetime | None = None
    stop_time: datetime | None = None
    id_token: str = ""


class Closure(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How a session was closed without the station's word. ``closed_by`` is empty for the server's rule."""

    close_time: datetime | None = None
    closed_by: str = ""
    reason: str = ""
    overruled: bool = False


class Session(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One charging session. What was not asked for by a read mask is empty."""

    name: str
    station: str
    station_identity: str
    station_display_name: str
    evse_id: int
    connector_id: int
    transaction_id: str
    id_token: str
    id_token_alias: str
    authorization_status: str
    authentication: Authentication
    authentication_number: int = 0
    state: SessionState
    start_time: datetime | None
    stop_time: datetime | None
    server_log_time: datetime | None
    energy_wh: float
    meter_start_wh: float | None
    meter_stop_wh: float | None
    power_w: float
    max_power_w: float
    soc_percent: float | None
    stop_reason: str
    flags: tuple[str, ...]
    needs_reconciliation: bool
    meter_value_count: int
    last_meter_time: datetime | None
    charging_state: str = ""
    remote_start_id: int = 0
    stop_id_token: str = ""
    charging_time_s: int = 0
    place: str = ""
    reservation: str = ""
    site: str = ""
    floor: str = ""
    site_address: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""
    outlet_id: str = ""
    user: str = ""
    user_email: str = ""
    user_first_name: str = ""
    user_last_name: str = ""
    customer_number: str = ""
    employee_number: str = ""
    id_token_type: str = ""
    duration_s: float | None = None
    average_power_w: float | None = None
    idle_s: float | None = None
    soc_start_percent: float | None = None
    goal_reached_time: datetime | None = None
    plug_in_time: datetime | None = None
    plug_out_time: datetime | None = None
    error_codes: tuple[str, ...] = ()
    charging_profiles: tuple[str, ...] = ()
    start_reason: str = ""
    logbook: Logbook | None = None
    logbook_missing: bool = False
    corrected_fields: tuple[str, ...] = ()
    station_values: StationValues | None = None
    closure: Closure | None = None
    cost: Decimal | None = None
    currency: str = ""
    cost_per_kwh: Decimal | None = None

    @property
    def key(self) -> str:
        """The id of ``sessions/{id}``."""
        return self.name.partition("/")[2]

    @property
    def station_key(self) -> str:
        """The id of its station, empty when that was deleted."""
        return self.station.partition("/")[2]

    @property
    def active(self) -> bool:
        """Is it still going on?"""
        return self.state is SessionState.ACTIVE


class SessionQuery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Which sessions; what is empty matches all."""

    station: str = ""
    id_token: str = ""
    state: SessionState = SessionState.UNSPECIFIED
    start_time_from: datetime | None = None
    start_time_to: datetime | None = None
    query: str = ""
    needs_reconciliation: bool = False


class SessionPage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A page of sessions and the totals of all that match."""

    sessions: tuple[Session, ...]
    next_page_token: str
    total: int
    total_energy_wh: float
    revision: int


class SessionBatch(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A batch of an export and the cursor to go on after it."""

    sessions: tuple[Session, ...]
    resume_cursor: str
