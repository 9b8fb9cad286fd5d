"""The group that a call is narrowed to, and streams whose callers may no longer do what they might."""

from __future__ import annotations

import msgspec
import pytest
import trio

from control.guard import Call, Guard
from csms.domain.access import Role, User
from csms.domain.errors import InvalidArgument, Unauthenticated
from tests.kit.fake_stores import FakeRequests
from tests.kit.service_world import PASSWORD, ServiceWorld

WATCH = "/control.v1.WatchService/Watch"


async def signed_in() -> tuple[ServiceWorld, Guard, User, dict[str, str | bytes]]:
    world = ServiceWorld()
    user = await world.add_user(Role.SITE_ADMINISTRATOR, "ada@example.org")
    token = (await world.access.sign_in(user.email, PASSWORD)).token
    return world, Guard(world.access, FakeRequests()), user, {"authorization": f"Bearer {token}"}


@pytest.mark.feature("F-USR-4")
@pytest.mark.parametrize("header", ["groups/17", b" groups/17 "])
async def test_a_call_is_narrowed_to_the_group_that_it_names(header: str | bytes) -> None:
    _, guard, user, metadata = await signed_in()
    call = Call(WATCH)
    await guard.admit(call, metadata | {"x-group": header}, None)
    assert (call.caller.user_id, call.caller.group_id) == (user.id, 17)
    await guard.check_again(call)
    assert call.caller.group_id == 17
    await guard.admit(plain := Call(WATCH), metadata, None)
    assert plain.caller.group_id is None


@pytest.mark.parametrize("header", ["17", "groups/", "groups/-1", "stations/1", "groups/" + "9" * 30, "groups/1/2"])
async def test_what_names_no_group_is_refused(header: str) -> None:
    _, guard, _, metadata = await signed_in()
    with pytest.raises(InvalidArgument, match="x-group"):
        await guard.admit(Call(WATCH), metadata | {"x-group": header}, None)


@pytest.mark.feature("F-USR-1")
@pytest.mark.parametrize("change", [{"site_ids": frozenset({7})}, {"role": Role.EV_USER}])
async def test_a_stream_ends_when_its_caller_may_do_other_things(
    autojump_clock: trio.testing.MockClock, change: dict[str, object]
) -> None:
    world, guard, user, metadata = await signed_in()
    call = Call(WATCH)
    await guard.admit(call, metadata, None)
    await guard.check_again(call)
    world.access_store.put(msgspec.structs.replace(user, **change))
    await trio.sleep(6.0)  # longer than credentials are believed
    with pytest.raises(Unauthenticated) as ended:
        await guard.check_again(call)
    assert ended.value.reason == "PERMISSIONS_CHANGED"
