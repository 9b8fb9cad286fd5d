"""ThirdPartyService over the wire."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import msgspec
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import third_party_pb2 as pb
from csms.domain.roaming import RoamingToken
from csms.domain.topology import SYSTEM_ID, Place, PlaceKind
from csms.ocpi.charging import Cdr
from csms.ocpi.envelope import print_object, read_object
from csms.ports.roaming import PushDraft, Received, ReleasedObject
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.roaming_world import SETTINGS

pytestmark = pytest.mark.feature("F-SYS-2")
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
A_CDR = b"""{"country_code":"SE","party_id":"CHA","id":"7","start_date_time":"2026-11-21T07:00:00Z",
"end_date_time":"2026-11-21T08:00:00Z","session_id":"7","cdr_token":{"country_code":"NL","party_id":"TNM","uid":"04AB",
"type":"RFID","contract_id":"C1"},"auth_method":"WHITELIST","cdr_location":{"id":"2","address":"A","city":"B",
"country":"SWE","coordinates":{"latitude":"57.70887","longitude":"11.97456"},"evse_uid":"1-1","evse_id":"SE*CHA*E1",
"connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"currency":"SEK","charging_periods":[{"start_date_time":"2026-11-21T07:00:00Z","dimensions":[{"type":"ENERGY",
"volume":10}]}],"total_cost":{"excl_vat":36,"incl_vat":45.00},"total_energy":10,"total_time":1,
"last_updated":"2026-11-21T08:00:00Z"}"""


async def test_a_service_says_what_it_needs_before_it_is_switched_on(world: ControlWorld) -> None:
    call = world.client.call
    listed = await call("third_party.ListServices", pb.ListServicesRequest())
    assert [each.name for each in listed.services] == ["services/location-data", "services/roaming"]
    assert [each.state for each in listed.services] == [pb.SERVICE_STATE_OFF] * 2
    assert "Say our country." in listed.services[1].missing
    with pytest.raises(Refused) as refused:
        await call("third_party.EnableService", pb.EnableServiceRequest(name="services/roaming"))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SETTINGS_MISSING")
    settings = {name: getattr(SETTINGS, name) for name in SETTINGS.__struct_fields__}
    wanted = pb.ThirdParty(name="services/roaming", roaming=pb.RoamingSettings(**settings))
    await call("third_party.UpdateService", pb.UpdateServiceRequest(service=wanted, update_mask=FieldMask(paths=["*"])))
    on = await call("third_party.EnableService", pb.EnableServiceRequest(name="services/roaming"))
    assert on.service.state == pb.SERVICE_STATE_WORKING
    assert dict(on.service.addresses) == {"versions": "https://csms.example.org/ocpi/versions"}
    off = await call("third_party.DisableService", pb.DisableServiceRequest(name="services/roaming"))
    assert not off.service.enabled
    got = await call("third_party.GetService", pb.GetServiceRequest(name="services/roaming"))
    assert got.service == off.service


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("country_code", "Sweden"),
        ("party_id", "x"),
        ("public_url", "csms"),
        ("authorize_seconds", 99),
        ("currency", "€"),
    ],
)
async def test_settings_that_cannot_be_are_refused(world: ControlWorld, field: str, value: object) -> None:
    wanted = pb.ThirdParty(name="services/roaming", roaming=pb.RoamingSettings(**{field: value}))
    request = pb.UpdateServiceRequest(service=wanted, update_mask=FieldMask(paths=[field]))
    with pytest.raises(Refused) as refused:
        await world.client.call("third_party.UpdateService", request)
    assert refused.value.reason == "INVALID_SETTINGS"


async def test_a_key_is_never_told_again(world: ControlWorld) -> None:
    call = world.client.call
    name = "services/location-data"
    settings = pb.LocationDataSettings(key_required=True, new_key="0123456789abcdef")
    request = pb.UpdateServiceRequest(
        service=pb.ThirdParty(name=name, location_data=settings), update_mask=FieldMask(paths=["*"])
    )
    kept = await call("third_party.UpdateService", request)
    assert (kept.service.location_data.has_key, kept.service.location_data.new_key) == (True, "")
    request.service.location_data.new_key = "short"
    with pytest.raises(Refused) as refused:
        await call("third_party.UpdateService", request)
    assert refused.value.reason == "INVALID_SETTINGS"
    with pytest.raises(Refused) as refused:
        await call("third_party.GetService", pb.GetServiceRequest(name="services/parking"))
    assert refused.value.reason == "SERVICE_NOT_FOUND"


async def test_a_site_is_published_when_its_address_is_whole(world: ControlWorld) -> None:
    call = world.client.call
    place = await world.place_store.create(
        Place(0, SYSTEM_ID, PlaceKind.SITE, "Harbour", address="Quay 1", latitude=57.7, longitude=11.9)
    )
    await world.places.load()
    (shown,) = (await call("third_party.ListServiceLocations", pb.ListServiceLocationsRequest())).locations
    assert (shown.place, shown.published, list(shown.missing)) == (
        f"places/{place.id}",
        False,
        ["Give the city.", "Give the country."],
    )
    wanted = pb.ServiceLocation(place=shown.place, published=True, city="Göteborg")
    request = pb.UpdateServiceLocationRequest(location=wanted, update_mask=FieldMask(paths=["published", "city"]))
    with pytest.raises(Refused) as refused:
        await call("third_party.UpdateServiceLocation", request)
    assert refused.value.reason == "ADDRESS_MISSING"
    request.location.country = "SWE"
    request.update_mask.paths.append("country")
    done = await call("third_party.UpdateServiceLocation", request)
    assert (done.location.published, list(done.location.missing)) == (True, [])


async def test_a_party_is_invited_suspended_and_removed(world: ControlWorld) -> None:
    call, third = world.client.call, world.third
    with pytest.raises(Refused) as refused:
        await call("third_party.InviteRoamingParty", pb.InviteRoamingPartyRequest(display_name="Moving"))
    assert refused.value.reason == "SERVICE_OFF"
    await third.switch_on()
    made = await call("third_party.InviteRoamingParty", pb.InviteRoamingPartyRequest(display_name=" Moving "))
    assert (made.party.display_name, made.party.state) == ("Moving", pb.ROAMING_PARTY_STATE_INVITED)
    assert len(made.token) >= 32
    assert made.versions_url == "https://csms.example.org/ocpi/versions"
    party = await third.add_party()
    name = f"roamingParties/{party.id}"
    listed = await call("third_party.ListRoamingParties", pb.ListRoamingPartiesRequest())
    assert {each.name for each in listed.parties} == {name, made.party.name}
    wanted = pb.RoamingParty(name=name, state=pb.ROAMING_PARTY_STATE_SUSPENDED)
    request = pb.UpdateRoamingPartyRequest(party=wanted, update_mask=FieldMask(paths=["state"]))
    done = await call("third_party.UpdateRoamingParty", request)
    assert done.party.state == pb.ROAMING_PARTY_STATE_SUSPENDED
    await call("third_party.DeleteRoamingParty", pb.DeleteRoamingPartyRequest(name=name))
    assert third.client.calls == [("DELETE", "https://emsp.example.org/credentials", None)]
    with pytest.raises(Refused) as refused:
        await call("third_party.GetRoamingParty", pb.GetRoamingPartyRequest(name=name))
    assert refused.value.reason == "PARTY_NOT_FOUND"


async def test_a_party_that_does_not_speak_our_version_is_not_registered(world: ControlWorld) -> None:
    third = world.third
    await third.switch_on()

    async def answer(method: str, url: str, body: bytes | None) -> Received:
        return Received(b'[{"version":"2.1.1","url":"https://emsp.example.org/2.1.1"}]')

    third.client.answer = answer
    request = pb.RegisterAtRoamingPartyRequest(
        display_name="Old", versions_url="https://emsp.example.org/versions", token="a"
    )
    with pytest.raises(Refused) as refused:
        await world.client.call("third_party.RegisterAtRoamingParty", request)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PARTY_REFUSED")
    assert await third.roaming.parties() == []
    party = await third.add_party()
    with pytest.raises(Refused) as refused:
        await world.client.call(
            "third_party.RenewRoamingParty", pb.RenewRoamingPartyRequest(name=f"roamingParties/{party.id}")
        )
    assert refused.value.reason == "PARTY_REFUSED"


async def test_what_parties_have_and_get_is_listed_page_by_page(world: ControlWorld) -> None:
    call, third = world.client.call, world.third
    party = await third.add_party()
    name = f"roamingParties/{party.id}"
    body = (
        '{"country_code":"NL","party_id":"TNM","uid":"04AB","type":"RFID","contract_id":"C1","issuer":"TNM",'
        '"valid":true,"whitelist":"ALWAYS","last_updated":"2026-11-21T08:00:00Z"}'
    )
    token = RoamingToken(party.id, "NL", "TNM", "04AB", "RFID", "04AB", "C1", True, "ALWAYS", body, AT)
    await third.roaming.put_tokens([token, msgspec.structs.replace(token, uid="05AB", id_token="05AB")])
    page = await call("third_party.ListRoamingTokens", pb.ListRoamingTokensRequest(party=name, page_size=1))
    assert ([each.uid for each in page.tokens], page.total_size) == (["04AB"], 2)
    rest = await call(
        "third_party.ListRoamingTokens",
        pb.ListRoamingTokensRequest(party=name, page_size=1, page_token=page.next_page_token),
    )
    assert ([each.uid for each in rest.tokens], rest.next_page_token) == (["05AB"], "")

    cdr = print_object(read_object(Cdr, A_CDR)).decode()
    objects = [
        ReleasedObject("cdrs", key, cdr.replace('"id":"7"', f'"id":"{key}"', 1), AT, party.id, session_id=7)
        for key in ("7", "8")
    ]
    await third.roaming.release(objects, [PushDraft(party.id, "cdrs", "8", "POST", "", "{}")])
    cdrs = await call("third_party.ListRoamingCdrs", pb.ListRoamingCdrsRequest(page_size=1))
    assert [(each.id, each.delivered, each.energy_kwh, each.total_incl_vat) for each in cdrs.cdrs] == [
        ("8", False, "10", "45.00")
    ]
    rest = await call(
        "third_party.ListRoamingCdrs", pb.ListRoamingCdrsRequest(page_size=1, page_token=cdrs.next_page_token)
    )
    assert [each.id for each in rest.cdrs] == ["7"]
    (push,) = (await call("third_party.ListRoamingPushes", pb.ListRoamingPushesRequest(party=name))).pushes
    assert (push.module, push.key, push.method, push.attempts) == ("cdrs", "8", "POST", 0)
    again = await call("third_party.RetryRoamingPushes", pb.RetryRoamingPushesRequest(party=name))
    assert again.pushes == 1
    pulled = await call("third_party.PullRoamingTokens", pb.PullRoamingTokensRequest(name=name))
    assert pulled.tokens == 0


async def test_a_test_says_what_it_found(world: ControlWorld) -> None:
    call = world.client.call
    found = await call("third_party.TestService", pb.TestServiceRequest(name="services/roaming"))
    assert (found.ok, "Say our country." in found.findings) == (False, True)
    await world.third.switch_on()
    await world.third.add_party()
    found = await call("third_party.TestService", pb.TestServiceRequest(name="services/roaming"))
    assert (found.ok, list(found.findings)) == (False, ["0 sites are published.", "Moving answers."])
