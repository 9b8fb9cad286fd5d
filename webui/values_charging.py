"""Charging profiles, local tag lists and display messages, under the names of control.v1's fields (see api/wire.py)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from webui.operations import Told


class Period(msgspec.Struct, frozen=True):
    """From when (seconds after the begin of its schedule) which limit holds."""

    start_period: int
    limit: float | None


class Schedule(msgspec.Struct, frozen=True):
    """A schedule of a profile."""

    start_schedule: datetime | None
    duration: int | None
    charging_rate_unit: str
    charging_schedule_period: tuple[Period, ...]


class Profile(msgspec.Struct, frozen=True):
    """A charging profile."""

    id: int
    stack_level: int
    charging_profile_purpose: str
    charging_profile_kind: str
    valid_from: datetime | None
    valid_to: datetime | None
    charging_schedule: tuple[Schedule, ...]


class HeldProfile(msgspec.Struct, frozen=True):
    """A profile that a station holds, as far as we know."""

    evse_id: int
    source: str
    profile: Profile
    update_time: datetime | None


class Profiles(msgspec.Struct, frozen=True):
    """All of them."""

    profiles: tuple[HeldProfile, ...] = ()


class CompositeSchedule(msgspec.Struct, frozen=True):
    """What results of all profiles."""

    evse_id: int
    duration: int
    schedule_start: datetime | None
    charging_rate_unit: str
    charging_schedule_period: tuple[Period, ...]


class AnswerWithSchedule(msgspec.Struct, frozen=True):
    """A station's answer with what it computes, and what we do."""

    result: Told
    schedule: CompositeSchedule | None
    computed: CompositeSchedule | None


class Composite(msgspec.Struct, frozen=True):
    """Both schedules."""

    schedule: CompositeSchedule | None
    computed: CompositeSchedule | None


class ListEntry(msgspec.Struct, frozen=True):
    """A tag on a station's local list."""

    id_token: str
    status: str
    expire_time: datetime | None


class LocalList(msgspec.Struct, frozen=True):
    """What we believe of a station's local list."""

    version: int
    sent_version: int
    certain: bool
    update_time: datetime | None
    entries: tuple[ListEntry, ...]
    total_size: int


class Leaf(msgspec.Struct, frozen=True):
    """A value of JSON that is a text or a number."""

    string_value: str


class Inner(msgspec.Struct, frozen=True):
    """An object of JSON within another."""

    fields: dict[str, Leaf]


class Value(msgspec.Struct, frozen=True):
    """A value of JSON: a text, or an object."""

    string_value: str
    struct_value: Inner


class Body(msgspec.Struct, frozen=True):
    """An object of JSON."""

    fields: dict[str, Value]


class DisplayItem(msgspec.Struct, frozen=True):
    """A message that a station shows, as it last told."""

    key: str
    tell_time: datetime | None
    body: Body

    @property
    def content(self) -> str:
        """What it says."""
        message = self.body.fields.get("message")
        found = message.struct_value.fields.get("content") if message else None
        return found.string_value if found else ""

    @property
    def priority(self) -> str:
        """How urgent it is, in OCPP's word."""
        found = self.body.fields.get("priority")
        return found.string_value if found else ""


class DisplayItems(msgspec.Struct, frozen=True):
    """A page of them."""

    items: tuple[DisplayItem, ...] = ()
