"""What followed a command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import QueryParams

from webui import following
from webui.values_stations import Job

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ('[2,"1","S",{"connectorId":1,"status":"Charging","errorCode":"NoError"}]', "status Charging · connectorId 1"),
        ('[2,"1","TransactionEvent",{"eventType":"Started","evse":{"id":2}}]', "evse 2 · eventType Started"),
        ('[2,"1","Heartbeat",{}]', ""),
        ("not a frame, cut of", ""),
        ("[2]", ""),
        ('[2,"1","X",[1]]', ""),
    ],
)  # fmt: skip
def test_a_frame_is_told_by_its_telling_fields(frame: str, words: str):
    assert following.words_of(frame) == words


def job(state: str) -> Job:
    return Job("stations/1/jobs/7", "LOG_UPLOAD", state, "", "", NOW, None)


def test_it_is_asked_again_for_half_a_minute_and_as_long_as_a_job_goes_on():
    wanted = following.Wanted.parse("1", QueryParams({"since": NOW.isoformat(), "job": "7"}))
    later = NOW + timedelta(minutes=2)
    assert wanted.again(NOW + timedelta(seconds=5), None)
    assert not wanted.again(later, None)
    assert wanted.again(later, job("RUNNING"))
    assert not wanted.again(later, job("SUCCEEDED"))
    assert not wanted.again(NOW + timedelta(hours=1), job("RUNNING"))


def test_nonsense_in_the_address_is_asked_for_once():
    wanted = following.Wanted.parse("1", QueryParams("since=soon&job=../x"))
    assert (wanted.job, wanted.again(datetime.now(tz=UTC), None)) == ("", "")
