"""What followed a command: the messages that the station sent since, and how far its job is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from starlette.datastructures import QueryParams

from webui.api import Client
from webui.page import with_query
from webui.values import ApiError
from webui.values_stations import Job, JobAnswer

WITHOUT_JOB: Final = timedelta(seconds=30)
WITH_JOB: Final = timedelta(minutes=20)
MOST: Final = 12
DULL: Final = ("Heartbeat",)
OVER: Final = ("SUCCEEDED", "FAILED", "CANCELED")
TELLING: Final = (
    "status", "connectorStatus", "connectorId", "evse", "evseId", "errorCode", "eventType", "triggerReason",
    "transactionId", "idTag", "reason", "type", "firmwareVersion",
)  # fmt: skip
"""What of a message is worth a line."""


class Entry(msgspec.Struct, frozen=True):
    """A line of the message log."""

    log_time: datetime | None
    message_type: str
    action: str
    content: str


class Entries(msgspec.Struct, frozen=True):
    """Lines of the message log, newest first."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One message that followed."""

    time: datetime | None
    action: str
    words: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Since when is followed, and which job."""

    key: str
    since: datetime
    job: str = ""

    @classmethod
    def parse(cls, key: str, params: QueryParams) -> Wanted:
        """From the address; nonsense counts as long ago, so it is asked once."""
        try:
            since = datetime.fromisoformat(params.get("since", ""))
        except ValueError:
            since = datetime.now(tz=UTC) - WITH_JOB
        job = params.get("job", "")
        return cls(key, since.replace(tzinfo=since.tzinfo or UTC), job if job.isdecimal() else "")

    def again(self, now: datetime, job: Job | None) -> str:
        """Where to ask next; empty when it is over."""
        running = job is not None and job.state not in OVER
        if now - self.since > (WITH_JOB if running else WITHOUT_JOB):
            return ""
        return address(self.key, self.since, self.job)


def address(key: str, since: datetime, job: str) -> str:
    """Where what followed is told. `job` is a name or its last part."""
    values = {"since": since.isoformat(timespec="milliseconds"), "job": job.rpartition("/")[2]}
    return with_query(f"/stations/{key}/followed", values)


async def job_of(client: Client, wanted: Wanted) -> Job | None:
    """The job, None where there is none to see."""
    if not wanted.job:
        return None
    try:
        name = f"stations/{wanted.key}/jobs/{wanted.job}"
        return (await client.desk.ask("InventoryService/GetJob", JobAnswer, name=name)).job
    except ApiError as error:
        if error.code in ("PERMISSION_DENIED", "NOT_FOUND"):
            return None
        raise


async def lines_of(client: Client, wanted: Wanted) -> list[Line]:
    """What the station sent since, oldest first; nothing for those who may not read its messages."""
    asked = {"direction": "RECEIVED", "log_time_from": wanted.since}
    try:
        found = await client.desk.ask(
            "MessageLogService/ListMessages", Entries, station=f"stations/{wanted.key}", filter=asked, page_size=40
        )
    except ApiError as error:
        if error.code in ("PERMISSION_DENIED", "NOT_FOUND"):
            return []
        raise
    told = [e for e in reversed(found.entries) if e.message_type == "CALL" and e.action not in DULL]
    return [Line(e.log_time, e.action, words_of(e.content)) for e in told[:MOST]]


def words_of(content: str) -> str:
    """The telling fields of a frame in one line: `status Charging · connectorId 1`."""
    try:
        payload = json.loads(content)[3]
    except (ValueError, IndexError, TypeError, KeyError):
        return ""
    if not isinstance(payload, dict):
        return ""
    found = []
    for name in TELLING:
        value = payload.get(name)
        if isinstance(value, dict):
            value = value.get("id")
        if isinstance(value, str | int | float) and value not in ("", "NoError"):
            found.append(f"{name} {value}")
    return " · ".join(found[:4])
