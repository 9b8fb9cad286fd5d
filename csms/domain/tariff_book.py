"""Tariffs as they are kept: named, with versions that never change, and assigned to places and people.

Which tariff holds for a session is decided by what was assigned when it began, the nearest first: the user, the group
of the tag, the outlet, the station, the floor, the site, the system. What was agreed with a person outranks the place;
among places the nearer one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.tariff import Cost, Line, Tariff, check_tariff

MAX_NAME: Final = 200
MAX_DESCRIPTION: Final = 4_000
MAX_GROUP: Final = 255
_NUMBER: Final = r"[1-9][0-9]{0,18}"
_TARGET: Final = re.compile(
    rf"(?P<collection>places|stations|users)/(?P<id>{_NUMBER})"
    rf"|stations/(?P<station>{_NUMBER})/evses/(?P<evse>[1-9][0-9]{{0,8}})"
    r"|tagGroups/(?P<group>.+)",
    re.ASCII,
)
_MAX_ID: Final = 2**63 - 1


class TargetKind(StrEnum):
    """What a tariff is assigned to."""

    PLACE = "PLACE"
    STATION = "STATION"
    OUTLET = "OUTLET"
    TAG_GROUP = "TAG_GROUP"
    USER = "USER"


class Target(msgspec.Struct, frozen=True):
    """What a tariff is assigned to. `id`: of the place, the station or the user; `group`: the parent tag that the tags
    of a group share."""

    kind: TargetKind
    id: int = 0
    evse_id: int = 0
    group: str = ""

    def __str__(self) -> str:
        match self.kind:
            case TargetKind.PLACE:
                return f"places/{self.id}"
            case TargetKind.STATION:
                return f"stations/{self.id}"
            case TargetKind.OUTLET:
                return f"stations/{self.id}/evses/{self.evse_id}"
            case TargetKind.TAG_GROUP:
                return f"tagGroups/{self.group}"
            case TargetKind.USER:
                return f"users/{self.id}"


class TariffVersion(msgspec.Struct, frozen=True):
    """The prices of a tariff from a moment on, until a version with a later beginning."""

    id: int
    tariff_id: int
    number: int
    valid_from: datetime
    terms: Tariff
    created_at: datetime | None = None


class NamedTariff(msgspec.Struct, frozen=True):
    """A tariff. `versions`: in the order of their numbers, at least one. A retired one can no longer be assigned."""

    id: int
    name: str
    description: str = ""
    retired: bool = False
    versions: tuple[TariffVersion, ...] = ()
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Assignment(msgspec.Struct, frozen=True):
    """A tariff holds there from then until then (None: until it is ended)."""

    id: int
    target: Target
    tariff_id: int
    valid_from: datetime
    valid_to: datetime | None = None


class InForce(msgspec.Struct, frozen=True):
    """The version that held, and by what it was assigned."""

    target: Target
    name: str
    version: TariffVersion


class SessionCost(msgspec.Struct, frozen=True):
    """What an ended session costs. Without a tariff: no version, no currency, nothing to pay. `basis`: a digest of the
    consumption that was priced; `reason`: why it was computed again."""

    session_id: int
    revision: int
    tariff_version_id: int | None
    currency: str
    net: Decimal
    vat: Decimal
    gross: Decimal
    vat_percent: Decimal
    lines: tuple[Line, ...]
    basis: str
    reason: str = ""
    computed_at: datetime | None = None

    @property
    def priced(self) -> bool:
        """Did a tariff hold?"""
        return self.tariff_version_id is not None


def read_target(text: str) -> Target:
    """From its name. Raises InvalidArgument/INVALID_TARGET."""
    found = _TARGET.fullmatch(text)
    if found is None:
        raise _invalid_target(text)
    if found["group"] is not None:
        group = found["group"]
        if len(group) > MAX_GROUP or not group.isprintable():
            raise _invalid_target(text)
        return Target(TargetKind.TAG_GROUP, group=group)
    number = int(found["id"] or found["station"])
    if number > _MAX_ID:
        raise _invalid_target(text)
    if found["station"] is not None:
        evse_id = int(found["evse"])
        if evse_id > 2**31 - 1:
            raise _invalid_target(text)
        return Target(TargetKind.OUTLET, number, evse_id)
    kinds = {"places": TargetKind.PLACE, "stations": TargetKind.STATION, "users": TargetKind.USER}
    return Target(kinds[found["collection"]], number)


def targets_of(
    place_ids: Iterable[int], station_id: int | None, evse_id: int, user_id: int | None, group: str
) -> tuple[Target, ...]:
    """What may have been assigned a tariff for a session, the nearest first. `place_ids`: upwards; `group`: the parent
    of the tag, empty for none."""
    found = []
    if user_id is not None:
        found.append(Target(TargetKind.USER, user_id))
    if group:
        found.append(Target(TargetKind.TAG_GROUP, group=group))
    if station_id is not None:
        if evse_id > 0:
            found.append(Target(TargetKind.OUTLET, station_id, evse_id))
        found.append(Target(TargetKind.STATION, station_id))
    found += [Target(TargetKind.PLACE, number) for number in place_ids]
    return tuple(found)


def nearest(targets: Sequence[Target], found: Iterable[InForce]) -> InForce | None:
    """The one that counts."""
    by_target = {each.target: each for each in found}
    return next((by_target[target] for target in targets if target in by_target), None)


def version_at(versions: Iterable[TariffVersion], at: datetime) -> TariffVersion | None:
    """The version in force at a moment; None before the first."""
    begun = [version for version in versions if version.valid_from <= at]
    return max(begun, key=lambda version: (version.valid_from, version.number), default=None)


def check_named(tariff: NamedTariff) -> None:
    """Raises InvalidArgument with a sentence."""
    if not 0 < len(tariff.name.strip()) <= MAX_NAME or not tariff.name.isprintable():
        raise InvalidArgument(f"A tariff has a name of 1 to {MAX_NAME} characters.", reason="INVALID_NAME")
    if len(tariff.description) > MAX_DESCRIPTION:
        raise InvalidArgument(
            f"The description has at most {MAX_DESCRIPTION} characters.", reason="INVALID_DESCRIPTION"
        )
    for version in tariff.versions:
        check_tariff(version.terms)


def cost_of_session(
    session_id: int, version: TariffVersion | None, cost: Cost | None, *, basis: str, reason: str = ""
) -> SessionCost:
    """Its cost, not yet kept (revision 0)."""
    if version is None or cost is None:
        zero = Decimal(0)
        return SessionCost(session_id, 0, None, "", zero, zero, zero, zero, (), basis, reason)
    return SessionCost(
        session_id,
        0,
        version.id,
        cost.currency,
        cost.net,
        cost.vat,
        cost.gross,
        version.terms.vat_percent,
        cost.lines,
        basis,
        reason,
    )


def _invalid_target(text: str) -> InvalidArgument:
    return InvalidArgument(
        f"{text[:100]!r} is nothing to assign a tariff to. Names look like places/2, stations/17, stations/17/evses/2, "
        "tagGroups/FLEET or users/3.",
        reason="INVALID_TARGET",
    )
