"""Roles, sites and shares on the real product: who sees what, while a station charges and moves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import grpc
import pytest

from tests.kit.desk import Denied, Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product, product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system]
PASSWORD = "charge-2-go"


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product() as made:
        yield made


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


async def sign_up(running: Product, desk: Desk, email: str, role: str, *sites: str) -> tuple[str, Desk]:
    """A user's name, and a desk of theirs."""
    user = {"email": email, "first_name": email.partition("@")[0], "role": role, "sites": list(sites)}
    made = await desk.call("users.CreateUser", user=user, invite=True)
    token = re.search(r"token=([\w-]+)", made.invitation_link)
    assert token is not None, made
    nobody = Desk(running, key="")
    await nobody.call("auth.SetPassword", token=token[1], new_password=PASSWORD)
    signed_in = await nobody.call("auth.SignIn", email=email, password=PASSWORD)
    nobody.close()
    return made.user.name, Desk(running, key=signed_in.token)


async def refused(desk: Desk, method: str, **fields: object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(Denied) as denied:
        await desk.call(method, **fields)
    return denied.value.code, denied.value.reason


async def stations_of(desk: Desk) -> list[str]:
    return [station.identity for station in (await desk.call("stations.ListStations")).stations]


async def charge(cp: Simulator, tag: str) -> None:
    """Boot, and a whole session."""
    await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
    begun = await cp.send(cp.calls.StartTransaction(connector_id=1, id_tag=tag, meter_start=0, timestamp=moment()))
    await cp.send(cp.calls.StopTransaction(meter_stop=5_000, timestamp=moment(), transaction_id=begun["transactionId"]))


@pytest.mark.feature("F-USR-1", "F-USR-4", "F-STA-11")
async def test_each_sees_what_is_theirs_while_a_station_charges_and_moves(running: Product, desk: Desk) -> None:
    north, south = [
        (await desk.call("places.CreatePlace", place={"kind": "PLACE_KIND_SITE", "display_name": name})).place.name
        for name in ("North", "South")
    ]
    here, there = await desk.add_station("CP-N", place=north), await desk.add_station("CP-S", place=south)
    _, ada = await sign_up(running, desk, "ada@example.org", "ROLE_SITE_ADMINISTRATOR", north)
    eve_name, eve = await sign_up(running, desk, "eve@example.org", "ROLE_EV_USER")
    await desk.add_token("04AAAA", user=eve_name)
    await desk.add_token("04BBBB")
    hidden = (grpc.StatusCode.NOT_FOUND, "STATION_NOT_FOUND")
    async with simulator(running, "CP-N", "1.6") as cp:
        await charge(cp, "04AAAA")
        await charge(cp, "04BBBB")
        await desk.until(lambda: desk.sessions(here), lambda seen: len(seen) == 2)

        assert (await stations_of(ada), await stations_of(eve)) == (["CP-N"], [])
        assert await refused(ada, "stations.GetStation", name=there) == hidden
        assert await refused(ada, "remote.ClearCache", target={"station": there}) == hidden
        sites = (await ada.call("places.ListPlaces")).places
        assert [place.name for place in sites] == ["places/1", north]
        assert len((await ada.call("sessions.ListSessions")).sessions) == 2
        own = (await eve.call("sessions.ListSessions")).sessions
        assert [session.id_token for session in own] == ["04AAAA"]
        exported = await eve.collect("sessions.ExportSessions")
        assert [session.name for message in exported for session in message.sessions] == [own[0].name]

        await shared(ada, eve, here, cp)
        await narrowed(eve, here)

    await desk.call("places.MoveStations", place=south, stations=[here])
    assert await stations_of(ada) == []
    charged = (await ada.call("sessions.ListSessions")).sessions
    assert {(session.place, session.station) for session in charged} == {(north, here)}
    assert await stations_of(eve) == ["CP-N"]
    await desk.call("sharing.ReleaseStation", station=here)
    assert await stations_of(eve) == []
    ada.close()
    eve.close()


async def shared(ada: Desk, eve: Desk, station: str, cp: Simulator) -> None:
    """What each level of a share gives."""
    share = {"station": station, "email": "EVE@example.org"}
    start = {"target": {"station": station, "timeout": "10s"}, "evse_id": 1}
    await ada.call("sharing.ShareStation", **share, level="SHARE_LEVEL_VIEW")
    assert await stations_of(eve) == ["CP-N"]
    denied = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert await refused(eve, "remote.RequestStartTransaction", **start, id_token="04AAAA") == denied
    await ada.call("sharing.ShareStation", **share, level="SHARE_LEVEL_OPERATE")
    other = await refused(eve, "remote.RequestStartTransaction", **start, id_token="04BBBB")
    assert other == (grpc.StatusCode.PERMISSION_DENIED, "NOT_YOUR_TAG")
    assert (await eve.call("remote.RequestStartTransaction", **start, id_token="04AAAA")).result.accepted
    assert (await cp.asked("RemoteStartTransaction"))["idTag"] == "04AAAA"
    assert await refused(eve, "messages.ListMessages", station=station) == denied


async def narrowed(eve: Desk, station: str) -> None:
    """A group holds what its owner sees."""
    group = (await eve.call("groups.CreateGroup", group={"display_name": "Mine"})).group
    await eve.call("groups.AddStations", name=group.name, stations=[station])
    in_group = await eve.call("stations.ListStations", filter={"group": group.name})
    assert [each.name for each in in_group.stations] == [station]
    await eve.call("groups.RemoveStations", name=group.name, stations=[station])
    assert not (await eve.call("stations.ListStations", filter={"group": group.name})).stations
