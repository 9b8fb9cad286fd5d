"""Days as date fields give them, as moments in the reader's zone."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from webui.words import current


def begin_of(value: str) -> datetime | None:
    """Midnight at the beginning of the day `YYYY-MM-DD`; None for what is no day."""
    try:
        return datetime.combine(datetime.fromisoformat(value).date(), time(), current.get().zone)
    except ValueError:
        return None


def end_of(value: str) -> datetime | None:
    """Midnight at its end: the first moment that is no longer in it."""
    begin = begin_of(value)
    return datetime.combine(begin.date() + timedelta(days=1), time(), begin.tzinfo) if begin else None


def moment_of(value: str) -> datetime | None:
    """What a field of date and time gives (`YYYY-MM-DDTHH:MM`), in the reader's zone; None for what is none."""
    try:
        return datetime.fromisoformat(value).replace(tzinfo=current.get().zone)
    except ValueError:
        return None
