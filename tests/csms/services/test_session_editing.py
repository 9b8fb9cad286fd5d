"""Corrections, closing and logbooks of sessions by people, and the rule for lost ones."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csms.domain.access import Principal, Role
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.session_changes import Logbook
from csms.services.remote import Target
from csms.services.session_editing import NewValues
from tests.kit.service_world import ADMIN, NOW, SUPPORT, ServiceWorld

OWNER = Principal("users/7", "Ada", Role.EV_USER, user_id=7)


async def a_world() -> tuple[ServiceWorld, int]:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    world.add_session(1, station, ended=True)
    world.add_session(2, station)
    world.tables.session_users[1] = 7
    return world, station


@pytest.mark.feature("F-SES-8")
async def test_a_correction_is_kept_with_its_reason_and_can_be_taken_back() -> None:
    world, _ = await a_world()
    right = NewValues(energy_wh=500.0)
    view = await world.session_editing.correct(ADMIN, 1, ["energy_wh"], right, " swapped ")
    assert (view.energy_wh, view.transaction.energy_wh) == (500.0, 1_000.0)
    view = await world.session_editing.correct(ADMIN, 1, ["energy_wh"], NewValues(), "it was right")
    assert (view.energy_wh, view.corrections.fields) == (1_000.0, ())
    changes = await world.session_changes.changes(1)
    assert [(c.before, c.after, c.reason) for c in changes] == [
        ("1000", "500", "swapped"),
        ("500", "1000", "it was right"),
    ]


@pytest.mark.feature("F-SES-8")
async def test_who_may_not_and_what_cannot_be() -> None:
    world, _ = await a_world()
    editing, right = world.session_editing, NewValues(energy_wh=500.0)
    for caller in (SUPPORT, OWNER):
        with pytest.raises(PermissionDenied):
            await editing.correct(caller, 1, ["energy_wh"], right, "x")
    with pytest.raises(NotFound):
        await editing.correct(ADMIN, 99, ["energy_wh"], right, "x")
    with pytest.raises(InvalidArgument):
        await editing.correct(ADMIN, 1, ["energy_wh"], right, " ")
    with pytest.raises(InvalidArgument):
        await editing.correct(ADMIN, 1, ["energy_wh"], NewValues(energy_wh=-1.0), "x")
    with pytest.raises(FailedPrecondition):
        await editing.correct(ADMIN, 2, ["energy_wh"], right, "x")


@pytest.mark.feature("F-SES-8")
async def test_a_session_is_closed_by_hand_and_by_the_rule() -> None:
    world, station = await a_world()
    view = await world.session_editing.close(ADMIN, 2, "burnt down")
    assert view.closure is not None
    assert (view.closure.reason, world.directory.forgotten) == ("burnt down", [2])
    with pytest.raises(FailedPrecondition):
        await world.session_editing.close(ADMIN, 2, "again")
    world.add_session(3, station)
    world.tables.stations[station].online = False
    world.time = NOW + timedelta(days=30)
    assert await world.session_editing.close_lost() == 1
    assert await world.session_editing.close_lost() == 0
    assert world.tables.closures[3].by == ""


@pytest.mark.feature("F-SES-5")
async def test_a_driver_writes_the_logbook_of_own_sessions_only() -> None:
    world, _ = await a_world()
    view = await world.session_editing.write_logbook(OWNER, 1, ["mileage_km", "vehicle_id"], Logbook(5, "AB-12"))
    assert view.logbook == Logbook(5, "AB-12")
    (vehicle,) = await world.session_editing.vehicles(OWNER)
    assert (vehicle.vehicle_id, vehicle.mileage_km) == ("AB-12", 5)
    with pytest.raises(NotFound):
        await world.session_editing.write_logbook(OWNER, 2, ["mileage_km"], Logbook(5))
    with pytest.raises(PermissionDenied):
        await world.session_editing.write_logbook(SUPPORT, 1, ["mileage_km"], Logbook(5))


@pytest.mark.feature("F-SES-5")
async def test_a_start_waits_for_mileage_and_vehicle() -> None:
    world, station = await a_world()
    world.tables.stations[station].online = True
    await world.session_editing.set_logbook(ADMIN, station, True)
    with pytest.raises(FailedPrecondition):
        await world.remote.request_start_transaction(ADMIN, Target(station), "TAG", 1)
    assert world.directory.sent == []
    await world.remote.request_start_transaction(ADMIN, Target(station), "TAG", 1, logbook=Logbook(5, "AB-12"))
    assert [said.logbook.vehicle_id for said in world.session_changes.waiting.values()] == ["AB-12"]
