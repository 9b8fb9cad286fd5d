"""InventoryService over the wire."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from control.v1 import inventory_pb2 as pb
from csms.domain.records import EventRecord, ItemRecord, JobKind, JobRecord, JobState
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW


async def test_events_page_backwards_and_are_filtered(world: ControlWorld) -> None:
    one, two = await world.add_station("CP-1"), await world.add_station("CP-2")
    for n in range(3):
        at = NOW + timedelta(minutes=n)
        event = EventRecord(one, at, at, "NotifyEvent", f"No. {n}", evse_id=1, severity=n, body=b'{"a":{"b":[1,"x"]}}')
        world.inventory_store.apply([event, EventRecord(two, at, at, "SecurityEventNotification", "Else")])
    request = pb.ListStationEventsRequest(page_size=2, filter=pb.StationEventFilter(station=f"stations/{one}"))
    first = await world.client.call("inventory.ListStationEvents", request)
    assert [event.summary for event in first.events] == ["No. 2", "No. 1"]
    assert first.events[0].body["a"]["b"][1] == "x"
    assert (first.events[0].evse_id, first.events[0].severity) == (1, 2)
    assert first.events[0].name.startswith(f"stations/{one}/events/")
    request.page_token = first.next_page_token
    rest = await world.client.call("inventory.ListStationEvents", request)
    assert ([event.summary for event in rest.events], rest.next_page_token) == (["No. 0"], "")
    everybody = await world.client.call("inventory.ListStationEvents", pb.ListStationEventsRequest())
    assert len(everybody.events) == 6
    assert not everybody.events[0].HasField("severity")
    grave = pb.ListStationEventsRequest(filter=pb.StationEventFilter(severity=0))
    assert len((await world.client.call("inventory.ListStationEvents", grave)).events) == 1


async def test_things_are_paged_by_their_keys(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    world.inventory_store.apply([ItemRecord(station, "monitor", key, NOW, b'{"id":1}') for key in "cab"])
    request = pb.ListStationItemsRequest(station=f"stations/{station}", kind="monitor", page_size=2)
    first = await world.client.call("inventory.ListStationItems", request)
    request.page_token = first.next_page_token
    rest = await world.client.call("inventory.ListStationItems", request)
    assert [item.key for item in [*first.items, *rest.items]] == ["a", "b", "c"]
    assert first.items[0].body["id"] == 1
    assert rest.next_page_token == ""
    request.kind, request.page_token = "", ""
    with pytest.raises(Refused) as refused:
        await world.client.call("inventory.ListStationItems", request)
    assert refused.value.reason == "KIND_MISSING"


async def test_a_thing_nested_too_deeply_for_protobuf_comes_as_text(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    deep = b'{"a":' * 60 + b"1" + b"}" * 60
    world.inventory_store.apply([ItemRecord(station, "tariff", "1", NOW, deep)])
    request = pb.ListStationItemsRequest(station=f"stations/{station}", kind="tariff")
    (item,) = (await world.client.call("inventory.ListStationItems", request)).items
    assert item.body["json"].startswith('{"a": {"a"')


async def test_jobs_are_listed_read_and_given_up(world: ControlWorld) -> None:
    station, other = await world.add_station("CP-1"), await world.add_station("CP-2")
    log = await world.inventory_store.begin_job(station, JobKind.LOG_UPLOAD, b'{"logType":"SecurityLog"}', NOW)
    report = await world.inventory_store.begin_job(station, JobKind.DEVICE_REPORT, b"{}", NOW)
    world.inventory_store.apply([JobRecord(station, JobKind.DEVICE_REPORT, NOW, report.id, part=0, last=True)])
    listed = await world.client.call("inventory.ListJobs", pb.ListJobsRequest(page_size=1))
    assert [job.state for job in listed.jobs] == [pb.JOB_STATE_SUCCEEDED]
    listed = await world.client.call(
        "inventory.ListJobs", pb.ListJobsRequest(page_size=1, page_token=listed.next_page_token)
    )
    assert [(job.kind, job.request["logType"]) for job in listed.jobs] == [(pb.JOB_KIND_LOG_UPLOAD, "SecurityLog")]
    request = pb.ListJobsRequest(
        station=f"stations/{station}", kinds=[pb.JOB_KIND_LOG_UPLOAD, pb.JOB_KIND_DEVICE_REPORT], unfinished=True
    )
    assert len((await world.client.call("inventory.ListJobs", request)).jobs) == 1
    name = f"stations/{station}/jobs/{log.id}"
    given_up = await world.client.call("inventory.CancelJob", pb.CancelJobRequest(name=name))
    assert given_up.job.state == pb.JOB_STATE_CANCELED
    assert (await world.client.call("inventory.GetJob", pb.GetJobRequest(name=name))).job == given_up.job
    assert (await world.inventory_store.find_job(report.id)).state is JobState.SUCCEEDED  # type: ignore[union-attr]
    for wrong in (f"stations/{other}/jobs/{log.id}", f"stations/{station}/jobs/99"):
        with pytest.raises(Refused) as refused:
            await world.client.call("inventory.GetJob", pb.GetJobRequest(name=wrong))
        assert refused.value.code is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("method", "request_", "reason"),
    [
        ("GetJob", pb.GetJobRequest(name="jobs/1"), "INVALID_NAME"),
        ("ListJobs", pb.ListJobsRequest(kinds=[99]), "INVALID_FILTER"),  # type: ignore[list-item]
        ("ListJobs", pb.ListJobsRequest(station="stations/77"), "STATION_NOT_FOUND"),
        (
            "ListStationEvents",
            pb.ListStationEventsRequest(filter=pb.StationEventFilter(station="stations/77")),
            "STATION_NOT_FOUND",
        ),
        ("ListStationEvents", pb.ListStationEventsRequest(filter=pb.StationEventFilter(severity=10)), "INVALID_FILTER"),
        ("ListStationItems", pb.ListStationItemsRequest(station="stations/77", kind="monitor"), "STATION_NOT_FOUND"),
    ],
)
async def test_what_makes_no_sense_is_told(world: ControlWorld, method: str, request_: object, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        await world.client.call(f"inventory.{method}", request_)  # type: ignore[arg-type]
    assert refused.value.reason == reason
