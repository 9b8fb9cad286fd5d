"""What stations are made of: reports asked for, variables kept, connection settings and customer information."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal
from csms.domain.certificates import CertificateHashData
from csms.domain.commands import Answer, GetVariables, SetVariable, SetVariables, Variable
from csms.domain.customer import CustomerInformation
from csms.domain.device_model import (
    BASE_REPORT_ITEM,
    NETWORK_PROFILE_ITEM,
    ComponentCriterion,
    ComponentVariable,
    GetBaseReport,
    GetReport,
    MessageLimits,
    NetworkConnectionProfile,
    ReportBase,
    ReportReceived,
    SetNetworkProfile,
    component_of,
    is_secret,
    portions,
    variable_of,
)
from csms.domain.errors import InvalidArgument
from csms.domain.facts import Reply, StationBooted
from csms.domain.records import JobKind, JobState
from csms.domain.variable_names import VariablePlace, parse_name
from csms.ports.inventory import Inventory, Job, VariableFilter, VariableKey, VariableView
from csms.ports.queries import StationQueries
from csms.services.remote import CommandOutcome, Remote, Target
from csms.services.reports import Ordered, Reports
from csms.services.variables import DONE

ITEMS_UNTOLD: Final = 20
"""Variables in a message to a 2.x station that has not told how many it takes."""
MAX_COMPONENT_VARIABLES: Final = 500
OUR_SECONDS: Final = 60.0
"""How long the server tries for a report of its own."""
_encode = msgspec.json.Encoder().encode


class LastBaseReport(msgspec.Struct, frozen=True, rename="camel"):
    """For which hardware and firmware the server asked by itself, and with which job."""

    vendor: str
    model: str
    firmware_version: str
    job: int


class CustomerReference(msgspec.Struct, frozen=True):
    """Who is meant: exactly one of the three. `id_token_type` goes with `id_token`."""

    id_token: str = ""
    id_token_type: str = ""
    customer_identifier: str = ""
    certificate: CertificateHashData | None = None


class DeviceModel:
    """Every report returns the station's answer and the job that gathers what it then tells."""

    def __init__(
        self,
        remote: Remote,
        reports: Reports,
        inventory: Inventory,
        stations: StationQueries,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._reports = reports
        self._inventory = inventory
        self._stations = stations
        self._now = now

    # -- reports ---------------------------------------------------------------------------------------------------

    async def get_base_report(self, caller: Principal, target: Target, report_base: ReportBase) -> Ordered:
        """Have a station tell what it is made of."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        return await self._base_report(caller, target, report_base)

    async def _base_report(self, caller: Principal | None, target: Target, report_base: ReportBase) -> Ordered:
        request: dict[str, object] = {"action": "GetBaseReport", "reportBase": report_base.value}
        return await self._reports.order(
            caller, target, JobKind.DEVICE_REPORT, request, lambda number: GetBaseReport(number, report_base)
        )

    async def get_report(
        self,
        caller: Principal,
        target: Target,
        component_variables: Sequence[ComponentVariable],
        criteria: Sequence[ComponentCriterion],
    ) -> Ordered:
        """Have it tell about these components and variables, or those in these states. Raises InvalidArgument."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        wanted = checked_component_variables(component_variables)
        states = tuple(dict.fromkeys(criteria))
        request: dict[str, object] = {
            "action": "GetReport",
            "componentVariable": wanted,
            "componentCriteria": [state.value for state in states],
        }
        return await self._reports.order(
            caller, target, JobKind.DEVICE_REPORT, request, lambda number: GetReport(number, wanted, states)
        )

    async def request_customer_information(
        self, caller: Principal, target: Target, who: CustomerReference, *, report: bool, clear: bool
    ) -> Ordered:
        """Have a station tell what it keeps of a customer, forget it, or both. Raises InvalidArgument."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        if not (report or clear):
            raise InvalidArgument("Say what to do: report, clear, or both.", reason="NOTHING_ASKED")
        if sum(map(bool, (who.id_token, who.customer_identifier, who.certificate))) != 1:
            raise InvalidArgument(
                "Say who is meant by exactly one of id_token, customer_identifier and certificate.",
                reason="INVALID_CUSTOMER",
            )
        if who.id_token and not who.id_token_type:
            raise InvalidArgument(
                "Say what kind of token it is, for example ISO14443 or eMAID.", reason="ID_TOKEN_TYPE_MISSING"
            )
        # Whom it is about stays out of the job: it outlives what it helps to clear.
        request: dict[str, object] = {"action": "CustomerInformation", "report": report, "clear": clear}
        return await self._reports.order(
            caller,
            target,
            JobKind.CUSTOMER_INFORMATION,
            request,
            lambda number: CustomerInformation(
                number, report, clear, who.id_token, who.id_token_type, who.customer_identifier, who.certificate
            ),
            parts_follow=report,
        )

    async def list_variables(
        self,
        caller: Principal,
        station_id: int,
        wanted: VariableFilter,
        *,
        size: int,
        after: VariableKey | None = None,
    ) -> tuple[Sequence[VariableView], int]:
        """The stored device model, in the order of components and variables; and how many match in all."""
        await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
        return await self._inventory.page_variables(station_id, wanted, size=size, after=after)

    async def set_network_profile(
        self, caller: Principal, target: Target, slot: int, profile: NetworkConnectionProfile
    ) -> CommandOutcome:
        """Give a station settings for a connection, to be kept in a slot. What it accepts is kept without secrets."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        outcome = await self._remote.command(
            caller, target, SetNetworkProfile(slot, profile), Action.CONFIGURE_STATIONS
        )
        if outcome.answer.accepted:
            body = _encode(profile.without_secrets())
            await self._inventory.put_item(target.station_id, NETWORK_PROFILE_ITEM, str(slot), body, self._now())
        return outcome

    # -- what stations do ------------------------------------------------------------------------------------------

    async def inventory_of(self, station_id: int, fact: StationBooted) -> Job:
        """The report of all that a 2.x station is made of, for this hardware and firmware: the one that was asked for,
        as long as it did not fail; else it is asked for now. Raises what `Remote` raises."""
        last = await self._last_base_report(station_id)
        if last is not None and (last.vendor, last.model, last.firmware_version) == (
            fact.vendor,
            fact.model,
            fact.firmware_version,
        ):
            job = await self._inventory.find_job(last.job)
            if job is not None and job.state not in (JobState.FAILED, JobState.CANCELED):
                return job
        ordered = await self._base_report(None, Target(station_id, OUR_SECONDS), ReportBase.FULL)
        body = _encode(LastBaseReport(fact.vendor, fact.model, fact.firmware_version, ordered.job.id))
        await self._inventory.put_item(station_id, BASE_REPORT_ITEM, "last", body, self._now())
        return ordered.job

    async def _last_base_report(self, station_id: int) -> LastBaseReport | None:
        for item in await self._inventory.items(station_id, BASE_REPORT_ITEM):
            return msgspec.json.decode(item.body, type=LastBaseReport)
        return None

    async def on_report(self, station_id: int, fact: ReportReceived, reply: Reply) -> None:
        """After a full inventory, what it did not tell is gone."""
        del reply
        job = await self._reports.complete(station_id, fact.request_id, JobKind.DEVICE_REPORT)
        if job is not None and msgspec.json.decode(job.request).get("reportBase") == ReportBase.FULL.value:
            await self._inventory.drop_variables(station_id, before=job.created_at)

    # -- answers that are kept -------------------------------------------------------------------------------------

    async def after_get_variables(self, station_id: int, command: GetVariables, answer: Answer) -> None:
        """Values that the station gave are kept."""
        del command
        for variable in answer.variables:
            if variable.status in ("", *DONE):
                mutability = ("ReadOnly" if variable.readonly else "ReadWrite") if not variable.status else ""
                await self._keep(station_id, variable, variable.value, mutability)

    async def after_set_variables(self, station_id: int, command: SetVariables, answer: Answer) -> None:
        """Values that the station took are kept."""
        if not answer.variables:  # 1.6: one key, one status
            if answer.accepted:
                for wanted in command.variables:
                    await self._keep(station_id, Variable(wanted.name, wanted.value, readonly=False), wanted.value, "")
            return
        values = {_folded(wanted.name): wanted.value for wanted in command.variables}
        for variable in answer.variables:
            value = values.get(_folded(variable.name))
            if variable.status in DONE and value is not None:
                await self._keep(station_id, variable, value, "")

    async def _keep(self, station_id: int, variable: Variable, value: str | None, mutability: str) -> None:
        """Write-only variables and known secrets are not kept."""
        place = VariablePlace("", variable.name) if not variable.status else _place(variable.name)
        if place is None or is_secret(place):
            return
        key = key_of(place)
        wanted = VariableFilter(component=place.component, variable=place.variable)
        known, _ = await self._inventory.page_variables(station_id, wanted, size=100)
        if any(view.key == key and view.mutability == "WriteOnly" for view in known):
            return
        await self._inventory.put_variable(station_id, key, value, self._now(), mutability=mutability)


class StationPortions:
    """`csms.services.variables.Portions` from what stations told of their limits: DeviceDataCtrlr's ItemsPerMessage and
    BytesPerMessage (2.x), GetConfigurationMaxKeys (1.6)."""

    def __init__(self, inventory: Inventory, stations: StationQueries) -> None:
        self._inventory = inventory
        self._stations = stations

    async def of_names(self, station_id: int, names: Sequence[str]) -> Sequence[int]:
        """See `Portions`."""
        if not await speaks_2(self._stations, station_id):
            limits = MessageLimits(await self._number(station_id, "", "GetConfigurationMaxKeys", ""))
            return portions(map(len, names), limits)
        limits = await self.limits(station_id, "DeviceDataCtrlr", "GetVariables")
        return portions((_size(name) for name in names), limits)

    async def of_values(self, station_id: int, variables: Sequence[SetVariable]) -> Sequence[int]:
        """See `Portions`."""
        if not await speaks_2(self._stations, station_id):
            return [1] * len(variables)
        limits = await self.limits(station_id, "DeviceDataCtrlr", "SetVariables")
        return portions((_size(each.name, each.value) for each in variables), limits)

    async def limits(self, station_id: int, controller: str, message: str) -> MessageLimits:
        """What a 2.x station takes in one such message."""
        items = await self._number(station_id, controller, "ItemsPerMessage", message)
        size = await self._number(station_id, controller, "BytesPerMessage", message)
        return MessageLimits(items or ITEMS_UNTOLD, size)

    async def _number(self, station_id: int, component: str, variable: str, instance: str) -> int | None:
        wanted = VariableFilter(component=component, variable=variable)
        found, _ = await self._inventory.page_variables(station_id, wanted, size=100)
        for view in found:
            same = (view.key.component, view.key.variable_instance) == (component, instance)
            if same and view.key.attribute_type == "Actual" and (view.value or "").isdecimal():
                return int(view.value or 0) or None
        return None


async def speaks_2(stations: StationQueries, station_id: int) -> bool:
    """Whether the station last connected with a 2.x version."""
    return any(view.protocol.startswith("ocpp2") for view in await stations.get_stations([station_id]))


def checked_component_variables(wanted: Sequence[ComponentVariable]) -> tuple[ComponentVariable, ...]:
    """The same. Raises InvalidArgument for too many, or one without a component."""
    if len(wanted) > MAX_COMPONENT_VARIABLES:
        raise InvalidArgument(
            f"Name at most {MAX_COMPONENT_VARIABLES} components and variables, or ask for a report of all.",
            reason="TOO_MANY_VARIABLES",
        )
    if not all(each.component.name for each in wanted):
        raise InvalidArgument("A component needs a name, for example EVSE.", reason="COMPONENT_MISSING")
    return tuple(wanted)


def key_of(place: VariablePlace) -> VariableKey:
    """As the inventory calls it."""
    return VariableKey(
        place.component,
        place.component_instance,
        place.evse_id,
        place.connector_id,
        place.variable,
        place.variable_instance,
        place.attribute_type,
    )


def place_of_key(key: VariableKey) -> VariablePlace:
    """The way back."""
    return VariablePlace(
        key.component,
        key.variable,
        key.component_instance,
        key.evse_id,
        key.connector_id,
        key.variable_instance,
        key.attribute_type,
    )


def _place(name: str) -> VariablePlace | None:
    try:
        return parse_name(name)
    except InvalidArgument:
        return None


def _folded(name: str) -> VariablePlace | str:
    place = _place(name)
    return name if place is None else place.folded()


def _size(name: str, value: str | None = None) -> int:
    """Bytes that it takes in a message; a name that is none takes what it takes (the station's dialect refuses it)."""
    place = _place(name)
    if place is None:
        return len(name)
    item: dict[str, object] = {"component": component_of(place), "variable": variable_of(place)}
    item["attributeType"] = place.attribute_type
    if value is not None:
        item["attributeValue"] = value
    return len(_encode(item))
