"""Orders about a station's security: a new password, a higher security profile, and letting it come with less again.

A new password survives a half-done change: it is kept beside the one in use *before* it is sent, and both are good
until the station has signed in with the new one. Only a station that says no makes it go away.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal
from csms.domain.commands import Command, GetVariables, Reset, ResetType, SetVariable, SetVariables
from csms.domain.device_model import NETWORK_PROFILE_ITEM, NetworkConnectionProfile, SetNetworkProfile
from csms.domain.errors import DeadlineExceeded, DomainError, FailedPrecondition, InvalidArgument, NotFound
from csms.ports.feed import Feed, Subject
from csms.ports.inventory import Inventory
from csms.ports.queries import StationQueries, StationView
from csms.ports.stores import StationRow, StationStore
from csms.services.remote import CommandOutcome, Remote, Target
from csms.services.stations import HashPassword, checked_password

MAX_PENDING_PASSWORDS: Final = 5
MAX_PROFILE: Final = 3
KEY_BYTES: Final = 20
MAX_SLOTS: Final = 100
PRIORITY: Final = "OCPPCommCtrlr.NetworkConfigurationPriority"
_REBOOT_REQUIRED: Final = "RebootRequired"


class PasswordState(StrEnum):
    """What became of a new password."""

    SENT = "SENT"
    """The station took it. Both are valid until it signs in with the new one."""
    REJECTED = "REJECTED"
    """The station refused it. The old one goes on."""


class PasswordRotation(msgspec.Struct, frozen=True):
    """The station's answer, and what it means."""

    state: PasswordState
    outcome: CommandOutcome


class Step(msgspec.Struct, frozen=True):
    """One command of several, by its name in OCPP 2.x, and the station's answer."""

    command: str
    outcome: CommandOutcome


class ProfileUpgrade(msgspec.Struct, frozen=True):
    """The commands that were sent, in order; `accepted`: the station took them all, and comes again by itself."""

    accepted: bool
    steps: tuple[Step, ...]


class NetworkChoice(msgspec.Struct, frozen=True):
    """2.x only: where the new connection settings go. `slot` 0: the first free one. `url`: where the station is to
    connect, without its identity; empty: our own address for that profile."""

    slot: int = 0
    interface: str = "Wired0"
    url: str = ""
    message_timeout_s: int = 30


class Listeners(msgspec.Struct, frozen=True):
    """What stations can connect to here. `tls_url` is empty without TLS; `asks_for_certificates`: profile 3 is
    possible. URLs end before the identity."""

    plain_url: str
    tls_url: str = ""
    asks_for_certificates: bool = False


class StationSecurity:
    """All methods raise PermissionDenied, NotFound, Unavailable; those that send commands also what `Remote` does."""

    def __init__(
        self,
        stations: StationStore,
        queries: StationQueries,
        remote: Remote,
        inventory: Inventory,
        feed: Feed,
        *,
        listeners: Listeners,
        hash_password: HashPassword,
        generate_password: Callable[[], str],
        has_certificate: Callable[[int], Awaitable[bool]],
    ) -> None:
        self._stations = stations
        self._queries = queries
        self._remote = remote
        self._scopes = remote.scopes
        self._inventory = inventory
        self._feed = feed
        self._listeners = listeners
        self._hash_password = hash_password
        self._generate_password = generate_password
        self._has_certificate = has_certificate

    async def rotate_password(self, caller: Principal, target: Target, password: str = "") -> PasswordRotation:
        """Give the station a new password (empty: a strong one is made).

        1.6: `AuthorizationKey`; a password made here is 40 hexadecimal digits, which is the same for stations that take
        the key as text (whitepaper, third edition) and for those that take it as the writing of 20 bytes (OCPP-J 1.6
        §6.2.1). 2.x: `SecurityCtrlr.BasicAuthPassword`.

        Raises InvalidArgument, FailedPrecondition/PASSWORD_CHANGES_PENDING. After DeadlineExceeded/NO_ANSWER the
        station may have it or not: both are valid.
        """
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, target.station_id)
        view = await self._view(target.station_id)
        row = await self._row(target.station_id)
        variable = _password_variable(view.protocol)
        if len(row.next_password_hashes) >= MAX_PENDING_PASSWORDS:
            raise FailedPrecondition(
                f"{MAX_PENDING_PASSWORDS} new passwords were sent already, and the station has signed in with none."
                " Set one here and in the station by hand.",
                reason="PASSWORD_CHANGES_PENDING",
            )
        generated = not password
        if not generated:
            password = checked_password(password)
        elif variable == "AuthorizationKey":
            password = secrets.token_hex(KEY_BYTES)
        else:
            password = self._generate_password()
        hash_it = partial(self._hash_password, password.encode(), generated=generated)
        password_hash = await trio.to_thread.run_sync(hash_it)
        await self._stations.add_next_password_hash(row.id, password_hash)
        try:
            outcome = await self._remote.command_of_ours(target, SetVariables((SetVariable(variable, password),)))
        except DomainError as error:
            if not (isinstance(error, DeadlineExceeded) and error.reason == "NO_ANSWER"):  # then nothing was sent
                await self._stations.drop_next_password_hash(row.id, password_hash)
            self._feed.publish(Subject.STATION, row.id)
            raise
        if not outcome.answer.accepted:
            await self._stations.drop_next_password_hash(row.id, password_hash)
        self._feed.publish(Subject.STATION, row.id)
        return PasswordRotation(PasswordState.SENT if outcome.answer.accepted else PasswordState.REJECTED, outcome)

    async def upgrade_profile(
        self, caller: Principal, target: Target, profile: int, network: NetworkChoice | None = None
    ) -> ProfileUpgrade:
        """Order a higher security profile (1 to 3); it counts from the first connection that proves it.

        1.6: the configuration key `SecurityProfile`. 2.x: new connection settings in a slot (B09), which is then put
        first (B10). The station is restarted when it says that it needs that.

        Raises InvalidArgument, FailedPrecondition/PROFILE_NOT_HIGHER, NO_PASSWORD, NO_TLS, NO_CLIENT_CA,
        NO_CERTIFICATE.
        """
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, target.station_id)
        view = await self._view(target.station_id)
        row = await self._row(target.station_id)
        await self._check_upgrade(row, profile)
        ends_at = trio.current_time() + target.timeout_s
        steps: list[Step] = []

        async def send(command: Command) -> CommandOutcome:
            left = Target(target.station_id, max(0.0, ends_at - trio.current_time()), target.wait_for_station)
            outcome = await self._remote.command_of_ours(left, command)
            if not isinstance(command, GetVariables):
                steps.append(Step(type(command).__name__, outcome))
            return outcome

        if _is_1x(view.protocol):
            outcome = await send(SetVariables((SetVariable("SecurityProfile", str(profile)),)))
        else:
            outcome = await self._upgrade_by_slot(view, profile, network or NetworkChoice(), send)
        if outcome.answer.accepted and outcome.answer.status == _REBOOT_REQUIRED:
            outcome = await send(Reset(ResetType.ON_IDLE))
        return ProfileUpgrade(outcome.answer.accepted, tuple(steps))

    async def _upgrade_by_slot(
        self,
        view: StationView,
        profile: int,
        network: NetworkChoice,
        send: Callable[[Command], Awaitable[CommandOutcome]],
    ) -> CommandOutcome:
        url = network.url or (self._listeners.tls_url if profile >= 2 else self._listeners.plain_url)
        before = await send(GetVariables((PRIORITY,)))
        value = next((each.value for each in before.answer.variables if each.value), "")
        in_use = [slot for part in (value or "").split(",") if (slot := part.strip())]
        slot = str(network.slot) if network.slot else _free_slot(in_use)
        settings = NetworkConnectionProfile(
            ocpp_csms_url=url.rstrip("/"),
            ocpp_transport="JSON",
            ocpp_interface=network.interface,
            message_timeout=network.message_timeout_s,
            security_profile=profile,
            ocpp_version="OCPP21" if view.protocol == "ocpp2.1" else None,
        )
        outcome = await send(SetNetworkProfile(int(slot), settings))
        if not outcome.answer.accepted:
            return outcome
        body = msgspec.json.encode(settings.without_secrets())
        await self._inventory.put_item(view.id, NETWORK_PROFILE_ITEM, slot, body, outcome.at)
        # Those with less stay behind it: the station falls back to them when it cannot connect, and is told here why.
        wanted = ",".join([slot, *(each for each in in_use if each != slot)])
        return await send(SetVariables((SetVariable(PRIORITY, wanted),)))

    async def set_profile(self, caller: Principal, station_id: int, profile: int) -> StationView:
        """From now on the station must prove this profile at least. For letting one that was set back on site come in
        again, and for asking more of one before its first connection.

        Raises InvalidArgument.
        """
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, station_id)
        if not 0 <= profile <= MAX_PROFILE:
            raise InvalidArgument("Security profiles are 0, 1, 2 and 3.", reason="INVALID_PROFILE")
        await self._stations.set_security_profile(station_id, profile)
        self._feed.publish(Subject.STATION, station_id)
        return await self._view(station_id)

    async def _check_upgrade(self, row: StationRow, profile: int) -> None:
        if not 1 <= profile <= MAX_PROFILE:
            raise InvalidArgument("A station can be told to use security profile 1, 2 or 3.", reason="INVALID_PROFILE")
        if profile <= row.security_profile:
            raise FailedPrecondition(
                f"The station has proven security profile {row.security_profile} already. OCPP knows no command to"
                " lower it: that is done at the station.",
                reason="PROFILE_NOT_HIGHER",
            )
        if profile < MAX_PROFILE and row.password_hash is None and not row.next_password_hashes:
            raise FailedPrecondition(
                f"Security profile {profile} needs a password. Give the station one first.", reason="NO_PASSWORD"
            )
        if profile >= 2 and not self._listeners.tls_url:
            raise FailedPrecondition(
                "This server takes no stations by TLS. Start it with --ocpp-tls-listen first.", reason="NO_TLS"
            )
        if profile < MAX_PROFILE:
            return
        if not self._listeners.asks_for_certificates:
            raise FailedPrecondition(
                "This server asks stations for no certificates. Start it without --ocpp-tls-client-ca=none.",
                reason="NO_CLIENT_CA",
            )
        if not await self._has_certificate(row.id):
            raise FailedPrecondition(
                "The station has no certificate of its own yet. Have it ask for one first"
                " (trigger SignChargingStationCertificate).",
                reason="NO_CERTIFICATE",
            )

    async def _view(self, station_id: int) -> StationView:
        found = await self._queries.get_stations([station_id])
        if not found:
            raise _no_station(station_id)
        return found[0]

    async def _row(self, station_id: int) -> StationRow:
        row = await self._stations.find(station_id)
        if row is None:
            raise _no_station(station_id)
        return row


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")


def _is_1x(protocol: str) -> bool:
    return protocol.startswith("ocpp1") or not protocol


def _password_variable(protocol: str) -> str:
    return "AuthorizationKey" if _is_1x(protocol) else "SecurityCtrlr.BasicAuthPassword"


def _free_slot(in_use: list[str]) -> str:
    """The lowest that is not used, from 1."""
    return next(slot for number in range(1, MAX_SLOTS) if (slot := str(number)) not in in_use)
