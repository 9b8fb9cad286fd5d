"""Values to words: numbers, units, times and states, in the manners of whoever asks. Also the templates' filters."""

from __future__ import annotations

import copy
import functools
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from babel import Locale, dates, numbers

from webui.values import (
    Authentication,
    Connection,
    ConnectorStatus,
    Evse,
    Registration,
    Role,
    Session,
    Station,
)
from webui.values_stations import Listed
from webui.words import _, current

DASH = "–"


def number(value: float | None, digits: int = 0) -> str:
    """A number with this many decimals."""
    if value is None:
        return DASH
    return _decimal(value or 0, "#,##0" + ("." + "0" * digits if digits else ""), current.get().locale)


def measured(value: float | None) -> str:
    """A number with the decimals that it has, three at most."""
    if value is None:
        return DASH
    return _decimal(value or 0, "#,##0.###", current.get().locale)


@functools.lru_cache(maxsize=16_384)  # a list says the same numbers again and again, and Babel takes its time
def _decimal(value: float | Decimal, pattern: str, locale: Locale) -> str:
    return str(numbers.format_decimal(value, format=pattern, locale=locale))


def kwh(wh: float | None, digits: int = 2) -> str:
    """Energy with its unit."""
    return DASH if wh is None else f"{number(wh / 1000, digits)} kWh"


def kw(watt: float | None) -> str:
    """Power with its unit."""
    return DASH if watt is None else f"{number(watt / 1000, 0 if watt >= 100_000 else 1)} kW"


def money(amount: Decimal | str | None, currency: str) -> str:
    """An amount as the reader writes it."""
    if amount is None or amount == "":
        return DASH
    return _amount(Decimal(amount), currency, current.get().locale)


@functools.lru_cache(maxsize=16_384)
def _amount(value: Decimal, currency: str, locale: Locale) -> str:
    if not currency:
        return str(numbers.format_decimal(value, locale=locale))
    return _apart(numbers.format_currency(value, currency, locale=locale))


def _apart(text: str) -> str:
    """With a space between the letters of a currency and its digits (CLDR's currencySpacing): SEK 5."""
    return re.sub(r"([A-Z]{3})(\d)", "\\1\u00a0\\2", text)


def price(amount: Decimal | str, currency: str) -> str:
    """The same for a price of a unit, with the decimals that it has: €0.005."""
    value, locale = Decimal(amount), current.get().locale
    exponent = value.normalize().as_tuple().exponent
    digits = max(2, -exponent if isinstance(exponent, int) else 0)
    pattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return _apart(pattern.apply(value, locale, currency=currency, currency_digits=False))


def moment(value: datetime | None, seconds: bool = False) -> str:
    """Date and time in the reader's zone: 12 May 2026, 11:30."""
    if value is None:
        return DASH
    manners = current.get()
    return f"{_date_words(value.astimezone(manners.zone).date(), manners.locale)}, {clock(value, seconds)}"


@functools.lru_cache(maxsize=4096)  # a page of a list says few days often, and Babel takes its time for each
def _date_words(value: date, locale: Locale) -> str:
    return dates.format_date(value, "d MMM y", locale=locale)


def clock(value: datetime | None, seconds: bool = True) -> str:
    """Only the time of day."""
    if value is None:
        return DASH
    return value.astimezone(current.get().zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def day_words(value: datetime | None) -> str:
    """Only the date, in the reader's zone and words: 12 May 2026."""
    manners = current.get()
    return _date_words(value.astimezone(manners.zone).date(), manners.locale) if value else DASH


def month_words(value: str | datetime, *, short: bool = False) -> str:
    """A month, given as `2026-10` or by a moment in it: October 2026; short: Oct. What is no month stays as it is."""
    try:
        first = date.fromisoformat(f"{value}-01") if isinstance(value, str) else value.date()
    except ValueError:
        return str(value)
    return dates.format_date(first, "LLL" if short else "LLLL y", locale=current.get().locale)


def day(value: datetime | None) -> str:
    """The date as a date field wants it."""
    return value.astimezone(current.get().zone).strftime("%Y-%m-%d") if value else ""


def iso(value: datetime | None) -> str:
    """For ``<time datetime>``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else ""


def ago(value: datetime | None, now: datetime | None = None) -> str:
    """How long ago: 3 minutes ago."""
    if value is None:
        return _("never")
    delta = value - (now or datetime.now(tz=UTC))
    if abs(delta) < timedelta(seconds=10):
        return _("just now")
    return str(dates.format_timedelta(delta, add_direction=True, threshold=1.2, locale=current.get().locale))


def span(value: timedelta | None) -> str:
    """A duration: 1 h 05 min, 12 min, 40 s."""
    if value is None:
        return DASH
    total = max(0, int(value.total_seconds()))
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{number(hours)} h {minutes:02d} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def seconds(value: float | None) -> str:
    """The same for a number of seconds."""
    return DASH if value is None else span(timedelta(seconds=value))


def duration(session: Session, now: datetime | None = None) -> timedelta | None:
    """How long a session lasted, or lasts so far; None when begin or end was never seen."""
    if session.start_time is None:
        return None
    if session.stop_time is not None:
        return session.stop_time - session.start_time
    return (now or datetime.now(tz=UTC)) - session.start_time if session.active else None


def latency(seconds: float | None) -> str:
    """How long an answer took."""
    if seconds is None:
        return ""
    return f"{number(seconds * 1000)} ms" if seconds < 10 else f"{number(seconds, 1)} s"


class State:
    """What a station or connector is doing, for the eye: ``key`` is the CSS and icon name, ``label`` the words."""

    __slots__ = ("key", "label")

    def __init__(self, key: str, label: str) -> None:
        self.key = key
        self.label = label


def connector_state(status: ConnectorStatus, online: bool = True) -> State:
    """The state of one connector; what an offline station said last is not known to be true."""
    if not online:
        return State("offline", _("Offline"))
    return {
        ConnectorStatus.AVAILABLE: State("free", _("Available")),
        ConnectorStatus.PREPARING: State("occupied", _("Preparing")),
        ConnectorStatus.CHARGING: State("charging", _("Charging")),
        ConnectorStatus.SUSPENDED_EV: State("charging", _("Paused by vehicle")),
        ConnectorStatus.SUSPENDED_EVSE: State("charging", _("Paused by station")),
        ConnectorStatus.FINISHING: State("occupied", _("Finishing")),
        ConnectorStatus.RESERVED: State("occupied", _("Reserved")),
        ConnectorStatus.UNAVAILABLE: State("unavailable", _("Out of service")),
        ConnectorStatus.FAULTED: State("fault", _("Fault")),
    }.get(status, State("unknown", _("Not told yet")))


def station_state(station: Station | Listed) -> State:
    """The most telling of what a station and its connectors are doing."""
    if station.registration is Registration.PENDING:
        return State("pending", _("Waiting for acceptance"))
    if station.registration is Registration.REJECTED:
        return State("offline", _("Refused"))
    if not station.online:
        return State("offline", _("Offline"))
    states = [connector_state(c.status) for e in station.evses for c in e.connectors]
    keys = [s.key for s in states]
    if station.status is ConnectorStatus.FAULTED or "fault" in keys:
        return State("fault", _("Fault"))
    if "charging" in keys:
        return State("charging", _("Charging"))
    if "occupied" in keys and "free" not in keys:
        return State("occupied", _("Occupied"))
    if station.status is ConnectorStatus.UNAVAILABLE or (keys and all(k == "unavailable" for k in keys)):
        return State("unavailable", _("Out of service"))
    return State("free", _("Free"))


def evse_state(evse: Evse, online: bool) -> State:
    """The state of an EVSE: that of its busiest connector."""
    order = ("fault", "charging", "occupied", "free", "unavailable", "offline", "unknown")
    states = [connector_state(c.status, online) for c in evse.connectors]
    return min(states, key=lambda s: order.index(s.key), default=connector_state(ConnectorStatus.UNSPECIFIED, online))


def session_state(session: Session) -> State:
    """Whether a session is under way."""
    return State("charging", _("Charging")) if session.active else State("ended", _("Ended"))


def connection(value: Connection) -> str:
    """Words for a connection state."""
    return _("Online") if value is Connection.ONLINE else _("Offline")


def authentication(value: Authentication) -> str:
    """How the driver was known."""
    return {
        Authentication.ANONYMOUS: _("Anonymous"),
        Authentication.RFID: _("RFID tag"),
        Authentication.REMOTE: _("Started remotely"),
    }.get(value, DASH)


def role(value: Role) -> str:
    """What a role is called."""
    return {
        Role.ADMINISTRATOR: _("Administrator"),
        Role.SITE_ADMINISTRATOR: _("Site administrator"),
        Role.SUPPORT: _("Support"),
        Role.EV_USER: _("EV driver"),
    }.get(value, DASH)


def tag(session: Session) -> str:
    """A session's tag: its alias when it has one."""
    return session.id_token_alias or session.id_token or DASH


def security_profile(number: int) -> str:
    """What an OCPP security profile means."""
    return {
        0: _("Nothing (profile 0)"),
        1: _("Password (profile 1)"),
        2: _("Password, by TLS (profile 2)"),
        3: _("Certificate, by TLS (profile 3)"),
    }.get(number, DASH)


def refusal_reason(word: str) -> str:
    """Why an attempt to connect failed, and what to do about it."""
    return {
        "WRONG_PASSWORD": _("The password was wrong. If it was the station: set the same one in both places."),
        "NO_PASSWORD": _("It sent no password. If it was the station: set its password there."),
        "NO_TLS": _(
            "It came in the clear, though it must use TLS. If the station was set back: lower what it must prove."
        ),
        "NO_CERTIFICATE": _(
            "It showed no certificate, though it must. If the station was set back: lower what it must prove."
        ),
        "CERTIFICATE_OF_ANOTHER": _("It showed a certificate that names another station. Issue one for this one."),
        "CERTIFICATE_EXPIRED": _("Its certificate has expired. Issue a new one."),
        "CERTIFICATE_NOT_VALID_YET": _("Its certificate is not valid yet. Look at the clock of whoever issued it."),
        "CERTIFICATE_REVOKED": _("Its certificate was revoked. Issue a new one if it may come in again."),
        "TOO_MANY_ATTEMPTS": _("It tried too often and has to wait. Look at the message log for what was wrong."),
    }.get(word, word)


def flag(word: str) -> tuple[str, str]:
    """What was odd about a session: what happened, and what to do about it."""
    return {
        "START_MISSING": (
            _("The start was never seen."),
            _("The station did not send it, or not to us. Take begin and meter start from the station's record."),
        ),
        "STOP_MISSING": (
            _("The stop was never seen."),
            _("The energy counts up to the last meter value. Compare it with the station's own record before billing."),
        ),
        "SUPERSEDED": (
            _("Another session began on this connector before this one was stopped."),
            _("It was ended there and then. Check the energy of both."),
        ),
        "METER_SWAPPED": (
            _("The meter seems to have been exchanged during the session."),
            _("The energy is the sum of both parts. Check the meter readings."),
        ),
        "METER_ROLLED_OVER": (
            _("The meter started again from zero."),
            _("The energy was counted across the roll-over. Nothing to do unless it looks wrong."),
        ),
        "METER_WENT_BACK": (
            _("The meter showed less than before."),
            _("Such values were left out. Have the meter checked if it happens again."),
        ),
        "STOP_CONFLICT": (
            _("The station told two different ends of this session."),
            _("The first one counts. Compare it with the station's own record before billing."),
        ),
        "NOT_AUTHORIZED": (
            _("Energy was given on a tag that had no right to it."),
            _("The station was offline, or decided by itself. Settle it with the driver, or block the tag."),
        ),
        "SEQUENCE_GAP": (
            _("A message of this session has not come yet."),
            _("The station may still send it. If it does not, check the energy against the station's record."),
        ),
        "CLOCK_WRONG": (
            _("The station's clock was far off."),
            _("Begin and end are as the station told them. Send it a time by resetting it, and correct this session."),
        ),
        "CLOSED_BY_SERVER": (
            _("It was closed without the station's word."),
            _("The energy counts up to the last meter value. If the station tells the end after all, that holds."),
        ),
    }.get(word, (word.replace("_", " ").capitalize(), _("Look at the message log of the station for this time.")))


def alarm_kind(word: str) -> str:
    """What is wrong."""
    return {
        "NOT_REGISTERED": _("Not registered"),
        "NO_COMMUNICATION": _("No communication"),
        "NO_NETWORK": _("No network"),
        "HARDWARE_FAULT": _("Hardware fault"),
        "HARDWARE_CONFIGURATION_FAULT": _("Hardware configuration fault"),
        "FUSE_TRIPPED": _("Fuse tripped"),
        "TEMPERATURE": _("Temperature"),
        "SECURITY": _("Security"),
        "BACKUP_STALE": _("Backup too old"),
        "CONFIGURATION_DRIFT": _("Configuration drift"),
    }.get(word, DASH if word in ("", "UNSPECIFIED") else word.replace("_", " ").capitalize())


def severity(word: str) -> str:
    """How bad it is."""
    return {"CRITICAL": _("Critical"), "MAJOR": _("Major"), "MINOR": _("Minor")}.get(word, DASH)


FILTERS = {
    "day_words": day_words,
    "month_words": month_words,
    "number": number,
    "measured": measured,
    "kwh": kwh,
    "kw": kw,
    "money": money,
    "moment": moment,
    "clock": clock,
    "day": day,
    "iso": iso,
    "ago": ago,
    "span": span,
    "seconds": seconds,
    "duration": duration,
    "latency": latency,
    "connector_state": connector_state,
    "station_state": station_state,
    "evse_state": evse_state,
    "session_state": session_state,
    "connection": connection,
    "authentication": authentication,
    "role": role,
    "tag": tag,
    "flag": flag,
    "security_profile": security_profile,
    "refusal_reason": refusal_reason,
    "alarm_kind": alarm_kind,
    "severity": severity,
}
