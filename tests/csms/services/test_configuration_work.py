"""What the server does with settings by itself, and what it makes of templates."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
import trio
from trio.testing import MockClock

from csms.domain.access import Principal, Role
from csms.domain.commands import Answer, Command, GetVariables, Outcome, SetVariables, Variable
from csms.domain.configuration import DesiredState, Template, TemplateVariable
from csms.domain.device_model import GetBaseReport
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.domain.facts import StationBooted
from csms.domain.records import BootRecord, JobKind, JobRecord
from csms.ports.configuration import ConfigurationStatus
from csms.ports.directory import Settled
from csms.services.configuration_work import AT_ONCE, MAX_ATTEMPTS
from csms.services.remote import Target
from tests.kit.service_world import ADMIN, CALLERS, DRIVER, SUPPORT, ServiceWorld

TOLD = (Variable("HeartbeatInterval", "900", False), Variable("Fixed", "1", True))


def draft(**more: object) -> Template:
    variables = (TemplateVariable("HeartbeatInterval", "300"), TemplateVariable("Fixed", "2"))
    return msgspec.structs.replace(Template(0, "All", vendor="ven*", variables=variables), **more)


async def a_world(protocol: str = "ocpp1.6", *, online: bool = True) -> tuple[ServiceWorld, int]:
    world = ServiceWorld()
    station = await world.add_station("CP-1", online=online)
    world.tables.stations[station].protocol = protocol
    world.time += timedelta(minutes=1)
    return world, station


def tells(world: ServiceWorld, *variables: Variable) -> None:
    answer = Answer("Accepted", True, variables=variables)
    world.directory.settled.append(Settled(Outcome.ANSWERED, answer, 0.1))


def sent(world: ServiceWorld, kind: type[Command]) -> list[Command]:
    return [command for _, command, _, _ in world.directory.sent if isinstance(command, kind)]


async def turn(world: ServiceWorld) -> None:
    async with trio.open_nursery() as nursery:
        await world.configuration.work.turn(nursery)


async def status(world: ServiceWorld, station: int) -> ConfigurationStatus:
    return (await world.configuration.store.now(station)).status


@pytest.mark.feature("F-STA-6")
async def test_a_new_station_is_read_given_its_template_and_left_alone_then() -> None:
    world, station = await a_world()
    await world.configuration.templates.create(SUPPORT, draft())
    tells(world, *TOLD)
    await turn(world)
    assert len(sent(world, GetVariables)) == 1
    [command] = sent(world, SetVariables)
    assert isinstance(command, SetVariables)
    assert [(each.name, each.value) for each in command.variables] == [("HeartbeatInterval", "300")]
    [wish] = await world.configuration.store.desired(station)
    assert (wish.state, wish.set_by, wish.template_id) == (DesiredState.ACCEPTED, "configurationTemplates/1", 1)
    await turn(world)
    assert len(world.directory.sent) == 2
    world.tables.write([BootRecord(station, world.time, StationBooted("Vendor", "Model", firmware_version="2"))])
    await turn(world)
    assert len(sent(world, GetVariables)) == 1, "it is left alone for some seconds"
    world.time += timedelta(seconds=6)
    tells(world, *TOLD)
    await turn(world)
    assert len(sent(world, GetVariables)) == 2, "new firmware is read anew"
    assert len(sent(world, SetVariables)) == 1, "templates are for the first connection"


async def test_wishes_of_people_stand_when_a_station_comes_for_the_first_time() -> None:
    world, station = await a_world(online=False)
    world.tables.stations[station].protocol = "ocpp1.6"
    await world.configuration.use_cases.set_desired(ADMIN, station, [("HeartbeatInterval", "77")])
    await world.configuration.templates.create(SUPPORT, draft())
    world.tables.stations[station].online = True
    tells(world, *TOLD)
    await turn(world)
    [wish] = await world.configuration.store.desired(station)
    assert (wish.value, wish.state) == ("77", DesiredState.PENDING)


async def test_thousands_at_once_are_read_a_few_at_a_time(autojump_clock: MockClock) -> None:
    world, _ = await a_world()
    for number in range(3 * AT_ONCE):
        await world.add_station(f"MORE-{number}")
    world.time += timedelta(minutes=1)
    world.directory.hang = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.configuration.work.run)
        await trio.sleep(20)
        assert len(world.directory.sent) == AT_ONCE
        nursery.cancel_scope.cancel()


async def test_a_station_that_cannot_be_read_is_asked_a_few_times_and_used_nevertheless() -> None:
    world, station = await a_world()
    await world.configuration.templates.create(SUPPORT, draft())
    for attempt in range(MAX_ATTEMPTS - 1):
        world.directory.settled.append(Settled(Outcome.UNKNOWN))
        await turn(world)
        await turn(world)
        assert (await status(world, station)).attempts == attempt + 1
        assert (await status(world, station)).failure
        world.time += timedelta(hours=2)
    world.directory.settled.append(Settled(Outcome.UNKNOWN))
    await turn(world)
    assert (await status(world, station)).read_at is not None
    assert len(sent(world, GetVariables)) == MAX_ATTEMPTS
    assert len(sent(world, SetVariables)) == 2, "the template is tried, with the key that it did not tell"
    await turn(world)
    assert len(sent(world, GetVariables)) == MAX_ATTEMPTS


async def test_a_station_without_the_message_is_asked_once() -> None:
    world, station = await a_world()
    world.directory.settled.append(Settled(Outcome.REFUSED, reason="NOT_SUPPORTED"))
    await turn(world)
    await turn(world)
    assert len(world.directory.sent) == 1
    assert (await status(world, station)).failure


async def test_a_2x_station_brings_a_report_and_gets_its_template_then() -> None:
    world, station = await a_world("ocpp2.0.1")
    variables = (TemplateVariable("OCPPCommCtrlr.HeartbeatInterval", "300"),)
    await world.configuration.templates.create(SUPPORT, draft(variables=variables))
    await turn(world)
    [asked] = sent(world, GetBaseReport)
    assert isinstance(asked, GetBaseReport)
    world.time += timedelta(seconds=4)
    await turn(world)
    assert len(world.directory.sent) == 1, "it is waited for"
    step = JobRecord(station, JobKind.DEVICE_REPORT, world.time, asked.request_id, part=0, last=True)
    world.inventory_store.apply([step])
    world.time += timedelta(seconds=4)
    await turn(world)
    assert len(sent(world, SetVariables)) == 1
    assert (await status(world, station)).read_at is not None


async def test_after_the_start_that_a_change_needed_the_station_is_asked_for_it() -> None:
    world, station = await a_world()
    tells(world, *TOLD)
    await turn(world)
    await world.configuration.use_cases.set_desired(ADMIN, station, [("HeartbeatInterval", "300")])
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("RebootRequired", True), 0.1))
    await world.configuration.settings.send(None, Target(station))
    world.time += timedelta(minutes=1)
    world.tables.write([BootRecord(station, world.time, StationBooted("Vendor", "Model", serial_number="S1"))])
    world.time += timedelta(minutes=1)
    tells(world, Variable("HeartbeatInterval", "300", False))
    await turn(world)
    assert sent(world, GetVariables)[-1] == GetVariables(("HeartbeatInterval",))
    [wish] = await world.configuration.store.desired(station)
    assert wish.state is DesiredState.ACCEPTED


@pytest.mark.feature("F-STA-6")
async def test_a_template_is_applied_by_hand_to_stations_and_to_places() -> None:
    world, station = await a_world()
    tells(world, *TOLD)
    await turn(world)
    templates = world.configuration.templates
    made = await templates.create(SUPPORT, draft(enabled=False))
    plan = {each.setting.name: each.problem for each in await templates.preview(SUPPORT, station, made.id)}
    assert plan["HeartbeatInterval"] == ""
    assert "read-only" in plan["Fixed"]
    assert await templates.preview(SUPPORT, station, None) == [], "it is not enabled"
    assert await templates.apply(SUPPORT, made.id, [station], None, upload=False) == 1
    await turn(world)
    [wish] = await world.configuration.store.desired(station)
    assert (wish.state, wish.set_by) == (DesiredState.PENDING, SUPPORT.name)
    assert sent(world, SetVariables) == []
    assert await templates.apply(SUPPORT, made.id, [], 1, upload=True) == 1
    await turn(world)
    assert len(sent(world, SetVariables)) == 1
    other = await templates.create(SUPPORT, draft(display_name="Other", vendor="nobody"))
    assert await templates.apply(SUPPORT, other.id, [], 1, upload=True) == 0
    assert await templates.apply(SUPPORT, None, [], 1, upload=True) == 0
    for stations, place in (([], None), ([station], 1)):
        with pytest.raises(InvalidArgument):
            await templates.apply(SUPPORT, made.id, stations, place, upload=True)
    with pytest.raises(NotFound):
        await templates.apply(SUPPORT, 99, [station], None, upload=True)


async def test_a_template_that_is_gone_before_its_turn_changes_nothing() -> None:
    world, station = await a_world(online=False)
    made = await world.configuration.templates.create(SUPPORT, draft())
    await world.configuration.templates.apply(SUPPORT, made.id, [station], None, upload=False)
    await world.configuration.templates.delete(SUPPORT, made.id)
    await turn(world)
    assert await world.configuration.store.desired(station) == []
    assert not (await status(world, station)).apply_due


async def test_templates_are_for_those_who_configure_the_whole_system() -> None:
    world, _ = await a_world()
    templates = world.configuration.templates
    made = await templates.create(ADMIN, draft())
    changed = await templates.update(ADMIN, msgspec.structs.replace(made, priority=5), ["priority"], version=1)
    assert (changed.priority, changed.display_name) == (5, "All")
    site = CALLERS[Role.SITE_ADMINISTRATOR]
    assert await templates.all(site) == [changed]
    assert await templates.get(site, made.id) == changed
    with pytest.raises(PermissionDenied):
        await templates.create(site, draft(display_name="x"))
    with pytest.raises(PermissionDenied):
        await templates.all(DRIVER)


async def test_an_outage_ends_nothing(autojump_clock: MockClock) -> None:
    world, _ = await a_world()
    world.tables.away = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.configuration.work.run)
        await trio.sleep(10)
        world.tables.away = False
        tells(world, *TOLD)
        await trio.sleep(10)
        assert len(sent(world, GetVariables)) == 1
        nursery.cancel_scope.cancel()


async def test_a_station_on_which_the_server_fails_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    world, broken = await a_world()
    good = await world.add_station("CP-2")
    world.tables.stations[good].protocol = "ocpp1.6"
    world.time += timedelta(minutes=1)
    read_keys = world.configuration.settings.read_keys

    async def fail(caller: Principal | None, target: Target) -> None:
        if target.station_id == broken:
            raise RuntimeError("a bug")
        await read_keys(caller, target)

    monkeypatch.setattr(world.configuration.settings, "read_keys", fail)
    await turn(world)
    await turn(world)
    assert (await status(world, good)).read_at is not None
    assert (await status(world, broken)).attempts == 1, "and it rests"
