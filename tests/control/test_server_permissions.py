"""Every RPC × every role: who is let through. An RPC that is not in the table fails."""

from __future__ import annotations

from functools import reduce
from typing import Final

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass

from csms.domain.access import Role
from tests.kit.control_world import ControlWorld, Refused, servicers_of
from tests.kit.service_world import ServiceWorld

ALL: Final = frozenset(Role)
STAFF: Final = frozenset({Role.ADMINISTRATOR, Role.SUPPORT})
ADMINISTRATOR: Final = frozenset({Role.ADMINISTRATOR})

MAY: Final[dict[str, frozenset[Role]]] = {
    "auth.SignIn": ALL,
    "auth.SignOut": ALL,
    "auth.GetCaller": ALL,
    "auth.ChangePassword": ALL,
    "auth.CreateApiKey": ADMINISTRATOR,
    "auth.ListApiKeys": ADMINISTRATOR,
    "auth.DeleteApiKey": ADMINISTRATOR,
    "stations.GetStation": STAFF,
    "stations.ListStations": STAFF,
    "stations.SummarizeStations": STAFF,
    "stations.CreateStation": ADMINISTRATOR,
    "stations.UpdateStation": ADMINISTRATOR,
    "stations.DeleteStation": ADMINISTRATOR,
    "stations.AcceptStation": ADMINISTRATOR,
    "stations.RejectStation": ADMINISTRATOR,
    "stations.SetStationPassword": ADMINISTRATOR,
    "stations.DisconnectStation": STAFF,
    "station_security.RotateStationPassword": ADMINISTRATOR,
    "station_security.UpgradeSecurityProfile": ADMINISTRATOR,
    "station_security.SetSecurityProfile": ADMINISTRATOR,
    "soap.GetSoapAddress": STAFF,
    "soap.SetSoapAddress": ADMINISTRATOR,
    "soap.ConfirmSoapAddress": ADMINISTRATOR,
    "remote.RequestStartTransaction": STAFF,
    "remote.RequestStopTransaction": STAFF,
    "remote.GetTransactionStatus": STAFF,
    "remote.Reset": STAFF,
    "remote.ChangeAvailability": STAFF,
    "remote.UnlockConnector": STAFF,
    "remote.ClearCache": STAFF,
    "remote.TriggerMessage": STAFF,
    "remote.GetVariables": STAFF,
    "remote.SetVariables": STAFF,
    "remote.DataTransfer": STAFF,
    "sessions.GetSession": STAFF,
    "sessions.ListSessions": STAFF,
    "sessions.ListMeterValues": STAFF,
    "sessions.ExportSessions": STAFF,
    "id_tokens.GetIdToken": STAFF,
    "id_tokens.ListIdTokens": STAFF,
    "id_tokens.CreateIdToken": ADMINISTRATOR,
    "id_tokens.UpdateIdToken": ADMINISTRATOR,
    "id_tokens.DeleteIdToken": ADMINISTRATOR,
    "messages.ListMessages": STAFF,
    "messages.TailMessages": STAFF,
    "backups.ListBackups": STAFF,
    "backups.CreateBackup": ADMINISTRATOR,
    "backups.VerifyBackup": ADMINISTRATOR,
    "places.GetPlace": STAFF,
    "places.ListPlaces": STAFF,
    "places.CreatePlace": ADMINISTRATOR,
    "places.UpdatePlace": ADMINISTRATOR,
    "places.DeletePlace": ADMINISTRATOR,
    "places.MoveStations": ADMINISTRATOR,
    "watch.Watch": STAFF,
    "system.GetSystemInfo": STAFF,
    "device_model.GetBaseReport": STAFF,
    "device_model.GetReport": STAFF,
    "device_model.ListVariables": STAFF,
    "device_model.SetVariableMonitoring": STAFF,
    "device_model.ClearVariableMonitoring": STAFF,
    "device_model.SetMonitoringBase": STAFF,
    "device_model.SetMonitoringLevel": STAFF,
    "device_model.GetMonitoringReport": STAFF,
    "device_model.ListMonitors": STAFF,
    "device_model.RequestCustomerInformation": STAFF,
    "device_model.SetNetworkProfile": STAFF,
    "device_model.ListPeriodicEventStreams": STAFF,
    "device_model.GetPeriodicEventStream": STAFF,
    "device_model.AdjustPeriodicEventStream": STAFF,
    "certificates.InstallCertificate": ADMINISTRATOR,
    "certificates.DeleteCertificate": ADMINISTRATOR,
    "certificates.GetInstalledCertificateIds": STAFF,
    "certificates.ListInstalledCertificates": STAFF,
    "certificates.RenewStationCertificate": STAFF,
    "certificates.ListIssuedCertificates": STAFF,
    "certificates.RevokeCertificate": ADMINISTRATOR,
    "certificates.GetAuthority": STAFF,
    "inventory.ListStationEvents": STAFF,
    "inventory.ListStationItems": STAFF,
    "inventory.GetJob": STAFF,
    "inventory.ListJobs": STAFF,
    "inventory.CancelJob": STAFF,
    "maintenance.UpdateFirmware": STAFF,
    "maintenance.PublishFirmware": STAFF,
    "maintenance.UnpublishFirmware": STAFF,
    "maintenance.GetLog": STAFF,
    "messages.ExportMessages": STAFF,
    "tolerance.ListRules": STAFF,
    "tolerance.ListRuleSets": STAFF,
    "tolerance.CreateRuleSet": ADMINISTRATOR,
    "tolerance.UpdateRuleSet": ADMINISTRATOR,
    "tolerance.DeleteRuleSet": ADMINISTRATOR,
    "smart_charging.SetChargingProfile": STAFF,
    "smart_charging.ClearChargingProfile": STAFF,
    "smart_charging.GetCompositeSchedule": STAFF,
    "smart_charging.GetChargingProfiles": STAFF,
    "smart_charging.ListChargingProfiles": STAFF,
    "smart_charging.UsePriorityCharging": STAFF,
    "smart_charging.UpdateDynamicSchedule": STAFF,
    "smart_charging.SendAfrrSignal": STAFF,
    "smart_charging.NotifyAllowedEnergyTransfer": STAFF,
    "der.SetDerControl": STAFF,
    "der.GetDerControl": STAFF,
    "der.ClearDerControl": STAFF,
    "der.ListDerControls": STAFF,
    "reservations.CreateReservation": STAFF,
    "reservations.CancelReservation": STAFF,
    "reservations.GetReservation": STAFF,
    "reservations.ListReservations": STAFF,
    "local_lists.SyncLocalList": STAFF,
    "local_lists.SendLocalList": STAFF,
    "local_lists.GetLocalListVersion": STAFF,
    "local_lists.GetLocalList": STAFF,
    "display.SetDisplayMessage": STAFF,
    "display.GetDisplayMessages": STAFF,
    "display.ClearDisplayMessage": STAFF,
    "payment.CostUpdated": STAFF,
    "payment.NotifyWebPaymentStarted": STAFF,
    "payment.SetDefaultTariff": STAFF,
    "payment.GetTariffs": STAFF,
    "payment.ClearTariffs": STAFF,
    "payment.ChangeTransactionTariff": STAFF,
    "battery_swap.RequestBatterySwap": STAFF,
}

# What a request needs so that it gets as far as the permission: (field path, value). Names of things that do not exist.
NEEDED: Final[dict[str, object]] = {
    "name": {
        "stations": "stations/99",
        "soap": "stations/99",
        "station_security": "stations/99",
        "id_tokens": "idTokens/99",
        "auth": "apiKeys/99",
        "sessions": "sessions/99",
        "places": "places/99",
        "backups": "backups/x",
        "inventory": "stations/99/jobs/9",
        "tolerance": "ruleSets/99",
        "certificates": "issuedCertificates/99",
        "reservations": "reservations/99",
    },
}

# The same by service or by method: field, or field of a message in it → value.
MORE: Final[dict[str, dict[str, object]]] = {
    "messages": {"station": "stations/99"},
    "inventory.ListStationItems": {"station": "stations/99"},
    "certificates.InstallCertificate": {"certificate_type": "CSMSRootCertificate"},
    "certificates.DeleteCertificate": {
        "hash_data.hash_algorithm": "SHA256",
        "hash_data.issuer_name_hash": "aa",
        "hash_data.issuer_key_hash": "bb",
        "hash_data.serial_number": "1",
    },
    "certificates.ListInstalledCertificates": {"station": "stations/99"},
    "places.CreatePlace": {"place.kind": 2},
    "places.UpdatePlace": {"place.name": "places/99"},
    "places.MoveStations": {"place": "places/99", "stations": ["stations/99"]},
    "stations.UpdateStation": {"station.name": "stations/99"},
    "id_tokens.UpdateIdToken": {"id_token.name": "idTokens/99"},
    "auth.CreateApiKey": {"api_key.role": 3},
    "remote.Reset": {"type": 1},
    "tolerance.UpdateRuleSet": {"rule_set.name": "ruleSets/99"},
    "device_model.ListVariables": {"station": "stations/99"},
    "device_model.ListMonitors": {"station": "stations/99"},
    "device_model.ListPeriodicEventStreams": {"station": "stations/99"},
    "device_model.SetMonitoringBase": {"monitoring_base": "All"},
    "remote.ChangeAvailability": {"operational_status": 1},
    "smart_charging.SetChargingProfile": {
        "profile.charging_profile_purpose": "TxProfile",
        "profile.charging_profile_kind": "Absolute",
    },
    "smart_charging.ListChargingProfiles": {"station": "stations/99"},
    "der.ListDerControls": {"station": "stations/99"},
    "reservations.CreateReservation": {"expire_time.seconds": 4_000_000_000},
    "local_lists.GetLocalList": {"station": "stations/99"},
    "display.SetDisplayMessage": {"message.priority": "InFront", "message.message.format": "UTF8"},
}


def rpcs() -> dict[str, tuple[type, bool]]:
    """`stations.GetStation` → (request class, does it stream)."""
    found = {}
    for servicer in servicers_of(ServiceWorld()):
        module = servicer.service.file.name.rpartition("/")[2].removesuffix(".proto")
        for rpc in servicer.service.methods:
            found[f"{module}.{rpc.name}"] = GetMessageClass(rpc.input_type), rpc.server_streaming
    return found


def a_request(method: str, kind: type) -> object:
    """As full as it must be to be understood."""
    request = kind()
    module = method.partition(".")[0]
    fields = request.DESCRIPTOR.fields_by_name  # type: ignore[attr-defined]
    if "name" in fields:
        request.name = NEEDED["name"][module]  # type: ignore[attr-defined, index]
    if "target" in fields:
        request.target.station = "stations/99"  # type: ignore[attr-defined]
    if "session" in fields:
        request.session = "sessions/99"  # type: ignore[attr-defined]
    if "update_mask" in fields:
        request.update_mask.paths.append("*")  # type: ignore[attr-defined]
    for path, value in {**MORE.get(module, {}), **MORE.get(method, {})}.items():
        inside, _, field = path.rpartition(".")
        part = reduce(getattr, inside.split("."), request) if inside else request
        if isinstance(value, list):
            getattr(part, field).extend(value)
        else:
            setattr(part, field, value)
    return request


def test_every_rpc_has_its_row() -> None:
    assert sorted(MAY) == sorted(rpcs())


@pytest.mark.feature("F-SYS-4")
@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
async def test_each_role_gets_through_where_the_table_says_so_and_nowhere_else(world: ControlWorld, role: Role) -> None:
    for method, (kind, streams) in rpcs().items():
        world.client.token = (await world.access.sign_in(f"{role.value}@example.org", "charge-2-go")).token
        request = a_request(method, kind)
        code = grpc.StatusCode.OK
        try:
            if streams:
                await world.client.collect(method, request, 1)  # type: ignore[arg-type]
            else:
                await world.client.call(method, request)  # type: ignore[arg-type]
        except Refused as refused:
            code = refused.code
        assert (code is not grpc.StatusCode.PERMISSION_DENIED) == (role in MAY[method]), (method, code)
        if method != "auth.SignIn":
            assert code is not grpc.StatusCode.UNAUTHENTICATED or method == "auth.ChangePassword", method
