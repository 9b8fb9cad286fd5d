"""SessionService over the wire."""

from __future__ import annotations

import grpc
import pytest

from control.v1 import sessions_pb2 as pb
from tests.kit.control_world import ControlWorld, Refused


async def five(world: ControlWorld) -> int:
    station = await world.add_station("CP-1")
    for number in range(1, 6):
        world.add_session(number, station, ended=number < 4, values=3)
    return station


@pytest.mark.feature("F-SYS-4")
async def test_sessions_come_newest_first_with_totals_and_a_revision(world: ControlWorld) -> None:
    station = await five(world)
    request = pb.ListSessionsRequest(page_size=3, filter=pb.SessionFilter(station=f"stations/{station}"))
    first = await world.client.call("sessions.ListSessions", request)
    request.page_token = first.next_page_token
    second = await world.client.call("sessions.ListSessions", request)
    assert [s.name for s in [*first.sessions, *second.sessions]] == [f"sessions/{n}" for n in (5, 4, 3, 2, 1)]
    assert (first.total_size, first.revision, second.next_page_token) == (5, world.feed.revision, "")
    assert first.total_energy_wh > 0


async def test_one_session_and_none(world: ControlWorld) -> None:
    await five(world)
    answer = await world.client.call("sessions.GetSession", pb.GetSessionRequest(name="sessions/1"))
    assert (answer.session.state, answer.session.energy_wh) == (pb.SESSION_STATE_ENDED, 1000.0)
    assert not answer.session.HasField("soc_percent")
    for method, request in (
        ("GetSession", pb.GetSessionRequest(name="sessions/99")),
        ("ListMeterValues", pb.ListMeterValuesRequest(session="sessions/99")),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call(f"sessions.{method}", request)
        assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND")
    wrong = pb.ListSessionsRequest(filter=pb.SessionFilter(state=9))  # type: ignore[arg-type]
    with pytest.raises(Refused) as refused:
        await world.client.call("sessions.ListSessions", wrong)
    assert refused.value.reason == "INVALID_FILTER"


async def test_meter_values_page_in_the_order_of_time(world: ControlWorld) -> None:
    await five(world)
    request = pb.ListMeterValuesRequest(session="sessions/5", page_size=2)
    first = await world.client.call("sessions.ListMeterValues", request)
    request.page_token = first.next_page_token
    second = await world.client.call("sessions.ListMeterValues", request)
    times = [value.sample_time.seconds for value in [*first.meter_values, *second.meter_values]]
    assert times == sorted(times)
    assert len(set(times)) == 3


async def test_an_export_goes_on_after_its_cursor(world: ControlWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csms.services.sessions.EXPORT_BATCH", 2)
    await five(world)
    batches = await world.client.collect("sessions.ExportSessions", pb.ExportSessionsRequest())
    assert [[s.name for s in batch.sessions] for batch in batches] == [
        ["sessions/5", "sessions/4"],
        ["sessions/3", "sessions/2"],
        ["sessions/1"],
    ]
    resumed = pb.ExportSessionsRequest(resume_cursor=batches[0].resume_cursor)
    rest = await world.client.collect("sessions.ExportSessions", resumed)
    assert [s.name for batch in rest for s in batch.sessions] == ["sessions/3", "sessions/2", "sessions/1"]
    other = pb.ExportSessionsRequest(
        resume_cursor=batches[0].resume_cursor, filter=pb.SessionFilter(needs_reconciliation=True)
    )
    with pytest.raises(Refused) as refused:
        await world.client.collect("sessions.ExportSessions", other)
    assert refused.value.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.feature("F-SES-2", "F-SES-3")
async def test_an_export_has_the_order_and_the_fields_that_were_asked_for(world: ControlWorld) -> None:
    await five(world)
    request = pb.ExportSessionsRequest(order=pb.SESSION_ORDER_NUMBER, ascending=True)
    request.read_mask.paths.append("energy_wh")
    (batch,) = await world.client.collect("sessions.ExportSessions", request)
    assert [s.name for s in batch.sessions] == [f"sessions/{n}" for n in range(1, 6)]
    assert {field.name for s in batch.sessions for field, _ in s.ListFields()} <= {"name", "energy_wh"}
    other = pb.ExportSessionsRequest(order=pb.SESSION_ORDER_ENERGY, resume_cursor=batch.resume_cursor)
    with pytest.raises(Refused) as refused:
        await world.client.collect("sessions.ExportSessions", other)
    assert refused.value.reason == "INVALID_PAGE_TOKEN"
    request.read_mask.paths.append("colour")
    with pytest.raises(Refused) as refused:
        await world.client.collect("sessions.ExportSessions", request)
    assert refused.value.reason == "INVALID_FIELD_MASK"


@pytest.mark.feature("F-SES-5", "F-SES-8")
async def test_corrections_closing_and_logbook_over_the_wire(world: ControlWorld) -> None:
    station = await five(world)
    wrong = pb.CorrectSessionRequest(name="sessions/1", reason="swapped")
    wrong.values.energy_wh = 500
    wrong.update_mask.paths.append("energy_wh")
    answer = await world.client.call("sessions.CorrectSession", wrong)
    assert (answer.session.energy_wh, answer.session.station_values.energy_wh) == (500, 1_000)
    assert list(answer.session.corrected_fields) == ["energy_wh"]
    closed = await world.client.call("sessions.CloseSession", pb.CloseSessionRequest(name="sessions/5", reason="gone"))
    assert (closed.session.closure.reason, list(closed.session.flags)) == ("gone", ["CLOSED_BY_SERVER"])
    book = pb.UpdateSessionLogbookRequest(name="sessions/1", logbook=pb.SessionLogbook(mileage_km=5, vehicle_id="AB"))
    book.update_mask.paths.extend(["mileage_km", "vehicle_id"])
    written = await world.client.call("sessions.UpdateSessionLogbook", book)
    assert (written.session.logbook.mileage_km, written.session.logbook.vehicle_id) == (5, "AB")
    detail = await world.client.call("sessions.GetSession", pb.GetSessionRequest(name="sessions/1"))
    assert [c.field for c in detail.corrections] == ["energy_wh", "mileage_km", "vehicle_id"]
    totals = await world.client.call("sessions.SummarizeSessions", pb.SummarizeSessionsRequest())
    assert (totals.session_count, totals.active_count) == (5, 1)
    lines = await world.client.call("sessions.GetSessionSeries", pb.GetSessionSeriesRequest(session="sessions/1"))
    assert all(line.points for line in lines.series)
    name = f"stations/{station}"
    await world.client.call("sessions.SetStationLogbook", pb.SetStationLogbookRequest(station=name, enabled=True))
    assert (await world.client.call("sessions.GetStationLogbook", pb.GetStationLogbookRequest(station=name))).enabled
    assert not (await world.client.call("sessions.ListVehicles", pb.ListVehiclesRequest())).vehicles
