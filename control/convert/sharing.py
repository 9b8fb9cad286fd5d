"""Shares and groups."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from control.convert.names import print_name
from control.v1 import groups_pb2, sharing_pb2
from csms.domain.access import Action, ShareLevel
from csms.domain.errors import InvalidArgument
from csms.ports.sharing import Group, Person, Share

LEVELS: Final = {level: sharing_pb2.ShareLevel.Value(f"SHARE_LEVEL_{level.name}") for level in ShareLevel}
_READ_LEVELS: Final = {number: level for level, number in LEVELS.items()}


def person(found: Person) -> sharing_pb2.SharePerson:
    """As others see them."""
    return sharing_pb2.SharePerson(
        user=print_name("users", found.id), email=found.email, display_name=found.display_name
    )


def share(found: Share) -> sharing_pb2.Share:
    """All of it."""
    return sharing_pb2.Share(person=person(found.person), level=LEVELS[found.level])


def access(station_id: int, actions: Collection[Action]) -> sharing_pb2.StationAccess:
    """What somebody may do with a station."""
    return sharing_pb2.StationAccess(
        station=print_name("stations", station_id),
        can_operate=Action.OPERATE_STATIONS in actions,
        can_configure=Action.CONFIGURE_STATIONS in actions,
        can_edit=Action.EDIT_STATIONS in actions,
        can_share=Action.SHARE_STATIONS in actions,
        can_assign=Action.ASSIGN_STATIONS in actions,
        can_admit=Action.ADMIT_STATIONS in actions,
        can_read_secrets=Action.READ_STATION_SECRETS in actions,
        can_read_messages=Action.READ_MESSAGES in actions,
        can_read_alarms=Action.READ_ALARMS in actions,
    )


def read_level(number: int) -> ShareLevel:
    """Raises InvalidArgument."""
    level = _READ_LEVELS.get(sharing_pb2.ShareLevel.ValueType(number))
    if level is None:
        raise InvalidArgument(
            "Say what they may do: SHARE_LEVEL_VIEW, SHARE_LEVEL_OPERATE or SHARE_LEVEL_MANAGE.",
            reason="LEVEL_MISSING",
        )
    return level


def group(found: Group) -> groups_pb2.Group:
    """All of it."""
    return groups_pb2.Group(
        name=print_name("groups", found.id),
        display_name=found.display_name,
        description=found.description,
        stations=[print_name("stations", number) for number in found.station_ids],
        etag=str(found.version),
    )
