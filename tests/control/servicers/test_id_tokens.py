"""IdTokenService over the wire."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from control.v1 import id_tokens_pb2 as pb
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
