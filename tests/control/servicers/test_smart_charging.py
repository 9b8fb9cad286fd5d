"""SmartChargingService over the wire."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from control.convert.ocpp_values import print_value
from control.v1 import charging_profiles_pb2 as values_pb
from control.v1 import remote_pb2
from control.v1 import smart_charging_pb2 as pb
from csms.domain import smart_charging as domain
from csms.domain.charging_profile import (
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedulePeriod,
    ChargingScheduleUpdate,
    CompositeSchedule,
)
from csms.domain.commands import Answer, Outcome
from csms.ports.directory import Settled
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.profiles import START, a_profile
from tests.kit.service_world import NOW


def to(number: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{number}")


@pytest.mark.feature("F-OCPP-4", "F-SYS-4")
async def test_profile_goes_out_and_is_listed(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    message = print_value(a_profile((0, 16.0), (60, 8.0)), values_pb.ChargingProfile())
    request = pb.SetChargingProfileRequest(target=to(number), evse_id=1, profile=message)
    answer = await world.client.call("smart_charging.SetChargingProfile", request)
    assert answer.result.accepted
    assert world.directory.sent[-1][1] == domain.SetChargingProfile(1, a_profile((0, 16.0), (60, 8.0)))
    listed = await world.client.call(
        "smart_charging.ListChargingProfiles", pb.ListChargingProfilesRequest(station=f"stations/{number}")
    )
    (profile,) = listed.profiles
    assert (profile.evse_id, profile.source, profile.profile) == (1, "csms", message)
    assert profile.update_time.ToDatetime(tzinfo=NOW.tzinfo) == NOW


@pytest.mark.feature("F-OCPP-4", "F-OCPP-5", "F-SYS-4")
async def test_every_command_reaches_the_station_in_domain_words(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    calls: list[tuple[str, Message, object]] = [
        (
            "ClearChargingProfile",
            pb.ClearChargingProfileRequest(target=to(number)),
            domain.ClearChargingProfile(),
        ),
        (
            "ClearChargingProfile",
            pb.ClearChargingProfileRequest(
                target=to(number), evse_id=0, charging_profile_purpose="TxProfile", stack_level=0
            ),
            domain.ClearChargingProfile(None, 0, ChargingProfilePurpose.TX_PROFILE, 0),
        ),
        (
            "GetChargingProfiles",
            pb.GetChargingProfilesRequest(target=to(number), charging_profile_ids=[7], charging_limit_sources=["EMS"]),
            domain.GetChargingProfiles(1, charging_profile_ids=(7,), sources=("EMS",)),
        ),
        (
            "UsePriorityCharging",
            pb.UsePriorityChargingRequest(target=to(number), transaction_id="7", activate=True),
            domain.UsePriorityCharging("7", True),
        ),
        (
            "UpdateDynamicSchedule",
            pb.UpdateDynamicScheduleRequest(
                target=to(number),
                charging_profile_id=7,
                schedule_update=pb.ChargingScheduleUpdate(limit=0, setpoint_l2=-1),
            ),
            domain.UpdateDynamicSchedule(7, ChargingScheduleUpdate(limit=0.0, setpoint_l2=-1.0)),
        ),
        (
            "SendAfrrSignal",
            pb.SendAfrrSignalRequest(target=to(number), signal=-2),
            domain.SendAfrrSignal(NOW, -2),
        ),
        (
            "NotifyAllowedEnergyTransfer",
            pb.NotifyAllowedEnergyTransferRequest(
                target=to(number), transaction_id="7", allowed_energy_transfer=["DC_BPT"]
            ),
            domain.NotifyAllowedEnergyTransfer("7", ("DC_BPT",)),
        ),
    ]
    for method, request, command in calls:
        answer = await world.client.call(f"smart_charging.{method}", request)
        assert answer.result.accepted, method
        assert world.directory.sent[-1][:2] == (number, command), method


@pytest.mark.feature("F-OCPP-4", "F-SYS-4")
async def test_composite_schedule_and_ours(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    theirs = CompositeSchedule(1, 60, START, ChargingRateUnit.AMPERE, (ChargingSchedulePeriod(0, 0.0),))
    answered = Answer("Accepted", accepted=True, result=domain.CompositeScheduleResult(theirs))
    world.directory.settled.append(Settled(Outcome.ANSWERED, answered, 0.1))
    request = pb.GetCompositeScheduleRequest(
        target=to(number),
        evse_id=1,
        duration=Duration(seconds=int(timedelta(minutes=1).total_seconds())),
        charging_rate_unit="A",
        include_computed=True,
    )
    answer = await world.client.call("smart_charging.GetCompositeSchedule", request)
    assert answer.schedule.duration == 60
    (period,) = answer.schedule.charging_schedule_period
    assert period.HasField("limit")
    (period,) = answer.computed.charging_schedule_period
    assert not period.HasField("limit")


@pytest.mark.feature("F-OCPP-1", "F-OCPP-4", "F-SYS-4")
async def test_what_a_version_lacks_is_told_in_its_name(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    said = "A station that speaks OCPP 1.6 knows no GetChargingProfiles."
    world.directory.settled.append(Settled(Outcome.REFUSED, reason="NOT_SUPPORTED", message=said))
    with pytest.raises(Refused, match=said) as caught:
        await world.client.call("smart_charging.GetChargingProfiles", pb.GetChargingProfilesRequest(target=to(number)))
    assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_SUPPORTED")


@pytest.mark.parametrize(
    ("method", "fields", "said"),
    [
        ("SetChargingProfile", {"profile": values_pb.ChargingProfile()}, "charging profile cannot be read"),
        (
            "SetChargingProfile",
            {
                "profile": values_pb.ChargingProfile(
                    charging_profile_purpose="TxProfile",
                    charging_profile_kind="Absolute",
                    charging_schedule=[
                        values_pb.ChargingSchedule(sales_tariff=values_pb.SalesTariff(sales_tariff_entry=[{}]))
                    ],
                )
            },
            "cannot be read",
        ),
        ("ClearChargingProfile", {"charging_profile_purpose": "Max"}, "'Max' is none of Charging"),
        ("GetCompositeSchedule", {"charging_rate_unit": "kW"}, "'kW' is none of W, A"),
        ("GetCompositeSchedule", {}, "Ask for 1 to"),
    ],
)
async def test_words_that_ocpp_does_not_have(
    world: ControlWorld, method: str, fields: dict[str, object], said: str
) -> None:
    number = await world.add_station("CP-1")
    request = getattr(pb, f"{method}Request")(target=to(number), **fields)
    with pytest.raises(Refused, match=said) as caught:
        await world.client.call(f"smart_charging.{method}", request)
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
