"""UserService over the wire."""

from __future__ import annotations

import json

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import auth_pb2, users_pb2
from csms.domain.access import Role
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import PASSWORD


def a_user(email: str = "ann@example.org", **fields: object) -> users_pb2.User:
    return users_pb2.User(email=email, first_name="Ann", role=auth_pb2.ROLE_SUPPORT, **fields)  # type: ignore[arg-type]


async def create(world: ControlWorld, email: str = "ann@example.org", **fields: object) -> users_pb2.User:
    answer = await world.client.call("users.CreateUser", users_pb2.CreateUserRequest(user=a_user(email, **fields)))
    return answer.user  # type: ignore[no-any-return]


@pytest.mark.feature("F-USR-2")
async def test_a_user_is_made_read_changed_and_deleted(world: ControlWorld) -> None:
    made = await create(world, mobile="1")
    world.own_data.tags[int(made.name.partition("/")[2])] = ["04A1"]
    request = users_pb2.UpdateUserRequest(
        user=users_pb2.User(name=made.name, mobile="2", etag=made.etag), update_mask=FieldMask(paths=["mobile"])
    )
    changed = (await world.client.call("users.UpdateUser", request)).user
    assert (changed.mobile, changed.email, changed.role) == ("2", "ann@example.org", auth_pb2.ROLE_SUPPORT)
    with pytest.raises(Refused) as stale:
        await world.client.call("users.UpdateUser", request)
    assert stale.value.code is grpc.StatusCode.ABORTED
    found = (await world.client.call("users.GetUser", users_pb2.GetUserRequest(name=made.name))).user
    assert list(found.id_tokens) == ["04A1"]
    await world.client.call("users.DeleteUser", users_pb2.DeleteUserRequest(name=made.name))
    with pytest.raises(Refused) as gone:
        await world.client.call("users.GetUser", users_pb2.GetUserRequest(name=made.name))
    assert gone.value.reason == "USER_NOT_FOUND"


@pytest.mark.feature("F-USR-2")
async def test_users_page_with_a_filter(world: ControlWorld) -> None:
    for number in range(3):
        await create(world, f"ann{number}@example.org")
    request = users_pb2.ListUsersRequest(filter=users_pb2.UserFilter(query="ann"), page_size=2)
    first = await world.client.call("users.ListUsers", request)
    assert ([user.email[:4] for user in first.users], first.total_size) == (["ann0", "ann1"], 3)
    request.page_token = first.next_page_token
    second = await world.client.call("users.ListUsers", request)
    assert ([user.email[:4] for user in second.users], second.next_page_token) == (["ann2"], "")
    request.filter.query = "other"
    with pytest.raises(Refused) as mixed:
        await world.client.call("users.ListUsers", request)
    assert mixed.value.reason == "INVALID_PAGE_TOKEN"


async def test_a_link_in_an_answer_is_not_kept_on_disk(world: ControlWorld) -> None:
    world.mails._mailer = None
    request = users_pb2.CreateUserRequest(user=a_user(), invite=True, request_id="r-1")
    first = await world.client.call("users.CreateUser", request)
    assert "#token=" in first.invitation_link
    again = await world.client.call("users.CreateUser", request)
    assert again.invitation_link == first.invitation_link
    assert first.invitation_link.encode() not in repr(vars(world.requests)).encode()
    assert first.invitation_link not in str(world.audit_store.entries)
    link = (
        await world.client.call("users.InviteUser", users_pb2.InviteUserRequest(name=first.user.name))
    ).invitation_link
    assert link != first.invitation_link


async def test_an_administrator_takes_a_lost_second_factor_away(world: ControlWorld) -> None:
    made = await create(world)
    await world.client.call("users.ResetSecondFactor", users_pb2.ResetSecondFactorRequest(name=made.name))


@pytest.mark.feature("F-USR-5")
async def test_own_settings_export_and_going(world: ControlWorld) -> None:
    world.client.token = world.bearer[Role.EV_USER]
    settings = users_pb2.UserSettings(
        theme=users_pb2.THEME_DARK, dashboard_widgets=["energy"], preferences={"columns": "a.b"}
    )
    request = users_pb2.UpdateSettingsRequest(
        settings=settings, update_mask=FieldMask(paths=["theme", "dashboard_widgets", "preferences"])
    )
    await world.client.call("users.UpdateSettings", request)
    found = (await world.client.call("users.GetSettings", users_pb2.GetSettingsRequest())).settings
    assert (found.theme, list(found.dashboard_widgets), found.language) == (users_pb2.THEME_DARK, ["energy"], "en")
    assert dict(found.preferences) == {"columns": "a.b"}
    pieces = await world.client.collect("users.ExportOwnData", users_pb2.ExportOwnDataRequest())
    assert json.loads("".join(piece.json for piece in pieces))["account"]["email"] == "ev-user@example.org"
    gone = users_pb2.DeleteOwnAccountRequest(password=PASSWORD, email_again="ev-user@example.org")
    await world.client.call("users.DeleteOwnAccount", gone)
    with pytest.raises(Refused) as out:
        await world.client.call("users.GetSettings", users_pb2.GetSettingsRequest())
    assert out.value.code is grpc.StatusCode.UNAUTHENTICATED
    assert "ev-user@example.org" not in str(world.audit_store.entries)


@pytest.mark.feature("F-USR-2")
async def test_a_password_is_set_in_place_of_an_invitation_and_changed_at_the_first_sign_in(
    world: ControlWorld,
) -> None:
    request = users_pb2.CreateUserRequest(user=a_user(), password="Given2you")
    made = (await world.client.call("users.CreateUser", request)).user
    assert (made.has_password, made.must_change_password) == (True, True)
    assert "Given2you" not in str(world.audit_store.entries)
    sign_in = auth_pb2.SignInRequest(email=made.email, password="Given2you")
    with pytest.raises(Refused) as refused:
        await world.client.call("auth.SignIn", sign_in)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.UNAUTHENTICATED, "PASSWORD_CHANGE_REQUIRED")
    sign_in.new_password = "Mine4ever"
    assert (await world.client.call("auth.SignIn", sign_in)).token
    again = users_pb2.SetUserPasswordRequest(name=made.name, password="Again9given")
    assert (await world.client.call("users.SetUserPassword", again)).user.must_change_password
    assert "Again9given" not in str(world.audit_store.entries)
