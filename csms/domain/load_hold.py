"""What an outlet may draw at this moment, as far as anyone can know, and the charging profiles that make it so.

Each station of a load group has two of our profiles. The fail-safe, for all of its EVSEs, never ends. On top of it
each EVSE has its share, which ends by itself: a station that hears nothing from us falls back to the fail-safe. Shares
above the fail-safe end sooner than those below it. So if the server falls silent altogether, those who have much fall
back before those who have little rise, and the limit holds all the way.

Before a profile is sent it is written down what the station may hold then; so whatever becomes of the answer, and
whoever reads it after a restart, the reckoning is never too low.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
)

SHARE_IDS: Final = 1_900_000_000
"""Our profiles have this id and the EVSE's number on top; 0 is the fail-safe."""
FAIL_SAFE_STACK_LEVEL: Final = 0
SHARE_STACK_LEVEL: Final = 1
MUCH_LASTS: Final = timedelta(minutes=10)
LITTLE_LASTS: Final = timedelta(minutes=30)
RENEWED_AFTER: Final = timedelta(minutes=4)
CLOCKS: Final = timedelta(minutes=1)
"""So much a station's clock may differ from ours."""
UNLIMITED: Final = 1_000_000
"""Nothing is known to hold it back but what the outlet can give."""
SETTLED_AFTER: Final = timedelta(seconds=45)
"""A vehicle takes what it may by then."""


class LoadHold(msgspec.Struct, frozen=True):
    """Of an EVSE (0: the fail-safe of all). `held`: what it may draw at most until `expires_at` (None: for good), also
    when the last answer was lost. `given`: what it accepted last. `changed_at`: since when it charges or waits.
    `answered` False: it did not answer, so nobody knows. `answer`: what it said, when that was not Accepted."""

    station_id: int
    evse_id: int
    held: int
    given: int
    expires_at: datetime | None
    sent_at: datetime
    changed_at: datetime
    answered: bool = True
    answer: str = ""

    @property
    def refused(self) -> bool:
        """The last one was not taken."""
        return bool(self.answer) or not self.answered


def may_draw(share: LoadHold | None, fail_safe: LoadHold | None, *, most: int, told: bool, now: datetime) -> int:
    """At most, from now on, as long as it is not told anything else. `most`: what the outlet can give. `told`: it can
    be told, so its share will be renewed in time."""
    safe = most if fail_safe is None else min(most, fail_safe.held)
    if share is None or share.expires_at is None or share.expires_at + CLOCKS < now:
        return safe
    held = min(most, share.held)
    return held if told and now < share.expires_at - CLOCKS else max(held, safe)


def lasting(current: int, fail_safe: int) -> timedelta:
    """How long such a share lasts."""
    return LITTLE_LASTS if current < fail_safe else MUCH_LASTS


def before_sending(
    old: LoadHold | None, key: tuple[int, int], current: int, draws: int, lasts: timedelta, now: datetime
) -> LoadHold:
    """What to write down before a share is sent: the greater of what it may draw (`draws`) and the new one, until the
    later end."""
    ends = now + lasts
    if old is None:
        return LoadHold(*key, max(draws, current), 0, ends, now, now, answered=False)
    later = ends if old.expires_at is None else max(old.expires_at, ends)
    return msgspec.structs.replace(
        old, held=max(draws, current), expires_at=later, sent_at=now, answered=False, answer=""
    )


def before_sending_fail_safe(old: LoadHold | None, station_id: int, current: int, now: datetime) -> LoadHold:
    """The same for the fail-safe. Until the first one is accepted, nothing holds the station back."""
    if old is None:
        return LoadHold(station_id, 0, UNLIMITED, 0, None, now, now, answered=False)
    return msgspec.structs.replace(old, held=max(old.held, current), sent_at=now, answered=False, answer="")


def after_accepting(sent: LoadHold, current: int, lasts: timedelta | None) -> LoadHold:
    """It took the new one in place of the old one. `lasts` None: for good."""
    toggled = (sent.given > 0) != (current > 0)
    return msgspec.structs.replace(
        sent,
        held=current,
        given=current,
        expires_at=None if lasts is None else sent.sent_at + lasts,
        changed_at=sent.sent_at if toggled else sent.changed_at,
        answered=True,
        answer="",
    )


def after_refusing(old: LoadHold | None, sent: LoadHold, answer: str) -> LoadHold:
    """It keeps what it had, and said why."""
    if old is not None:
        return msgspec.structs.replace(
            sent, held=old.held, given=old.given, expires_at=old.expires_at, answered=True, answer=answer
        )
    held = UNLIMITED if sent.evse_id == 0 else 0  # an EVSE that never had a share: only the fail-safe counts
    return msgspec.structs.replace(sent, held=held, given=0, expires_at=None, answered=True, answer=answer)


def share_profile(evse_id: int, current: int, lasts: timedelta, now: datetime, watts: int | None) -> ChargingProfile:
    """What an EVSE may draw for so long from now. `watts`: for stations that take those only."""
    begins = now.replace(microsecond=0) - CLOCKS
    schedule = _schedule(begins, current, watts, int((lasts + CLOCKS).total_seconds()))
    return _profile(SHARE_IDS + evse_id, SHARE_STACK_LEVEL, schedule)


def fail_safe_profile(current: int, now: datetime, watts: int | None) -> ChargingProfile:
    """What each EVSE may draw when nothing else is said."""
    begins = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return _profile(SHARE_IDS, FAIL_SAFE_STACK_LEVEL, _schedule(begins, current, watts, None))


def _schedule(begins: datetime, current: int, watts: int | None, duration: int | None) -> ChargingSchedule:
    unit, limit = (ChargingRateUnit.AMPERE, current / 10) if watts is None else (ChargingRateUnit.WATT, float(watts))
    return ChargingSchedule(
        1, unit, (ChargingSchedulePeriod(0, limit=limit),), start_schedule=begins, duration=duration
    )


def _profile(number: int, stack_level: int, schedule: ChargingSchedule) -> ChargingProfile:
    return ChargingProfile(
        number, stack_level, ChargingProfilePurpose.TX_DEFAULT_PROFILE, ChargingProfileKind.ABSOLUTE, (schedule,)
    )
