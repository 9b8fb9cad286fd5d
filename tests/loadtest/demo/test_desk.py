"""Any call of control.v1 by its name."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from control.v1 import places_pb2, places_pb2_grpc
from loadtest.demo.desk import DemoError, Desk, Reply


class Places(places_pb2_grpc.PlaceServiceServicer):
    """Keeps what it was asked, and refuses one name."""

    def CreatePlace(
        self, request: places_pb2.CreatePlaceRequest, context: grpc.ServicerContext
    ) -> places_pb2.CreatePlaceResponse:
        if request.place.display_name == "Taken":
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "There is one.")
        if dict(context.invocation_metadata()).get("authorization") != "Bearer key":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "Who?")
        request.place.name = "places/7"
        return places_pb2.CreatePlaceResponse(place=request.place)


@pytest.fixture
def desk() -> Iterator[Desk]:
    server = grpc.server(ThreadPoolExecutor(2))
    places_pb2_grpc.add_PlaceServiceServicer_to_server(Places(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Desk(f"127.0.0.1:{port}", "key") as made:
        yield made
    server.stop(None)


def test_a_call_takes_and_gives_plain_values(desk: Desk) -> None:
    place = {"kind": "PLACE_KIND_SITE", "display_name": "North", "position": {"latitude": 57.5}}
    made = desk.call("places.CreatePlace", {"place": place})
    assert made.text("place", "name") == "places/7"
    assert made.number("place", "position", "latitude") == 57.5
    assert made.text("place", "address") == ""


def test_errors_are_sentences(desk: Desk) -> None:
    with pytest.raises(DemoError) as taken:
        desk.call("places.CreatePlace", {"place": {"display_name": "Taken"}})
    assert taken.value.taken
    with pytest.raises(DemoError, match="key create"):
        desk.call("places.CreatePlace", {"place": {"display_name": "X"}}, token="another")
    with pytest.raises(LookupError):
        desk.call("places.Nonsense")


def test_a_server_that_is_not_there_is_named() -> None:
    with Desk("127.0.0.1:1", "key") as desk, pytest.raises(DemoError, match="cannot be reached"):
        desk.call("places.ListPlaces")


def test_replies_have_rows_and_flags() -> None:
    reply = Reply({"rows": [{"a": "1"}, {"a": "2"}], "yes": True})
    assert [row.number("a") for row in reply.rows("rows")] == [1.0, 2.0]
    assert reply.flag("yes")
    assert not reply.flag("no")
    assert reply.rows("none") == []
