"""Files and limits as messages."""

from __future__ import annotations

from datetime import UTC, datetime

from control.convert import files as convert
from csms.domain.transfers import FileKind, FileLimits, StoredFile


def test_a_file_names_its_station_and_job() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    stored = StoredFile(5, FileKind.LOG, "v", "a.log", "text/plain", 7, "ab", 3, None, 9, "", at)
    made = convert.file(stored)
    assert (made.name, made.station, made.job) == ("files/5", "stations/3", "stations/3/jobs/9")


def test_limits_survive_the_way_there_and_back() -> None:
    limits = FileLimits(1, 2, 3, 4, 5, 6)
    assert convert.read_limits(convert.limits(limits)) == limits
