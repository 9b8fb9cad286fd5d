"""What the address of the sessions table says: filters, order, columns, page; and back to an address."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final

from starlette.datastructures import QueryParams

from webui.page import with_query
from webui.session_columns import COLUMNS, Column, chosen
from webui.values import Role, SessionState
from webui.words import N_, _, current

SIZES: Final = (10, 25, 50, 100, 250, 500)
USUAL_SIZE: Final = 50
ORDERS: Final = {column.order: column.key for column in COLUMNS if column.order}
"""Word of SessionOrder → the column whose heading sorts by it."""
KEPT_COLUMNS: Final = "sessions.columns"
"""The preference that keeps them."""
SEPARATOR: Final = "."


@dataclass(frozen=True, slots=True)
class Filter:
    """A field of the filter form. `kind`: text, number, day, choice or choices; `choices`: value → words."""

    name: str
    title: str
    kind: str = "text"
    choices: Mapping[str, str] = field(default_factory=dict)
    step: str = "any"

    @property
    def label(self) -> str:
        """In the reader's language."""
        return _(self.title)

    @property
    def options(self) -> list[tuple[str, str]]:
        """The choices in the reader's language."""
        return [(value, _(words)) for value, words in self.choices.items()]


YES_NO: Final = {"yes": N_("Yes"), "no": N_("No")}
STOP_REASONS: Final = [
    "DeAuthorized",
    "EmergencyStop",
    "EnergyLimitReached",
    "EVDisconnected",
    "GroundFault",
    "HardReset",
    "ImmediateReset",
    "Local",
    "LocalOutOfCredit",
    "MasterPass",
    "Other",
    "OvercurrentFault",
    "PowerLoss",
    "PowerQuality",
    "Reboot",
    "Remote",
    "SOCLimitReached",
    "SoftReset",
    "StoppedByEV",
    "TimeLimitReached",
    "Timeout",
    "UnlockCommand",
]
MORE: Final = (
    Filter("session", N_("Session number")),
    Filter("transaction", N_("Transaction of the station")),
    Filter("station_q", N_("Station contains")),
    Filter("user_q", N_("User contains")),
    Filter("tag_q", N_("Tag or alias contains")),
    Filter("vehicle", N_("Vehicle contains")),
    Filter("evse", N_("EVSE"), "number", step="1"),
    Filter("reservation", N_("Reservation number"), "number", step="1"),
    Filter("energy_min", N_("Energy from (kWh)"), "number"),
    Filter("energy_max", N_("Energy to (kWh)"), "number"),
    Filter("meter_start_min", N_("Meter at start from (kWh)"), "number"),
    Filter("meter_start_max", N_("Meter at start to (kWh)"), "number"),
    Filter("meter_stop_min", N_("Meter at stop from (kWh)"), "number"),
    Filter("meter_stop_max", N_("Meter at stop to (kWh)"), "number"),
    Filter("power_min", N_("Highest power from (kW)"), "number"),
    Filter("power_max", N_("Highest power to (kW)"), "number"),
    Filter("minutes_min", N_("Duration from (min)"), "number"),
    Filter("minutes_max", N_("Duration to (min)"), "number"),
    Filter("ended_since", N_("Ended from"), "day"),
    Filter("ended_until", N_("Ended to"), "day"),
    Filter("logged_since", N_("Server log time from"), "day"),
    Filter("logged_until", N_("Server log time to"), "day"),
    Filter(
        "auth",
        N_("Authentication"),
        "choice",
        {"ANONYMOUS": N_("Anonymous"), "RFID": N_("RFID tag"), "REMOTE": N_("Started remotely")},
    ),
    Filter("reason", N_("Stop reason"), "choice", {word: word for word in STOP_REASONS}),
    Filter(
        "flag",
        N_("Flag"),
        "choice",
        {
            "START_MISSING": N_("Start missing"),
            "STOP_MISSING": N_("Stop missing"),
            "STOP_CONFLICT": N_("Two stops"),
            "METER_SWAPPED": N_("Meter exchanged"),
            "METER_ROLLED_OVER": N_("Meter rolled over"),
            "CLOCK_WRONG": N_("Clock wrong"),
            "NOT_AUTHORIZED": N_("Not authorised"),
            "SEQUENCE_GAP": N_("Message missing"),
            "CLOSED_BY_SERVER": N_("Closed by the server"),
        },
    ),
    Filter("errors", N_("With errors"), "choice", YES_NO),
    Filter("logbook", N_("Logbook"), "choice", {"FILLED": N_("Filled in"), "MISSING": N_("Missing")}),
    Filter("corrected", N_("Corrected"), "choice", YES_NO),
)
PLAIN: Final = (
    Filter("q", N_("Search")),
    Filter("state", N_("State"), "choice", {"ACTIVE": N_("Under way"), "ENDED": N_("Ended")}),
    Filter("since", N_("From"), "day"),
    Filter("until", N_("To"), "day"),
    Filter("tag", N_("Tag")),
    Filter("check", N_("Needs a look"), "choice", {"1": N_("Yes")}),
    Filter("station", N_("Station")),
    Filter("user", N_("User")),
    Filter("place", N_("Place")),
)
FILTERS: Final = {each.name: each for each in (*PLAIN, *MORE)}
_OF_COLUMN: Final = {
    "session": "session",
    "transaction": "transaction",
    "station": "station_q",
    "identity": "station_q",
    "evse": "evse",
    "outlet": "evse",
    "start": "since",
    "stop": "ended_since",
    "duration": "minutes_min",
    "energy": "energy_min",
    "meter_start": "meter_start_min",
    "meter_stop": "meter_stop_min",
    "max_power": "power_min",
    "authentication": "auth",
    "authentication_number": "auth",
    "stop_reason": "reason",
    "tag": "tag_q",
    "alias": "tag_q",
    "user": "user_q",
    "first_name": "user_q",
    "last_name": "user_q",
    "state": "state",
    "flags": "flag",
    "check": "check",
    "errors": "errors",
    "site": "place",
    "floor": "place",
    "reservation": "reservation",
    "vehicle": "vehicle",
    "log_time": "logged_since",
    "mileage": "logbook",
}
"""Column → the filter that narrows it."""


def _clean(each: Filter, value: str) -> str:
    """What counts of a parameter; nonsense counts as not given."""
    value = value.strip()[:200]
    if each.kind == "number":
        return value if _number(value) is not None else ""
    if each.kind == "day":
        return value if _day(value) else ""
    if each.kind == "choice":
        return value if value in each.choices else ""
    return value


@dataclass(frozen=True, slots=True)
class SessionList:
    """What the address says. Days are in the reader's zone; the last one is included."""

    given: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    order: str = "START_TIME"
    ascending: bool = False
    after: str = ""
    size: int = USUAL_SIZE
    counted: bool = False
    """The totals are wanted with the page (without scripts)."""

    @classmethod
    def parse(cls, params: QueryParams, kept: str = "", role: Role = Role.UNSPECIFIED) -> SessionList:
        """From the address; the columns, where it names none, from what the reader chose last."""
        given = {name: _clean(each, params.get(name, "")) for name, each in FILTERS.items()}
        keys = params.get("columns", "") or kept
        size, order = params.get("size", ""), params.get("order", "").upper()
        return cls(
            given={name: value for name, value in given.items() if value},
            columns=chosen(keys.split(SEPARATOR), role),
            order=order if order in ORDERS else "START_TIME",
            ascending=params.get("up", "") == "1",
            after=params.get("after", "")[:2000],
            size=int(size) if size.isdecimal() and int(size) in SIZES else USUAL_SIZE,
            counted=params.get("count", "") == "1",
        )

    def value(self, name: str) -> str:
        """What is in a field of the form."""
        return self.given.get(name, "")

    @property
    def filtered(self) -> bool:
        """Is anything left out?"""
        return bool(self.given)

    @property
    def more(self) -> int:
        """How many of the further filters are set."""
        return sum(each.name in self.given for each in MORE)

    @property
    def fields(self) -> dict[str, object]:
        """SessionFilter, for the control plane."""
        return {name: made for name, make in _FIELDS.items() if (made := make(self.given)) not in (None, "", ())}

    @property
    def column_keys(self) -> str:
        """For the address and the cookie."""
        return SEPARATOR.join(column.key for column in self.columns)

    @property
    def other_columns(self) -> tuple[Column, ...]:
        """Those that are not shown."""
        return tuple(column for column in COLUMNS if column not in self.columns)

    def url(self, path: str = "/sessions", **changes: str) -> str:
        """The address with some changes; any change begins at the first page."""
        values = {
            **self.given,
            "order": self.order.lower() if self.order != "START_TIME" else "",
            "up": "1" if self.ascending else "",
            "size": str(self.size) if self.size != USUAL_SIZE else "",
        }
        return with_query(path, values | changes)

    @property
    def here(self) -> str:
        """This very page."""
        return self.url(after=self.after)

    @property
    def digest(self) -> str:
        """Short, and another one for other filters: what is counted for one is not taken for the other's."""
        return hashlib.sha256(repr(sorted(self.given.items())).encode()).hexdigest()[:12]

    @property
    def live(self) -> str:
        """The stream that keeps this list true."""
        return self.url("/live/sessions", after=self.after, columns=self.column_keys)

    def sort_url(self, column: Column) -> str:
        """Sorted by this column; the other way round when it is already."""
        up = column.order == self.order and not self.ascending
        return self.url(order=column.order.lower() if column.order != "START_TIME" else "", up="1" if up else "")

    def sorted_as(self, column: Column) -> str:
        """For aria-sort."""
        if column.order != self.order:
            return "none"
        return "ascending" if self.ascending else "descending"

    def filter_of(self, column: Column) -> Filter | None:
        """What narrows this column."""
        return FILTERS.get(_OF_COLUMN.get(column.key, ""))

    @property
    def chips(self) -> list[tuple[str, str, str]]:
        """Filters that are set: what, its value in words, the address without it."""
        return [
            (FILTERS[name].label, _in_words(FILTERS[name], value), self.url(**{name: ""}))
            for name, value in self.given.items()
            if name != "q"
        ]


def _in_words(each: Filter, value: str) -> str:
    return _(each.choices[value]) if value in each.choices else value


def _number(value: str) -> float | None:
    try:
        number = float(value.replace(",", "."))
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None


def _day(value: str) -> datetime | None:
    """Midnight at the beginning of a day in the reader's zone."""
    try:
        return datetime.combine(datetime.fromisoformat(value).date(), time(), current.get().zone)
    except (ValueError, OverflowError):
        return None


def _next_day(midnight: datetime | None) -> datetime | None:
    if midnight is None:
        return None
    return datetime.combine(midnight.date() + timedelta(days=1), time(), midnight.tzinfo)


Given = Mapping[str, str]
Make = Callable[[Given], object]


def _same(name: str) -> Make:
    return lambda given: given.get(name, "")


def _named(name: str, collection: str) -> Make:
    def make(given: Given) -> str:
        key = given.get(name, "").removeprefix(f"{collection}/")
        return f"{collection}/{key}" if key else ""

    return make


def _range(least: str, most: str, factor: float) -> Make:
    def make(given: Given) -> dict[str, float] | None:
        ends = {"from": _number(given.get(least, "")), "to": _number(given.get(most, ""))}
        return {end: value * factor for end, value in ends.items() if value is not None} or None

    return make


def _since(name: str) -> Make:
    return lambda given: _day(given.get(name, ""))


def _until(name: str) -> Make:
    return lambda given: _next_day(_day(given.get(name, "")))


def _one_of(name: str) -> Make:
    return lambda given: (given[name],) if name in given else ()


def _yes(name: str) -> Make:
    return lambda given: {"yes": True, "no": False}.get(given.get(name, ""))


def _whole(name: str) -> Make:
    def make(given: Given) -> int | None:
        number = _number(given.get(name, ""))
        return None if number is None else max(0, min(int(number), 2**31 - 1))

    return make


_FIELDS: Final[dict[str, Make]] = {
    "station": _named("station", "stations"),
    "id_token": _same("tag"),
    "state": lambda given: SessionState(given["state"]) if "state" in given else None,
    "start_time_from": _since("since"),
    "start_time_to": _until("until"),
    "query": _same("q"),
    "needs_reconciliation": lambda given: True if "check" in given else None,
    "place": _named("place", "places"),
    "session": _same("session"),
    "evse_id": _whole("evse"),
    "authentications": _one_of("auth"),
    "energy_wh": _range("energy_min", "energy_max", 1000.0),
    "meter_start_wh": _range("meter_start_min", "meter_start_max", 1000.0),
    "meter_stop_wh": _range("meter_stop_min", "meter_stop_max", 1000.0),
    "max_power_w": _range("power_min", "power_max", 1000.0),
    "duration_s": _range("minutes_min", "minutes_max", 60.0),
    "stop_time_from": _since("ended_since"),
    "stop_time_to": _until("ended_until"),
    "server_log_time_from": _since("logged_since"),
    "server_log_time_to": _until("logged_until"),
    "user": _named("user", "users"),
    "user_query": _same("user_q"),
    "station_query": _same("station_q"),
    "id_token_query": _same("tag_q"),
    "stop_reasons": _one_of("reason"),
    "flags": _one_of("flag"),
    "has_errors": _yes("errors"),
    "logbook": lambda given: given.get("logbook"),
    "vehicle_query": _same("vehicle"),
    "corrected": _yes("corrected"),
    "transaction_id": _same("transaction"),
    "reservation": _named("reservation", "reservations"),
}
