"""IdTokenService over the wire."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from control.v1 import id_tokens_pb2 as pb
from csms.domain.access import Role
from csms.domain.facts import AuthorizationStatus
from tests.kit.control_world import ControlWorld, Refused


@pytest.mark.feature("F-SYS-4")
async def test_a_change_of_a_tag_counts_for_the_very_next_authorisation(world: ControlWorld) -> None:
    now = datetime.now(UTC)

    def status() -> AuthorizationStatus:
        return world.index.decide("04a2", now).status

    made = await world.client.call(
        "id_tokens.CreateIdToken",
        pb.CreateIdTokenRequest(id_token=pb.IdToken(id_token=" 04a2 ", alias="Red", parent_id_token="fleet")),
    )
    assert (made.id_token.name, made.id_token.id_token) == ("idTokens/1", "04A2")
    assert made.id_token.parent_id_token == "FLEET"
    assert status() is AuthorizationStatus.ACCEPTED
    blocked = pb.IdToken(name="idTokens/1", blocked=True, etag=made.id_token.etag)
    changed = await world.client.call(
        "id_tokens.UpdateIdToken",
        pb.UpdateIdTokenRequest(id_token=blocked, update_mask=FieldMask(paths=["blocked"])),
    )
    assert (changed.id_token.alias, status()) == ("Red", AuthorizationStatus.BLOCKED)
    expired = pb.IdToken(name="idTokens/1", expire_time=Timestamp(seconds=1))
    await world.client.call(
        "id_tokens.UpdateIdToken",
        pb.UpdateIdTokenRequest(id_token=expired, update_mask=FieldMask(paths=["blocked", "expire_time"])),
    )
    assert status() is AuthorizationStatus.EXPIRED
    await world.client.call("id_tokens.DeleteIdToken", pb.DeleteIdTokenRequest(name="idTokens/1"))
    assert status() is AuthorizationStatus.INVALID


async def test_tags_page_in_the_order_of_their_ids(world: ControlWorld) -> None:
    for text in ("C", "A", "B"):
        await world.client.call("id_tokens.CreateIdToken", pb.CreateIdTokenRequest(id_token=pb.IdToken(id_token=text)))
    first = await world.client.call("id_tokens.ListIdTokens", pb.ListIdTokensRequest(page_size=2))
    rest = await world.client.call(
        "id_tokens.ListIdTokens", pb.ListIdTokensRequest(page_size=2, page_token=first.next_page_token)
    )
    assert [t.id_token for t in [*first.id_tokens, *rest.id_tokens]] == ["A", "B", "C"]
    assert first.total_size == 3
    one = await world.client.call("id_tokens.GetIdToken", pb.GetIdTokenRequest(name="idTokens/1"))
    assert one.id_token.id_token == "C"


async def test_what_makes_no_sense_is_refused(world: ControlWorld) -> None:
    tag = pb.IdToken(id_token="A")
    await world.client.call("id_tokens.CreateIdToken", pb.CreateIdTokenRequest(id_token=tag))
    refusals = [
        ("CreateIdToken", pb.CreateIdTokenRequest(id_token=tag), grpc.StatusCode.ALREADY_EXISTS),
        ("CreateIdToken", pb.CreateIdTokenRequest(), grpc.StatusCode.INVALID_ARGUMENT),
        ("GetIdToken", pb.GetIdTokenRequest(name="idTokens/9"), grpc.StatusCode.NOT_FOUND),
        ("DeleteIdToken", pb.DeleteIdTokenRequest(name="idTokens/9"), grpc.StatusCode.NOT_FOUND),
        ("ListIdTokens", pb.ListIdTokensRequest(page_size=-1), grpc.StatusCode.INVALID_ARGUMENT),
        (
            "UpdateIdToken",
            pb.UpdateIdTokenRequest(id_token=pb.IdToken(name="idTokens/1"), update_mask=FieldMask(paths=["id_token"])),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            "UpdateIdToken",
            pb.UpdateIdTokenRequest(
                id_token=pb.IdToken(name="idTokens/1", etag="7"), update_mask=FieldMask(paths=["note"])
            ),
            grpc.StatusCode.ABORTED,
        ),
    ]
    for method, request, code in refusals:
        with pytest.raises(Refused) as refused:
            await world.client.call(f"id_tokens.{method}", request)
        assert refused.value.code is code, (method, refused.value)


@pytest.mark.feature("F-TAG-1")
async def test_all_of_a_tag_goes_over_the_wire_and_lists_are_narrowed_and_ordered(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    user = world.access_store.everybody()[0]
    wanted = pb.IdToken(
        id_token="04a2b3c4",
        alias="Red",
        type=pb.ID_TOKEN_TYPE_BUSINESS,
        user=f"users/{user.id}",
        valid_from_time=Timestamp(seconds=1),
        valid_stations=[f"stations/{station}"],
        valid_places=["places/1"],
    )
    made = (await world.client.call("id_tokens.CreateIdToken", pb.CreateIdTokenRequest(id_token=wanted))).id_token
    assert made.forms[0].decimal == "0077771716"
    assert (made.user_email, made.state) == (user.email, pb.ID_TOKEN_STATE_VALID)
    assert (list(made.valid_stations), list(made.valid_places)) == ([f"stations/{station}"], ["places/1"])
    virtual = pb.IdToken(kind=pb.ID_TOKEN_KIND_VIRTUAL, alias="App", blocked=True)
    made_up = (await world.client.call("id_tokens.CreateIdToken", pb.CreateIdTokenRequest(id_token=virtual))).id_token
    assert (len(made_up.id_token), list(made_up.forms)) == (20, [])
    for narrow, expected in (
        (pb.ListIdTokensRequest(query="0077771716"), ["Red"]),
        (pb.ListIdTokensRequest(user=f"users/{user.id}"), ["Red"]),
        (pb.ListIdTokensRequest(type=pb.ID_TOKEN_TYPE_BUSINESS), ["Red"]),
        (pb.ListIdTokensRequest(kind=pb.ID_TOKEN_KIND_VIRTUAL), ["App"]),
        (pb.ListIdTokensRequest(state=pb.ID_TOKEN_STATE_BLOCKED), ["App"]),
        (pb.ListIdTokensRequest(order=pb.ID_TOKEN_ORDER_ALIAS), ["App", "Red"]),
        (pb.ListIdTokensRequest(order=pb.ID_TOKEN_ORDER_ALIAS, descending=True), ["Red", "App"]),
        (pb.ListIdTokensRequest(station=f"stations/{station}", query="red"), ["Red"]),
    ):
        found = await world.client.call("id_tokens.ListIdTokens", narrow)
        assert [tag.alias for tag in found.id_tokens] == expected
    looked_up = await world.client.call("id_tokens.LookUpIdToken", pb.LookUpIdTokenRequest(text="C4:B3:A2:04"))
    assert looked_up.id_token == made


@pytest.mark.feature("F-TAG-1")
async def test_an_import_is_tried_and_done(world: ControlWorld) -> None:
    user = world.access_store.everybody()[0]
    rows = [pb.IdToken(id_token="A", user_email=user.email), pb.IdToken(id_token="")]
    tried = await world.client.call("id_tokens.ImportIdTokens", pb.ImportIdTokensRequest(id_tokens=rows, dry_run=True))
    assert [(error.row, error.reason) for error in tried.errors] == [(1, "INVALID_ID_TOKEN")]
    done = await world.client.call("id_tokens.ImportIdTokens", pb.ImportIdTokensRequest(id_tokens=rows[:1]))
    assert (done.imported, list(done.errors)) == (1, [])
    tag = await world.client.call("id_tokens.GetIdToken", pb.GetIdTokenRequest(name="idTokens/1"))
    assert tag.id_token.user == f"users/{user.id}"


@pytest.mark.feature("F-TAG-2")
async def test_a_driver_registers_a_tag_once_the_policy_lets_them(world: ControlWorld) -> None:
    operator, world.client.token = world.client.token, world.bearer[Role.EV_USER]
    request = pb.CreateIdTokenRequest(id_token=pb.IdToken(id_token="MINE"))
    with pytest.raises(Refused) as refused:
        await world.client.call("id_tokens.CreateIdToken", request)
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED
    world.client.token = operator
    policy = pb.TagPolicy(users_register_tags=True)
    await world.client.call("id_tokens.SetTagPolicy", pb.SetTagPolicyRequest(policy=policy))
    world.client.token = world.bearer[Role.EV_USER]
    assert (await world.client.call("id_tokens.GetTagPolicy", pb.GetTagPolicyRequest())).policy == policy
    made = (await world.client.call("id_tokens.CreateIdToken", request)).id_token
    assert made.user_email == "ev-user@example.org"
