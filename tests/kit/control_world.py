"""The real gRPC server of control.v1 over a ServiceWorld, and a client beside it on the asyncio side of the door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from control.guard import Guard
from control.server import ControlServer, Servicer
from control.servicers.alarms import AlarmServicer
from control.servicers.audit import AuditServicer
from control.servicers.auth import AuthServicer
from control.servicers.backups import BackupServicer
from control.servicers.battery_swap import BatterySwapServicer
from control.servicers.certificates import CertificateServicer
from control.servicers.configuration import ConfigurationServicer
from control.servicers.cost_reports import CostReportServicer
from control.servicers.der import DerServicer
from control.servicers.device_model import DeviceModelServicer
from control.servicers.display import DisplayServicer
from control.servicers.files import FileServicer
from control.servicers.firmware_images import FirmwareImageServicer
from control.servicers.groups import GroupServicer
from control.servicers.id_tokens import IdTokenServicer
from control.servicers.imports import ImportServicer
from control.servicers.installations import InstallationServicer
from control.servicers.inventory import InventoryServicer
from control.servicers.load_balancing import LoadBalancingServicer
from control.servicers.local_lists import LocalListServicer
from control.servicers.maintenance import MaintenanceServicer
from control.servicers.messages import MessageLogServicer
from control.servicers.news import NewsServicer
from control.servicers.operations import OperationServicer
from control.servicers.outlets import OutletServicer
from control.servicers.payment import PaymentServicer
from control.servicers.pictures import PictureServicer
from control.servicers.places import PlaceServicer
from control.servicers.remote import RemoteServicer
from control.servicers.reservations import ReservationServicer
from control.servicers.sessions import SessionServicer
from control.servicers.sharing import SharingServicer
from control.servicers.smart_charging import SmartChargingServicer
from control.servicers.soap import SoapServicer
from control.servicers.station_security import StationSecurityServicer
from control.servicers.stations import StationServicer
from control.servicers.statistics import StatisticsServicer
from control.servicers.system import SystemServicer
from control.servicers.tariffs import TariffServicer
from control.servicers.third_party import ThirdPartyServicer
from control.servicers.tolerance import ToleranceServicer
from control.servicers.users import UserServicer
from control.servicers.watch import WatchServicer
from control.servicers.webhooks import WebhookServicer
from control.v1 import (
    alarms_pb2_grpc,
    audit_pb2_grpc,
    auth_pb2_grpc,
    backups_pb2_grpc,
    battery_swap_pb2_grpc,
    certificates_pb2_grpc,
    configuration_pb2_grpc,
    cost_reports_pb2_grpc,
    der_pb2_grpc,
    device_model_pb2_grpc,
    display_pb2_grpc,
    files_pb2_grpc,
    firmware_images_pb2_grpc,
    groups_pb2_grpc,
    id_tokens_pb2_grpc,
    imports_pb2_grpc,
    installations_pb2_grpc,
    inventory_pb2_grpc,
    load_balancing_pb2_grpc,
    local_lists_pb2_grpc,
    maintenance_pb2_grpc,
    messages_pb2_grpc,
    news_pb2_grpc,
    operations_pb2_grpc,
    outlets_pb2_grpc,
    payment_pb2_grpc,
    pictures_pb2_grpc,
    places_pb2_grpc,
    remote_pb2_grpc,
    reservations_pb2_grpc,
    sessions_pb2_grpc,
    sharing_pb2_grpc,
    smart_charging_pb2_grpc,
    soap_pb2_grpc,
    station_security_pb2_grpc,
    stations_pb2_grpc,
    statistics_pb2_grpc,
    system_pb2_grpc,
    tariffs_pb2_grpc,
    third_party_pb2_grpc,
    tolerance_pb2_grpc,
    users_pb2_grpc,
    watch_pb2_grpc,
    webhooks_pb2_grpc,
)
from csms.aio import Door, open_door
from csms.domain.access import Role
from csms.services.address_search import AddressSearch
from tests.kit.fake_geocoder import FakeGeocoder
from tests.kit.fake_imports import imports_of
from tests.kit.roaming_world import FakeWork
from tests.kit.service_world import PASSWORD, ServiceWorld

T = TypeVar("T")
M = TypeVar("M", bound=Message)
STUBS = {
    "alarms": alarms_pb2_grpc.AlarmServiceStub,
    "webhooks": webhooks_pb2_grpc.WebhookServiceStub,
    "news": news_pb2_grpc.NewsServiceStub,
    "audit": audit_pb2_grpc.AuditServiceStub,
    "auth": auth_pb2_grpc.AuthServiceStub,
    "users": users_pb2_grpc.UserServiceStub,
    "stations": stations_pb2_grpc.StationServiceStub,
    "statistics": statistics_pb2_grpc.StatisticsServiceStub,
    "station_security": station_security_pb2_grpc.StationSecurityServiceStub,
    "remote": remote_pb2_grpc.RemoteServiceStub,
    "sessions": sessions_pb2_grpc.SessionServiceStub,
    "soap": soap_pb2_grpc.SoapServiceStub,
    "id_tokens": id_tokens_pb2_grpc.IdTokenServiceStub,
    "outlets": outlets_pb2_grpc.OutletServiceStub,
    "watch": watch_pb2_grpc.WatchServiceStub,
    "messages": messages_pb2_grpc.MessageLogServiceStub,
    "backups": backups_pb2_grpc.BackupServiceStub,
    "places": places_pb2_grpc.PlaceServiceStub,
    "files": files_pb2_grpc.FileServiceStub,
    "firmware_images": firmware_images_pb2_grpc.FirmwareImageServiceStub,
    "pictures": pictures_pb2_grpc.PictureServiceStub,
    "sharing": sharing_pb2_grpc.SharingServiceStub,
    "groups": groups_pb2_grpc.GroupServiceStub,
    "system": system_pb2_grpc.SystemServiceStub,
    "imports": imports_pb2_grpc.ImportServiceStub,
    "installations": installations_pb2_grpc.InstallationServiceStub,
    "third_party": third_party_pb2_grpc.ThirdPartyServiceStub,
    "certificates": certificates_pb2_grpc.CertificateServiceStub,
    "inventory": inventory_pb2_grpc.InventoryServiceStub,
    "maintenance": maintenance_pb2_grpc.MaintenanceServiceStub,
    "tariffs": tariffs_pb2_grpc.TariffServiceStub,
    "cost_reports": cost_reports_pb2_grpc.CostReportServiceStub,
    "tolerance": tolerance_pb2_grpc.ToleranceServiceStub,
    "configuration": configuration_pb2_grpc.ConfigurationServiceStub,
    "device_model": device_model_pb2_grpc.DeviceModelServiceStub,
    "smart_charging": smart_charging_pb2_grpc.SmartChargingServiceStub,
    "load_balancing": load_balancing_pb2_grpc.LoadBalancingServiceStub,
    "der": der_pb2_grpc.DerServiceStub,
    "reservations": reservations_pb2_grpc.ReservationServiceStub,
    "local_lists": local_lists_pb2_grpc.LocalListServiceStub,
    "display": display_pb2_grpc.DisplayServiceStub,
    "operations": operations_pb2_grpc.OperationServiceStub,
    "payment": payment_pb2_grpc.PaymentServiceStub,
    "battery_swap": battery_swap_pb2_grpc.BatterySwapServiceStub,
}


class Refused(Exception):
    """A call that failed: its code, and what its ErrorInfo says."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(f"{error.code()} {error.details()}")
        self.code = error.code()
        self.message = error.details() or ""
        self.info = error_details_pb2.ErrorInfo()
        self.retry = error_details_pb2.RetryInfo()
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin" and isinstance(value, bytes):
                for detail in status_pb2.Status.FromString(value).details:
                    detail.Unpack(self.info)
                    detail.Unpack(self.retry)

    @property
    def reason(self) -> str:
        return str(self.info.reason)


def servicers_of(world: ServiceWorld) -> list[Servicer]:
    """All of them, as the application makes them."""
    return [
        AuthServicer(world.access, world.keys, world.users, world.invitations, world.factors, world.single),
        UserServicer(world.users, world.account, world.own_data.tags_of),
        AuditServicer(world.audit),
        AlarmServicer(world.alarms, world.alarm_settings),
        WebhookServicer(world.webhooks),
        NewsServicer(world.news, world.notifications),
        StationServicer(world.stations),
        StationSecurityServicer(world.station_security),
        SoapServicer(world.soap),
        RemoteServicer(world.remote),
        SessionServicer(world.sessions, world.session_editing),
        IdTokenServicer(world.tokens),
        OutletServicer(world.outlets, world.limits),
        WatchServicer(world.watching, world.alarms.place_name, tick=0.05),
        MessageLogServicer(world.messages),
        SystemServicer(world.system),
        InstallationServicer(world.installations),
        ImportServicer(imports_of(world)),
        ThirdPartyServicer(world.third.use_cases, world.third.parties, FakeWork(world.third)),
        PlaceServicer(world.places, AddressSearch(world.places, FakeGeocoder())),
        FileServicer(world.files),
        FirmwareImageServicer(world.firmware_images),
        PictureServicer(world.pictures),
        SharingServicer(world.shares),
        GroupServicer(world.groups),
        BackupServicer(world.backups),
        InventoryServicer(world.inventory),
        CertificateServicer(world.certificates),
        MaintenanceServicer(world.maintenance),
        TariffServicer(world.tariffs, world.costs, lambda: world.time),
        CostReportServicer(world.cost_reports),
        ToleranceServicer(world.tolerances),
        DeviceModelServicer(world.device_model, world.monitoring),
        ConfigurationServicer(world.configuration.use_cases, world.configuration.templates),
        SmartChargingServicer(world.smart_charging),
        LoadBalancingServicer(world.load_groups),
        DerServicer(world.der),
        ReservationServicer(world.reservations),
        LocalListServicer(world.local_lists),
        DisplayServicer(world.displays),
        OperationServicer(world.operations, world.operation_schedules, tick=0.05),
        PaymentServicer(world.payments),
        BatterySwapServicer(world.battery_swaps),
        StatisticsServicer(world.statistics),
    ]


class ControlClient:
    """Calls from trio. `token` goes with every call; `call` raises Refused."""

    def __init__(self, door: Door, channel: grpc.aio.Channel) -> None:
        self.door = door
        self.channel = channel
        self.token = ""
        self.pieces: list[Message] = []  # that follow the request, where a method takes a stream
        self._stubs = {name: stub(channel) for name, stub in STUBS.items()}

    async def call(self, method: str, request: Message, *, timeout: float | None = 20.0) -> Any:
        """`call("stations.GetStation", request)`."""
        return await self.asyncio(self._call, method, request, timeout)

    async def collect(self, method: str, request: Message, count: int | None = None) -> list[Any]:
        """The first messages of a stream (None: all); then it is cancelled."""
        return await self.asyncio(self._collect, method, request, count)

    async def asyncio(self, fn: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run a coroutine function on the asyncio side."""

        async def run() -> T:
            try:
                return await fn(*args)
            except grpc.aio.AioRpcError as error:
                raise Refused(error) from None

        return await self.door.call(run)

    def open(self, method: str, request: Message, timeout: float | None = 20.0) -> Any:
        """The call object; only on the asyncio side."""
        service, _, rpc = method.partition(".")
        metadata = (("authorization", f"Bearer {self.token}"),) if self.token else ()
        multi = getattr(self._stubs[service], rpc)
        if isinstance(multi, grpc.aio.StreamUnaryMultiCallable):
            return multi(iter([request, *self.pieces]), metadata=metadata, timeout=timeout)
        return multi(request, metadata=metadata, timeout=timeout)

    async def _call(self, method: str, request: Message, timeout: float | None) -> Any:
        return await self.open(method, request, timeout)

    async def _collect(self, method: str, request: Message, count: int | None) -> list[Any]:
        call = self.open(method, request)
        found: list[Any] = []
        async for message in call:
            found.append(message)
            if len(found) == count:
                call.cancel()
                break
        return found


class ControlWorld(ServiceWorld):
    """Set by `control_world`: `door`, `server`, `client` (as an administrator), `tokens_of` each role."""

    door: Door
    server: ControlServer
    client: ControlClient
    bearer: dict[Role, str]


@asynccontextmanager
async def control_world() -> AsyncIterator[ControlWorld]:
    """Serving on a free port of the loopback, with one signed-in person of each role."""
    world = ControlWorld()
    world.bearer = {}
    for role in Role:
        await world.add_user(role, f"{role.value}@example.org")
        world.bearer[role] = (await world.access.sign_in(f"{role.value}@example.org", PASSWORD)).token
    async with open_door() as door:
        world.door = door
        world.server = ControlServer(
            door, Guard(world.access, world.requests, world.audit), servicers_of(world), "127.0.0.1:0"
        )
        port = await world.server.start()

        async def connect() -> grpc.aio.Channel:
            return grpc.aio.insecure_channel(f"127.0.0.1:{port}")

        world.client = ControlClient(door, await door.call(connect))
        world.client.token = world.bearer[Role.ADMINISTRATOR]
        try:
            yield world
        finally:
            await door.call(world.client.channel.close)
            await world.server.stop(0.1)
