"""MessageLogService over the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from control.v1 import messages_pb2 as pb
from csms.ports.message_log import Direction
from tests.kit.control_world import ControlWorld, Refused


async def test_the_log_pages_backwards_and_filters(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    for beat in range(3):
        world.log.record(number, Direction.RECEIVED, f'[2,"{beat}"]', message_type="CALL", action="Heartbeat")
    world.log.record(number, Direction.SENT, '[3,"2",{}]', message_type="CALLRESULT", latency_s=0.5)
    request = pb.ListMessagesRequest(station=f"stations/{number}", page_size=2)
    first = await world.client.call("messages.ListMessages", request)
    request.page_token = first.next_page_token
    rest = await world.client.call("messages.ListMessages", request)
    assert [entry.sequence for entry in [*first.entries, *rest.entries]] == [4, 3, 2, 1]
    assert first.entries[0].latency == Duration(nanos=500_000_000)
    assert not first.entries[1].HasField("latency")
    wanted = pb.MessageFilter(direction=pb.MESSAGE_DIRECTION_SENT)
    sent = await world.client.call(
        "messages.ListMessages", pb.ListMessagesRequest(station=f"stations/{number}", filter=wanted)
    )
    assert [entry.message_type for entry in sent.entries] == ["CALLRESULT"]


async def test_a_page_of_huge_frames_is_cut_before_clients_refuse_it(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    for _ in range(300):
        world.log.record(number, Direction.RECEIVED, "x" * 16_384)
    request = pb.ListMessagesRequest(station=f"stations/{number}", page_size=1000)
    seen = 0
    while True:
        page = await world.client.call("messages.ListMessages", request)
        seen += len(page.entries)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert seen == 300


async def test_a_follower_gets_what_fits_as_it_comes(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")

    async def follow() -> list[str]:
        call = world.client.open(
            "messages.TailMessages",
            pb.TailMessagesRequest(station=f"stations/{number}", filter=pb.MessageFilter(action="Heartbeat")),
        )
        hello = await call.read()
        assert not hello.entries
        world.door._token.run_sync_soon(world.log.record, number, Direction.SENT, "other")
        world.door._token.run_sync_soon(_beat, world, number)
        return [entry.content for entry in (await call.read()).entries]

    assert await world.client.asyncio(follow) == ["beat"]


def _beat(world: ControlWorld, number: int) -> None:
    world.log.record(number, Direction.RECEIVED, "beat", action="Heartbeat")


@pytest.mark.feature("F-OCPP-12")
async def test_an_export_has_all_that_match_and_goes_on_after_a_break(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    for beat in range(1_101):
        world.log.record(number, Direction.RECEIVED, str(beat), action="Heartbeat" if beat % 2 else "MeterValues")
    wanted = pb.MessageFilter(action="Heartbeat")
    request = pb.ExportMessagesRequest(station=f"stations/{number}", filter=wanted)
    first = await world.client.collect("messages.ExportMessages", request, 2)
    request.resume_cursor = first[-1].resume_cursor
    rest = await world.client.collect("messages.ExportMessages", request)
    contents = [int(entry.content) for part in [*first, *rest] for entry in part.entries]
    assert contents == list(range(1_099, 0, -2))
    assert max(len(part.entries) for part in rest) == 100
    request.filter.action = "MeterValues"
    with pytest.raises(Refused) as refused:
        await world.client.collect("messages.ExportMessages", request)
    assert refused.value.reason == "INVALID_PAGE_TOKEN"


async def test_an_export_of_huge_frames_passes_what_clients_take(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    for _ in range(300):
        world.log.record(number, Direction.RECEIVED, "x" * 16_384)
    parts = await world.client.collect(
        "messages.ExportMessages", pb.ExportMessagesRequest(station=f"stations/{number}")
    )
    assert sum(len(part.entries) for part in parts) == 300


async def test_no_such_station(world: ControlWorld) -> None:
    for refusal in (
        world.client.call("messages.ListMessages", pb.ListMessagesRequest(station="stations/9")),
        world.client.collect("messages.TailMessages", pb.TailMessagesRequest(station="stations/9")),
        world.client.collect("messages.ExportMessages", pb.ExportMessagesRequest(station="stations/9")),
    ):
        with pytest.raises(Refused) as refused:
            await refusal
        assert refused.value.code is grpc.StatusCode.NOT_FOUND
