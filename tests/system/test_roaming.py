"""Roaming on the real product: a provider registers, reads where it can charge, starts a session, and gets its bill."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
import trio

from tests.kit.desk import Denied, Desk
from tests.kit.desk import desk as open_desk
from tests.kit.emsp import Emsp, Refused
from tests.kit.emsp import emsp as start_emsp
from tests.kit.ocpi_schemas import check
from tests.kit.product import Product
from tests.kit.product import product as start_product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-2")]


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with start_product(outgoing_private_addresses="on") as made:
        yield made


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


@pytest.fixture
def emsp() -> Iterator[Emsp]:
    with start_emsp() as made:
        yield made
        assert made.complaints == []


def base(running: Product) -> str:
    return f"http://127.0.0.1:{running.ocpp_port}"


async def switch_on(running: Product, desk: Desk) -> None:
    settings = {
        "country_code": "SE",
        "party_id": "CHA",
        "business_name": "Chargehouse",
        "public_url": base(running),
        "authorize_seconds": 5,
        "currency": "SEK",
        "token_pull_hours": 24,
    }
    await desk.call(
        "third_party.UpdateService",
        service={"name": "services/roaming", "roaming": settings},
        update_mask=",".join(_camel(name) for name in settings),
    )
    done = await desk.call("third_party.EnableService", name="services/roaming")
    assert done.service.enabled


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


async def make_site(desk: Desk, name: str) -> str:
    made = await desk.call(
        "places.CreatePlace",
        place={
            "kind": "PLACE_KIND_SITE",
            "display_name": name,
            "address": "Kungsgatan 1",
            "position": {"latitude": 57.70887, "longitude": 11.97456},
            "time_zone": "Europe/Stockholm",
        },
    )
    site = str(made.place.name)
    where = {"place": site, "published": True, "city": "Göteborg", "postal_code": "411 19", "country": "SWE"}
    await desk.call(
        "third_party.UpdateServiceLocation", location=where, update_mask="published,city,postalCode,country"
    )
    return site


async def station_at(desk: Desk, site: str, identity: str) -> str:
    name = await desk.add_station(identity)
    await desk.call("places.MoveStations", stations=[name], place=site)
    return name


async def boot(cp: Simulator) -> None:
    cp.on("GetBaseReport", {"status": "NotSupported"})
    await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
    await status(cp, "Available")


async def status(cp: Simulator, word: str) -> None:
    await cp.send(cp.calls.StatusNotification(connector_id=1, error_code="NoError", status=word, timestamp=moment()))


async def a_tariff(desk: Desk, site: str) -> str:
    """4 SEK a kWh and 5 SEK a session, with 25 % of VAT in it."""
    terms = {
        "currency": "SEK",
        "vat_percent": "25",
        "elements": [
            {"kind": "PRICE_KIND_ENERGY", "price": "4.00"},
            {"kind": "PRICE_KIND_SESSION", "price": "5.00"},
        ],
    }
    made = await desk.call("tariffs.CreateTariff", tariff={"display_name": f"At {site}", "terms": terms})
    await desk.call("tariffs.AssignTariff", target=site, tariff=made.tariff.name)
    return str(made.tariff.name)


async def register(desk: Desk, emsp: Emsp, name: str) -> str:
    """The provider begins, with a token that we gave it. The party's name."""
    invited = await desk.call("third_party.InviteRoamingParty", display_name=name)
    await trio.to_thread.run_sync(emsp.register, invited.versions_url, invited.token)
    with pytest.raises(Refused) as refused:  # token A is used up
        await emsp.ask("GET", invited.versions_url, token=invited.token)
    assert refused.value.status == 401
    return str(invited.party.name)


async def test_a_provider_registers_starts_a_session_and_gets_its_bill(
    running: Product, desk: Desk, emsp: Emsp
) -> None:
    await switch_on(running, desk)
    site = await make_site(desk, "Central")
    tariff = await a_tariff(desk, site)
    name = await station_at(desk, site, "ROAM-1")
    card = emsp.token("04E2B3C4D5E680")
    async with simulator(running, "ROAM-1", "1.6") as cp:
        await boot(cp)
        party = await register(desk, emsp, "Moving")
        location = await where_to_charge(desk, emsp, site)
        evse = location["evses"][0]
        assert evse["evse_id"] == f"SE*CHA*E{name.partition('/')[2]}*1"
        assert evse["connectors"][0]["tariff_ids"] == [tariff.partition("/")[2]]
        await prices_and_customers_are_exchanged(desk, emsp, tariff, party)

        await start(cp, emsp, card, location)
        began = datetime.now(UTC) + timedelta(seconds=1)  # whole seconds, and after the tariff began
        begin = cp.calls.StartTransaction(connector_id=1, id_tag=card["uid"], meter_start=1000, timestamp=_at(began))
        started = await cp.send(begin)
        assert started["idTagInfo"]["status"] == "Accepted"
        await status(cp, "Charging")
        number = str(started["transactionId"])
        session = await emsp.until(lambda: emsp.sessions.get(number, [None])[-1], "the session")
        assert (session["status"], session["auth_method"]) == ("ACTIVE", "COMMAND")
        assert session["authorization_reference"] == "APP-77"
        assert session["cdr_token"]["contract_id"] == card["contract_id"]

        await stop(cp, emsp, number)
        await cp.send(
            cp.calls.StopTransaction(
                transaction_id=started["transactionId"],
                meter_stop=11_000,
                timestamp=_at(began + timedelta(minutes=6)),
                id_tag=card["uid"],
            )
        )
        await status(cp, "Available")
        cdr = await the_bill(emsp, number, tariff)
        assert cdr["cdr_location"]["evse_uid"] == evse["uid"]
        pulled = await trio.to_thread.run_sync(partial(emsp.pull, "cdrs", "Cdr"))
        assert [each["id"] for each in pulled] == [cdr["id"]]
        listed = await desk.until(
            lambda: desk.call("third_party.ListRoamingCdrs", party=party),
            lambda got: got.cdrs and got.cdrs[0].delivered,
        )
        assert (listed.cdrs[0].energy_kwh, listed.cdrs[0].total_incl_vat) == ("10", "45.00")
        await emsp.until(lambda: [each for _, each in emsp.patches if each["status"] == "AVAILABLE"], "the status")
    assert cp.invalid == []


async def where_to_charge(desk: Desk, emsp: Emsp, site: str) -> dict[str, Any]:
    """The site as the provider reads it, when its outlet is there."""
    number = site.partition("/")[2]

    def mine(seen: list[Any]) -> list[Any]:
        return [each for each in seen if each["id"] == number and each.get("evses")]

    pull = partial(emsp.pull, "locations", "Location")
    (location,) = mine(await desk.until(lambda: trio.to_thread.run_sync(pull), mine))
    assert (location["address"], location["city"], location["country"]) == ("Kungsgatan 1", "Göteborg", "SWE")
    assert location["evses"][0]["status"] == "AVAILABLE"
    return dict(location)


async def prices_and_customers_are_exchanged(desk: Desk, emsp: Emsp, tariff: str, party: str) -> None:
    tariffs = await desk.until(lambda: trio.to_thread.run_sync(emsp.pull, "tariffs", "Tariff"), len)
    (told,) = [each for each in tariffs if each["id"] == tariff.partition("/")[2]]
    price = {"type": "ENERGY", "price": 3.2, "step_size": 1, "vat": 25}
    assert told["elements"][0]["price_components"] == [price]
    seen = await desk.until(
        lambda: desk.call("third_party.GetRoamingParty", name=party), lambda got: got.party.token_count == 1
    )
    assert (seen.party.country_code, seen.party.party_id, list(seen.party.roles)) == ("NL", "TNM", ["EMSP"])


async def start(cp: Simulator, emsp: Emsp, card: dict[str, Any], location: dict[str, Any]) -> None:
    """START_SESSION, as far as the station and back."""
    command = {
        "response_url": f"{emsp.url}/2.2.1/results/start",
        "token": card,
        "location_id": location["id"],
        "evse_uid": location["evses"][0]["uid"],
        "authorization_reference": "APP-77",
    }
    answer = await emsp.ask("POST", f"{emsp.endpoints['commands', 'RECEIVER']}/START_SESSION", command)
    check("CommandResponse", answer.data)
    assert answer.data["result"] == "ACCEPTED"
    order = await cp.asked("RemoteStartTransaction")
    assert (order["idTag"], order["connectorId"]) == (card["uid"], 1)
    result = await emsp.until(lambda: emsp.results and emsp.results[0], "the result")
    assert (result["for"], result["result"]) == ("start", "ACCEPTED")


async def stop(cp: Simulator, emsp: Emsp, number: str) -> None:
    """STOP_SESSION, as far as the station."""
    command = {"response_url": f"{emsp.url}/2.2.1/results/stop", "session_id": number}
    answer = await emsp.ask("POST", f"{emsp.endpoints['commands', 'RECEIVER']}/STOP_SESSION", command)
    assert answer.data["result"] == "ACCEPTED"
    assert str((await cp.asked("RemoteStopTransaction"))["transactionId"]) == number


async def the_bill(emsp: Emsp, number: str, tariff: str) -> dict[str, Any]:
    """10 kWh at 4 SEK and 5 SEK, 25 % VAT included."""
    cdr = await emsp.until(lambda: emsp.cdrs and emsp.cdrs[0], "the charge record")
    assert (cdr["session_id"], cdr["total_energy"], cdr["currency"]) == (number, 10, "SEK")
    assert cdr["total_cost"] == {"excl_vat": 36.0, "incl_vat": 45.0}
    assert cdr["total_energy_cost"] == {"excl_vat": 32, "incl_vat": 40.0}
    assert cdr["total_fixed_cost"] == {"excl_vat": 4, "incl_vat": 5.0}
    assert cdr["total_time"] == 0.1
    assert cdr["tariffs"][0]["id"] == tariff.partition("/")[2]
    done = await emsp.until(
        lambda: emsp.sessions[number][-1]["status"] == "COMPLETED" and emsp.sessions[number][-1], "its end"
    )
    assert done["kwh"] == 10
    return dict(cdr)


def _at(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_provider_that_was_away_gets_what_it_missed_once_and_in_order(
    running: Product, desk: Desk, emsp: Emsp
) -> None:
    emsp.party = "AWY"
    await switch_on(running, desk)
    site = await make_site(desk, "Away")
    await station_at(desk, site, "ROAM-2")
    card = emsp.token("04AAAAAAAAAA80")
    async with simulator(running, "ROAM-2", "1.6") as cp:
        await boot(cp)
        party = await register(desk, emsp, "Away")
        await emsp.ask("PUT", emsp.token_url(card["uid"]), card)
        await desk.until(
            lambda: trio.to_thread.run_sync(partial(emsp.pull, "locations", "Location")),
            lambda seen: any(each["id"] == site.partition("/")[2] and each.get("evses") for each in seen),
        )
        emsp.out_of_order = 503
        started = await cp.send(
            cp.calls.StartTransaction(
                connector_id=1, id_tag=card["uid"], meter_start=0, timestamp=_at(datetime.now(UTC))
            )
        )
        assert started["idTagInfo"]["status"] == "Accepted"
        await cp.send(
            cp.calls.StopTransaction(
                transaction_id=started["transactionId"], meter_stop=500, timestamp=_at(datetime.now(UTC))
            )
        )
        waiting = await desk.until(
            lambda: desk.call("third_party.ListRoamingPushes", party=party),
            lambda got: {"sessions", "cdrs"} <= {each.module for each in got.pushes},
        )
        assert any(each.last_error for each in waiting.pushes)
        shown = await desk.call("third_party.GetService", name="services/roaming")
        assert "503" in shown.service.last_error
        emsp.out_of_order = 0
        await desk.call("third_party.RetryRoamingPushes", party=party)
        await emsp.until(lambda: emsp.cdrs, "the charge record")
        told = emsp.sessions[str(started["transactionId"])]
        assert [each["status"] for each in told] == ["COMPLETED"]
        assert emsp.cdrs[0]["total_energy"] == 0.5
        # Without a tariff it costs nothing, in our currency.
        assert (emsp.cdrs[0]["currency"], emsp.cdrs[0]["total_cost"]["excl_vat"]) == ("SEK", 0)


async def test_the_provider_decides_where_it_wants_to(running: Product, desk: Desk, emsp: Emsp) -> None:
    emsp.party = "DEC"
    await switch_on(running, desk)
    site = await make_site(desk, "Decide")
    await station_at(desk, site, "ROAM-3")
    ask, always = emsp.token("04BBBBBBBBBB80", "NEVER"), emsp.token("04CCCCCCCCCC80", "ALWAYS")
    answers = {ask["uid"]: "BLOCKED"}
    emsp.decide = lambda uid: answers[uid]
    async with simulator(running, "ROAM-3", "1.6") as cp:
        await boot(cp)
        await register(desk, emsp, "Decide")
        for card in (ask, always):
            await emsp.ask("PUT", emsp.token_url(card["uid"]), card)
        assert await authorized(cp, always["uid"]) == "Accepted"
        assert emsp.asked == []
        assert await authorized(cp, ask["uid"]) == "Blocked"
        answers[ask["uid"]] = "ALLOWED"
        assert await authorized(cp, ask["uid"]) == "Accepted"
        assert emsp.asked == [ask["uid"], ask["uid"]]
        await emsp.ask("PATCH", emsp.token_url(always["uid"]), {"valid": False, "last_updated": moment()})
        assert await authorized(cp, always["uid"]) == "Blocked"
        assert (await emsp.ask("GET", emsp.token_url(always["uid"]))).data["valid"] is False


async def authorized(cp: Simulator, uid: str) -> str:
    return str((await cp.send(cp.calls.Authorize(id_tag=uid)))["idTagInfo"]["status"])


async def test_we_register_renew_and_part(running: Product, desk: Desk, emsp: Emsp) -> None:
    emsp.party = "INI"
    await switch_on(running, desk)
    made = await desk.call(
        "third_party.RegisterAtRoamingParty",
        display_name="They invited us",
        versions_url=f"{emsp.url}/versions",
        token=emsp.handed,
    )
    party = made.party
    assert (party.state, party.party_id) == (2, "INI")
    assert "tokens SENDER" in party.modules
    theirs = emsp.theirs
    assert (await emsp.ask("GET", f"{base(running)}/ocpi/versions")).data
    await desk.call("third_party.RenewRoamingParty", name=party.name)
    assert emsp.theirs != theirs
    with pytest.raises(Refused):
        await emsp.ask("GET", f"{base(running)}/ocpi/versions", token=theirs)
    await trio.to_thread.run_sync(emsp.renew)  # and the other way round
    tested = await desk.call("third_party.TestService", name="services/roaming")
    assert "They invited us answers." in tested.findings
    await desk.call(
        "third_party.UpdateRoamingParty",
        party={"name": party.name, "state": "ROAMING_PARTY_STATE_SUSPENDED"},
        update_mask="state",
    )
    with pytest.raises(Refused) as refused:
        await emsp.ask("GET", f"{base(running)}/ocpi/versions")
    assert refused.value.status == 403
    gone = await desk.call("third_party.DeleteRoamingParty", name=party.name)
    assert (gone.remark, emsp.ours) == ("", "")
    with pytest.raises(Denied) as denied:
        await desk.call("third_party.GetRoamingParty", name=party.name)
    assert denied.value.code is grpc.StatusCode.NOT_FOUND


async def test_maps_read_where_to_charge_with_a_key_where_one_is_needed(running: Product, desk: Desk) -> None:
    await switch_on(running, desk)
    site = await make_site(desk, "Map")
    await station_at(desk, site, "ROAM-4")
    async with simulator(running, "ROAM-4", "1.6") as cp:
        await boot(cp)
        assert await fetch(f"{base(running)}/map/locations.geojson") == (404, None)
        await desk.call("third_party.EnableService", name="services/location-data")

        async def features() -> Any:
            return (await fetch(f"{base(running)}/map/locations.geojson"))[1]["features"]

        def mine_in(seen: Any) -> Any:
            return [each for each in seen if each["id"] == site.partition("/")[2] and each["properties"]["available"]]

        (mine,) = mine_in(await desk.until(features, mine_in))
        assert mine["geometry"] == {"type": "Point", "coordinates": [11.97456, 57.70887]}
        key = "a-key-for-map-services"
        await desk.call(
            "third_party.UpdateService",
            service={"name": "services/location-data", "location_data": {"key_required": True, "new_key": key}},
            update_mask="keyRequired,newKey",
        )
        assert (await fetch(f"{base(running)}/map/locations"))[0] == 401
        code, answer = await fetch(f"{base(running)}/map/locations?key={key}")
        assert code == 200
        for location in answer["data"]:
            check("Location", location)
        shown = await desk.call("third_party.GetService", name="services/location-data")
        assert shown.service.location_data.has_key
        assert shown.service.location_data.new_key == ""


async def fetch(url: str) -> tuple[int, Any]:
    def work() -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, None

    return await trio.to_thread.run_sync(work)
