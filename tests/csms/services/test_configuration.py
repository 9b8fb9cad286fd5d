"""What people do with settings: wishes, uploads, and who may."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from csms.domain.commands import Answer, GetVariables, Outcome, SetVariables, Variable
from csms.domain.configuration import DesiredState
from csms.domain.errors import DeadlineExceeded, FailedPrecondition, InvalidArgument, NotFound
from csms.domain.variable_names import VariablePlace
from csms.ports.configuration import DriftFilter
from csms.ports.directory import Settled
from csms.services.audit import following
from csms.services.configuration import SettingFilter
from csms.services.device_model import key_of
from csms.services.remote import Target
from tests.kit.service_world import ADMIN, DRIVER, SUPPORT, ServiceWorld

ALL = SettingFilter()


async def a_world(*, online: bool = True, **told: str) -> tuple[ServiceWorld, int]:
    world = ServiceWorld()
    station = await world.add_station("CP-1", online=online)
    world.tables.stations[station].protocol = "ocpp1.6"
    for name, value in {"HeartbeatInterval": "900", "LightIntensity": "50", **told}.items():
        await tell(world, station, name, value)
    return world, station


async def tell(world: ServiceWorld, station: int, name: str, value: str) -> None:
    key = key_of(VariablePlace("", name))
    await world.inventory_store.put_variable(station, key, value, world.time)


def answers(world: ServiceWorld, *words: str) -> None:
    for word in words:
        world.directory.settled.append(
            Settled(Outcome.ANSWERED, Answer(word, word in ("Accepted", "RebootRequired")), 0.1)
        )


def sent(world: ServiceWorld) -> list[tuple[str, str]]:
    return [
        (each.name, each.value)
        for _, command, _, _ in world.directory.sent
        if isinstance(command, SetVariables)
        for each in command.variables
    ]


@pytest.mark.feature("F-STA-6")
async def test_only_what_differs_is_sent_and_each_key_has_its_answer() -> None:
    world, station = await a_world()
    use = world.configuration.use_cases
    wanted = [("HeartbeatInterval", "300"), ("LightIntensity", "50"), ("Vendor", "x"), ("SecurityProfile", "2")]
    with following() as trail:
        kept = await use.set_desired(SUPPORT, station, wanted)
    assert "HeartbeatInterval" in trail.after
    states = {each.name: each.desired.state for each in kept if each.desired}
    assert states["LightIntensity"] is DesiredState.ACCEPTED, "it has it already"
    assert states["HeartbeatInterval"] is DesiredState.PENDING
    assert sent(world) == []
    answers(world, "Rejected", "RebootRequired", "NotSupported")
    done = await use.upload(SUPPORT, Target(station))
    assert sent(world) == [("HeartbeatInterval", "300"), ("SecurityProfile", "2"), ("Vendor", "x")]
    told = {each.name: (each.desired.answer, each.desired.state) for each in done.settings if each.desired}
    assert told == {
        "HeartbeatInterval": ("Rejected", DesiredState.REJECTED),
        "SecurityProfile": ("RebootRequired", DesiredState.REBOOT_REQUIRED),
        "Vendor": ("NotSupported", DesiredState.NOT_SUPPORTED),
    }
    assert done.reboot_required
    assert not done.queued
    overview = await use.overview(SUPPORT, station, ALL)
    assert overview.differences == 2
    only = await use.overview(SUPPORT, station, SettingFilter(only_differences=True))
    assert [each.name for each in only.settings] == ["HeartbeatInterval", "Vendor"]
    found = await use.overview(SUPPORT, station, SettingFilter(query="intens", only_desired=True))
    assert [each.name for each in found.settings] == ["LightIntensity"]
    await use.upload(SUPPORT, Target(station), ["heartbeatinterval"])
    assert sent(world)[3:] == [("HeartbeatInterval", "300")]


async def test_nothing_of_a_bad_list_is_kept() -> None:
    world, station = await a_world()
    use = world.configuration.use_cases
    for wrong in (
        [("HeartbeatInterval", "300"), ("LightIntensity", "bright")],
        [("A", "1"), ("a", "2")],
        [("AuthorizationKey", "x" * 20)],
        [],
    ):
        with pytest.raises(InvalidArgument):
            await use.set_desired(SUPPORT, station, wrong)
    assert await world.configuration.store.desired(station) == []
    with pytest.raises(NotFound):
        await use.set_desired(SUPPORT, 99, [("A", "1")])
    with pytest.raises(NotFound):
        await use.overview(DRIVER, station, ALL)


async def test_an_offline_station_is_told_at_its_next_connection_if_asked() -> None:
    world, station = await a_world(online=False)
    use = world.configuration.use_cases
    await use.set_desired(ADMIN, station, [("HeartbeatInterval", "300")])
    with pytest.raises(FailedPrecondition) as refused:
        await use.upload(ADMIN, Target(station))
    assert refused.value.reason == "STATION_OFFLINE"
    [wish] = await world.configuration.store.desired(station)
    assert (wish.state, wish.sent_at) == (DesiredState.PENDING, None)
    assert not (await use.overview(ADMIN, station, ALL)).status.upload_due
    done = await use.upload(ADMIN, Target(station), when_connected=True)
    assert done.queued
    assert [each.name for each in done.settings] == ["HeartbeatInterval"]
    assert (await use.overview(ADMIN, station, ALL)).status.upload_due


async def test_silence_is_told_as_sent_and_not_as_refused() -> None:
    world, station = await a_world()
    use = world.configuration.use_cases
    await use.set_desired(ADMIN, station, [("A", "1"), ("B", "2")])
    answers(world, "Accepted")
    world.directory.settled.append(Settled(Outcome.UNKNOWN))
    done = await use.upload(ADMIN, Target(station))
    states = {each.name: each.desired.state for each in done.settings if each.desired}
    assert states == {"A": DesiredState.ACCEPTED, "B": DesiredState.SENT}
    world.directory.settled.append(Settled(Outcome.UNKNOWN))
    with pytest.raises(DeadlineExceeded):
        await use.upload(ADMIN, Target(station))
    assert [each.state for each in await world.configuration.store.desired(station)][1] is DesiredState.SENT


@pytest.mark.feature("F-STA-6")
async def test_drift_is_found_told_once_and_over_when_it_is_put_right() -> None:
    world, station = await a_world()
    use, store = world.configuration.use_cases, world.configuration.store
    await use.set_desired(ADMIN, station, [("HeartbeatInterval", "300")])
    await use.upload(ADMIN, Target(station))
    assert store.alarms == []
    world.time += timedelta(minutes=1)
    await tell(world, station, "HeartbeatInterval", "900")
    for _ in range(2):
        assert await world.configuration.settings.compare(station) == ["HeartbeatInterval"]
    assert store.alarms == [(station, b'{"names":["HeartbeatInterval"]}')]
    rows, total = await use.drift(SUPPORT, DriftFilter(), size=9, after=None)
    assert ([(row.station_id, row.drifted) for row in rows], total) == ([(station, 1)], 1)
    assert await use.drift(DRIVER, DriftFilter(), size=9, after=None) == ([], 0)
    assert (await use.overview(ADMIN, station, ALL)).differences == 1
    await use.upload(ADMIN, Target(station))
    assert store.alarms[1:] == [(station, b'{"names":[]}')]
    assert (await use.overview(ADMIN, station, ALL)).differences == 0


async def test_what_is_not_wanted_any_more_cannot_drift() -> None:
    world, station = await a_world()
    use, store = world.configuration.use_cases, world.configuration.store
    await use.set_desired(ADMIN, station, [("HeartbeatInterval", "300"), ("B", "1")])
    await use.upload(ADMIN, Target(station))
    world.time += timedelta(minutes=1)
    await tell(world, station, "HeartbeatInterval", "900")
    await world.configuration.settings.compare(station)
    with following() as trail:
        assert await use.clear_desired(ADMIN, station, ["heartbeatINTERVAL", "Never"]) == 1
    assert "300" in trail.before
    assert store.alarms[-1] == (station, b'{"names":[]}')
    assert await use.clear_desired(ADMIN, station, (), everything=True) == 1
    for names, everything in (((), False), (("A",), True)):
        with pytest.raises(InvalidArgument):
            await use.clear_desired(ADMIN, station, names, everything=everything)


async def test_reading_all_forgets_what_the_station_does_not_tell() -> None:
    world, station = await a_world(Gone="1")
    world.time += timedelta(minutes=1)
    told = (Variable("HeartbeatInterval", "60", False), Variable("Acme_Password", "s3cret", False))
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Accepted", True, variables=told), 0.1))
    whole, found = await world.configuration.use_cases.refresh(ADMIN, Target(station))
    assert whole
    assert [each.name for each in found] == ["Acme_Password", "HeartbeatInterval"]
    assert found[0].reported is not None
    assert found[0].reported.value is None, "secrets are not shown"
    assert isinstance(world.directory.sent[-1][1], GetVariables)
    wrong = Answer("", False, error_code="NotImplemented", error_description="no")
    world.directory.settled.append(Settled(Outcome.ANSWERED, wrong, 0.1))
    with pytest.raises(FailedPrecondition) as refused:
        await world.configuration.use_cases.refresh(ADMIN, Target(station))
    assert refused.value.reason == "READ_FAILED"
    assert len(await world.configuration.settings.all(station)) == 2, "what was known stays"


async def test_a_newer_wish_is_not_answered_for_by_an_older_one() -> None:
    world, station = await a_world()
    use, store = world.configuration.use_cases, world.configuration.store
    await use.set_desired(ADMIN, station, [("HeartbeatInterval", "300")])
    [old] = await store.desired(station)
    world.time += timedelta(seconds=1)
    await use.set_desired(ADMIN, station, [("HeartbeatInterval", "600")])
    await store.note(station, [msgspec.structs.replace(old, state=DesiredState.ACCEPTED)])
    [wish] = await store.desired(station)
    assert (wish.value, wish.state) == ("600", DesiredState.PENDING)
