"""DER controls are sent, and what stations have is known afterwards."""

from __future__ import annotations

import pytest

from csms.domain import der as domain
from csms.domain.commands import Answer, Outcome
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.domain.facts import ACK
from csms.domain.records import ItemRecord, JobState
from csms.ports.directory import Settled
from csms.services.remote import Target
from tests.kit.service_world import ADMIN, NOW, STRANGER, ServiceWorld

CURVE = domain.DerSetting(curve=domain.DerCurve((domain.CurvePoint(94.0, 30.0),), 1, "PctMaxVar"))


@pytest.fixture
def world() -> ServiceWorld:
    return ServiceWorld()


def voltvar(control_id: str) -> domain.SetDerControl:
    return domain.SetDerControl(control_id, "VoltVar", True, CURVE)


async def ids(world: ServiceWorld, station: int) -> list[tuple[str, bool, bool | None]]:
    """(id, superseded, started)."""
    found = await world.der.list_der_controls(ADMIN, station)
    return [(each.control.control_id, each.control.is_superseded, each.started) for each in found]


@pytest.mark.feature("F-OCPP-5")
async def test_control_comes_supersedes_and_goes(world: ServiceWorld) -> None:
    station = await world.add_station("CP-1")
    target = Target(station)
    await world.der.set_der_control(ADMIN, target, voltvar("c0"))
    superseding = Answer("Accepted", accepted=True, result=domain.SupersededControls(("c0",)))
    world.directory.settled.append(Settled(Outcome.ANSWERED, superseding, 0.1))
    await world.der.set_der_control(ADMIN, target, voltvar("c1"))
    started = domain.encode(domain.DerStartStopTold("c1", True, NOW))
    world.tables.write([ItemRecord(station, "der_control_state", "c1", NOW, started)])
    assert await ids(world, station) == [("c0", True, None), ("c1", False, True)]
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Rejected", accepted=False), 0.1))
    await world.der.set_der_control(ADMIN, target, voltvar("c2"))
    await world.der.clear_der_control(ADMIN, target, domain.ClearDerControl(True, "c0"))
    assert await ids(world, station) == [("c1", False, True)]
    await world.der.clear_der_control(ADMIN, target, domain.ClearDerControl(True))
    assert await ids(world, station) == []


@pytest.mark.feature("F-OCPP-5")
async def test_whole_report_makes_us_forget_the_rest(world: ServiceWorld) -> None:
    station = await world.add_station("CP-1")
    await world.der.set_der_control(ADMIN, Target(station), voltvar("c0"))
    ordered = await world.der.get_der_control(ADMIN, Target(station), domain.GetDerControl(0))
    assert ordered.job.state is JobState.RUNNING
    assert world.directory.sent[-1][1] == domain.GetDerControl(ordered.job.id)
    await world.der.report_ended(station, domain.DerControlsReported(ordered.job.id, (), more=True), ACK)
    assert len(await ids(world, station)) == 1  # told at the same moment: it may be in the report
    nothing = Settled(Outcome.ANSWERED, Answer("NotFound", accepted=False), 0.1)
    world.directory.settled.append(nothing)
    ordered = await world.der.get_der_control(ADMIN, Target(station), domain.GetDerControl(0, control_type="VoltVar"))
    assert ordered.job.state is JobState.SUCCEEDED


async def test_nonsense_is_not_sent(world: ServiceWorld) -> None:
    station = await world.add_station("CP-1")
    target = Target(station)
    with pytest.raises(InvalidArgument):
        await world.der.set_der_control(ADMIN, target, domain.SetDerControl("c", "Gradients", True, CURVE))
    with pytest.raises(InvalidArgument):
        await world.der.get_der_control(ADMIN, target, domain.GetDerControl(0, control_type="X"))
    with pytest.raises(InvalidArgument, match="not by both"):
        await world.der.clear_der_control(ADMIN, target, domain.ClearDerControl(True, "c", "VoltVar"))
    with pytest.raises(InvalidArgument):
        await world.der.clear_der_control(ADMIN, target, domain.ClearDerControl(True, None, "X"))
    with pytest.raises(PermissionDenied):
        await world.der.get_der_control(STRANGER, target, domain.GetDerControl(0))
    with pytest.raises(NotFound):
        await world.der.list_der_controls(ADMIN, 99)
    assert world.directory.sent == []
