"""Every RPC × every role × (in scope, out of scope): what is answered. An RPC that is not in the table fails.

A new RPC gets a row in MAY: `At(…)`, or one of its usual forms, when it names a station, a session, a place or a
reservation, and stands then in NEEDED or MORE with the names `stations/99`, `sessions/99`, `places/99` (a floor),
`places/98` (its site), `reservations/99`; else the roles that are let through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import reduce
from typing import Final, NamedTuple

import grpc
import msgspec
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from csms.domain.access import Role, ShareLevel
from csms.domain.records import JobKind
from csms.domain.reservation import Waiting, WaitState
from csms.domain.topology import Place, PlaceKind
from csms.ports.reservations import ReservationDraft
from tests.kit.control_world import ControlWorld, Refused, servicers_of
from tests.kit.service_world import NOW, ServiceWorld

ALL: Final = frozenset(Role)
STAFF: Final = frozenset({Role.ADMINISTRATOR, Role.SUPPORT})
STAFF_AND_OWN: Final = STAFF | {Role.EV_USER}
ADMINISTRATOR: Final = frozenset({Role.ADMINISTRATOR})
OF_PEOPLE: Final = frozenset({Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR})


class At(NamedTuple):
    """For a call that concerns a station, a session, a place, …: who is let through everywhere, whether a site
    administrator is at the own sites (what is elsewhere is not found), and at which level of a share an EV user is
    (None: never). Who sees the thing and may not is denied; who does not see it is told that there is none. `sight`:
    the level at which it is seen."""

    everywhere: frozenset[Role]
    site: bool
    share: ShareLevel | None
    sight: ShareLevel = ShareLevel.VIEW


SEEN: Final = At(STAFF, site=True, share=ShareLevel.VIEW)
OPERATED: Final = At(STAFF, site=True, share=ShareLevel.OPERATE)
CONFIGURED: Final = At(STAFF, site=True, share=ShareLevel.MANAGE)
EDITED: Final = At(ADMINISTRATOR, site=True, share=ShareLevel.MANAGE)
OF_SESSIONS: Final = At(STAFF, site=True, share=ShareLevel.MANAGE, sight=ShareLevel.MANAGE)
ENDED: Final = At(STAFF, site=True, share=ShareLevel.OPERATE, sight=ShareLevel.OPERATE)
ADMITTED: Final = At(ADMINISTRATOR, site=True, share=None)
OPERATORS: Final = STAFF | {Role.SITE_ADMINISTRATOR}

# Roles, where the call concerns the whole system, or is narrowed by itself (lists); else `At`.
MAY: Final[dict[str, frozenset[Role] | At]] = {
    "auth.SignIn": ALL,
    "auth.SignOut": ALL,
    "auth.GetCaller": ALL,
    "auth.ChangePassword": ALL,
    "auth.CreateApiKey": ADMINISTRATOR,
    "auth.ListApiKeys": ADMINISTRATOR,
    "auth.DeleteApiKey": ADMINISTRATOR,
    "auth.GetSignInOptions": ALL,
    "auth.RequestPasswordReset": ALL,
    "auth.CheckPasswordLink": ALL,
    "auth.SetPassword": ALL,
    "auth.BeginSingleSignOn": ALL,
    "auth.CompleteSingleSignOn": ALL,
    "auth.EnrolSecondFactor": ALL,
    "auth.ConfirmSecondFactor": ALL,
    "auth.RemoveSecondFactor": ALL,
    "auth.ListSignIns": ALL,
    "auth.DeleteSignIn": OF_PEOPLE,
    "users.GetUser": OF_PEOPLE,
    "users.ListUsers": OF_PEOPLE,
    "users.CreateUser": OF_PEOPLE,
    "users.UpdateUser": OF_PEOPLE,
    "users.DeleteUser": OF_PEOPLE,
    "users.InviteUser": OF_PEOPLE,
    "users.ResetSecondFactor": OF_PEOPLE,
    "imports.ImportStations": OF_PEOPLE,
    "imports.ImportUsers": OF_PEOPLE,
    "users.GetSettings": ALL,
    "users.UpdateSettings": ALL,
    "users.ExportOwnData": ALL,
    "users.DeleteOwnAccount": ALL,
    "audit.ListAuditEntries": ADMINISTRATOR,
    "stations.GetStation": SEEN,
    "stations.ListStations": ALL,
    "stations.SummarizeStations": ALL,
    "stations.ListConnectors": ALL,
    "stations.CreateStation": ADMITTED,
    "stations.UpdateStation": EDITED,
    "stations.DeleteStation": ADMITTED,
    "stations.AcceptStation": ADMITTED,
    "stations.RejectStation": ADMITTED,
    "stations.SetStationPassword": ADMITTED,
    "stations.DisconnectStation": OPERATED,
    "station_security.RotateStationPassword": ADMITTED,
    "station_security.UpgradeSecurityProfile": ADMITTED,
    "station_security.SetSecurityProfile": ADMITTED,
    "soap.GetSoapAddress": SEEN,
    "soap.SetSoapAddress": ADMITTED,
    "soap.ConfirmSoapAddress": ADMITTED,
    "remote.RequestStartTransaction": OPERATED,
    "remote.RequestStopTransaction": ENDED,
    "remote.GetTransactionStatus": ENDED,
    "remote.Reset": OPERATED,
    "remote.ChangeAvailability": OPERATED,
    "remote.UnlockConnector": OPERATED,
    "remote.ClearCache": OPERATED,
    "remote.TriggerMessage": OPERATED,
    "remote.GetVariables": CONFIGURED,
    "remote.SetVariables": CONFIGURED,
    "remote.DataTransfer": CONFIGURED,
    "sessions.GetSession": OF_SESSIONS,
    "sessions.ListSessions": ALL,
    "sessions.ListMeterValues": OF_SESSIONS,
    "sessions.ExportSessions": ALL,
    "sessions.SummarizeSessions": ALL,
    "sessions.GetSessionSeries": OF_SESSIONS,
    "sessions.CorrectSession": At(ADMINISTRATOR, site=True, share=None),
    "sessions.CloseSession": At(ADMINISTRATOR, site=True, share=None),
    "sessions.UpdateSessionLogbook": At(ADMINISTRATOR, site=True, share=ShareLevel.MANAGE, sight=ShareLevel.MANAGE),
    "sessions.ListVehicles": OF_PEOPLE | {Role.EV_USER},
    "sessions.GetStationLogbook": SEEN,
    "sessions.SetStationLogbook": EDITED,
    "id_tokens.GetIdToken": STAFF_AND_OWN,
    "id_tokens.ListIdTokens": STAFF_AND_OWN,
    "id_tokens.CreateIdToken": ADMINISTRATOR,
    "id_tokens.UpdateIdToken": frozenset({Role.ADMINISTRATOR, Role.EV_USER}),
    "id_tokens.DeleteIdToken": ADMINISTRATOR,
    "id_tokens.LookUpIdToken": STAFF_AND_OWN,
    "id_tokens.ImportIdTokens": ADMINISTRATOR,
    "id_tokens.GetTagPolicy": STAFF_AND_OWN,
    "id_tokens.SetTagPolicy": ADMINISTRATOR,
    "outlets.GetOutlet": ALL,
    "outlets.ListOutlets": ALL,
    "outlets.UpdateOutlet": ALL,
    "outlets.GetFreeVend": SEEN,
    "outlets.SetFreeVend": EDITED,
    "outlets.GetChargeLimit": STAFF,
    "outlets.ListChargeLimits": STAFF,
    "outlets.SetChargeLimit": ADMINISTRATOR,
    "messages.ListMessages": CONFIGURED,
    "messages.TailMessages": CONFIGURED,
    "backups.ListBackups": STAFF,
    "backups.CreateBackup": ADMINISTRATOR,
    "backups.VerifyBackup": ADMINISTRATOR,
    "places.GetPlace": SEEN,
    "places.ListPlaces": ALL,
    "places.CreatePlace": ADMITTED,
    "places.UpdatePlace": ADMITTED,
    "places.DeletePlace": ADMITTED,
    "places.MoveStations": ADMITTED,
    "sharing.ShareStation": EDITED,
    "sharing.UnshareStation": EDITED,
    "sharing.ListShares": EDITED,
    "sharing.SetOwner": ADMITTED,
    "sharing.ReleaseStation": ADMITTED,
    "groups.ListGroups": ALL,
    "groups.CreateGroup": ALL,
    "groups.UpdateGroup": ALL,
    "groups.DeleteGroup": ALL,
    "groups.AddStations": ALL,
    "groups.RemoveStations": ALL,
    "tariffs.ListTariffs": OPERATORS,
    "tariffs.GetTariff": OPERATORS,
    "tariffs.CreateTariff": ADMINISTRATOR,
    "tariffs.UpdateTariff": ADMINISTRATOR,
    "tariffs.DeleteTariff": ADMINISTRATOR,
    "tariffs.RetireTariff": ADMINISTRATOR,
    "tariffs.AssignTariff": ADMITTED,
    "tariffs.UnassignTariff": ADMITTED,
    "tariffs.ListTariffAssignments": OPERATORS,
    "tariffs.GetTariffFor": SEEN,
    "tariffs.PreviewCost": OPERATORS,
    "tariffs.GetSessionCost": OF_SESSIONS,
    "tariffs.RecomputeSessionCost": ADMINISTRATOR,
    "tariffs.GetRunningCost": OF_SESSIONS,
    "cost_reports.CreateCostReport": ADMINISTRATOR,
    "cost_reports.ListCostReports": ALL,
    "cost_reports.GetCostReport": ALL,
    "cost_reports.DownloadCostReport": ALL,
    "cost_reports.ListReportSubscriptions": ALL,
    "cost_reports.SetReportSubscription": ADMINISTRATOR,
    "cost_reports.GetSeller": ADMINISTRATOR,
    "cost_reports.UpdateSeller": ADMINISTRATOR,
    "alarms.ListAlarms": ALL,
    "alarms.GetAlarm": ALL,
    "alarms.AcknowledgeAlarms": ALL,
    "alarms.ClearAlarms": ALL,
    "alarms.SummarizeAlarms": ALL,
    "alarms.ListEvents": ALL,
    "alarms.ListAlarmRules": STAFF,
    "alarms.CreateAlarmRule": ADMINISTRATOR,
    "alarms.UpdateAlarmRule": ADMINISTRATOR,
    "alarms.DeleteAlarmRule": ADMINISTRATOR,
    "alarms.GetAlarmSettings": STAFF,
    "alarms.UpdateAlarmSettings": ADMINISTRATOR,
    "alarms.GetAlarmMail": ALL,
    "alarms.UpdateAlarmMail": ALL,
    "webhooks.ListWebhooks": ADMINISTRATOR,
    "webhooks.CreateWebhook": ADMINISTRATOR,
    "webhooks.UpdateWebhook": ADMINISTRATOR,
    "webhooks.DeleteWebhook": ADMINISTRATOR,
    "webhooks.TestWebhook": ADMINISTRATOR,
    "webhooks.ListWebhookDeliveries": ADMINISTRATOR,
    "news.ListNews": ADMINISTRATOR,
    "news.CreateNews": ADMINISTRATOR,
    "news.UpdateNews": ADMINISTRATOR,
    "news.DeleteNews": ADMINISTRATOR,
    "news.ListMyNews": ALL,
    "news.ListNotifications": ALL,
    "news.MarkNotificationsRead": ALL,
    "news.GetNotificationSettings": ALL,
    "news.UpdateNotificationSettings": ALL,
    "watch.Watch": ALL,
    "statistics.QueryChart": ALL,
    "statistics.GetDashboard": ALL,
    "statistics.WatchDashboard": ALL,
    "statistics.GetStatisticsSettings": ALL,
    "statistics.UpdateStatisticsSettings": ADMINISTRATOR,
    "statistics.GetStorageUsage": STAFF,
    "system.GetSystemInfo": STAFF | {Role.SITE_ADMINISTRATOR},
    "system.GetPublicInfo": ALL,
    "installations.GetInstallation": SEEN,
    "installations.UpdateInstallation": EDITED,
    "installations.ListInventory": ALL,
    "installations.RevealStationSecrets": EDITED,
    "installations.SetStationSecrets": EDITED,
    "system.GetSystemSettings": STAFF,
    "system.UpdateSystemSettings": ADMINISTRATOR,
    "device_model.GetBaseReport": CONFIGURED,
    "device_model.GetReport": CONFIGURED,
    "device_model.ListVariables": CONFIGURED,
    "configuration.ListConfiguration": CONFIGURED,
    "configuration.SetDesired": CONFIGURED,
    "configuration.ClearDesired": CONFIGURED,
    "configuration.UploadConfiguration": CONFIGURED,
    "configuration.RefreshConfiguration": CONFIGURED,
    "configuration.ListDrift": ALL,
    "configuration.ListConfigurationTemplates": OPERATORS,
    "configuration.GetConfigurationTemplate": OPERATORS,
    "configuration.CreateConfigurationTemplate": STAFF,
    "configuration.UpdateConfigurationTemplate": STAFF,
    "configuration.DeleteConfigurationTemplate": STAFF,
    "configuration.PreviewTemplate": CONFIGURED,
    "configuration.ApplyTemplate": CONFIGURED,
    "device_model.SetVariableMonitoring": CONFIGURED,
    "device_model.ClearVariableMonitoring": CONFIGURED,
    "device_model.SetMonitoringBase": CONFIGURED,
    "device_model.SetMonitoringLevel": CONFIGURED,
    "device_model.GetMonitoringReport": CONFIGURED,
    "device_model.ListMonitors": CONFIGURED,
    "device_model.RequestCustomerInformation": CONFIGURED,
    "device_model.SetNetworkProfile": CONFIGURED,
    "device_model.ListPeriodicEventStreams": CONFIGURED,
    "device_model.GetPeriodicEventStream": CONFIGURED,
    "device_model.AdjustPeriodicEventStream": CONFIGURED,
    "certificates.InstallCertificate": ADMINISTRATOR,
    "certificates.DeleteCertificate": ADMINISTRATOR,
    "certificates.GetInstalledCertificateIds": OPERATED,
    "certificates.ListInstalledCertificates": SEEN,
    "certificates.RenewStationCertificate": OPERATED,
    "certificates.ListIssuedCertificates": STAFF,
    "certificates.RevokeCertificate": ADMINISTRATOR,
    "certificates.GetAuthority": ALL,
    "inventory.ListStationEvents": CONFIGURED,
    "inventory.ListStationItems": CONFIGURED,
    "inventory.GetJob": SEEN,
    "inventory.ListJobs": ALL,
    "inventory.CancelJob": OPERATED,
    "operations.CreateOperation": OPERATED,
    "operations.CreateRollout": CONFIGURED,
    "operations.GetOperation": ALL,
    "operations.ListOperations": ALL,
    "operations.ListOperationSteps": ALL,
    "operations.PauseOperation": ALL,
    "operations.ResumeOperation": ALL,
    "operations.CancelOperation": ALL,
    "operations.RetryFailed": ALL,
    "operations.WatchOperation": ALL,
    "operations.CheckForUpdates": CONFIGURED,
    "operations.CreateSchedule": OPERATED,
    "operations.GetSchedule": ALL,
    "operations.ListSchedules": ALL,
    "operations.UpdateSchedule": ALL,
    "operations.DeleteSchedule": ALL,
    "files.ListFiles": ALL,
    "files.GetFile": ALL,
    "files.ExportFile": ALL,
    "files.DeleteFile": ALL,
    "files.GetFileServer": STAFF,
    "files.UpdateFileLimits": ADMINISTRATOR,
    "firmware_images.UploadFirmwareImage": ADMINISTRATOR,
    "firmware_images.ListFirmwareImages": ALL,
    "firmware_images.GetFirmwareImage": ALL,
    "firmware_images.DeleteFirmwareImage": ADMINISTRATOR,
    "firmware_images.CheckFirmware": CONFIGURED,
    "pictures.UploadPicture": EDITED,
    "pictures.ListPictures": SEEN,
    "pictures.GetPictureContent": SEEN,
    "pictures.DeletePicture": EDITED,
    "pictures.UploadFloorPlan": ADMITTED,
    "pictures.GetFloorPlan": SEEN,
    "pictures.DeleteFloorPlan": ADMITTED,
    "pictures.SetStationPosition": EDITED,
    "maintenance.UpdateFirmware": CONFIGURED,
    "maintenance.PublishFirmware": CONFIGURED,
    "maintenance.UnpublishFirmware": CONFIGURED,
    "maintenance.GetLog": CONFIGURED,
    "messages.ExportMessages": CONFIGURED,
    "tolerance.ListRules": STAFF,
    "tolerance.ListRuleSets": STAFF,
    "tolerance.CreateRuleSet": ADMINISTRATOR,
    "tolerance.UpdateRuleSet": ADMINISTRATOR,
    "tolerance.DeleteRuleSet": ADMINISTRATOR,
    "smart_charging.SetChargingProfile": OPERATED,
    "smart_charging.ClearChargingProfile": OPERATED,
    "smart_charging.GetCompositeSchedule": OPERATED,
    "smart_charging.GetChargingProfiles": OPERATED,
    "smart_charging.ListChargingProfiles": SEEN,
    "smart_charging.UsePriorityCharging": OPERATED,
    "smart_charging.UpdateDynamicSchedule": OPERATED,
    "smart_charging.SendAfrrSignal": OPERATED,
    "smart_charging.NotifyAllowedEnergyTransfer": OPERATED,
    "der.SetDerControl": OPERATED,
    "der.GetDerControl": OPERATED,
    "der.ClearDerControl": OPERATED,
    "der.ListDerControls": SEEN,
    "reservations.CreateReservation": OPERATED,
    "reservations.CancelReservation": ENDED,
    "reservations.GetReservation": OF_SESSIONS,
    "reservations.ListReservations": ALL,
    "reservations.GetReservable": SEEN,
    "reservations.SetReservable": EDITED,
    "reservations.JoinWaitingList": OPERATED,
    "reservations.LeaveWaitingList": At(STAFF, site=True, share=ShareLevel.MANAGE, sight=ShareLevel.MANAGE),
    "reservations.ListWaiting": ALL,
    "local_lists.SyncLocalList": CONFIGURED,
    "local_lists.SendLocalList": CONFIGURED,
    "local_lists.GetLocalListVersion": OPERATED,
    "local_lists.GetLocalList": CONFIGURED,
    "display.SetDisplayMessage": OPERATED,
    "display.GetDisplayMessages": OPERATED,
    "display.ClearDisplayMessage": OPERATED,
    "payment.CostUpdated": OPERATED,
    "payment.NotifyWebPaymentStarted": OPERATED,
    "payment.SetDefaultTariff": CONFIGURED,
    "payment.GetTariffs": CONFIGURED,
    "payment.ClearTariffs": CONFIGURED,
    "payment.ChangeTransactionTariff": OPERATED,
    "battery_swap.RequestBatterySwap": OPERATED,
    "third_party.ListServices": STAFF,
    "third_party.GetService": STAFF,
    "third_party.UpdateService": ADMINISTRATOR,
    "third_party.EnableService": ADMINISTRATOR,
    "third_party.DisableService": ADMINISTRATOR,
    "third_party.TestService": ADMINISTRATOR,
    "third_party.ListServiceLocations": STAFF,
    "third_party.UpdateServiceLocation": ADMINISTRATOR,
    "third_party.ListRoamingParties": STAFF,
    "third_party.GetRoamingParty": STAFF,
    "third_party.InviteRoamingParty": ADMINISTRATOR,
    "third_party.RegisterAtRoamingParty": ADMINISTRATOR,
    "third_party.UpdateRoamingParty": ADMINISTRATOR,
    "third_party.RenewRoamingParty": ADMINISTRATOR,
    "third_party.PullRoamingTokens": ADMINISTRATOR,
    "third_party.DeleteRoamingParty": ADMINISTRATOR,
    "third_party.ListRoamingTokens": STAFF,
    "third_party.ListRoamingPushes": STAFF,
    "third_party.RetryRoamingPushes": ADMINISTRATOR,
    "third_party.ListRoamingCdrs": STAFF,
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
        "tariffs": "tariffs/99",
        "cost_reports": "costReports/99",
        "backups": "backups/x",
        "files": "files/99",
        "firmware_images": "firmwareImages/99",
        "pictures": "stations/99/pictures/1",
        "inventory": "stations/99/jobs/9",
        "tolerance": "ruleSets/99",
        "certificates": "issuedCertificates/99",
        "reservations": "reservations/99",
        "groups": "groups/99",
        "alarms": "alarms/99",
        "webhooks": "webhooks/99",
        "news": "news/99",
        "users": "users/99",
        "operations": "operations/99",
        "configuration": "configurationTemplates/99",
        "outlets": "outlets/99",
        "third_party": "roamingParties/99",
    },
}

# The same by service or by method: field, or field of a message in it → value.
MORE: Final[dict[str, dict[str, object]]] = {
    "messages": {"station": "stations/99"},
    "outlets.GetFreeVend": {"station": "stations/99"},
    "outlets.SetFreeVend": {"station": "stations/99"},
    "inventory.ListStationItems": {"station": "stations/99"},
    "certificates.InstallCertificate": {"certificate_type": "CSMSRootCertificate"},
    "certificates.DeleteCertificate": {
        "hash_data.hash_algorithm": "SHA256",
        "hash_data.issuer_name_hash": "aa",
        "hash_data.issuer_key_hash": "bb",
        "hash_data.serial_number": "1",
    },
    "certificates.ListInstalledCertificates": {"station": "stations/99"},
    "places.CreatePlace": {"place.kind": 3, "place.parent": "places/98", "place.display_name": "Level"},
    "places.UpdatePlace": {"place.name": "places/99", "place.parent": "places/98", "place.display_name": "Up"},
    "tariffs.UpdateTariff": {"tariff.name": "tariffs/99", "tariff.terms.currency": "EUR"},
    "tariffs.AssignTariff": {"target": "stations/99", "tariff": "tariffs/99"},
    "tariffs.UnassignTariff": {"target": "stations/99"},
    "tariffs.GetTariffFor": {"station": "stations/99"},
    "tariffs.PreviewCost": {"tariff": "tariffs/99"},
    "cost_reports.CreateCostReport": {"subject": "users/99", "month": "2026-04"},
    "cost_reports.SetReportSubscription": {"subscription.subject": "users/99"},
    "installations.GetInstallation": {"station": "stations/99"},
    "installations.UpdateInstallation": {"installation.station": "stations/99"},
    "installations.RevealStationSecrets": {"station": "stations/99"},
    "installations.SetStationSecrets": {"station": "stations/99"},
    "system.UpdateSystemSettings": {"settings.title": "North", "settings.language": "en", "settings.time_zone": "UTC"},
    "sessions.GetStationLogbook": {"station": "stations/99"},
    "sessions.SetStationLogbook": {"station": "stations/99"},
    "sharing": {"station": "stations/99"},
    "sharing.ShareStation": {"level": 1, "email": "support@example.org"},
    "sharing.UnshareStation": {"user": "users/99"},
    "sharing.SetOwner": {"email": "support@example.org"},
    "groups.UpdateGroup": {"group.name": "groups/99"},
    "groups.AddStations": {"stations": ["stations/99"]},
    "groups.RemoveStations": {"stations": ["stations/99"]},
    "inventory.ListStationEvents": {"filter.station": "stations/99"},
    "stations.CreateStation": {"station.identity": "CP-NEW", "station.place": "places/99"},
    "places.MoveStations": {"place": "places/99", "stations": ["stations/99"]},
    "stations.UpdateStation": {"station.name": "stations/99"},
    "id_tokens.UpdateIdToken": {"id_token.name": "idTokens/99"},
    "auth.DeleteSignIn": {"name": "users/99/signIns/9"},
    "users.CreateUser": {"user.role": 4},
    "users.UpdateUser": {"user.name": "users/99", "user.role": 4},
    "auth.CreateApiKey": {"api_key.role": 3},
    "third_party.GetService": {"name": "services/none"},
    "third_party.EnableService": {"name": "services/none"},
    "third_party.DisableService": {"name": "services/none"},
    "third_party.TestService": {"name": "services/none"},
    "third_party.UpdateService": {"service.name": "services/none", "service.roaming.currency": "EUR"},
    "third_party.UpdateServiceLocation": {"location.place": "places/99"},
    "third_party.UpdateRoamingParty": {"party.name": "roamingParties/99"},
    "third_party.ListRoamingTokens": {"party": "roamingParties/99"},
    "third_party.ListRoamingPushes": {"party": "roamingParties/99"},
    "third_party.RetryRoamingPushes": {"party": "roamingParties/99"},
    "remote.Reset": {"type": 1},
    "operations.CreateOperation": {"operation.stations": ["stations/99"], "operation.order.reset.type": 1},
    "operations.CreateRollout": {
        "operation.stations": ["stations/99"],
        "operation.order.update_firmware.location": "https://example.org/fw",
    },
    "operations.ListOperationSteps": {"operation": "operations/99"},
    "operations.CheckForUpdates": {"stations": ["stations/99"]},
    "operations.CreateSchedule": {
        "schedule.title": "Nightly",
        "schedule.draft.stations": ["stations/99"],
        "schedule.draft.order.reset.type": 1,
    },
    "operations.GetSchedule": {"name": "operationSchedules/99"},
    "operations.UpdateSchedule": {"schedule.name": "operationSchedules/99"},
    "operations.DeleteSchedule": {"name": "operationSchedules/99"},
    "alarms.UpdateAlarmRule": {"rule.name": "alarmRules/99"},
    "alarms.DeleteAlarmRule": {"name": "alarmRules/99"},
    "webhooks.UpdateWebhook": {"webhook.name": "webhooks/99"},
    "webhooks.ListWebhookDeliveries": {"webhook": "webhooks/99"},
    "news.UpdateNews": {"news.name": "news/99"},
    "firmware_images.UploadFirmwareImage": {"firmware_image.vendor": "Acme", "firmware_image.version": "1"},
    "firmware_images.CheckFirmware": {"station": "stations/99"},
    "pictures.UploadPicture": {"station": "stations/99", "slot": 1},
    "pictures.ListPictures": {"station": "stations/99"},
    "pictures.UploadFloorPlan": {"place": "places/99"},
    "pictures.GetFloorPlan": {"place": "places/99"},
    "pictures.DeleteFloorPlan": {"place": "places/99"},
    "pictures.SetStationPosition": {"position.station": "stations/99"},
    "tolerance.UpdateRuleSet": {"rule_set.name": "ruleSets/99"},
    "device_model.ListVariables": {"station": "stations/99"},
    "configuration.ListConfiguration": {"station": "stations/99"},
    "configuration.SetDesired": {"station": "stations/99"},
    "configuration.ClearDesired": {"station": "stations/99"},
    "configuration.PreviewTemplate": {"station": "stations/99"},
    "configuration.ApplyTemplate": {"stations": ["stations/99"]},
    "configuration.UpdateConfigurationTemplate": {"template.name": "configurationTemplates/99"},
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
    "reservations.GetReservable": {"station": "stations/99"},
    "reservations.SetReservable": {"station": "stations/99"},
    "reservations.JoinWaitingList": {"station": "stations/99"},
    "reservations.LeaveWaitingList": {"name": "waiting/99"},
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


def a_request(method: str, kind: type) -> Message:
    """As full as it must be to be understood."""
    request: Message = kind()
    module = method.partition(".")[0]
    fields = request.DESCRIPTOR.fields_by_name  # type: ignore[attr-defined]
    if "name" in fields:
        request.name = NEEDED["name"][module]  # type: ignore[attr-defined, index]
    if "target" in fields and fields["target"].message_type is not None:
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


def placed(message: Message, names: Mapping[str, str]) -> None:
    """Put these names in the place of those that stand for them."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        repeated = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        for index, each in enumerate(value if repeated else [value]):
            if isinstance(each, Message):
                placed(each, names)
            elif isinstance(each, str) and (name := _renamed(each, names)) != each:
                if repeated:
                    value[index] = name
                else:
                    setattr(message, field.name, name)


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        if text == old or text.startswith(old + "/"):
            return new + text[len(old) :]
    return text


class Answer(StrEnum):
    """What became of a call."""

    THROUGH = "through"
    DENIED = "denied"
    HIDDEN = "there is no such thing"


HIDING: Final = frozenset(
    {
        "STATION_NOT_FOUND",
        "SESSION_NOT_FOUND",
        "PLACE_NOT_FOUND",
        "RESERVATION_NOT_FOUND",
        "JOB_NOT_FOUND",
        "WAITING_NOT_FOUND",
    }
)


async def answer_of(world: ControlWorld, method: str, request: Message, streams: bool) -> Answer:
    """The call, made by whose token the client has."""
    try:
        if streams:
            await world.client.collect(method, request, 1)
        else:
            await world.client.call(method, request)
    except Refused as refused:
        if refused.code is grpc.StatusCode.PERMISSION_DENIED:
            return Answer.DENIED
        if refused.code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INTERNAL):
            raise
        return Answer.HIDDEN if refused.reason in HIDING else Answer.THROUGH
    return Answer.THROUGH


@dataclass
class Field:
    """A floor of a site, with a station, a session, a reservation and a job there."""

    floor: int
    site: int
    station: int
    names: dict[str, str]


async def a_field(world: ControlWorld, number: int, sites: Mapping[bool, tuple[int, int]], *, mine: bool) -> Field:
    """At the site administrator's site, or elsewhere."""
    site, floor = sites[mine]
    station = await world.add_station(f"CP-{number}")
    world.tables.stations[station].place_id = floor
    world.add_session(number, station)
    world.tables.session_places[number] = floor
    draft = ReservationDraft(station, "TAG", NOW, NOW + timedelta(days=9_000))
    reservation = await world.reservation_store.create(draft, NOW)
    entry = Waiting(0, station, "AB12", WaitState.WAITING, NOW, NOW, NOW + timedelta(hours=1))
    waiting = await world.reservation_store.wait(entry)
    job = await world.inventory_store.begin_job(station, JobKind.LOG_UPLOAD, b"{}", NOW)
    names = {
        "stations/99/jobs/9": f"stations/{station}/jobs/{job.id}",
        "stations/99": f"stations/{station}",
        "sessions/99": f"sessions/{number}",
        "reservations/99": f"reservations/{reservation.id}",
        "waiting/99": f"waiting/{waiting.id}",
        "places/98": f"places/{site}",
        "places/99": f"places/{floor}",
    }
    return Field(floor, site, station, names)


def expected(role: Role, row: At, level: ShareLevel | None, *, mine: bool) -> Answer:
    """What the table says."""
    if role in row.everywhere:
        return Answer.THROUGH
    if role is Role.SITE_ADMINISTRATOR:
        return Answer.DENIED if not row.site else Answer.THROUGH if mine else Answer.HIDDEN
    if role is Role.EV_USER and row.share is not None:
        levels = list(ShareLevel)
        if level is None or levels.index(level) < levels.index(row.sight):
            return Answer.HIDDEN
        return Answer.THROUGH if levels.index(level) >= levels.index(row.share) else Answer.DENIED
    return Answer.DENIED


def test_every_rpc_has_its_row() -> None:
    assert sorted(MAY) == sorted(rpcs())


@pytest.mark.feature("F-SYS-4", "F-USR-1")
@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
async def test_each_role_gets_through_where_the_table_says_so_and_nowhere_else(world: ControlWorld, role: Role) -> None:
    for method, (kind, streams) in rpcs().items():
        row = MAY[method]
        if isinstance(row, At):
            continue
        world.client.token = (await world.access.sign_in(f"{role.value}@example.org", "charge-2-go")).token
        request = a_request(method, kind)
        if method in ("auth.SignIn", "auth.ChangePassword", "auth.RemoveSecondFactor"):
            continue  # refused for what is in the request
        answer = await answer_of(world, method, request, streams)
        assert (answer is not Answer.DENIED) == (role in row), (method, answer)


@pytest.mark.feature("F-USR-1", "F-STA-11")
@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
async def test_what_concerns_a_station_is_for_those_whom_it_concerns(world: ControlWorld, role: Role) -> None:
    user = await world.access_store.find_user_by_email(f"{role.value}@example.org")
    assert user is not None
    sites = {mine: await a_site(world, mine) for mine in (True, False)}
    if role is Role.SITE_ADMINISTRATOR:
        world.access_store.put(msgspec.structs.replace(user, site_ids=frozenset({sites[True][0]})))
    world.client.token = (await world.access.sign_in(user.email, "charge-2-go")).token
    number = 0
    for method, (kind, streams) in rpcs().items():
        row = MAY[method]
        if not isinstance(row, At):
            continue
        shares = [None, *ShareLevel] if role is Role.EV_USER else [None]
        for mine, level in [(True, None), (False, None)] if role is not Role.EV_USER else [(False, s) for s in shares]:
            number += 1
            field = await a_field(world, number, sites, mine=mine)
            if level is not None:
                world.sharing.levels[field.station, user.id] = level
            request = a_request(method, kind)
            placed(request, field.names)
            if method == "stations.CreateStation":
                request.station.identity = f"CP-NEW-{number}"  # type: ignore[attr-defined]
            answer = await answer_of(world, method, request, streams)
            assert answer is expected(role, row, level, mine=mine), (method, mine, level, answer)
            world.sharing.levels.clear()


async def a_site(world: ControlWorld, mine: bool) -> tuple[int, int]:
    """A site and a floor of it."""
    site = await world.place_store.create(Place(0, 1, PlaceKind.SITE, f"Site {mine}"))
    floor = await world.place_store.create(Place(0, site.id, PlaceKind.FLOOR, "Floor"))
    await world.places.load()
    return site.id, floor.id
