"""AuditService over the wire."""

from __future__ import annotations

import contextlib

import pytest

from control.v1 import audit_pb2, places_pb2
from tests.kit.control_world import ControlWorld, Refused


@pytest.mark.feature("F-USR-7")
async def test_what_was_done_is_read_page_by_page(world: ControlWorld) -> None:
    for name in ("North", "South", ""):
        place = places_pb2.Place(kind=places_pb2.PLACE_KIND_SITE, display_name=name)
        with contextlib.suppress(Refused):
            await world.client.call("places.CreatePlace", places_pb2.CreatePlaceRequest(place=place))
    request = audit_pb2.ListAuditEntriesRequest(page_size=2)
    request.filter.method = "CreatePlace"
    first = await world.client.call("audit.ListAuditEntries", request)
    assert [entry.outcome for entry in first.audit_entries][1:] == ["OK"]
    assert first.audit_entries[0].outcome != "OK"
    assert first.audit_entries[1].resource.startswith("places/")
    assert first.audit_entries[1].peer in ("127.0.0.1", "::1")
    request.page_token = first.next_page_token
    second = await world.client.call("audit.ListAuditEntries", request)
    assert (len(second.audit_entries), second.next_page_token) == (1, "")
