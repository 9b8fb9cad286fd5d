"""Every RPC × every role × (in scope, out of scope): what is answered. An RPC that is not in the table fails.

A new RPC gets a row in MAY (tests/kit/permission_rows.py): `At(…)`, or one of its usual forms, when it names a station,
a session, a place or a reservation, and stands then in NEEDED or MORE (tests/kit/permission_needs.py) with the names
`stations/99`, `sessions/99`, `places/99` (a floor), `places/98` (its site), `reservations/99`; else the roles that are
let through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import reduce
from typing import Final

import grpc
import msgspec
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from csms.domain.access import Role, ShareLevel
from csms.domain.load_group import LoadGroup, Policy
from csms.domain.records import JobKind
from csms.domain.reservation import Waiting, WaitState
from csms.domain.topology import Place, PlaceKind
from csms.ports.reservations import ReservationDraft
from tests.kit.control_world import ControlWorld, Refused, servicers_of
from tests.kit.permission_needs import MORE, NEEDED
from tests.kit.permission_rows import MAY, At
from tests.kit.service_world import NOW, ServiceWorld


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
        "LOAD_GROUP_NOT_FOUND",
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
    group = await world.load_store.create(LoadGroup(0, floor, f"Group {number}", Policy(limit=63.0)))
    job = await world.inventory_store.begin_job(station, JobKind.LOG_UPLOAD, b"{}", NOW)
    names = {
        "stations/99/jobs/9": f"stations/{station}/jobs/{job.id}",
        "stations/99": f"stations/{station}",
        "sessions/99": f"sessions/{number}",
        "reservations/99": f"reservations/{reservation.id}",
        "waiting/99": f"waiting/{waiting.id}",
        "loadGroups/99": f"loadGroups/{group.id}",
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
