"""The own account: settings, the export of own data, and going for good."""

from __future__ import annotations

import json

import pytest

from csms.domain.access import Principal, Role
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound, Unauthenticated
from csms.domain.people import AuditEntry, Preferences, Theme
from csms.services.account import Settings
from tests.kit.service_world import NOW, PASSWORD, ServiceWorld

EMAIL = "eve@example.org"


async def a_world() -> tuple[ServiceWorld, Principal]:
    world = ServiceWorld()
    await world.add_user(Role.EV_USER, EMAIL)
    return world, await world.access.authenticate((await world.access.sign_in(EMAIL, PASSWORD)).token)


@pytest.mark.feature("F-USR-5")
async def test_settings_change_one_by_one_and_stay() -> None:
    world, eve = await a_world()
    wanted = Settings("de", "Europe/Berlin", True, Preferences(Theme.DARK, ("energy",), share_usage=True))
    changed = await world.account.update_settings(eve, wanted, ["theme", "language"])
    assert changed == Settings("de", "", False, Preferences(Theme.DARK))
    assert await world.account.update_settings(eve, wanted, list(vars_of(wanted))) == wanted
    assert await world.account.settings(eve) == wanted


async def test_what_programs_keep_is_set_one_by_one_and_taken_away_by_nothing() -> None:
    world, eve = await a_world()

    async def keep(**kept: str) -> dict[str, str]:
        changes = Settings("", "", False, Preferences(kept=kept))
        return (await world.account.update_settings(eve, changes, ["preferences"])).preferences.kept

    assert await keep(columns="a.b", views="[]") == {"columns": "a.b", "views": "[]"}
    assert await keep(columns="b") == {"columns": "b", "views": "[]"}
    assert await keep(columns="") == {"views": "[]"}
    assert "views" not in str(world.audit_store.entries)
    for wrong in ({"x" * 51: "1"}, {"x": "1" * 8001}, {str(number): "1" for number in range(51)}):
        with pytest.raises(InvalidArgument):
            await keep(**wrong)
    assert await keep() == {"views": "[]"}


def vars_of(_: Settings) -> tuple[str, ...]:
    return ("language", "time_zone", "alarm_mails", "theme", "widgets", "share_usage")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Settings("xx", "", False, Preferences()), "language"),
        (Settings("en", "Mars/Olympus", False, Preferences()), "time_zone"),
        (Settings("en", "", False, Preferences(widgets=("",))), "widgets"),
        (Settings("en", "", False, Preferences(widgets=("x",) * 51)), "widgets"),
    ],
)
async def test_settings_that_make_no_sense_are_refused(settings: Settings, field: str) -> None:
    world, eve = await a_world()
    with pytest.raises(InvalidArgument):
        await world.account.update_settings(eve, settings, [field])


@pytest.mark.feature("F-USR-3")
async def test_the_export_is_one_json_object_with_all_there_is() -> None:
    world, eve = await a_world()
    world.own_data.tags[eve.user_id or 0] = ["04A1"]
    world.own_data.sessions[eve.user_id or 0] = [{"id": 1}, {"id": 2}]
    for _ in range(501):
        await world.audit_store.add(AuditEntry(0, NOW, eve.name, "Eve", "/x/SignIn", "", "OK"))
    own = json.loads("".join([piece async for piece in world.account.export(eve)]))
    assert own["account"]["email"] == EMAIL
    assert own["id_tokens"] == [{"id_token": "04A1"}]
    assert own["sessions"] == [{"id": 1}, {"id": 2}]
    assert len(own["done"]) == 501
    assert own["sign_ins"][0]["digest"] is None


async def test_an_export_of_next_to_nothing_is_json_too() -> None:
    world, eve = await a_world()
    own = json.loads("".join([piece async for piece in world.account.export(eve)]))
    assert (own["id_tokens"], own["sessions"], own["done"]) == ([], [], [])


@pytest.mark.feature("F-USR-3")
async def test_going_takes_the_name_along() -> None:
    world, eve = await a_world()
    await world.audit_store.add(AuditEntry(0, NOW, eve.name, "Eve", "/x/SignIn", "", "OK", request='{"email":"eve"}'))
    with pytest.raises(InvalidArgument) as differs:
        await world.account.delete(eve, PASSWORD, "other@example.org")
    assert differs.value.reason == "EMAIL_DIFFERS"
    with pytest.raises(Unauthenticated):
        await world.account.delete(eve, "wrong", EMAIL)
    await world.account.delete(eve, PASSWORD, EMAIL.upper())
    assert world.own_data.forgotten == [eve.user_id]
    assert "eve" not in str(world.audit_store.entries)
    with pytest.raises(NotFound):
        await world.account.settings(eve)
    with pytest.raises(Unauthenticated):
        await world.access.sign_in(EMAIL, PASSWORD)


async def test_keys_have_no_account() -> None:
    world, _ = await a_world()
    with pytest.raises(FailedPrecondition):
        await world.account.settings(Principal("apiKeys/1", "Key", Role.ADMINISTRATOR))
