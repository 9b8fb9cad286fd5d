"""LocalListService over the wire."""

from __future__ import annotations

import pytest

from control.v1 import local_lists_pb2 as pb
from control.v1 import remote_pb2
from csms.domain.authorization import Token
from csms.domain.commands import Answer, Outcome
from csms.domain.facts import AuthorizationStatus
from csms.domain.local_list import LocalListEntry, LocalListVersion, SendLocalList
from csms.ports.directory import Settled
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import ADMIN, NOW


def to(number: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{number}")


def version_is(number: int) -> Settled:
    return Settled(Outcome.ANSWERED, Answer("Accepted", accepted=True, result=LocalListVersion(number)), 0.1)


@pytest.mark.feature("F-OPS-4")
async def test_tags_are_brought_and_read_back(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    for tag in "ABC":
        await world.tokens.create(ADMIN, Token(0, tag, blocked=tag == "C"))
    world.directory.settled.append(version_is(0))
    done = await world.client.call("local_lists.SyncLocalList", pb.SyncLocalListRequest(target=to(number)))
    assert (done.state, done.version, done.full, done.messages, done.entries, done.result.accepted) == (
        pb.LOCAL_LIST_SYNC_STATE_UPDATED,
        1,
        True,
        1,
        3,
        True,
    )
    request = pb.GetLocalListRequest(station=f"stations/{number}", page_size=2)
    first = await world.client.call("local_lists.GetLocalList", request)
    assert (first.version, first.sent_version, first.certain, first.total_size) == (1, 1, True, 3)
    assert [(entry.id_token, entry.status) for entry in first.entries] == [("A", "Accepted"), ("B", "Accepted")]
    request.page_token = first.next_page_token
    rest = await world.client.call("local_lists.GetLocalList", request)
    assert [(entry.id_token, entry.status) for entry in rest.entries] == [("C", "Blocked")]
    assert rest.next_page_token == ""


async def test_a_station_without_lists_is_an_ok_reply(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    world.directory.settled.append(version_is(-1))
    done = await world.client.call("local_lists.SyncLocalList", pb.SyncLocalListRequest(target=to(number)))
    assert (done.state, done.note.endswith(".")) == (pb.LOCAL_LIST_SYNC_STATE_NOT_SUPPORTED, True)


async def test_entries_of_ones_own(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    entry = pb.LocalListEntry(id_token="a", status="Accepted", parent_id_token="p", token_type="KeyCode")
    entry.expire_time.FromDatetime(NOW)
    request = pb.SendLocalListRequest(target=to(number), entries=[entry, pb.LocalListEntry(id_token="b")], version=4)
    sent = await world.client.call("local_lists.SendLocalList", request)
    assert (sent.result.accepted, sent.version) == (True, 4)
    accepted = LocalListEntry("A", AuthorizationStatus.ACCEPTED, NOW, "P", "KeyCode")
    assert world.directory.sent[-1][1] == SendLocalList(4, False, (accepted, LocalListEntry("B")))
    request.entries[0].status = "Fine"
    with pytest.raises(Refused) as refused:
        await world.client.call("local_lists.SendLocalList", request)
    assert refused.value.reason == "INVALID_STATUS"


async def test_the_version_as_the_station_tells_it(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    error = Answer("", accepted=False, error_code="NotImplemented")
    world.directory.settled += [version_is(0), Settled(Outcome.ANSWERED, error, 0.1)]
    request = pb.GetLocalListVersionRequest(target=to(number))
    told = await world.client.call("local_lists.GetLocalListVersion", request)
    assert (told.HasField("version"), told.version) == (True, 0)
    told = await world.client.call("local_lists.GetLocalListVersion", request)
    assert (told.HasField("version"), told.result.error_code) == (False, "NotImplemented")
