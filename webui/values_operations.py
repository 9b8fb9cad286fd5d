"""Operations on many stations as the portal shows them: orders, their course, schedules, firmware."""

from __future__ import annotations

from datetime import datetime

import msgspec

from webui.view import State
from webui.words import N_, _

KINDS = {
    "RESET": N_("Restart"),
    "CHANGE_AVAILABILITY": N_("Put in or out of service"),
    "UNLOCK_CONNECTOR": N_("Release cables"),
    "CLEAR_CACHE": N_("Clear the authorisation cache"),
    "TRIGGER_MESSAGE": N_("Ask for a message"),
    "SYNC_LOCAL_LIST": N_("Bring local lists up to date"),
    "SET_VARIABLES": N_("Write variables"),
    "DATA_TRANSFER": N_("Send a vendor's message"),
    "ADMISSION": N_("Let in or keep out"),
    "GET_LOG": N_("Fetch logs"),
    "UPDATE_FIRMWARE": N_("Update firmware"),
}
ENDED = frozenset({"CANCELLED", "STOPPED", "SUCCEEDED", "FAILED"})


class StepCounts(msgspec.Struct, frozen=True, gc=False):
    """How many stations are where."""

    total: int = 0
    pending: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0

    @property
    def ended(self) -> int:
        """How many have an end."""
        return self.succeeded + self.failed + self.skipped + self.unknown


class Draft(msgspec.Struct, frozen=True):
    """As much of what was wanted as is shown."""

    title: str = ""
    concurrency: int = 0


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation."""

    name: str
    kind: str
    draft: Draft
    state: str
    detail: str
    counts: StepCounts
    current_wave: int
    next_wave_time: datetime | None
    creator_display_name: str
    schedule: str
    create_time: datetime | None
    begin_time: datetime | None
    end_time: datetime | None
    revision: int

    @property
    def key(self) -> str:
        """The id of ``operations/{id}``."""
        return self.name.partition("/")[2]

    @property
    def label(self) -> str:
        """What people call it."""
        return self.draft.title or kind_word(self.kind)

    @property
    def ended(self) -> bool:
        """Does it begin nothing any more?"""
        return self.state in ENDED

    @property
    def shown_state(self) -> State:
        """Where it is."""
        return {
            "SCHEDULED": State("pending", _("Waits for its time")),
            "QUEUED": State("occupied", _("About to begin")),
            "RUNNING": State("charging", _("Under way")),
            "PAUSED": State("occupied", _("Paused")),
            "CANCELLED": State("ended", _("Cancelled")),
            "STOPPED": State("fault", _("Stopped: too many failed")),
            "SUCCEEDED": State("free", _("Done")),
            "FAILED": State("fault", _("Ended, not all well")),
        }.get(self.state, State("unknown", self.state))


class OperationPage(msgspec.Struct, frozen=True):
    """A page of operations."""

    operations: tuple[Operation, ...]
    next_page_token: str
    total_size: int


class OperationAnswer(msgspec.Struct, frozen=True):
    """One operation."""

    operation: Operation


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One station of an operation."""

    number: int
    station: str
    station_identity: str
    station_display_name: str
    wave: int
    state: str
    attempt: int
    answer: str
    detail: str
    begin_time: datetime | None
    end_time: datetime | None

    @property
    def label(self) -> str:
        """What the station is called."""
        return self.station_display_name or self.station_identity

    @property
    def shown_state(self) -> State:
        """Where it is."""
        return {
            "PENDING": State("pending", _("Waits")),
            "RUNNING": State("charging", _("Under way")),
            "SUCCEEDED": State("free", _("Done")),
            "FAILED": State("fault", _("Failed")),
            "SKIPPED": State("ended", _("Left out")),
            "UNKNOWN": State("unknown", _("Not known")),
        }.get(self.state, State("unknown", self.state))


class StepPage(msgspec.Struct, frozen=True):
    """A page of steps."""

    steps: tuple[Step, ...]
    next_page_token: str
    total_size: int


class Watched(msgspec.Struct, frozen=True):
    """What an operation is now, and which steps changed."""

    operation: Operation
    steps: tuple[Step, ...]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A station that an operation would concern."""

    station: str
    station_identity: str
    station_display_name: str
    vendor: str
    model: str
    firmware_version: str
    online: bool
    wave: int

    @property
    def label(self) -> str:
        """What the station is called."""
        return self.station_display_name or self.station_identity


class Begun(msgspec.Struct, frozen=True):
    """A new operation; or, for a dry run, whom it would concern."""

    operation: Operation | None
    target_count: int
    targets: tuple[Target, ...]


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that begins by the clock."""

    name: str
    title: str
    minute_of_day: int
    days_of_week: tuple[int, ...]
    date: str
    time_zone: str
    enabled: bool
    next_run_time: datetime | None
    last_run_time: datetime | None
    last_detail: str
    creator: str
    creator_display_name: str
    etag: str

    @property
    def key(self) -> str:
        """The id of ``operationSchedules/{id}``."""
        return self.name.partition("/")[2]

    @property
    def clock(self) -> str:
        """At which time of day."""
        return f"{self.minute_of_day // 60:02d}:{self.minute_of_day % 60:02d}"


class ScheduleAnswer(msgspec.Struct, frozen=True):
    """One schedule."""

    schedule: Schedule


class SchedulePage(msgspec.Struct, frozen=True):
    """A page of schedules."""

    schedules: tuple[Schedule, ...]
    next_page_token: str


class FirmwareImage(msgspec.Struct, frozen=True, kw_only=True):
    """A firmware image."""

    name: str = ""
    vendor: str = ""
    models: tuple[str, ...] = ()
    version: str = ""
    min_version: str = ""
    notes: str = ""
    signature: str = ""
    filename: str = ""
    size_bytes: int = 0
    sha256: str = ""
    create_time: datetime | None = None

    @property
    def key(self) -> str:
        """The id of ``firmwareImages/{id}``."""
        return self.name.partition("/")[2]


class FirmwareImages(msgspec.Struct, frozen=True):
    """By vendor, newest version first."""

    firmware_images: tuple[FirmwareImage, ...]


class StationUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What there is for a station."""

    station: str
    station_identity: str
    station_display_name: str
    vendor: str
    model: str
    firmware_version: str
    standing: str
    image: str
    image_version: str


class StationUpdates(msgspec.Struct, frozen=True):
    """By identity."""

    updates: tuple[StationUpdate, ...]


def kind_word(kind: str) -> str:
    """What a kind of operation is called."""
    return _(KINDS[kind]) if kind in KINDS else kind


def standing_word(standing: str) -> str:
    """How the newest firmware that is known stands to a station's own."""
    return {
        "NONE_KNOWN": _("No firmware is known for it"),
        "UP_TO_DATE": _("Up to date"),
        "UPDATE_AVAILABLE": _("An update is there"),
        "AHEAD": _("Newer than ours"),
        "DIFFERENT": _("Another one; which is newer nobody can tell"),
    }.get(standing, _("It has not told its version"))


def size_word(size: int) -> str:
    """A file's size, as people read it."""
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{max(1, size // 1000)} kB"
