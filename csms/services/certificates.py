"""Certificates as people manage them: what stations have installed, what was signed here, what is revoked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal, check
from csms.domain.certificates import (
    ITEM_KIND,
    CertificateHashData,
    CertificateUse,
    DeleteCertificate,
    GetInstalledCertificateIds,
    InstallCertificate,
    InstalledCertificate,
    InstalledCertificates,
    SigningUse,
)
from csms.domain.commands import TriggerMessage
from csms.domain.errors import InvalidArgument, NotFound
from csms.ports.certificates import (
    CertificateReader,
    IssuedCertificate,
    IssuedCertificates,
    IssuedFilter,
    RevocationList,
    RevocationReason,
)
from csms.ports.directory import Directory
from csms.ports.inventory import Inventory
from csms.ports.stores import StationStore
from csms.services.remote import CommandOutcome, Remote, Target

USES_OF_1_6: Final = (CertificateUse.CSMS_ROOT, CertificateUse.MANUFACTURER_ROOT)
TRIGGERS: Final = {
    SigningUse.CHARGING_STATION: "SignChargingStationCertificate",
    SigningUse.V2G: "SignV2GCertificate",
    SigningUse.V2G20: "SignV2G20Certificate",
}


class KnownCertificate(msgspec.Struct, frozen=True):
    """What is kept of a certificate that a station has installed. Subject and end are known only of those that were
    installed from here."""

    installed: InstalledCertificate
    subject: str = ""
    not_after: datetime | None = None
    at: datetime | None = None
    """When the station told, or took it."""


class InstalledOutcome(msgspec.Struct, frozen=True):
    """What a station answered, and what it has."""

    outcome: CommandOutcome
    certificates: tuple[KnownCertificate, ...]


class IssuedPage(msgspec.Struct, frozen=True):
    """Newest first, and how many match in all."""

    certificates: tuple[IssuedCertificate, ...]
    total: int


class Authority(msgspec.Struct, frozen=True):
    """Our own authority for one use: its root (PEM) and its list of revoked certificates (DER)."""

    use: SigningUse
    root: bytes
    crl: bytes


class Certificates:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away; those that send
    something, what `Remote` raises."""

    def __init__(
        self,
        remote: Remote,
        directory: Directory,
        stations: StationStore,
        inventory: Inventory,
        issued: IssuedCertificates,
        revocations: RevocationList,
        reader: CertificateReader,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._directory = directory
        self._stations = stations
        self._inventory = inventory
        self._issued = issued
        self._revocations = revocations
        self._reader = reader
        self._now = now

    # -- what stations have installed ------------------------------------------------------------------------------

    async def install(self, caller: Principal, target: Target, use: CertificateUse, pem: str) -> CommandOutcome:
        """Have a station trust a root (M05). Empty: the root of our own authority, for CSMS_ROOT.

        Raises InvalidArgument when it is no certificate of an authority, or has expired.
        """
        await self._scopes.check_station(caller, Action.MANAGE_CERTIFICATES, target.station_id)
        if not pem.strip() and use is CertificateUse.CSMS_ROOT:
            pem = self._revocations.root_of(SigningUse.CHARGING_STATION).decode()
        details = self._reader.certificate(pem)
        if not details.is_authority:
            raise InvalidArgument(
                f"{details.subject} is not the certificate of an authority. Install the root that signed it.",
                reason="NO_AUTHORITY",
            )
        if details.not_after <= self._now():
            raise InvalidArgument(
                f"{details.subject} expired on {details.not_after:%Y-%m-%d}. Install its successor.",
                reason="CERTIFICATE_EXPIRED",
            )
        command = InstallCertificate(use, pem)
        outcome = await self._remote.command(caller, target, command, Action.MANAGE_CERTIFICATES)
        if outcome.answer.accepted:
            known = KnownCertificate(
                InstalledCertificate(details.hash_data, use), details.subject, details.not_after, self._now()
            )
            await self._keep(target.station_id, known)
        return outcome

    async def delete(self, caller: Principal, target: Target, data: CertificateHashData) -> CommandOutcome:
        """Take a certificate from a station (M04)."""
        command = DeleteCertificate(data)
        outcome = await self._remote.command(caller, target, command, Action.MANAGE_CERTIFICATES)
        if outcome.answer.accepted or outcome.answer.status == "NotFound":
            for known in await self._known(target.station_id):
                if _same(known.installed.certificate_hash_data, data):
                    await self._drop(target.station_id, known)
        return outcome

    async def ask_installed(
        self, caller: Principal, target: Target, uses: Sequence[CertificateUse] = ()
    ) -> InstalledOutcome:
        """Ask a station what it has installed (M03), and keep that. No uses: all that its version knows."""
        wanted = tuple(dict.fromkeys(uses))
        try:
            outcome = await self._ask(caller, target, wanted)
        except InvalidArgument as error:
            if error.reason != "ONE_TYPE_PER_CALL":
                raise
            outcomes = [(use, await self._ask(caller, target, (use,))) for use in wanted or USES_OF_1_6]
            told = [each for use, one in outcomes for each in _told(one, use)]
            # "Accepted" when there is at least one of any type; a CALLERROR is told as it came.
            outcome = max((one for _, one in outcomes), key=_weight)
        else:
            told = _told(outcome, wanted[0] if len(wanted) == 1 else None)
        if outcome.answer.error_code:
            return InstalledOutcome(outcome, ())
        return InstalledOutcome(outcome, await self._replace(target.station_id, wanted, told))

    async def stored_installed(self, caller: Principal, station_id: int) -> tuple[KnownCertificate, ...]:
        """What a station has installed as far as we know, without asking it. Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        if await self._stations.find(station_id) is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return tuple(await self._known(station_id))

    async def _ask(self, caller: Principal, target: Target, uses: tuple[CertificateUse, ...]) -> CommandOutcome:
        return await self._remote.command(caller, target, GetInstalledCertificateIds(uses), Action.OPERATE_STATIONS)

    async def _replace(
        self, station_id: int, asked: tuple[CertificateUse, ...], told: Sequence[InstalledCertificate]
    ) -> tuple[KnownCertificate, ...]:
        """Keep what was told; forget what was asked for and not told."""
        before = await self._known(station_id)
        found = []
        for installed in told:
            data = installed.certificate_hash_data
            old = next((known for known in before if _same(known.installed.certificate_hash_data, data)), None)
            known = KnownCertificate(installed, at=self._now())
            if old is not None:
                known = KnownCertificate(installed, old.subject, old.not_after, self._now())
            found.append(known)
        kept = {_key(known) for known in found}
        for old in before:
            if _key(old) not in kept and (not asked or old.installed.certificate_type in asked):
                await self._drop(station_id, old)
        for known in found:
            await self._keep(station_id, known)
        return tuple(found)

    async def _known(self, station_id: int) -> list[KnownCertificate]:
        items = await self._inventory.items(station_id, ITEM_KIND)
        return [msgspec.json.decode(item.body, type=KnownCertificate) for item in items]

    async def _keep(self, station_id: int, known: KnownCertificate) -> None:
        body = msgspec.json.encode(known)
        await self._inventory.put_item(station_id, ITEM_KIND, _key(known), body, self._now())

    async def _drop(self, station_id: int, known: KnownCertificate) -> None:
        await self._inventory.put_item(station_id, ITEM_KIND, _key(known), None, self._now())

    # -- what was signed here --------------------------------------------------------------------------------------

    async def renew(self, caller: Principal, target: Target, use: SigningUse) -> CommandOutcome:
        """Have a station ask for a new certificate (A02: the CSMS may start it). The certificate follows by itself."""
        command = TriggerMessage(TRIGGERS[use])
        return await self._remote.command(caller, target, command, Action.OPERATE_STATIONS)

    async def page_issued(
        self, caller: Principal, wanted: IssuedFilter, *, size: int, before: int | None
    ) -> IssuedPage:
        """Certificates that were signed for stations."""
        if wanted.station_id is not None:
            await self._scopes.check_station(caller, Action.READ_STATIONS, wanted.station_id)
        else:  # those of stations that are gone, too
            check(caller, Action.READ_STATIONS)
        found, total = await self._issued.page(wanted, size=size, before=before)
        return IssuedPage(tuple(found), total)

    async def revoke(self, caller: Principal, certificate_id: int, reason: RevocationReason) -> IssuedCertificate:
        """From now on it is refused; a station that is connected must come again. Raises NotFound."""
        check(caller, Action.MANAGE_CERTIFICATES)
        revoked = await self._issued.revoke(certificate_id, self._now(), reason)
        signed, at = revoked.signed, revoked.revoked_at or self._now()
        self._revocations.revoke(signed.serial, signed.issuer, at, revoked.revocation_reason)
        if revoked.station_id is not None and revoked.use is SigningUse.CHARGING_STATION:
            await self._directory.disconnect(revoked.station_id, "The station's certificate was revoked.")
        return revoked

    async def authority(self, caller: Principal, use: SigningUse) -> Authority:
        """Our own authority's root and list for this use."""
        await self._scopes.of(caller, Action.READ_STATIONS)
        return Authority(use, self._revocations.root_of(use), self._revocations.crl(use))


def _weight(outcome: CommandOutcome) -> tuple[bool, bool]:
    return bool(outcome.answer.error_code), outcome.answer.accepted


def _told(outcome: CommandOutcome, use: CertificateUse | None) -> list[InstalledCertificate]:
    """What an answer lists; `use` is what 1.6 was asked for, and does not tell again."""
    result = outcome.answer.result
    if not isinstance(result, InstalledCertificates):
        return []
    return [
        msgspec.structs.replace(each, certificate_type=each.certificate_type or use) for each in result.certificates
    ]


def _key(known: KnownCertificate) -> str:
    return known.installed.certificate_hash_data.key


def _same(one: CertificateHashData, other: CertificateHashData) -> bool:
    """The same certificate. Two stations' ways of hashing cannot be compared; then the number must do, which is random
    in all but the oldest authorities."""
    if one.hash_algorithm is other.hash_algorithm and one.issuer_key_hash and other.issuer_key_hash:
        return one.key == other.key
    return one.serial_number.lstrip("0").lower() == other.serial_number.lstrip("0").lower()
