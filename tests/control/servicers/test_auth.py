"""AuthService over the wire."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from control.v1 import auth_pb2 as pb
from csms.domain.access import Role
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import PASSWORD

EMAIL = "administrator@example.org"


async def caller_of(world: ControlWorld, token: str) -> pb.Caller:
    world.client.token = token
    answer: pb.GetCallerResponse = await world.client.call("auth.GetCaller", pb.GetCallerRequest())
    return answer.caller


@pytest.mark.feature("F-SYS-4")
async def test_signing_in_and_out(world: ControlWorld) -> None:
    world.client.token = ""
    signed_in = await world.client.call("auth.SignIn", pb.SignInRequest(email=f" {EMAIL.upper()}", password=PASSWORD))
    assert signed_in.caller.role == pb.ROLE_ADMINISTRATOR
    assert (await caller_of(world, signed_in.token)).email == EMAIL
    await world.client.call("auth.SignOut", pb.SignOutRequest())
    with pytest.raises(Refused) as refused:
        await caller_of(world, signed_in.token)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.UNAUTHENTICATED, "NOT_SIGNED_IN")


async def test_guessing_is_slowed_down_and_told_for_how_long(world: ControlWorld) -> None:
    wrong = pb.SignInRequest(email=EMAIL, password="wrong")
    for _ in range(5):
        with pytest.raises(Refused) as refused:
            await world.client.call("auth.SignIn", wrong)
        assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS")
    with pytest.raises(Refused) as refused:
        await world.client.call("auth.SignIn", pb.SignInRequest(email=EMAIL, password=PASSWORD))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")
    assert 800 < refused.value.retry.retry_delay.seconds <= 900


async def test_a_new_password_ends_the_other_sessions(world: ControlWorld) -> None:
    other = (await world.access.sign_in(EMAIL, PASSWORD)).token
    assert (await caller_of(world, other)).email == EMAIL
    own = world.bearer[Role.ADMINISTRATOR]
    world.client.token = own
    await world.client.call(
        "auth.ChangePassword", pb.ChangePasswordRequest(current_password=PASSWORD, new_password="another1")
    )
    assert (await caller_of(world, own)).email == EMAIL
    with pytest.raises(Refused):
        await caller_of(world, other)
    world.client.token = own
    with pytest.raises(Refused) as weak:
        await world.client.call(
            "auth.ChangePassword", pb.ChangePasswordRequest(current_password="another1", new_password="letters")
        )
    assert weak.value.reason == "WEAK_PASSWORD"


@pytest.mark.feature("F-SYS-4")
async def test_a_key_works_until_it_is_deleted_or_expires(world: ControlWorld) -> None:
    expires = Timestamp()
    expires.FromDatetime(world.time + timedelta(hours=1))
    wanted = pb.ApiKey(display_name="Billing", role=pb.ROLE_SUPPORT, expire_time=expires)
    made = await world.client.call("auth.CreateApiKey", pb.CreateApiKeyRequest(api_key=wanted))
    assert made.secret.startswith("chk_")
    assert made.secret.startswith(made.api_key.hint)
    admin = world.client.token
    assert (await caller_of(world, made.secret)).name == made.api_key.name
    world.client.token = admin
    second = await world.client.call("auth.CreateApiKey", pb.CreateApiKeyRequest(api_key=wanted))
    page = await world.client.call("auth.ListApiKeys", pb.ListApiKeysRequest(page_size=1))
    rest = await world.client.call(
        "auth.ListApiKeys", pb.ListApiKeysRequest(page_size=1, page_token=page.next_page_token)
    )
    assert [key.name for key in [*page.api_keys, *rest.api_keys]] == [second.api_key.name, made.api_key.name]
    await world.client.call("auth.DeleteApiKey", pb.DeleteApiKeyRequest(name=made.api_key.name))
    with pytest.raises(Refused):
        await caller_of(world, made.secret)
    world.time += timedelta(hours=2)
    with pytest.raises(Refused):
        await caller_of(world, second.secret)


async def test_a_key_needs_a_name_a_role_and_a_future(world: ControlWorld) -> None:
    for wanted, reason in (
        (pb.ApiKey(role=pb.ROLE_SUPPORT), "INVALID_NAME"),
        (pb.ApiKey(display_name="X"), "ROLE_MISSING"),
        (pb.ApiKey(display_name="X", role=pb.ROLE_SUPPORT, expire_time=Timestamp(seconds=1)), "INVALID_TIME"),
        (pb.ApiKey(display_name="X", role=pb.ROLE_SUPPORT, expire_time=Timestamp(seconds=10**15)), "INVALID_TIME"),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call("auth.CreateApiKey", pb.CreateApiKeyRequest(api_key=wanted))
        assert refused.value.reason == reason
    with pytest.raises(Refused) as missing:
        await world.client.call("auth.DeleteApiKey", pb.DeleteApiKeyRequest(name="apiKeys/77"))
    assert missing.value.code is grpc.StatusCode.NOT_FOUND
