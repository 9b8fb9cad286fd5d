"""The device model's use cases: what is asked, what is kept."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from csms.domain.certificates import CertificateHashData, HashAlgorithm
from csms.domain.commands import Answer, Command, GetVariables, Outcome, SetVariable, SetVariables, Variable
from csms.domain.customer import CustomerInformation
from csms.domain.device_model import (
    Apn,
    Component,
    ComponentCriterion,
    ComponentVariable,
    GetBaseReport,
    GetReport,
    NetworkConnectionProfile,
    ReportBase,
    ReportReceived,
    SetNetworkProfile,
)
from csms.domain.errors import DomainError, InvalidArgument, NotSupported, PermissionDenied
from csms.domain.facts import ACK, StationBooted
from csms.domain.records import JobKind, JobRecord, JobState, LinkRecord, Record, VariableRecord
from csms.ports.directory import Settled
from csms.ports.inventory import VariableFilter, VariableKey, VariableView
from csms.services.device_model import MAX_COMPONENT_VARIABLES, CustomerReference, key_of, place_of_key
from csms.services.remote import Target
from tests.kit.service_world import NOW, STRANGER, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
BOOT = StationBooted("Vendor", "Model", firmware_version="1.0")


async def a_world(protocol: str = "ocpp2.0.1") -> tuple[ServiceWorld, int]:
    world = ServiceWorld()
    world.time = NOW
    number = await world.add_station("CP-1")
    world.tables.write([LinkRecord(number, True, NOW, 1, protocol, "192.0.2.7")])
    return world, number


def sent(world: ServiceWorld) -> list[Command]:
    return [command for _, command, _, _ in world.directory.sent]


def answers(world: ServiceWorld, *variables: Variable, status: str = "Accepted") -> None:
    answer = Answer(status, accepted=status == "Accepted", variables=variables)
    world.directory.settled.append(Settled(Outcome.ANSWERED, answer, 0.1))


async def variables(world: ServiceWorld, number: int) -> list[VariableView]:
    return list((await world.inventory_store.page_variables(number, VariableFilter(), size=999))[0])


def a_variable(number: int, name: str, value: str, component: str = "Ctrlr", **more: object) -> VariableRecord:
    told = {"component_instance": "", "variable_instance": "", **more}
    return VariableRecord(
        number,
        component,
        str(told.pop("component_instance")),
        0,
        0,
        name,
        str(told.pop("variable_instance")),
        "Actual",
        NOW,
        value,
        **told,  # type: ignore[arg-type]
    )


# -- reports


async def test_reports_are_ordered_as_jobs() -> None:
    world, number = await a_world()
    base = await world.device_model.get_base_report(SUPPORT, Target(number), ReportBase.SUMMARY)
    some = (ComponentVariable(Component("EVSE")),)
    report = await world.device_model.get_report(SUPPORT, Target(number), some, [ComponentCriterion.PROBLEM] * 2)
    assert sent(world) == [
        GetBaseReport(base.job.id, ReportBase.SUMMARY),
        GetReport(report.job.id, some, (ComponentCriterion.PROBLEM,)),
    ]
    assert msgspec.json.decode(report.job.request) == {
        "action": "GetReport",
        "componentVariable": [{"component": {"name": "EVSE"}}],
        "componentCriteria": ["Problem"],
    }
    assert base.job.state is JobState.RUNNING


async def test_half_an_order_is_not_sent() -> None:
    world, number = await a_world()
    model, target = world.device_model, Target(number)
    nameless = ComponentVariable(Component(""))
    with pytest.raises(InvalidArgument):
        await model.get_report(SUPPORT, target, [nameless], [])
    with pytest.raises(InvalidArgument):
        await model.get_report(SUPPORT, target, [ComponentVariable(Component("A"))] * (MAX_COMPONENT_VARIABLES + 1), [])
    certificate = CertificateHashData(HashAlgorithm.SHA256, "a", "b", "c")
    for who, report in (
        (CustomerReference("04A2", "ISO14443"), False),
        (CustomerReference(), True),
        (CustomerReference("04A2"), True),
        (CustomerReference("04A2", "ISO14443", "x"), True),
        (CustomerReference(customer_identifier="x", certificate=certificate), True),
    ):
        with pytest.raises(InvalidArgument):
            await model.request_customer_information(SUPPORT, target, who, report=report, clear=False)
    assert sent(world) == []
    assert await world.inventory_store.page_jobs(number, size=9) == []


async def test_a_driver_may_nothing() -> None:
    world, number = await a_world()
    model, target = world.device_model, Target(number)
    who = CustomerReference("04A2", "ISO14443")
    profile = NetworkConnectionProfile("wss://x", "JSON", "Wired0", 30, 1)
    for work in (
        model.get_base_report(STRANGER, target, ReportBase.FULL),
        model.get_report(STRANGER, target, (), ()),
        model.list_variables(STRANGER, number, VariableFilter(), size=5),
        model.request_customer_information(STRANGER, target, who, report=True, clear=False),
        model.set_network_profile(STRANGER, target, 1, profile),
    ):
        with pytest.raises(PermissionDenied):
            await work
    assert sent(world) == []


async def test_what_a_full_inventory_does_not_tell_is_gone() -> None:
    world, number = await a_world()
    world.inventory_store.apply([a_variable(number, "Old", "1"), a_variable(number, "Kept", "1")])
    world.time = NOW + timedelta(minutes=1)
    job = (await world.device_model.get_base_report(SUPPORT, Target(number), ReportBase.FULL)).job
    told: list[Record] = [msgspec.structs.replace(a_variable(number, "Kept", "2"), at=world.time)]
    for part, last in ((1, True), (0, False)):
        step = JobRecord(number, JobKind.DEVICE_REPORT, world.time, job.id, part=part, last=last)
        world.inventory_store.apply([*told, step])
        fact = ReportReceived(job.id, world.time, part, last)
        assert len(await variables(world, number)) == 2
        await world.device_model.on_report(number, fact, ACK)
    assert [(view.key.variable, view.value) for view in await variables(world, number)] == [("Kept", "2")]


async def test_a_smaller_report_drops_nothing() -> None:
    world, number = await a_world()
    world.inventory_store.apply([a_variable(number, "Old", "1")])
    world.time = NOW + timedelta(minutes=1)
    for ordered in (
        await world.device_model.get_base_report(SUPPORT, Target(number), ReportBase.CONFIGURATION),
        await world.device_model.get_report(SUPPORT, Target(number), (), ()),
    ):
        number_of_job = ordered.job.id
        step = JobRecord(number, JobKind.DEVICE_REPORT, world.time, number_of_job, part=0, last=True)
        world.inventory_store.apply([step])
        await world.device_model.on_report(number, ReportReceived(number_of_job, world.time, 0, True), ACK)
    assert len(await variables(world, number)) == 1


# -- the report that the server asks for


async def boot(world: ServiceWorld, number: int, fact: StationBooted = BOOT) -> None:
    await world.device_model.inventory_of(number, fact)


async def test_a_new_station_and_new_firmware_are_asked_for_an_inventory_once() -> None:
    world, number = await a_world()
    await boot(world, number)
    await boot(world, number)
    assert sent(world) == [GetBaseReport(1, ReportBase.FULL)]
    await boot(world, number, StationBooted("Vendor", "Model", firmware_version="2.0"))
    assert sent(world)[1:] == [GetBaseReport(2, ReportBase.FULL)]
    await boot(world, number, StationBooted("Vendor", "Model", firmware_version="2.0"))
    assert len(sent(world)) == 2


async def test_an_inventory_that_did_not_come_is_asked_for_at_the_next_boot() -> None:
    world, number = await a_world()
    await boot(world, number)
    await world.inventory_store.change_job(1, JobState.FAILED, NOW)
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Rejected", False), 0.1))
    await boot(world, number)
    await boot(world, number)
    assert len(sent(world)) == 3


async def test_a_station_that_cannot_leaves_a_failed_job_and_no_promise() -> None:
    world, number = await a_world()
    world.directory.settled.append(Settled(Outcome.REFUSED, reason="NOT_SUPPORTED"))
    with pytest.raises(NotSupported):
        await boot(world, number)
    job = await world.inventory_store.find_job(1)
    assert job is not None
    assert job.state is JobState.FAILED
    assert await world.inventory_store.items(number, "base_report") == []


# -- variables


async def test_values_that_a_2_x_station_gives_are_kept() -> None:
    world, number = await a_world()
    answers(
        world,
        Variable("EVSE@1.Power(x)#MaxSet", "9", False, "Accepted"),
        Variable("A.B", None, False, "UnknownVariable"),
        Variable("SecurityCtrlr.BasicAuthPassword", "secret", False, "Accepted"),
        Variable("no name", "9", False, "Accepted"),
    )
    await world.remote.get_variables(SUPPORT, Target(number), ["EVSE@1.Power(x)#MaxSet", "A.B"])
    (view,) = await variables(world, number)
    assert view.key == VariableKey("EVSE", "", 1, 0, "Power", "x", "MaxSet")
    assert view.value == "9"


async def test_keys_of_1_6_are_kept_with_their_mutability() -> None:
    world, number = await a_world("ocpp1.6")
    answers(world, Variable("NumberOfConnectors", "2", True), Variable("Vendor.Key", None, False))
    await world.remote.get_variables(SUPPORT, Target(number), [])
    assert [(v.key.component, v.key.variable, v.value, v.mutability) for v in await variables(world, number)] == [
        ("", "NumberOfConnectors", "2", "ReadOnly"),
        ("", "Vendor.Key", None, "ReadWrite"),
    ]
    answers(world)
    answers(world, status="Rejected")
    wanted = [SetVariable("Vendor.Key", "5"), SetVariable("NumberOfConnectors", "3")]
    await world.remote.set_variables(SUPPORT, Target(number), wanted)
    assert [view.value for view in await variables(world, number)] == ["2", "5"]
    answers(world)
    await world.remote.set_variables(SUPPORT, Target(number), [SetVariable("AuthorizationKey", "secret")])
    assert len(await variables(world, number)) == 2


async def test_only_what_the_station_took_is_kept() -> None:
    world, number = await a_world()
    write_only = a_variable(number, "Pin", "", "V", mutability="WriteOnly")
    world.inventory_store.apply([msgspec.structs.replace(write_only, value=None)])
    answers(
        world,
        Variable("A.B", None, False, "Accepted"),
        Variable("A.C", None, False, "RebootRequired"),
        Variable("A.D", None, False, "Rejected"),
        Variable("V.Pin", None, False, "Accepted"),
        status="Rejected",
    )
    wanted = [SetVariable(name, "1") for name in ("a.b", "A.C", "A.D", "V.Pin")]
    outcomes = await world.remote.set_variables(SUPPORT, Target(number), wanted)
    assert [o.outcome.answer.status for o in outcomes if o.outcome] == [
        "Accepted",
        "RebootRequired",
        "Rejected",
        "Accepted",
    ]
    kept = {view.key.variable: view.value for view in await variables(world, number)}
    assert kept == {"B": "1", "C": "1", "Pin": None}


async def test_long_lists_are_sent_in_portions_that_the_station_takes() -> None:
    world, number = await a_world()
    items = {"component": "DeviceDataCtrlr"}
    world.inventory_store.apply(
        [
            a_variable(number, "ItemsPerMessage", "2", **items, variable_instance="SetVariables"),  # type: ignore[arg-type]
            a_variable(number, "ItemsPerMessage", "4", **items, variable_instance="GetVariables"),  # type: ignore[arg-type]
            a_variable(number, "BytesPerMessage", "250", **items, variable_instance="GetVariables"),  # type: ignore[arg-type]
        ]
    )
    names = [f"Ctrlr.V{n}" for n in range(5)]
    outcomes = await world.remote.set_variables(SUPPORT, Target(number), [SetVariable(name, "1") for name in names])
    assert len(outcomes) == 5
    assert [len(c.variables) for c in sent(world) if isinstance(c, SetVariables)] == [2, 2, 1]
    answers(world, Variable(names[0], "1", False, "Accepted"))
    answers(world, Variable(names[2], None, False, "Rejected"), status="Rejected")
    answers(world, Variable(names[4], "5", False, "Accepted"))
    outcome = await world.remote.get_variables(SUPPORT, Target(number), names)
    assert [len(c.names) for c in sent(world) if isinstance(c, GetVariables)] == [2, 2, 1]  # 250 bytes hold two
    assert [variable.value for variable in outcome.answer.variables] == ["1", None, "5"]
    assert (outcome.answer.status, outcome.answer.accepted) == ("Rejected", False)
    assert outcome.latency_s == pytest.approx(0.3)


async def test_a_station_that_tells_no_limits_gets_twenty_at_a_time_and_1_6_its_own() -> None:
    world, number = await a_world()
    names = [f"Ctrlr.V{n}" for n in range(45)]
    await world.remote.get_variables(SUPPORT, Target(number), names)
    assert [len(c.names) for c in sent(world) if isinstance(c, GetVariables)] == [20, 20, 5]
    world, number = await a_world("ocpp1.6")
    await world.remote.get_variables(SUPPORT, Target(number), names)
    assert len(sent(world)) == 1
    world.inventory_store.apply([a_variable(number, "GetConfigurationMaxKeys", "30", component="")])
    await world.remote.get_variables(SUPPORT, Target(number), names)
    assert [len(c.names) for c in sent(world)[1:] if isinstance(c, GetVariables)] == [30, 15]


async def test_a_list_stops_where_the_station_fails() -> None:
    world, number = await a_world()
    failed = Answer("", False, error_code="InternalError")
    world.directory.settled.append(Settled(Outcome.ANSWERED, failed, 0.1))
    outcome = await world.remote.get_variables(SUPPORT, Target(number), [f"Ctrlr.V{n}" for n in range(45)])
    assert outcome.answer.error_code == "InternalError"
    assert len(sent(world)) == 1


async def test_a_database_that_fails_after_the_answer_does_not_hide_it() -> None:
    world, number = await a_world()

    async def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    world.remote.after(GetVariables, fail)
    answers(world, Variable("A.B", "1", False, "Accepted"))
    outcome = await world.remote.get_variables(SUPPORT, Target(number), ["A.B"])
    assert outcome.answer.accepted


def test_a_key_is_a_place() -> None:
    key = VariableKey("C", "ci", 1, 2, "V", "vi", "Target")
    assert key_of(place_of_key(key)) == key


# -- customers and connections


async def test_whom_customer_information_is_about_stands_in_no_job() -> None:
    world, number = await a_world()
    who = CustomerReference("04A2", "ISO14443")
    model = world.device_model
    ordered = await model.request_customer_information(SUPPORT, Target(number), who, report=True, clear=True)
    assert sent(world) == [CustomerInformation(ordered.job.id, True, True, "04A2", "ISO14443")]
    assert (ordered.job.kind, ordered.job.state) == (JobKind.CUSTOMER_INFORMATION, JobState.RUNNING)
    assert b"04A2" not in ordered.job.request
    cleared = await model.request_customer_information(SUPPORT, Target(number), who, report=False, clear=True)
    assert cleared.job.state is JobState.SUCCEEDED


async def test_an_accepted_network_profile_is_kept_without_secrets() -> None:
    world, number = await a_world()
    profile = NetworkConnectionProfile(
        "wss://csms.example.org", "JSON", "Wired0", 30, 2, apn=Apn("internet", "PAP", apn_password="secret")
    )
    await world.device_model.set_network_profile(SUPPORT, Target(number), 2, profile)
    assert sent(world) == [SetNetworkProfile(2, profile)]
    (item,) = await world.inventory_store.items(number, "network_profile")
    assert item.key == "2"
    assert b"csms.example.org" in item.body
    assert b"secret" not in item.body
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Failed", False), 0.1))
    await world.device_model.set_network_profile(SUPPORT, Target(number), 3, profile)
    assert len(await world.inventory_store.items(number, "network_profile")) == 1


async def test_every_error_is_a_sentence() -> None:
    world, number = await a_world()
    for reason in ("NAMES_MISSING", "INVALID_VARIABLE_NAME"):
        world.directory.settled.append(Settled(Outcome.REFUSED, reason=reason))
        with pytest.raises(DomainError) as raised:
            await world.remote.get_variables(SUPPORT, Target(number), [])
        assert (raised.value.reason, raised.value.message[-17:]) == (reason, "Nothing was sent.")
