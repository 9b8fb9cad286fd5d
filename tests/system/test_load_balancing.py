"""A fuse on the real product: stations of each version get shares, one goes away, the server is killed, the sum
holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio

from control.v1 import load_balancing_pb2 as pb
from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product
from tests.kit.product import product as start_product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), pytest.mark.feature("F-SYS-8")]
LIMIT = 20.0
UNBOUND = 32.0


@pytest.fixture
def running() -> Iterator[Product]:
    with start_product() as made:
        yield made


@pytest.fixture
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


class Fuse:
    """What each outlet may draw, by the profiles that its station has accepted; it blows when the sum is too much."""

    def __init__(self) -> None:
        self.profiles: dict[tuple[str, int], dict[int, dict[str, Any]]] = {}
        self.settled = False
        self.most = 0.0

    def wire(self, cp: Simulator) -> None:
        """Have the station keep what it is sent."""
        self.profiles.setdefault((cp.identity, 0), {})
        self.profiles.setdefault((cp.identity, 1), {})

        def accept(payload: dict[str, Any]) -> dict[str, Any]:
            profile = payload.get("csChargingProfiles") or payload["chargingProfile"]
            evse = payload.get("connectorId", payload.get("evseId", 0))
            schedule = profile["chargingSchedule"]
            schedule = schedule[0] if isinstance(schedule, list) else schedule
            self.profiles[cp.identity, evse][profile["stackLevel"]] = schedule
            self.look()
            return {"status": "Accepted"}

        cp.on("SetChargingProfile", accept)

    def current(self, identity: str, now: datetime) -> float:
        stacked = self.profiles[identity, 0] | self.profiles[identity, 1]
        for level in sorted(stacked, reverse=True):
            schedule = stacked[level]
            begins = datetime.fromisoformat(schedule["startSchedule"].replace("Z", "+00:00"))
            ends = begins + timedelta(seconds=schedule["duration"]) if "duration" in schedule else None
            if begins <= now and (ends is None or now < ends):
                return float(schedule["chargingSchedulePeriod"][0]["limit"])
        return UNBOUND

    def look(self) -> float:
        now = datetime.now(UTC)
        total = sum(self.current(identity, now) for identity, evse in self.profiles if evse == 0)
        if self.settled:
            self.most = max(self.most, total)
            assert total <= LIMIT, self.profiles
        return total


async def boot(cp: Simulator) -> None:
    cp.on("GetBaseReport", {"status": "NotSupported"})
    if cp.version == "1.6":
        await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
        status = {"error_code": "NoError", "status": "Available"}
        await cp.send(cp.calls.StatusNotification(connector_id=1, **status))
    else:
        station = {"model": "One", "vendor_name": "Acme"}
        await cp.send(cp.calls.BootNotification(charging_station=station, reason="PowerUp"))
        status = {"timestamp": moment(), "connector_status": "Available"}
        await cp.send(cp.calls.StatusNotification(evse_id=1, connector_id=1, **status))


async def plug(cp: Simulator) -> None:
    if cp.version == "1.6":
        await cp.send(cp.calls.StartTransaction(connector_id=1, id_tag="TAG", meter_start=0, timestamp=moment()))
    else:
        await cp.send(
            cp.calls.TransactionEvent(
                event_type="Started",
                timestamp=moment(),
                trigger_reason="Authorized",
                seq_no=0,
                transaction_info={"transaction_id": f"t-{cp.identity}", "charging_state": "Charging"},
                evse={"id": 1, "connector_id": 1},
                id_token={"id_token": "TAG", "type": "ISO14443"},
            )
        )


async def given(desk: Desk, name: str) -> dict[str, float]:
    """What each station accepted, as the server believes."""
    state = (await desk.call("load_balancing.GetLoadState", name=name)).state
    return {each.station_identity: each.given_current_a for each in state.outlets}


async def until_given(desk: Desk, name: str, wanted: dict[str, float]) -> None:
    await desk.until(lambda: given(desk, name), lambda found: found == wanted, str(wanted))


async def after_a_restart(running: Product, fuse: Fuse, name: str) -> None:
    """Nothing that counts is forgotten; stations come back one by one, share again, and are let go."""
    with open_desk(running) as again:
        found = await given(again, name)
        assert found == {"OLD": 7, "NEW": 7, "NEWEST": 0}
        async with simulator(running, "OLD", "1.6") as old:
            fuse.wire(old)
            await boot(old)
            await old.asked("SetChargingProfile")
            state = (await again.call("load_balancing.GetLoadState", name=name)).state
            assert state.drawable.l1_a <= LIMIT
            fuse.look()
            async with simulator(running, "NEW", "2.0.1") as new, simulator(running, "NEWEST", "2.1") as back:
                for cp in (new, back):
                    fuse.wire(cp)
                    await boot(cp)
                await until_given(again, name, {"OLD": 10, "NEW": 10, "NEWEST": 0})
                await again.call("load_balancing.DeleteLoadGroup", name=name)
                for cp in (old, new, back):
                    await cp.asked("ClearChargingProfile")


async def test_the_sum_of_what_was_accepted_holds_also_when_one_goes_and_when_the_server_dies(
    running: Product, desk: Desk
) -> None:
    site = (
        await desk.call(
            "places.CreatePlace", place={"kind": "PLACE_KIND_SITE", "parent": "places/1", "display_name": "Garage"}
        )
    ).place.name
    for identity in ("OLD", "NEW", "NEWEST"):
        await desk.call("stations.CreateStation", station={"identity": identity, "place": site})
    await desk.add_token("TAG")
    fuse = Fuse()
    async with (
        simulator(running, "OLD", "1.6") as old,
        simulator(running, "NEW", "2.0.1") as new,
        trio.open_nursery() as nursery,
    ):
        newest_gone = trio.Event()

        async def newest(ready: trio.Event) -> None:
            async with simulator(running, "NEWEST", "2.1") as cp:
                fuse.wire(cp)
                await boot(cp)
                ready.set()
                await newest_gone.wait()

        ready = trio.Event()
        nursery.start_soon(newest, ready)
        for cp in (old, new):
            fuse.wire(cp)
            await boot(cp)
        await ready.wait()
        group = {"place": site, "display_name": "Fuse", "limit": LIMIT, "fail_safe_current_a": 6, "enabled": True}
        name = (await desk.call("load_balancing.CreateLoadGroup", load_group=group)).load_group.name
        await until_given(desk, name, {"OLD": 6, "NEW": 6, "NEWEST": 6})
        fuse.settled = True
        await plug(old)
        await until_given(desk, name, {"OLD": 20, "NEW": 0, "NEWEST": 0})
        await plug(new)
        await until_given(desk, name, {"OLD": 10, "NEW": 10, "NEWEST": 0})
        newest_gone.set()  # it may fall back to 6 A now, which the others must leave
        await until_given(desk, name, {"OLD": 7, "NEW": 7, "NEWEST": 0})
        state = (await desk.call("load_balancing.GetLoadState", name=name)).state
        outlet = next(each for each in state.outlets if each.station_identity == "NEWEST")
        assert (outlet.standing, outlet.drawable_current_a) == (pb.OUTLET_STANDING_OFFLINE, 6)
        assert state.drawable.l1_a <= LIMIT
        del fuse.profiles["NEWEST", 1]  # its share ends one day
        fuse.profiles["NEWEST", 1] = {}
        assert fuse.look() == 20
    running.kill()
    running.start()
    await after_a_restart(running, fuse, name)
    assert 0 < fuse.most <= LIMIT
