"""What people put right of a session, write down about it, and how one is closed whose end never came.

What the station told is never overwritten: a correction lies over it. Each change of a field is kept, with who, when
and why.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from csms.domain.errors import FailedPrecondition, InvalidArgument

MAX_REASON: Final = 500
MAX_TEXT: Final = 200
MAX_NOTE: Final = 2_000
MAX_MILEAGE: Final = 10_000_000
MAX_ENERGY_WH: Final = 10_000_000.0
_LONGEST: Final = timedelta(days=366)
_FUTURE: Final = timedelta(minutes=10)

LOGBOOK_FIELDS: Final = ("mileage_km", "vehicle_id", "purpose", "note", "reference_number")
CORRECTED_FIELDS: Final = ("energy_wh", "start_time", "stop_time", "id_token", "user")
DRIVER_FIELDS: Final = frozenset({"id_token", "user"})
"""Who charged: another tariff may hold for somebody else."""


class Logbook(msgspec.Struct, frozen=True):
    """What the driver or an operator wrote down."""

    mileage_km: int | None = None
    vehicle_id: str = ""
    purpose: str = ""
    note: str = ""
    reference_number: str = ""

    @property
    def complete(self) -> bool:
        """What a station that demands a logbook asks for."""
        return self.mileage_km is not None and self.vehicle_id != ""


class Corrections(msgspec.Struct, frozen=True):
    """What is right, of the fields that were corrected; None: as the station told. `user`: somebody chose whose it is
    (`user_id`, which may be nobody)."""

    energy_wh: float | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    id_token: str | None = None
    user: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """Their names in the control API."""
        given = (
            self.energy_wh is not None,
            self.started_at is not None,
            self.stopped_at is not None,
            self.id_token is not None,
            self.user,
        )
        return tuple(name for name, is_given in zip(CORRECTED_FIELDS, given, strict=True) if is_given)


class Closure(msgspec.Struct, frozen=True):
    """A session was ended without the station's word. `by` empty: by the rule."""

    at: datetime
    by: str
    reason: str


class Change(msgspec.Struct, frozen=True):
    """One field was changed. `actor` empty: by the server."""

    field: str
    before: str
    after: str
    actor: str
    actor_name: str
    at: datetime
    reason: str


class LostSession(msgspec.Struct, frozen=True):
    """A session whose end will hardly come, and why that is thought."""

    session_id: int
    station_id: int
    id_token: str
    reason: str


class Vehicle(msgspec.Struct, frozen=True):
    """One that somebody charged before."""

    vehicle_id: str
    mileage_km: int | None
    charged_at: datetime


def check_reason(reason: str) -> str:
    """Trimmed. Raises InvalidArgument/REASON_MISSING."""
    reason = reason.strip()
    if not reason:
        raise InvalidArgument("Say why: the reason is kept with the session.", reason="REASON_MISSING")
    if len(reason) > MAX_REASON:
        raise InvalidArgument(f"The reason is too long; {MAX_REASON} characters are enough.", reason="REASON_TOO_LONG")
    return reason


def check_logbook(logbook: Logbook) -> Logbook:
    """Trimmed. Raises InvalidArgument/INVALID_LOGBOOK."""
    if logbook.mileage_km is not None and not 0 <= logbook.mileage_km <= MAX_MILEAGE:
        raise InvalidArgument(
            f"The mileage is a whole number of kilometres from 0 to {MAX_MILEAGE}.", reason="INVALID_LOGBOOK"
        )
    texts = {name: getattr(logbook, name).strip() for name in LOGBOOK_FIELDS if name != "mileage_km"}
    for name, text in texts.items():
        most = MAX_NOTE if name == "note" else MAX_TEXT
        if len(text) > most:
            raise InvalidArgument(f"{name} is too long; {most} characters are enough.", reason="INVALID_LOGBOOK")
    return msgspec.structs.replace(logbook, **texts)


def demand_logbook(logbook: Logbook | None) -> None:
    """For a start at a station whose logbook is switched on. Raises FailedPrecondition/LOGBOOK_MISSING."""
    if logbook is None or not logbook.complete:
        raise FailedPrecondition(
            "This station keeps a logbook. Give the mileage and the vehicle's number with the start.",
            reason="LOGBOOK_MISSING",
        )


def check_corrected(energy_wh: float, began_at: datetime, ended_at: datetime, now: datetime) -> None:
    """Can the session have been like this, with its corrections? Raises InvalidArgument/INVALID_CORRECTION."""
    if not 0.0 <= energy_wh <= MAX_ENERGY_WH:
        raise _wrong("The energy is at least zero, and no session charges more than 10 MWh.")
    if ended_at < began_at:
        raise _wrong("The session would end before it begins.")
    if ended_at - began_at > _LONGEST:
        raise _wrong("The session would last longer than a year.")
    if ended_at > now + _FUTURE:
        raise _wrong("The session would end in the future.")


def text_of(value: object) -> str:
    """A value as it is kept among the changes."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)


def _wrong(sentence: str) -> InvalidArgument:
    return InvalidArgument(sentence, reason="INVALID_CORRECTION")
