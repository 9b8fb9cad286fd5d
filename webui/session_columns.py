"""The columns of the sessions table, on the screen and in files: how each is called, filled, shown and sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from webui import view
from webui.values import Role, Session
from webui.words import N_, _, current

Cell = str | int | float | bool | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    `fields` is the read mask; `cell` gives the value for a file (a number, a time, a text), `kind` says how the page
    shows it: text, time, number, or a word that live/session_rows.html knows. `order` is a word of SessionOrder.
    """

    key: str
    title: str
    fields: tuple[str, ...]
    cell: Callable[[Session], Cell]
    show: Callable[[Session], str] | None = None
    kind: str = "text"
    order: str = ""
    heading: str = ""
    """What the column of a file is called, where that has a unit."""
    width: int = 16
    """In a printed table, in letters."""

    @property
    def label(self) -> str:
        """On the screen."""
        return _(self.title)

    @property
    def file_label(self) -> str:
        """In a file."""
        return _(self.heading or self.title)

    def text(self, session: Session) -> str:
        """As words."""
        if self.show is not None:
            return self.show(session)
        value = self.cell(session)
        return view.DASH if value in (None, "") else str(value)


def local(value: datetime | None) -> datetime | None:
    """In the reader's zone, without saying so: spreadsheets know no zones."""
    return value.astimezone(current.get().zone).replace(tzinfo=None, microsecond=0) if value else None


def _kwh(wh: float | None) -> float | None:
    return None if wh is None else round(wh / 1000, 3)


def _kw(watt: float | None) -> float | None:
    return None if watt is None else round(watt / 1000, 2)


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 1)


def lasted_s(session: Session) -> float | None:
    """From begin to end, or so far."""
    if session.duration_s is not None:
        return session.duration_s
    so_far = view.duration(session)
    return so_far.total_seconds() if so_far is not None else None


def battery(session: Session) -> str:
    """State of charge: from and to."""
    if session.soc_percent is None:
        return view.DASH
    last = f"{view.number(session.soc_percent)} %"
    first = session.soc_start_percent
    return last if first is None or first == session.soc_percent else f"{view.number(first)} → {last}"


def _time(key: str, title: str, field: str, order: str = "") -> Column:
    return Column(
        key,
        title,
        (field,),
        lambda s: local(getattr(s, field)),
        lambda s: view.moment(getattr(s, field)),
        kind="time",
        order=order,
        width=17,
    )


def _span(key: str, title: str, heading: str, seconds: Callable[[Session], float | None], *fields: str) -> Column:
    return Column(
        key,
        title,
        fields,
        lambda s: _minutes(seconds(s)),
        lambda s: view.seconds(seconds(s)),
        kind="span",
        heading=heading,
        order="DURATION" if key == "duration" else "",
        width=11,
    )


def _energy(key: str, title: str, heading: str, field: str, order: str = "") -> Column:
    return Column(
        key,
        title,
        (field,),
        lambda s: _kwh(getattr(s, field)),
        lambda s: view.kwh(getattr(s, field)),
        kind="number",
        order=order,
        heading=heading,
        width=12,
    )


def _power(key: str, title: str, heading: str, field: str, order: str = "") -> Column:
    return Column(
        key,
        title,
        (field,),
        lambda s: _kw(getattr(s, field)),
        lambda s: view.kw(getattr(s, field)),
        kind="number",
        order=order,
        heading=heading,
        width=12,
    )


def _text(key: str, title: str, field: str, order: str = "", kind: str = "text", width: int = 16) -> Column:
    return Column(key, title, (field,), lambda s: str(getattr(s, field)), kind=kind, order=order, width=width)


def _number(key: str, title: str, field: str, width: int = 8) -> Column:
    return Column(key, title, (field,), lambda s: getattr(s, field) or None, kind="number", width=width)


def _written(key: str, title: str, field: str, width: int = 16) -> Column:
    return Column(key, title, ("logbook",), lambda s: str(getattr(s.logbook, field)) if s.logbook else "", width=width)


COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "session",
        N_("Session"),
        ("name",),
        lambda s: int(s.key) if s.key.isdecimal() else s.key,
        kind="session",
        order="NUMBER",
        width=9,
    ),
    _text("transaction", N_("Transaction"), "transaction_id", kind="mono"),
    Column(
        "station",
        N_("Station"),
        ("station", "station_display_name", "station_identity", "evse_id"),
        lambda s: s.station_display_name or s.station_identity,
        kind="station",
        order="STATION",
        width=20,
    ),
    _text("identity", N_("Station identity"), "station_identity", kind="mono"),
    _text("site", N_("Site"), "site"),
    _text("floor", N_("Floor"), "floor"),
    _text("address", N_("Address"), "site_address", width=22),
    _text("city", N_("City"), "city"),
    _text("postal_code", N_("Postal code"), "postal_code", width=10),
    _text("country", N_("Country"), "country", width=8),
    _text("outlet", N_("Outlet"), "outlet_id", width=9),
    _number("evse", N_("EVSE"), "evse_id"),
    _number("connector", N_("Connector"), "connector_id"),
    _time("start", N_("Start"), "start_time", "START_TIME"),
    _time("stop", N_("End"), "stop_time", "STOP_TIME"),
    _time("plug_in", N_("Plugged in"), "plug_in_time"),
    _time("plug_out", N_("Plugged out"), "plug_out_time"),
    _span("duration", N_("Duration"), N_("Duration (min)"), lasted_s, "duration_s", "start_time", "stop_time", "state"),
    _span(
        "charging_time",
        N_("Time charging"),
        N_("Time charging (min)"),
        lambda s: s.charging_time_s or None,
        "charging_time_s",
    ),
    _time("goal_reached", N_("Goal reached"), "goal_reached_time"),
    _span("idle", N_("Idle"), N_("Idle (min)"), lambda s: s.idle_s, "idle_s"),
    _energy("energy", N_("Energy"), N_("Energy (kWh)"), "energy_wh", "ENERGY"),
    _energy("meter_start", N_("Meter at start"), N_("Meter start (kWh)"), "meter_start_wh"),
    _energy("meter_stop", N_("Meter at stop"), N_("Meter stop (kWh)"), "meter_stop_wh"),
    _power("power", N_("Power now"), N_("Power now (kW)"), "power_w"),
    _power("average_power", N_("Mean power"), N_("Mean power (kW)"), "average_power_w"),
    _power("max_power", N_("Highest power"), N_("Highest power (kW)"), "max_power_w", "MAX_POWER"),
    Column(
        "battery",
        N_("Battery"),
        ("soc_percent", "soc_start_percent"),
        lambda s: s.soc_percent,
        battery,
        kind="number",
        heading=N_("Battery (%)"),
        width=11,
    ),
    Column(
        "authentication", N_("Authentication"), ("authentication",), lambda s: view.authentication(s.authentication)
    ),
    Column(
        "authentication_number",
        N_("Authentication (number)"),
        ("authentication_number",),
        lambda s: s.authentication_number,
        kind="number",
        width=8,
    ),
    _text("authorization", N_("Authorisation"), "authorization_status", width=11),
    _text("start_reason", N_("Start reason"), "start_reason", width=11),
    _text("stop_reason", N_("Stop reason"), "stop_reason", width=14),
    Column(
        "tag", N_("Tag"), ("id_token", "id_token_alias"), lambda s: s.id_token, kind="tag", order="ID_TOKEN", width=18
    ),
    _text("alias", N_("Tag alias"), "id_token_alias"),
    _text("tag_type", N_("Tag type"), "id_token_type", width=10),
    _text("user", N_("User"), "user_email", width=22),
    _text("first_name", N_("First name"), "user_first_name"),
    _text("last_name", N_("Last name"), "user_last_name"),
    _text("customer_number", N_("Customer number"), "customer_number", width=12),
    _text("employee_number", N_("Employee number"), "employee_number", width=12),
    Column(
        "state",
        N_("State"),
        ("state", "needs_reconciliation", "corrected_fields"),
        lambda s: view.session_state(s).label,
        kind="state",
        width=10,
    ),
    Column(
        "flags",
        N_("Flags"),
        ("flags",),
        lambda s: ", ".join(s.flags),
        lambda s: ", ".join(view.flag(word)[0].rstrip(".") for word in s.flags) or view.DASH,
        width=20,
    ),
    Column(
        "check",
        N_("Needs a look"),
        ("needs_reconciliation",),
        lambda s: _("yes") if s.needs_reconciliation else "",
        width=8,
    ),
    Column("errors", N_("Error codes"), ("error_codes",), lambda s: ", ".join(s.error_codes), width=18),
    Column("reservation", N_("Reservation"), ("reservation",), lambda s: s.reservation.partition("/")[2], width=10),
    Column(
        "profiles", N_("Charging profiles"), ("charging_profiles",), lambda s: ", ".join(s.charging_profiles), width=14
    ),
    Column(
        "cost",
        N_("Cost"),
        ("cost", "currency"),
        lambda s: None if s.cost is None else float(s.cost),
        lambda s: view.money(s.cost, s.currency),
        kind="number",
        width=11,
    ),
    Column("currency", N_("Currency"), ("currency",), lambda s: s.currency, width=8),
    Column(
        "cost_per_kwh",
        N_("Cost per kWh"),
        ("cost_per_kwh", "currency"),
        lambda s: None if s.cost_per_kwh is None else float(s.cost_per_kwh),
        lambda s: view.money(s.cost_per_kwh, s.currency),
        kind="number",
        width=11,
    ),
    Column(
        "mileage",
        N_("Mileage"),
        ("logbook",),
        lambda s: s.logbook.mileage_km if s.logbook else None,
        lambda s: (
            f"{view.number(s.logbook.mileage_km)} km" if s.logbook and s.logbook.mileage_km is not None else view.DASH
        ),
        kind="number",
        heading=N_("Mileage (km)"),
        width=10,
    ),
    Column(
        "vehicle",
        N_("Vehicle"),
        ("logbook", "logbook_missing"),
        lambda s: s.logbook.vehicle_id if s.logbook else "",
        kind="vehicle",
        width=12,
    ),
    _written("purpose", N_("Purpose"), "purpose"),
    _written("note", N_("Description"), "note", width=20),
    _written("reference", N_("Reference number"), "reference_number"),
    _number("meter_values", N_("Meter values"), "meter_value_count"),
    _time("log_time", N_("Server log time"), "server_log_time", "SERVER_LOG_TIME"),
)
BY_KEY: Final = {column.key: column for column in COLUMNS}
USUAL: Final = ("session", "state", "station", "tag", "start", "duration", "energy", "cost")
OF_DRIVERS: Final = ("session", "state", "station", "start", "duration", "energy", "cost")
ALWAYS: Final = ("name", "state", "station", "needs_reconciliation")
"""Fields that every row needs, whatever is shown."""


def usual(role: Role) -> tuple[str, ...]:
    """What is shown until somebody chooses."""
    return OF_DRIVERS if role is Role.EV_USER else USUAL


def chosen(keys: Iterable[str], role: Role) -> tuple[Column, ...]:
    """The columns of these keys, each once, in their order; none of them: the usual ones."""
    found = tuple(BY_KEY[key] for key in dict.fromkeys(keys) if key in BY_KEY)
    return found or tuple(BY_KEY[key] for key in usual(role))


def mask(columns: Iterable[Column], *more: str) -> tuple[str, ...]:
    """The fields of a session that these columns need."""
    return tuple(dict.fromkeys([*more, *(field for column in columns for field in column.fields)]))


def utc(value: datetime | None) -> str:
    """For machines."""
    return value.astimezone(UTC).isoformat() if value else ""
