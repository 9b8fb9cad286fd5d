"""Names within a station, and bodies."""

from __future__ import annotations

import pytest

from control.convert.inventory import child_name, job_kinds, read_child_name, struct
from control.v1 import inventory_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.domain.records import JobKind


def test_names_of_what_belongs_to_a_station() -> None:
    assert child_name(3, "jobs", 7) == "stations/3/jobs/7"
    assert read_child_name("stations/3/jobs/7", "jobs") == (3, 7)


@pytest.mark.parametrize(
    "name", ["", "stations/3", "stations/3/jobs", "stations/3/jobs/", "stations/3/events/7", "a/b/c/d"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument):
        read_child_name(name, "jobs")


def test_bodies_become_structs() -> None:
    assert dict(struct(b'{"a": [1, null, {"b": true}]}'))["a"][2]["b"] is True
    assert struct(b"{}") == type(struct(b"{}"))()
    assert struct(b"[1]")["json"] == "[1]"


def test_every_kind_of_job_has_its_number() -> None:
    assert job_kinds([int(pb.JOB_KIND_LOG_UPLOAD)]) == (JobKind.LOG_UPLOAD,)
    assert len({*pb.JobKind.values()}) == len(JobKind) + 1
