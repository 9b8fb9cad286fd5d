"""Configuration keys and variables that OCPP names: what kind of value they take, and what changing them can do.

OCPP 1.6 §9 and its security white paper; OCPP 2.x part 2, referenced components and variables. Vendors have many more:
what is not in here is taken as the station describes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from csms.domain.variable_names import VariablePlace

INTEGER: Final = "integer"
BOOLEAN: Final = "boolean"
STRING: Final = "string"
LIST: Final = "MemberList"

PASSWORD_VARIABLES: Final = frozenset({"authorizationkey", "basicauthpassword"})
"""The password with which a station signs in; it has a use case of its own."""


class KnownVariable(msgspec.Struct, frozen=True):
    """`data_type`: OCPP 2.x DataEnumType; empty: not said. `warning`: a sentence for who is about to change it; empty:
    nothing to fear. `reboot_required`: most stations take it up only with the next start."""

    data_type: str = ""
    warning: str = ""
    reboot_required: bool = False
    read_only: bool = False


NOTHING_KNOWN: Final = KnownVariable()

_CUTS_OFF: Final = "A wrong value cuts the station off for good: somebody then has to go there."
_PROFILE: Final = (
    "The station reconnects with other security, and stays away if the password or the certificate for it is missing."
    " UpgradeSecurityProfile takes the steps in their order."
)
_URL: Final = f"The station leaves this central system for another address. {_CUTS_OFF}"
_PING: Final = (
    "Pings hold the connection open through routers and firewalls. Too rare or switched off, the station seems online"
    " when it is not; too frequent, they cost data."
)
_RETRY: Final = "How long the station waits before it connects again. A high value leaves it offline for that long."
_HEARTBEAT: Final = (
    "Heartbeats set the station's clock and show that it lives. Longer than the time after which silence raises an"
    " alarm, it raises alarms for nothing."
)
_TIMEOUT: Final = "Too short, and drivers cannot plug in before the authorisation runs out."
_OFFLINE: Final = "This decides who charges while the station is offline, and nobody checks it then."
_FREE: Final = "With this nobody has to show a tag: everybody charges, and sessions belong to nobody."
_UNKNOWN_ID: Final = "While offline, the station then takes tags that nobody knows. They may never be paid for."
_STOPS: Final = "This decides when sessions end by themselves."
_MESSAGES: Final = "Transactions that the station cannot deliver are dropped sooner, and never billed."
_METER: Final = "Charts, running costs and load management need these values. Short intervals cost data."
_CPO: Final = "Certificates name this. With another name the station's certificate is not accepted any more."
_CERTIFICATES: Final = "This decides which certificates the station trusts; a wrong value can cut it off."
_CHARGING: Final = "This changes how load management is followed: fuses may rely on it."


def _k(data_type: str, warning: str = "", *, reboot: bool = False, fixed: bool = False) -> KnownVariable:
    return KnownVariable(data_type, warning, reboot, fixed)


_KEYS_1_6: Final[Mapping[str, KnownVariable]] = {
    "AllowOfflineTxForUnknownId": _k(BOOLEAN, _UNKNOWN_ID),
    "AuthorizationCacheEnabled": _k(BOOLEAN),
    "AuthorizeRemoteTxRequests": _k(BOOLEAN),
    "BlinkRepeat": _k(INTEGER),
    "ClockAlignedDataInterval": _k(INTEGER, _METER),
    "ConnectionTimeOut": _k(INTEGER, _TIMEOUT),
    "ConnectorPhaseRotation": _k(LIST, _CHARGING),
    "ConnectorPhaseRotationMaxLength": _k(INTEGER, fixed=True),
    "GetConfigurationMaxKeys": _k(INTEGER, fixed=True),
    "HeartbeatInterval": _k(INTEGER, _HEARTBEAT),
    "LightIntensity": _k(INTEGER),
    "LocalAuthorizeOffline": _k(BOOLEAN, _OFFLINE),
    "LocalPreAuthorize": _k(BOOLEAN),
    "MaxEnergyOnInvalidId": _k(INTEGER),
    "MeterValuesAlignedData": _k(LIST, _METER),
    "MeterValuesAlignedDataMaxLength": _k(INTEGER, fixed=True),
    "MeterValuesSampledData": _k(LIST, _METER),
    "MeterValuesSampledDataMaxLength": _k(INTEGER, fixed=True),
    "MeterValueSampleInterval": _k(INTEGER, _METER),
    "MinimumStatusDuration": _k(INTEGER),
    "NumberOfConnectors": _k(INTEGER, fixed=True),
    "ResetRetries": _k(INTEGER),
    "StopTransactionOnEVSideDisconnect": _k(BOOLEAN, _STOPS),
    "StopTransactionOnInvalidId": _k(BOOLEAN, _STOPS),
    "StopTxnAlignedData": _k(LIST),
    "StopTxnAlignedDataMaxLength": _k(INTEGER, fixed=True),
    "StopTxnSampledData": _k(LIST),
    "StopTxnSampledDataMaxLength": _k(INTEGER, fixed=True),
    "SupportedFeatureProfiles": _k(LIST, fixed=True),
    "SupportedFeatureProfilesMaxLength": _k(INTEGER, fixed=True),
    "TransactionMessageAttempts": _k(INTEGER, _MESSAGES),
    "TransactionMessageRetryInterval": _k(INTEGER, _MESSAGES),
    "UnlockConnectorOnEVSideDisconnect": _k(BOOLEAN),
    "WebSocketPingInterval": _k(INTEGER, _PING),
    "LocalAuthListEnabled": _k(BOOLEAN, _OFFLINE),
    "LocalAuthListMaxLength": _k(INTEGER, fixed=True),
    "SendLocalListMaxLength": _k(INTEGER, fixed=True),
    "ReserveConnectorZeroSupported": _k(BOOLEAN, fixed=True),
    "ChargeProfileMaxStackLevel": _k(INTEGER, fixed=True),
    "ChargingScheduleAllowedChargingRateUnit": _k(LIST, fixed=True),
    "ChargingScheduleMaxPeriods": _k(INTEGER, fixed=True),
    "ConnectorSwitch3to1PhaseSupported": _k(BOOLEAN, fixed=True),
    "MaxChargingProfilesInstalled": _k(INTEGER, fixed=True),
    "AdditionalRootCertificateCheck": _k(BOOLEAN, _CERTIFICATES, fixed=True),
    "AuthorizationKey": _k(STRING, "The password with which the station signs in."),
    "CertificateSignedMaxChainSize": _k(INTEGER, fixed=True),
    "CertificateStoreMaxLength": _k(INTEGER, fixed=True),
    "CpoName": _k(STRING, _CPO),
    "SecurityProfile": _k(INTEGER, _PROFILE, reboot=True),
    "SupportedFileTransferProtocols": _k(LIST, fixed=True),
    # What vendors often call the address of the central system.
    "CentralSystemURL": _k(STRING, _URL, reboot=True),
    "CentralSystemAddress": _k(STRING, _URL, reboot=True),
    "CSMSUrl": _k(STRING, _URL, reboot=True),
    "OcppUrl": _k(STRING, _URL, reboot=True),
    "BackendUrl": _k(STRING, _URL, reboot=True),
    "ServerUrl": _k(STRING, _URL, reboot=True),
    "ChargeBoxIdentity": _k(STRING, _CUTS_OFF, reboot=True),
    "ChargePointId": _k(STRING, _CUTS_OFF, reboot=True),
    "FreeVend": _k("", _FREE),
    "FreeVendEnabled": _k(BOOLEAN, _FREE),
    "APN": _k(STRING, _CUTS_OFF, reboot=True),
}
_VARIABLES_2: Final[Mapping[str, KnownVariable]] = {
    "OCPPCommCtrlr.NetworkConfigurationPriority": _k(
        "SequenceList", f"The station connects with these slots, in this order. {_CUTS_OFF}", reboot=True
    ),
    "OCPPCommCtrlr.NetworkProfileConnectionAttempts": _k(INTEGER, _RETRY),
    "OCPPCommCtrlr.HeartbeatInterval": _k(INTEGER, _HEARTBEAT),
    "OCPPCommCtrlr.WebSocketPingInterval": _k(INTEGER, _PING),
    "OCPPCommCtrlr.OfflineThreshold": _k(INTEGER),
    "OCPPCommCtrlr.RetryBackOffRepeatTimes": _k(INTEGER, _RETRY),
    "OCPPCommCtrlr.RetryBackOffRandomRange": _k(INTEGER, _RETRY),
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": _k(INTEGER, _RETRY),
    "OCPPCommCtrlr.MessageTimeout": _k(INTEGER, _CUTS_OFF),
    "OCPPCommCtrlr.MessageAttempts": _k(INTEGER, _MESSAGES),
    "OCPPCommCtrlr.MessageAttemptInterval": _k(INTEGER, _MESSAGES),
    "OCPPCommCtrlr.ActiveNetworkProfile": _k("", fixed=True),
    "OCPPCommCtrlr.UnlockOnEVSideDisconnect": _k(BOOLEAN),
    "SecurityCtrlr.BasicAuthPassword": _k(STRING, "The password with which the station signs in."),
    "SecurityCtrlr.Identity": _k(STRING, _CUTS_OFF, reboot=True),
    "SecurityCtrlr.OrganizationName": _k(STRING, _CPO),
    "SecurityCtrlr.SecurityProfile": _k(INTEGER, _PROFILE, reboot=True),
    "SecurityCtrlr.AdditionalRootCertificateCheck": _k(BOOLEAN, _CERTIFICATES),
    "AuthCtrlr.Enabled": _k(BOOLEAN, _FREE),
    "AuthCtrlr.OfflineTxForUnknownIdEnabled": _k(BOOLEAN, _UNKNOWN_ID),
    "AuthCtrlr.LocalAuthorizeOffline": _k(BOOLEAN, _OFFLINE),
    "AuthCtrlr.LocalPreAuthorize": _k(BOOLEAN),
    "AuthCtrlr.MasterPassGroupId": _k(STRING, "Tags of this group stop every session."),
    "TxCtrlr.EVConnectionTimeOut": _k(INTEGER, _TIMEOUT),
    "TxCtrlr.StopTxOnInvalidId": _k(BOOLEAN, _STOPS),
    "TxCtrlr.StopTxOnEVSideDisconnect": _k(BOOLEAN, _STOPS),
    "TxCtrlr.TxStartPoint": _k(LIST, "This decides when sessions begin, and so what is billed."),
    "TxCtrlr.TxStopPoint": _k(LIST, "This decides when sessions end, and so what is billed."),
    "SampledDataCtrlr.TxUpdatedInterval": _k(INTEGER, _METER),
    "SampledDataCtrlr.TxUpdatedMeasurands": _k(LIST, _METER),
    "AlignedDataCtrlr.Interval": _k(INTEGER, _METER),
    "AlignedDataCtrlr.Measurands": _k(LIST, _METER),
    "SmartChargingCtrlr.Enabled": _k(BOOLEAN, _CHARGING),
    "SmartChargingCtrlr.ExternalControlSignalsEnabled": _k(BOOLEAN, _CHARGING),
    "ISO15118Ctrlr.CountryName": _k(STRING, _CPO),
    "ISO15118Ctrlr.OrganizationName": _k(STRING, _CPO),
    "ISO15118Ctrlr.SeccId": _k(STRING, _CPO),
    "ClockCtrlr.NtpServerUri": _k(STRING, "Without the right time certificates fail and sessions are dated wrongly."),
    "ClockCtrlr.TimeSource": _k(
        "SequenceList", "Without the right time certificates fail and sessions are dated wrongly."
    ),
}
_FOLDED: Final = {name.casefold(): known for name, known in {**_KEYS_1_6, **_VARIABLES_2}.items()}
_SECRET: Final = re.compile(
    r"passw(or)?d|passphrase|secret|authori[sz]ation_?key|private_?key|api_?key|access_?key|(^|_|wifi|wlan)psk$|simpin",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(r"(central_?system|csms|backend|ocpp).*(url|uri|host|address|endpoint)", re.IGNORECASE)
_ADDRESS_KNOWN: Final = KnownVariable(STRING, _URL, reboot_required=True)


def known_variable(place: VariablePlace) -> KnownVariable:
    """What is known of it without asking the station; `NOTHING_KNOWN` for most that vendors add."""
    name = place.variable if not place.component else f"{place.component}.{place.variable}"
    found = _FOLDED.get(name.casefold())
    if found is not None:
        return found
    return _ADDRESS_KNOWN if _ADDRESS.search(place.variable) else NOTHING_KNOWN


def holds_secret(place: VariablePlace) -> bool:
    """Is its value, by its name, one that nobody may read?"""
    return _SECRET.search(place.variable) is not None


def is_password(place: VariablePlace) -> bool:
    """Is it the one with which the station signs in?"""
    return place.variable.casefold() in PASSWORD_VARIABLES
