"""What every inventory promises of what stations told."""

from __future__ import annotations

import json

import msgspec
import pytest

from csms.domain.errors import NotFound
from csms.domain.records import EventRecord, ItemRecord, JobKind, JobRecord, JobState, Record, VariableRecord
from csms.ports.inventory import EventFilter, Item, Job, VariableFilter, VariableKey
from tests.kit.records import T0, after
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]

LOG, REPORT = JobKind.LOG_UPLOAD, JobKind.DEVICE_REPORT


async def put(storage: Storage, *records: Record) -> None:
    await storage.journal.put(list(records)).durable()


def an_event(station_id: int, seconds: float, kind: str = "SecurityEventNotification", **more: object) -> EventRecord:
    return EventRecord(station_id, after(seconds), after(seconds), kind, **{"summary": "A sentence.", **more})  # type: ignore[arg-type]


def a_variable(station_id: int, seconds: float, name: str = "Interval", **more: object) -> VariableRecord:
    value: dict[str, object] = {"value": "1", **more}
    return VariableRecord(station_id, "Ctrlr", "", 0, 0, name, "", "Actual", after(seconds), **value)  # type: ignore[arg-type]


def key_of(name: str = "Interval") -> VariableKey:
    return VariableKey("Ctrlr", "", 0, 0, name, "", "Actual")


async def job_of(storage: Storage, job: Job) -> Job:
    found = await storage.inventory.find_job(job.id)
    assert found is not None
    return found


# -- events


async def test_events_are_read_newest_first_page_by_page(storage: Storage) -> None:
    one, two = await storage.station("CP-1"), await storage.station("CP-2")
    await put(storage, *(an_event((one, two)[n % 2], n, summary=f"No. {n}") for n in range(7)))
    seen: list[str] = []
    before: int | None = None
    while page := await storage.inventory.page_events(EventFilter(station_id=one), size=2, before=before):
        seen += [event.summary for event in page]
        before = page[-1].id
    assert seen == ["No. 6", "No. 4", "No. 2", "No. 0"]
    everybody = await storage.inventory.page_events(EventFilter(), size=99)
    assert [event.summary for event in everybody] == [f"No. {n}" for n in range(6, -1, -1)]
    assert list(await storage.inventory.page_events(EventFilter(station_id=10**30), size=2)) == []


async def test_an_event_written_twice_is_one(storage: Storage) -> None:
    station = await storage.station()
    event = an_event(station, 1, body=b'{"a":1}')
    await put(storage, event, event)
    await put(storage, event)
    await put(storage, an_event(station, 1, body=b'{"a":2}'))
    page = await storage.inventory.page_events(EventFilter(), size=9)
    assert [json.loads(each.body) for each in page] == [{"a": 2}, {"a": 1}]


async def test_events_are_filtered(storage: Storage) -> None:
    station = await storage.station()
    await put(
        storage,
        an_event(station, 0, summary="The lid was opened", severity=2, body=b'{"tech":"sensor 7"}'),
        an_event(station, 1, "NotifyEvent", summary="Too hot", severity=5, evse_id=2),
        an_event(station, 2, "FirmwareStatusNotification", summary="100% of it"),
    )
    for wanted, expected in (
        (EventFilter(), [2, 1, 0]),
        (EventFilter(kinds=("NotifyEvent", "FirmwareStatusNotification")), [2, 1]),
        (EventFilter(severity=4), [0]),
        (EventFilter(severity=9), [1, 0]),
        (EventFilter(query="LID was"), [0]),
        (EventFilter(query="100%"), [2]),
        (EventFilter(query="sensor 7"), [0]),
        (EventFilter(query="_"), []),
        (EventFilter(at_from=after(1)), [2, 1]),
        (EventFilter(at_to=after(1)), [0]),
    ):
        page = await storage.inventory.page_events(wanted, size=9)
        assert [(event.at - T0).total_seconds() for event in page] == expected, wanted


async def test_what_a_deleted_station_told_is_left_out_and_harms_nobody(storage: Storage) -> None:
    gone, here = await storage.station("CP-1"), await storage.station("CP-2")
    job = await storage.inventory.begin_job(gone, LOG, b"{}", T0)
    await storage.stations.delete(gone)
    for station in (gone, here):
        await put(
            storage,
            an_event(station, 1),
            ItemRecord(station, "monitor", "1", T0, b"{}"),
            a_variable(station, 1),
            JobRecord(station, LOG, T0, job.id, "Uploading"),
        )
    assert [event.station_id for event in await storage.inventory.page_events(EventFilter(), size=9)] == [here]
    assert list(await storage.inventory.items(gone, "monitor")) == []
    assert len(await storage.inventory.items(here, "monitor")) == 1
    assert (await storage.inventory.page_variables(gone, VariableFilter(), size=9))[1] == 0
    assert await storage.inventory.find_job(job.id) is None
    with pytest.raises(NotFound):
        await storage.inventory.begin_job(gone, LOG, b"{}", T0)
    await storage.inventory.put_item(gone, "monitor", "1", b"{}", T0)
    await storage.inventory.put_variable(gone, key_of(), "1", T0)


async def test_texts_that_no_database_can_keep_do_no_harm(storage: Storage) -> None:
    station = await storage.station()
    await put(
        storage,
        an_event(station, 1, summary="a\0b", body=b'{"a\\u0000":["\\u0000b"]}'),
        ItemRecord(station, "k", "1\0", T0, b'{"x":"\\u0000"}'),
        a_variable(station, 1, value="\0v"),
        JobRecord(station, LOG, T0, 10**30, "\0"),
    )
    event = (await storage.inventory.page_events(EventFilter(), size=9))[0]
    assert (event.summary, json.loads(event.body)) == ("ab", {"a": ["b"]})
    assert await storage.inventory.items(station, "k") == [Item(station, "k", "1", T0, b'{"x": ""}')]


# -- things


async def test_a_thing_is_as_last_told_and_goes(storage: Storage) -> None:
    station = await storage.station()
    await put(storage, ItemRecord(station, "profile", "2", after(1), b'{"n":1}'))
    await put(
        storage,
        ItemRecord(station, "profile", "2", after(5), b'{"n":5}'),
        ItemRecord(station, "profile", "1", after(5), b'{"n":3}'),
        ItemRecord(station, "profile", "1", after(5), b'{"n":4}'),
        ItemRecord(station, "display", "1", after(5), b"{}"),
    )
    await put(storage, ItemRecord(station, "profile", "2", after(2), b'{"n":2}'))
    items = await storage.inventory.items(station, "profile")
    assert [(item.key, json.loads(item.body)) for item in items] == [("1", {"n": 4}), ("2", {"n": 5})]
    await storage.inventory.put_item(station, "profile", "1", None, after(6))
    await put(storage, ItemRecord(station, "profile", "1", after(5), b'{"n":4}'))
    assert [item.key for item in await storage.inventory.items(station, "profile")] == ["2"]
    await storage.inventory.put_item(station, "profile", "3", b"{}", after(9))
    assert await storage.inventory.drop_items(station, "profile", before=after(9)) == 1
    assert [item.key for item in await storage.inventory.items(station, "profile")] == ["3"]
    assert list(await storage.inventory.items(10**30, "profile")) == []


# -- variables


async def test_a_variable_keeps_what_a_later_word_leaves_out(storage: Storage) -> None:
    station = await storage.station()
    await put(
        storage,
        a_variable(station, 1, mutability="ReadOnly", constant=True, characteristics=b'{"unit":"s"}'),
        a_variable(station, 2, value="2", mutability="ReadOnly", constant=True),
    )
    await storage.inventory.put_variable(station, key_of(), "3", after(3))
    await put(storage, a_variable(station, 1, value="old"))
    page, total = await storage.inventory.page_variables(station, VariableFilter(), size=9)
    assert total == 1
    view = page[0]
    assert (view.key, view.value, view.mutability, view.constant, view.at) == (
        key_of(),
        "3",
        "ReadOnly",
        True,
        after(3),
    )
    assert json.loads(view.characteristics) == {"unit": "s"}
    await put(storage, a_variable(station, 4, value=None))
    view = (await storage.inventory.page_variables(station, VariableFilter(), size=9))[0][0]
    assert (view.value, view.mutability, json.loads(view.characteristics)) == (None, "ReadWrite", {"unit": "s"})


async def test_an_event_tells_a_value_and_leaves_what_the_report_told(storage: Storage) -> None:
    station = await storage.station()
    told = a_variable(station, 1, mutability="ReadOnly", persistent=True, characteristics=b'{"unit":"s"}')
    await put(storage, told)
    await put(storage, a_variable(station, 2, value="2", mutability=""))
    # In one batch with the report, and for a variable that no report has told of.
    await put(
        storage, msgspec.structs.replace(told, variable="B"), a_variable(station, 3, "B", value="3", mutability="")
    )
    await put(storage, a_variable(station, 3, "C", value="4", mutability=""))
    await storage.inventory.put_variable(station, key_of("D"), "5", after(3), mutability="ReadOnly")
    await storage.inventory.put_variable(station, key_of("D"), "6", after(4))
    page, _ = await storage.inventory.page_variables(station, VariableFilter(), size=9)
    assert {(v.value, v.mutability, v.persistent, v.characteristics) for v in page} == {
        ("2", "ReadOnly", True, b'{"unit": "s"}'),
        ("3", "ReadOnly", True, b'{"unit": "s"}'),
        ("4", "ReadWrite", False, b"{}"),
        ("6", "ReadOnly", False, b"{}"),
    }


async def test_a_variable_that_was_only_asked_for_is_kept(storage: Storage) -> None:
    station = await storage.station()
    await storage.inventory.put_variable(station, key_of("New"), "7", T0)
    view = (await storage.inventory.page_variables(station, VariableFilter(), size=9))[0][0]
    assert (view.value, view.mutability, view.persistent, view.characteristics) == ("7", "ReadWrite", False, b"{}")


async def test_variables_are_filtered_paged_and_dropped(storage: Storage) -> None:
    station = await storage.station()
    records = [a_variable(station, n, name) for n, name in enumerate(("b", "a", "C", "Ä"))]
    evse = VariableRecord(station, "EVSE", "x", 2, 1, "Power", "", "Actual", after(9), "50%")
    await put(storage, *records, evse)
    seen: list[str] = []
    place: VariableKey | None = None
    while True:
        page, total = await storage.inventory.page_variables(station, VariableFilter(), size=2, after=place)
        assert total == 5
        if not page:
            break
        seen += [view.key.variable for view in page]
        place = page[-1].key
    assert seen == ["C", "a", "b", "Ä", "Power"]
    for wanted, expected in (
        (VariableFilter(component="EVSE"), ["Power"]),
        (VariableFilter(variable="a"), ["a"]),
        (VariableFilter(evse_id=0), ["C", "a", "b", "Ä"]),
        (VariableFilter(query="POW"), ["Power"]),
        (VariableFilter(query="0%"), ["Power"]),
        (VariableFilter(component="EVSE", evse_id=0), []),
    ):
        page, total = await storage.inventory.page_variables(station, wanted, size=9)
        assert ([view.key.variable for view in page], total) == (expected, len(expected)), wanted
    assert await storage.inventory.drop_variables(station, before=after(2)) == 2
    assert (await storage.inventory.page_variables(station, VariableFilter(), size=9))[1] == 3


# -- jobs


async def test_a_job_is_followed_to_its_end_and_then_stays(storage: Storage) -> None:
    station = await storage.station()
    job = await storage.inventory.begin_job(station, LOG, b'{"logType":"DiagnosticsLog"}', T0)
    assert (job.state, job.status, job.finished_at, json.loads(job.request)) == (
        JobState.REQUESTED,
        "",
        None,
        {"logType": "DiagnosticsLog"},
    )
    assert job.id < 2**31
    assert await storage.inventory.find_job(10**30) is None
    await put(storage, JobRecord(station, LOG, after(1), job.id, "Uploading", detail="half "))
    running = await job_of(storage, job)
    assert (running.state, running.status, running.updated_at) == (JobState.RUNNING, "Uploading", after(1))
    steps = [
        JobRecord(station, LOG, after(2), job.id, "Uploading", detail="and half"),
        JobRecord(station, LOG, after(3), job.id, "Uploaded", JobState.SUCCEEDED),
        JobRecord(station, LOG, after(4), job.id, "Idle", JobState.FAILED),
    ]
    await put(storage, *steps)
    await put(storage, *steps)
    done = await job_of(storage, job)
    assert (done.state, done.status, done.detail) == (JobState.SUCCEEDED, "Uploaded", "half and half")
    assert done.finished_at == after(3)
    assert await storage.inventory.change_job(job.id, JobState.CANCELED, after(9)) == done
    with pytest.raises(NotFound):
        await storage.inventory.change_job(10**30, JobState.CANCELED, after(9))


async def test_a_step_is_taken_in_once_however_often_it_is_written(storage: Storage) -> None:
    station = await storage.station()
    job = await storage.inventory.begin_job(station, LOG, b"{}", T0)
    first = JobRecord(station, LOG, after(1), job.id, "Uploading", detail="a")
    await put(storage, first)
    await put(storage, first, JobRecord(station, LOG, after(2), job.id, "Uploading", detail="b"))
    assert (await job_of(storage, job)).detail == "ab"


async def test_a_step_without_a_number_belongs_to_the_newest_unfinished_job_of_its_kind(storage: Storage) -> None:
    station, other = await storage.station("CP-1"), await storage.station("CP-2")
    jobs = [await storage.inventory.begin_job(station, kind, b"{}", T0) for kind in (LOG, LOG, LOG, REPORT)]
    stranger = await storage.inventory.begin_job(other, LOG, b"{}", T0)
    await storage.inventory.change_job(jobs[2].id, JobState.FAILED, T0, status="Rejected")
    await put(storage, JobRecord(station, LOG, after(1), None, "Uploaded", JobState.SUCCEEDED))
    await put(storage, JobRecord(station, LOG, after(1), jobs[3].id, "Uploaded", JobState.SUCCEEDED))
    await put(storage, JobRecord(station, LOG, after(1), stranger.id, "Uploaded", JobState.SUCCEEDED))
    states = [(await job_of(storage, job)).state for job in [*jobs, stranger]]
    requested = JobState.REQUESTED
    assert states == [requested, JobState.SUCCEEDED, JobState.FAILED, requested, requested]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
async def test_a_report_is_whole_when_its_last_part_and_all_before_are_there(
    storage: Storage, order: tuple[int, ...]
) -> None:
    station = await storage.station()
    job = await storage.inventory.begin_job(station, REPORT, b"{}", T0)
    for n, part in enumerate(order):
        assert (await job_of(storage, job)).finished_at is None
        step = JobRecord(station, REPORT, after(n), job.id, part=part, last=part == 2, detail=str(part))
        await put(storage, step, step)
    whole = await job_of(storage, job)
    assert (whole.state, whole.parts, whole.last_part) == (JobState.SUCCEEDED, order, 2)
    assert whole.detail == "".join(map(str, order))


async def test_a_gap_in_a_report_leaves_it_unfinished(storage: Storage) -> None:
    station = await storage.station()
    job = await storage.inventory.begin_job(station, REPORT, b"{}", T0)
    await put(
        storage,
        JobRecord(station, REPORT, after(1), job.id, part=0),
        JobRecord(station, REPORT, after(2), job.id, part=2, last=True),
        JobRecord(station, REPORT, after(3), job.id, part=10**9),
    )
    assert (await job_of(storage, job)).state is JobState.RUNNING


async def test_our_note_of_the_answer_does_not_hide_what_the_station_told_meanwhile(storage: Storage) -> None:
    station = await storage.station()
    job = await storage.inventory.begin_job(station, LOG, b"{}", T0)
    accepted = await storage.inventory.change_job(job.id, JobState.RUNNING, after(1), status="Accepted", detail="x.log")
    assert (accepted.state, accepted.status, accepted.detail) == (JobState.RUNNING, "Accepted", "x.log")
    await put(storage, JobRecord(station, LOG, after(2), job.id, "Uploading"))
    assert (await storage.inventory.change_job(job.id, JobState.RUNNING, after(3), status="Accepted")).status == (
        "Uploading"
    )
    failed = await storage.inventory.change_job(job.id, JobState.CANCELED, after(4), status="AcceptedCanceled")
    assert (failed.state, failed.status, failed.finished_at) == (JobState.CANCELED, "AcceptedCanceled", after(4))


async def test_jobs_are_paged_and_filtered(storage: Storage) -> None:
    one, two = await storage.station("CP-1"), await storage.station("CP-2")
    jobs = [
        await storage.inventory.begin_job(station, kind, b"{}", T0)
        for station, kind in ((one, LOG), (two, LOG), (one, REPORT), (one, LOG))
    ]
    await storage.inventory.change_job(jobs[3].id, JobState.FAILED, T0)
    numbers = [job.id for job in jobs]

    async def found(station_id: int | None, *kinds: JobKind, unfinished: bool = False) -> list[int]:
        seen: list[int] = []
        before: int | None = None
        while page := await storage.inventory.page_jobs(
            station_id, kinds, unfinished=unfinished, size=2, before=before
        ):
            seen += [numbers.index(job.id) for job in page]
            before = page[-1].id
        return seen

    assert await found(None) == [3, 2, 1, 0]
    assert await found(one) == [3, 2, 0]
    assert await found(one, LOG) == [3, 0]
    assert await found(one, LOG, REPORT, unfinished=True) == [2, 0]
    assert await found(10**30) == []
