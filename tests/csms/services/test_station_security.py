"""Orders about a station's security."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from csms.app.dialects import DIALECTS
from csms.domain.commands import Answer, Command, GetVariables, Outcome, Reset, ResetType, SetVariables, Variable
from csms.domain.device_model import SetNetworkProfile
from csms.domain.errors import (
    DeadlineExceeded,
    DomainError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from csms.ports.directory import Settled
from csms.services.remote import Target
from csms.services.station_security import Listeners, NetworkChoice, PasswordState, StationSecurity
from tests.kit.service_world import ADMIN, SUPPORT, ServiceWorld, plain_hash


def answered(status: str, *, accepted: bool = True, variables: Sequence[Variable] = ()) -> Settled:
    return Settled(Outcome.ANSWERED, Answer(status, accepted, variables=tuple(variables)), 0.1)


async def a_station(
    world: ServiceWorld, protocol: str = "ocpp1.6", *, password: str | None = "old", profile: int = 1
) -> int:
    station_id = await world.add_station("CP-1")
    station = world.tables.stations[station_id]
    station.protocol, station.password_hash, station.security_profile = protocol, password, profile
    return station_id


def hashes(world: ServiceWorld, station_id: int) -> tuple[str | None, tuple[str, ...]]:
    station = world.tables.stations[station_id]
    return station.password_hash, station.next_password_hashes


def sent(world: ServiceWorld, protocol: str = "ocpp1.6") -> list[Command]:
    """What was sent; the station's version can say all of it, by its official schemas."""
    commands = [command for _, command, _, _ in world.directory.sent]
    for command in commands:
        DIALECTS[protocol].encode(command)
    return commands


# -- passwords -------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    ("protocol", "variable", "length"),
    [
        ("ocpp1.6", "AuthorizationKey", 40),
        ("ocpp2.0.1", "SecurityCtrlr.BasicAuthPassword", 20),
        ("ocpp2.1", "SecurityCtrlr.BasicAuthPassword", 20),
    ],
)
async def test_a_new_password_is_valid_beside_the_old_one(protocol: str, variable: str, length: int) -> None:
    world = ServiceWorld()
    station_id = await a_station(world, protocol)
    rotation = await world.station_security.rotate_password(ADMIN, Target(station_id))
    assert rotation.state is PasswordState.SENT
    [command] = sent(world, protocol)
    assert isinstance(command, SetVariables)
    [wanted] = command.variables
    assert (wanted.name, len(wanted.value)) == (variable, length)
    if protocol == "ocpp1.6":
        bytes.fromhex(wanted.value)  # the same for stations that take it as text and as the writing of bytes
    assert hashes(world, station_id) == ("old", (plain_hash(wanted.value.encode(), generated=True),))


@pytest.mark.feature("F-OCPP-7")
async def test_a_password_is_kept_before_it_is_sent() -> None:
    world = ServiceWorld()
    station_id = await a_station(world)
    seen: list[tuple[str, ...]] = []
    send = world.directory.send

    async def look_and_send(*args: object, **options: object) -> Settled:
        seen.append(hashes(world, station_id)[1])
        return await send(*args, **options)  # type: ignore[arg-type]

    world.directory.send = look_and_send  # type: ignore[method-assign, assignment]
    await world.station_security.rotate_password(ADMIN, Target(station_id), "a-password-of-mine")
    assert seen == [("chosen:a-password-of-mine",)]


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
async def test_a_password_that_the_station_refuses_is_dropped(status: str) -> None:
    world = ServiceWorld()
    station_id = await a_station(world)
    world.directory.settled = [answered(status, accepted=False)]
    rotation = await world.station_security.rotate_password(ADMIN, Target(station_id))
    assert (rotation.state, rotation.outcome.answer.status) == (PasswordState.REJECTED, status)
    assert hashes(world, station_id) == ("old", ())


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize("outcome", [Outcome.OFFLINE, Outcome.EXPIRED, Outcome.REFUSED])
async def test_a_password_that_was_never_sent_is_dropped(outcome: Outcome) -> None:
    world = ServiceWorld()
    station_id = await a_station(world)
    world.directory.settled = [Settled(outcome)]
    with pytest.raises(DomainError):
        await world.station_security.rotate_password(ADMIN, Target(station_id))
    assert hashes(world, station_id) == ("old", ())


@pytest.mark.feature("F-OCPP-7")
async def test_a_password_of_which_nobody_knows_whether_it_arrived_stays_valid() -> None:
    world = ServiceWorld()
    station_id = await a_station(world)
    for attempt in range(5):
        world.directory.settled = [Settled(Outcome.UNKNOWN)]
        with pytest.raises(DeadlineExceeded):
            await world.station_security.rotate_password(ADMIN, Target(station_id))
        assert len(hashes(world, station_id)[1]) == attempt + 1
    with pytest.raises(FailedPrecondition) as refused:
        await world.station_security.rotate_password(ADMIN, Target(station_id))
    assert refused.value.reason == "PASSWORD_CHANGES_PENDING"
    await world.stations.set_password(ADMIN, station_id)  # by hand, which ends it
    assert hashes(world, station_id)[1] == ()


async def test_who_may_and_what_must_be_right() -> None:
    world = ServiceWorld()
    station_id = await a_station(world)
    security = world.station_security
    with pytest.raises(PermissionDenied):
        await security.rotate_password(SUPPORT, Target(station_id))
    with pytest.raises(PermissionDenied):
        await security.upgrade_profile(SUPPORT, Target(station_id), 2)
    with pytest.raises(PermissionDenied):
        await security.set_profile(SUPPORT, station_id, 0)
    with pytest.raises(InvalidArgument):
        await security.rotate_password(ADMIN, Target(station_id), "short")
    for profile in (-1, 0, 4):
        with pytest.raises(InvalidArgument):
            await security.upgrade_profile(ADMIN, Target(station_id), profile)
    for profile in (-1, 4):
        with pytest.raises(InvalidArgument):
            await security.set_profile(ADMIN, station_id, profile)
    with pytest.raises(NotFound):
        await security.rotate_password(ADMIN, Target(99))
    with pytest.raises(NotFound):
        await security.upgrade_profile(ADMIN, Target(99), 2)
    with pytest.raises(NotFound):
        await security.set_profile(ADMIN, 99, 2)
    assert sent(world) == []


# -- profiles --------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-7")
async def test_a_higher_profile_in_1_6() -> None:
    world = ServiceWorld()
    station_id = await a_station(world)
    upgrade = await world.station_security.upgrade_profile(ADMIN, Target(station_id), 2)
    assert upgrade.accepted
    [command] = sent(world)
    assert isinstance(command, SetVariables)
    assert [(each.name, each.value) for each in command.variables] == [("SecurityProfile", "2")]
    assert world.tables.stations[station_id].security_profile == 1  # until it is proven


@pytest.mark.feature("F-OCPP-7")
async def test_a_station_that_must_restart_for_it() -> None:
    world = ServiceWorld()
    station_id = await a_station(world)
    world.directory.settled = [answered("RebootRequired"), answered("Accepted")]
    upgrade = await world.station_security.upgrade_profile(ADMIN, Target(station_id), 2)
    assert upgrade.accepted
    assert [step.command for step in upgrade.steps] == ["SetVariables", "Reset"]
    assert sent(world)[-1] == Reset(ResetType.ON_IDLE)


@pytest.mark.feature("F-OCPP-7")
async def test_a_station_that_does_not_want_to() -> None:
    world = ServiceWorld()
    station_id = await a_station(world)
    world.directory.settled = [answered("Rejected", accepted=False)]
    upgrade = await world.station_security.upgrade_profile(ADMIN, Target(station_id), 2)
    assert not upgrade.accepted
    assert len(upgrade.steps) == 1


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    ("protocol", "priority", "chosen", "slot", "wanted"),
    [
        ("ocpp2.0.1", "1", 0, 2, "2,1"),
        ("ocpp2.1", "2, 1", 0, 3, "3,2,1"),
        ("ocpp2.0.1", "1,2", 2, 2, "2,1"),
        ("ocpp2.0.1", None, 0, 1, "1"),
    ],
)
async def test_a_higher_profile_in_2_x_goes_into_a_slot_that_is_put_first(
    protocol: str, priority: str | None, chosen: int, slot: int, wanted: str
) -> None:
    world = ServiceWorld()
    station_id = await a_station(world, protocol)
    known = Variable("OCPPCommCtrlr.NetworkConfigurationPriority", priority, readonly=False)
    world.directory.settled = [
        answered("Accepted", variables=[known]),
        answered("Accepted"),
        answered("RebootRequired"),
        answered("Accepted"),
    ]
    upgrade = await world.station_security.upgrade_profile(ADMIN, Target(station_id), 2, NetworkChoice(chosen))
    assert upgrade.accepted
    assert [step.command for step in upgrade.steps] == ["SetNetworkProfile", "SetVariables", "Reset"]
    asked, settings, variables, reset = sent(world, protocol)
    assert isinstance(asked, GetVariables)
    assert isinstance(settings, SetNetworkProfile)
    assert settings.configuration_slot == slot
    data = settings.connection_data
    assert (data.security_profile, data.ocpp_csms_url) == (2, "wss://192.0.2.1:9443/ocpp")
    assert data.ocpp_version == ("OCPP21" if protocol == "ocpp2.1" else None)
    [item] = await world.inventory_store.items(station_id, "network_profile")
    assert (item.key, b"wss://192.0.2.1:9443/ocpp" in item.body) == (str(slot), True)
    assert isinstance(variables, SetVariables)
    assert [(each.name, each.value) for each in variables.variables] == [
        ("OCPPCommCtrlr.NetworkConfigurationPriority", wanted)
    ]
    assert reset == Reset(ResetType.ON_IDLE)


async def test_a_slot_that_the_station_refuses_is_not_put_first() -> None:
    world = ServiceWorld()
    station_id = await a_station(world, "ocpp2.0.1")
    world.directory.settled = [answered("Accepted"), answered("Rejected", accepted=False)]
    upgrade = await world.station_security.upgrade_profile(ADMIN, Target(station_id), 2)
    assert not upgrade.accepted
    assert [step.command for step in upgrade.steps] == ["SetNetworkProfile"]


@pytest.mark.feature("F-OCPP-7")
async def test_what_must_be_there_before() -> None:
    world = ServiceWorld()
    station_id = await a_station(world, password=None, profile=0)
    station = world.tables.stations[station_id]

    async def refused(profile: int, security: StationSecurity | None = None) -> str:
        with pytest.raises(FailedPrecondition) as error:
            await (security or world.station_security).upgrade_profile(ADMIN, Target(station_id), profile)
        assert error.value.message.endswith(("first.", "station.", "none.", "."))
        return error.value.reason

    def security(listeners: Listeners) -> StationSecurity:
        return StationSecurity(
            world.station_store,
            world.station_queries,
            world.remote,
            world.inventory_store,
            world.feed,
            listeners=listeners,
            hash_password=plain_hash,
            generate_password=str,
            has_certificate=world.has_certificate,
        )

    assert await refused(1) == "NO_PASSWORD"
    assert await refused(2) == "NO_PASSWORD"
    assert await refused(3) == "NO_CERTIFICATE"
    station.next_password_hashes = ("new",)
    assert (await world.station_security.upgrade_profile(ADMIN, Target(station_id), 2)).accepted
    station.password_hash = "old"
    plain = security(Listeners("ws://192.0.2.1:9000/ocpp/"))
    assert await refused(2, plain) == "NO_TLS"
    assert await refused(3, plain) == "NO_TLS"
    assert await refused(3, security(Listeners("ws://x/", "wss://x/"))) == "NO_CLIENT_CA"
    world.certified.add(station_id)
    assert (await world.station_security.upgrade_profile(ADMIN, Target(station_id), 3)).accepted
    station.security_profile = 2
    assert await refused(1) == "PROFILE_NOT_HIGHER"
    assert await refused(2) == "PROFILE_NOT_HIGHER"


@pytest.mark.feature("F-OCPP-7")
async def test_a_station_that_was_set_back_on_site_may_come_again() -> None:
    world = ServiceWorld()
    station_id = await a_station(world, profile=3)
    view = await world.station_security.set_profile(ADMIN, station_id, 1)
    assert view.security_profile == 1
    assert sent(world) == []


async def test_without_its_password_a_station_can_prove_nothing_by_it() -> None:
    world = ServiceWorld()
    station_id = await a_station(world, profile=2)
    await world.stations.remove_password(ADMIN, station_id)
    assert world.tables.stations[station_id].security_profile == 0
    world.tables.stations[station_id].security_profile = 3
    await world.stations.remove_password(ADMIN, station_id)
    assert world.tables.stations[station_id].security_profile == 3
