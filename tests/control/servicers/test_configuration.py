"""ConfigurationService over the wire."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import configuration_pb2 as pb
from control.v1 import remote_pb2
from csms.domain.commands import Answer, Outcome, Variable
from csms.domain.variable_names import VariablePlace
from csms.ports.directory import Settled
from csms.services.device_model import key_of
from tests.kit.control_world import ControlWorld, Refused


async def a_station(world: ControlWorld, identity: str = "CP-1", *, online: bool = True) -> str:
    number = await world.add_station(identity, online=online)
    world.tables.stations[number].protocol = "ocpp1.6"
    return f"stations/{number}"


async def tell(world: ControlWorld, station: str, name: str, value: str) -> None:
    number = int(station.partition("/")[2])
    await world.inventory_store.put_variable(number, key_of(VariablePlace("", name)), value, world.time)


@pytest.mark.feature("F-STA-6")
async def test_settings_are_listed_wished_uploaded_and_forgotten(world: ControlWorld) -> None:
    station = await a_station(world)
    for name in ("HeartbeatInterval", "LightIntensity", "Acme_Password"):
        await tell(world, station, name, "50")
    first = await world.client.call(
        "configuration.ListConfiguration", pb.ListConfigurationRequest(station=station, page_size=2)
    )
    rest = await world.client.call(
        "configuration.ListConfiguration",
        pb.ListConfigurationRequest(station=station, page_size=2, page_token=first.next_page_token),
    )
    settings = [*first.settings, *rest.settings]
    assert [each.name for each in settings] == ["Acme_Password", "HeartbeatInterval", "LightIntensity"]
    assert (first.total_size, rest.next_page_token) == (3, "")
    assert settings[0].secret
    assert not settings[0].HasField("reported_value")
    assert settings[1].warning
    assert settings[1].reported_value == "50"
    values = [pb.SettingValue(name="HeartbeatInterval", value="300"), pb.SettingValue(name="New", value="")]
    kept = await world.client.call("configuration.SetDesired", pb.SetDesiredRequest(station=station, values=values))
    assert [(each.name, each.state, each.desired_value) for each in kept.settings] == [
        ("HeartbeatInterval", pb.DESIRED_STATE_PENDING, "300"),
        ("New", pb.DESIRED_STATE_PENDING, ""),
    ]
    for word in ("RebootRequired", "Rejected"):
        answer = Answer(word, word != "Rejected")
        world.directory.settled.append(Settled(Outcome.ANSWERED, answer, 0.1))
    target = remote_pb2.CommandTarget(station=station)
    done = await world.client.call("configuration.UploadConfiguration", pb.UploadConfigurationRequest(target=target))
    assert [(each.name, each.state, each.answer) for each in done.settings] == [
        ("HeartbeatInterval", pb.DESIRED_STATE_REBOOT_REQUIRED, "RebootRequired"),
        ("New", pb.DESIRED_STATE_REJECTED, "Rejected"),
    ]
    assert done.reboot_required
    gone = await world.client.call("configuration.ClearDesired", pb.ClearDesiredRequest(station=station, names=["New"]))
    assert gone.cleared_count == 1
    wanted = pb.SettingFilter(only_desired=True)
    left = await world.client.call(
        "configuration.ListConfiguration", pb.ListConfigurationRequest(station=station, filter=wanted)
    )
    assert [each.name for each in left.settings] == ["HeartbeatInterval"]


async def test_refusals_say_why(world: ControlWorld) -> None:
    station = await a_station(world, online=False)

    async def refused(name: str, value: str) -> Refused:
        request = pb.SetDesiredRequest(station=station, values=[pb.SettingValue(name=name, value=value)])
        with pytest.raises(Refused) as told:
            await world.client.call("configuration.SetDesired", request)
        return told.value

    password = await refused("AuthorizationKey", "secret-password-1")
    assert (password.code, password.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "SECRET_VARIABLE")
    assert "RotateStationPassword" in password.message
    assert "secret-password-1" not in password.message
    assert (await refused("HeartbeatInterval", "soon")).reason == "INVALID_VALUE"
    assert (await refused("NumberOfConnectors", "3")).reason == "READ_ONLY"
    values = [pb.SettingValue(name="HeartbeatInterval", value="300")]
    await world.client.call("configuration.SetDesired", pb.SetDesiredRequest(station=station, values=values))
    target = remote_pb2.CommandTarget(station=station)
    with pytest.raises(Refused) as told:
        await world.client.call("configuration.UploadConfiguration", pb.UploadConfigurationRequest(target=target))
    assert told.value.reason == "STATION_OFFLINE"
    queued = await world.client.call(
        "configuration.UploadConfiguration", pb.UploadConfigurationRequest(target=target, when_connected=True)
    )
    assert (queued.queued, len(queued.settings)) == (True, 1)
    told_of = await world.client.call("configuration.ListConfiguration", pb.ListConfigurationRequest(station=station))
    assert told_of.upload_pending


@pytest.mark.feature("F-STA-6")
async def test_drift_is_listed_after_a_refresh(world: ControlWorld) -> None:
    stations = [await a_station(world, f"CP-{number}") for number in range(3)]
    values = [pb.SettingValue(name="HeartbeatInterval", value="300")]
    for station in stations:
        await world.client.call("configuration.SetDesired", pb.SetDesiredRequest(station=station, values=values))
    target = remote_pb2.CommandTarget(station=stations[1])
    await world.client.call("configuration.UploadConfiguration", pb.UploadConfigurationRequest(target=target))
    world.time += timedelta(minutes=1)
    told = Answer("Accepted", True, variables=(Variable("HeartbeatInterval", "9", False),))
    world.directory.settled.append(Settled(Outcome.ANSWERED, told, 0.1))
    read = await world.client.call("configuration.RefreshConfiguration", pb.RefreshConfigurationRequest(target=target))
    assert (read.complete, read.setting_count, read.difference_count) == (True, 1, 1)
    first = await world.client.call("configuration.ListDrift", pb.ListDriftRequest(page_size=2))
    rest = await world.client.call(
        "configuration.ListDrift", pb.ListDriftRequest(page_size=2, page_token=first.next_page_token)
    )
    rows = [*first.stations, *rest.stations]
    assert [(row.station, row.drifted_count, row.unsent_count) for row in rows] == [
        (stations[0], 0, 1),
        (stations[1], 1, 0),
        (stations[2], 0, 1),
    ]
    assert list(rows[1].drifted_names) == ["HeartbeatInterval"]
    assert (first.total_size, rest.next_page_token) == (3, "")
    only = pb.ListDriftRequest(filter=pb.DriftFilter(drifted_only=True, place="places/1"))
    assert (await world.client.call("configuration.ListDrift", only)).total_size == 1


@pytest.mark.feature("F-STA-6")
async def test_templates_are_made_changed_previewed_applied_and_deleted(world: ControlWorld) -> None:
    station = await a_station(world)
    wanted = pb.ConfigurationTemplate(
        display_name="Acme",
        vendor="Vendor",
        model="M*",
        family=pb.TEMPLATE_FAMILY_1_6,
        priority=3,
        enabled=True,
        variables=[pb.SettingValue(name="HeartbeatInterval", value="300")],
    )
    create = pb.CreateConfigurationTemplateRequest(template=wanted)
    made = (await world.client.call("configuration.CreateConfigurationTemplate", create)).template
    assert (made.etag, made.family, made.variables[0].value) == ("1", pb.TEMPLATE_FAMILY_1_6, "300")
    with pytest.raises(Refused) as told:
        await world.client.call("configuration.CreateConfigurationTemplate", create)
    assert told.value.reason == "TEMPLATE_EXISTS"
    made.variables[0].value = "600"
    update = pb.UpdateConfigurationTemplateRequest(template=made, update_mask=FieldMask(paths=["variables"]))
    changed = (await world.client.call("configuration.UpdateConfigurationTemplate", update)).template
    assert (changed.etag, changed.variables[0].value) == ("2", "600")
    with pytest.raises(Refused) as told:
        await world.client.call("configuration.UpdateConfigurationTemplate", update)
    assert told.value.code is grpc.StatusCode.ABORTED
    got = await world.client.call(
        "configuration.GetConfigurationTemplate", pb.GetConfigurationTemplateRequest(name=made.name)
    )
    listed = await world.client.call("configuration.ListConfigurationTemplates", pb.ListConfigurationTemplatesRequest())
    assert list(listed.templates) == [got.template]
    for template in ("", made.name):
        preview = await world.client.call(
            "configuration.PreviewTemplate", pb.PreviewTemplateRequest(station=station, template=template)
        )
        [line] = preview.settings
        assert (line.setting.name, line.value, line.template, line.problem) == (
            "HeartbeatInterval",
            "600",
            made.name,
            "",
        )
    apply = pb.ApplyTemplateRequest(template=made.name, stations=[station], upload=True)
    assert (await world.client.call("configuration.ApplyTemplate", apply)).station_count == 1
    await world.client.call(
        "configuration.DeleteConfigurationTemplate", pb.DeleteConfigurationTemplateRequest(name=made.name)
    )
    with pytest.raises(Refused) as told:
        await world.client.call(
            "configuration.GetConfigurationTemplate", pb.GetConfigurationTemplateRequest(name=made.name)
        )
    assert told.value.reason == "TEMPLATE_NOT_FOUND"
