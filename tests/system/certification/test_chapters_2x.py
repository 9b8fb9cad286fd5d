"""OCPP 2.0.1 and 2.1: a CSMS's cases of certificates (A, M), local lists (D), reservations (H), cost (I), smart
charging (K) and displays (O), named after their ids in the public test plan where there is one, told in our own words.
"""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from control.v1 import certificates_pb2, inventory_pb2, local_lists_pb2, reservations_pb2
from tests.kit.desk import Desk
from tests.kit.product import Product
from tests.kit.simulators import moment
from tests.system.certification.steps import events, job, named, target
from tests.system.certification.steps_2x import Charging, authorize, charging_station, ongoing, status
from tests.system.certification.test_security_16 import SHA, SHA_16, a_csr

pytestmark = [
    pytest.mark.system,
    pytest.mark.feature("F-OCPP-4", "F-OCPP-5"),
    pytest.mark.parametrize("version", ["2.0.1", "2.1"]),
]

JOB = inventory_pb2.JobState
RESERVATION = reservations_pb2.ReservationState
SYNC = local_lists_pb2.LocalListSyncState


# -- A, M: certificates ---------------------------------------------------------------------------------


async def test_tc_a_11_csms_update_charging_station_certificate(running: Product, desk: Desk, version: str) -> None:
    identity = named("TC-A-11", version)
    async with charging_station(running, desk, identity, version) as (cs, name):
        assert (await desk.call("certificates.RenewStationCertificate", target=target(name))).result.accepted
        assert (await cs.asked("TriggerMessage"))["requestedMessage"] == "SignChargingStationCertificate"
        accepted = await cs.send(
            cs.calls.SignCertificate(csr=a_csr(identity), certificate_type="ChargingStationCertificate")
        )
        assert accepted["status"] == "Accepted"
        chain = (await cs.asked("CertificateSigned"))["certificateChain"]
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == identity
        await desk.until(
            lambda: desk.call("certificates.ListIssuedCertificates", filter={"station": name}),
            lambda found: found.certificates[0].delivery_state == certificates_pb2.DELIVERY_STATE_ACCEPTED,
            "delivered",
        )


async def test_tc_a_14_csms_a_refused_certificate_is_not_delivered(running: Product, desk: Desk, version: str) -> None:
    identity = named("TC-A-14", version)
    async with charging_station(running, desk, identity, version) as (cs, name):
        cs.on("CertificateSigned", {"status": "Rejected"})
        await cs.send(cs.calls.SignCertificate(csr=a_csr(identity)))
        await cs.asked("CertificateSigned")
        await desk.until(
            lambda: desk.call("certificates.ListIssuedCertificates", filter={"station": name}),
            lambda found: found.certificates[0].delivery_state == certificates_pb2.DELIVERY_STATE_REJECTED,
            "rejected",
        )


async def test_a04_security_events_are_kept_with_their_gravity(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("A04", version), version) as (cs, name):
        for kind in ("TamperDetectionActivated", "MaintenanceLoginAccepted"):
            await cs.send(cs.calls.SecurityEventNotification(type=kind, timestamp=moment()))
        told = await events(desk, name, "SecurityEventNotification")
        assert len(told) == 2
        assert len({event.severity for event in told if event.HasField("severity")}) >= 1


async def test_tc_m_01_to_20_csms_certificates_are_installed_listed_and_deleted(
    running: Product, desk: Desk, version: str
) -> None:
    async with charging_station(running, desk, named("TC-M-01", version), version) as (cs, name):
        root = (await desk.call("certificates.GetAuthority")).root_certificate
        for kind in ("CSMSRootCertificate", "ManufacturerRootCertificate", "V2GRootCertificate", "MORootCertificate"):
            answer = await desk.call(
                "certificates.InstallCertificate", target=target(name), certificate_type=kind, certificate=root
            )
            assert answer.result.accepted
            assert (await cs.asked("InstallCertificate"))["certificateType"] == kind
        chain = {"certificateType": "CSMSRootCertificate", "certificateHashData": SHA_16}
        cs.on("GetInstalledCertificateIds", {"status": "Accepted", "certificateHashDataChain": [chain]})
        listed = await desk.call("certificates.GetInstalledCertificateIds", target=target(name))
        assert [entry.certificate_type for entry in listed.certificates] == ["CSMSRootCertificate"]
        cs.on("DeleteCertificate", {"status": "NotFound"})
        answer = await desk.call("certificates.DeleteCertificate", target=target(name), hash_data=SHA)
        assert (answer.result.status, answer.result.accepted) == ("NotFound", False)


async def test_tc_m_24_26_csms_vehicle_certificates_without_a_provider_fail_with_a_reason(
    running: Product, desk: Desk, version: str
) -> None:
    async with charging_station(running, desk, named("TC-M-26", version), version) as (cs, name):
        asked = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install", "exiRequest": "gJgA"}
        answer = await cs.say("Get15118EVCertificate", asked)
        assert answer["status"] == "Failed"
        assert answer["statusInfo"]["reasonCode"]
        ocsp = {**SHA_16, "responderURL": "http://ocsp.example.org"}
        answer = await cs.say("GetCertificateStatus", {"ocspRequestData": ocsp})
        assert answer["status"] == "Failed"
        assert await events(desk, name, "Get15118EVCertificate")


# -- D: local lists -------------------------------------------------------------------------------------


async def test_tc_d_01_02_csms_local_list_full_and_differential(running: Product, desk: Desk, version: str) -> None:
    tag = f"TCD02{version}".replace(".", "")
    async with charging_station(running, desk, named("TC-D-01", version), version) as (cs, name):
        cs.on("GetLocalListVersion", {"versionNumber": 0})
        first = await desk.call("local_lists.SyncLocalList", target=target(name), full=True)
        assert first.state == SYNC.LOCAL_LIST_SYNC_STATE_UPDATED
        assert (await cs.asked("SendLocalList"))["updateType"] == "Full"
        cs.on("GetLocalListVersion", {"versionNumber": first.version})
        await desk.add_token(tag)
        second = await desk.call("local_lists.SyncLocalList", target=target(name))
        assert second.version > first.version
        sent = await cs.asked("SendLocalList")
        assert sent["updateType"] == "Differential"
        assert tag in [entry["idToken"]["idToken"] for entry in sent["localAuthorizationList"]]


@pytest.mark.parametrize(("case", "word"), [("D-03", "Failed"), ("D-04", "VersionMismatch")])
async def test_tc_d_03_04_csms_local_list_refused(
    running: Product, desk: Desk, version: str, case: str, word: str
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        cs.on("GetLocalListVersion", {"versionNumber": 0})
        cs.on("SendLocalList", {"status": word})
        synced = await desk.call("local_lists.SyncLocalList", target=target(name), full=True)
        assert (synced.state, synced.result.status) == (SYNC.LOCAL_LIST_SYNC_STATE_FAILED, word)


async def test_tc_d_08_csms_get_local_list_version(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-D-08", version), version) as (cs, name):
        cs.on("GetLocalListVersion", {"versionNumber": 12})
        assert (await desk.call("local_lists.GetLocalListVersion", target=target(name))).version == 12


# -- H: reservations ------------------------------------------------------------------------------------


async def reserve(desk: Desk, name: str, tag: str, **more: Any) -> Any:
    return await desk.call(
        "reservations.CreateReservation", target=target(name), id_token=tag, expire_time=moment(600), **more
    )


async def reservation(desk: Desk, name: str) -> Any:
    return (await desk.call("reservations.GetReservation", name=name)).reservation


async def test_tc_h_01_csms_reserve_a_specific_evse(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCH01")
    async with charging_station(running, desk, named("TC-H-01", version), version) as (cs, name):
        made = await reserve(desk, name, "TCH01", evse_id=1)
        asked = await cs.asked("ReserveNow")
        assert (asked["evseId"], asked["idToken"]["idToken"]) == (1, "TCH01")
        assert made.reservation.state == RESERVATION.RESERVATION_STATE_ACTIVE
        await status(cs, "Reserved")
        charging = Charging(cs, "TCH01")
        await charging.start(reservationId=asked["id"])
        await desk.until(
            lambda: reservation(desk, made.reservation.name),
            lambda found: found.state == RESERVATION.RESERVATION_STATE_USED,
            "used",
        )


async def test_tc_h_07_csms_reserve_by_connector_type(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCH07", parent_id_token="TCH07G")
    async with charging_station(running, desk, named("TC-H-07", version), version) as (cs, name):
        made = await reserve(desk, name, "TCH07", connector_type="cCCS2", group_id_token="TCH07G")
        assert made.result.accepted
        asked = await cs.asked("ReserveNow")
        assert (asked["connectorType"], asked["groupIdToken"]["idToken"]) == ("cCCS2", "TCH07G")
        assert "evseId" not in asked


@pytest.mark.parametrize("word", ["Faulted", "Occupied", "Unavailable", "Rejected"])
async def test_tc_h_08_csms_reservation_refused(running: Product, desk: Desk, version: str, word: str) -> None:
    await desk.add_token("TCH08")
    async with charging_station(running, desk, named(f"TC-H-08-{word}", version), version) as (cs, name):
        cs.on("ReserveNow", {"status": word})
        made = await reserve(desk, name, "TCH08", evse_id=1)
        assert (made.result.status, made.reservation.state) == (word, RESERVATION.RESERVATION_STATE_REFUSED)


@pytest.mark.parametrize(("case", "word"), [("H-14", "Accepted"), ("H-15", "Rejected")])
async def test_tc_h_14_15_csms_cancel_reservation(
    running: Product, desk: Desk, version: str, case: str, word: str
) -> None:
    await desk.add_token("TCH14")
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        made = await reserve(desk, name, "TCH14", evse_id=1)
        cs.on("CancelReservation", {"status": word})
        answer = await desk.call("reservations.CancelReservation", name=made.reservation.name)
        assert answer.result.status == word
        assert answer.reservation.state == RESERVATION.RESERVATION_STATE_CANCELED


@pytest.mark.parametrize(
    ("word", "state"),
    [("Expired", RESERVATION.RESERVATION_STATE_EXPIRED), ("Removed", RESERVATION.RESERVATION_STATE_REMOVED)],
)
async def test_tc_h_17_csms_the_station_ends_a_reservation(
    running: Product, desk: Desk, version: str, word: str, state: int
) -> None:
    await desk.add_token("TCH17")
    async with charging_station(running, desk, named(f"TC-H-17-{word}", version), version) as (cs, name):
        made = await reserve(desk, name, "TCH17", evse_id=1)
        asked = await cs.asked("ReserveNow")
        await cs.say("ReservationStatusUpdate", {"reservationId": asked["id"], "reservationUpdateStatus": word})
        await desk.until(lambda: reservation(desk, made.reservation.name), lambda found: found.state == state, "ended")


# -- I, O: cost, displays -------------------------------------------------------------------------------


async def test_tc_i_02_csms_running_cost(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCI02")
    async with charging_station(running, desk, named("TC-I-02", version), version) as (cs, name):
        charging = Charging(cs, "TCI02")
        await charging.start()
        session = await ongoing(desk, name)
        cs.on("CostUpdated", {})
        answer = await desk.call("payment.CostUpdated", target=target(name), session=session.name, total_cost=3.25)
        assert answer.result.accepted
        assert await cs.asked("CostUpdated") == {"totalCost": 3.25, "transactionId": charging.transaction_id}


@pytest.mark.feature("F-SES-6")
async def test_costs_come_with_the_answers_to_a_transaction(running: Product, desk: Desk, version: str) -> None:
    terms = {"currency": "EUR", "elements": [{"kind": "PRICE_KIND_ENERGY", "price": "0.50"}]}
    await desk.add_token("TCI05")
    async with charging_station(running, desk, named("TC-I-05", version), version) as (cs, name):
        made = await desk.call("tariffs.CreateTariff", tariff={"display_name": f"I-05 {version}", "terms": terms})
        await desk.call("tariffs.AssignTariff", target=name, tariff=made.tariff.name)
        charging = Charging(cs, "TCI05")
        await charging.start(at=1.0)

        async def cost() -> float | None:
            """The final one in 2.0.1, the running one in 2.1: that may lag behind a new tariff for a moment."""
            kind, more = ("Updated", {}) if version == "2.1" else ("Ended", {"info": {"stoppedReason": "Local"}})
            answer = await charging.tell(kind, "MeterValuePeriodic", meter=2_000.0, at=60.0, **more)
            return answer.get("totalCost")

        assert await desk.until(cost, lambda found: found is not None, "told") == 1.0
        if version == "2.1":
            ended = await charging.tell(
                "Ended", "EVDeparted", meter=3_000.0, at=90.0, info={"stoppedReason": "EVDisconnected"}
            )
            assert ended["totalCost"] == 1.5


async def test_tc_o_01_to_06_csms_display_messages(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-O-01", version), version) as (cs, name):
        message = {"priority": "NormalCycle", "message": {"format": "UTF8", "content": "Welcome", "language": "en"}}
        made = await desk.call("display.SetDisplayMessage", target=target(name), message=message)
        assert made.result.accepted
        asked = (await cs.asked("SetDisplayMessage"))["message"]
        assert (asked["priority"], asked["message"]["content"]) == ("NormalCycle", "Welcome")
        cs.on("GetDisplayMessages", {"status": "Accepted"})
        order = await desk.call("display.GetDisplayMessages", target=target(name))
        request = await cs.asked("GetDisplayMessages")
        told = {"requestId": request["requestId"], "tbc": False, "messageInfo": [asked]}
        await cs.say("NotifyDisplayMessages", told)
        assert (await job(desk, order.job.name)).state == JOB.JOB_STATE_SUCCEEDED
        held = await desk.call("inventory.ListStationItems", station=name, kind="display_message")
        assert len(held.items) == 1
        cleared = await desk.call("display.ClearDisplayMessage", target=target(name), message_id=asked["id"])
        assert cleared.result.accepted
        held = await desk.call("inventory.ListStationItems", station=name, kind="display_message")
        assert not held.items


# -- K: smart charging ----------------------------------------------------------------------------------


def a_profile(purpose: str = "TxDefaultProfile", **more: Any) -> dict[str, Any]:
    schedule = {
        "id": 1,
        "start_schedule": moment(),
        "charging_rate_unit": "W",
        "charging_schedule_period": [{"start_period": 0, "limit": 11000.0}, {"start_period": 3600, "limit": 6000.0}],
    }
    return {
        "id": 9,
        "stack_level": 0,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": "Absolute",
        "charging_schedule": [schedule],
        **more,
    }


@pytest.mark.parametrize(
    ("case", "purpose", "evse"),
    [("K-01", "TxDefaultProfile", 1), ("K-03", "ChargingStationMaxProfile", 0), ("K-04", "TxDefaultProfile", 0)],
)
async def test_tc_k_01_04_csms_set_charging_profile(
    running: Product, desk: Desk, version: str, case: str, purpose: str, evse: int
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        answer = await desk.call(
            "smart_charging.SetChargingProfile", target=target(name), evse_id=evse, profile=a_profile(purpose)
        )
        assert answer.result.accepted
        asked = await cs.asked("SetChargingProfile")
        assert (asked["evseId"], asked["chargingProfile"]["chargingProfilePurpose"]) == (evse, purpose)
        held = await desk.call("smart_charging.ListChargingProfiles", station=name)
        assert [(entry.evse_id, entry.profile.id) for entry in held.profiles] == [(evse, 9)]


async def test_tc_k_05_06_csms_clear_charging_profile(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-K-05", version), version) as (cs, name):
        await desk.call("smart_charging.SetChargingProfile", target=target(name), evse_id=1, profile=a_profile())
        answer = await desk.call(
            "smart_charging.ClearChargingProfile",
            target=target(name),
            evse_id=1,
            charging_profile_purpose="TxDefaultProfile",
            stack_level=0,
        )
        assert answer.result.accepted
        asked = await cs.asked("ClearChargingProfile")
        assert asked["chargingProfileCriteria"]["stackLevel"] == 0
        assert not (await desk.call("smart_charging.ListChargingProfiles", station=name)).profiles


async def test_tc_k_29_csms_get_charging_profiles(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-K-29", version), version) as (cs, name):
        order = await desk.call("smart_charging.GetChargingProfiles", target=target(name), evse_id=1)
        asked = await cs.asked("GetChargingProfiles")
        period = {"startPeriod": 0, "limit": 16.0}
        schedule = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [period], "startSchedule": moment()}
        profile = {
            "id": 4,
            "stackLevel": 0,
            "chargingProfilePurpose": "ChargingStationExternalConstraints",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": [schedule],
        }
        told = {
            "requestId": asked["requestId"],
            "chargingLimitSource": "EMS",
            "chargingProfile": [profile],
            "evseId": 1,
        }
        await cs.say("ReportChargingProfiles", told)
        assert (await job(desk, order.job.name)).state == JOB.JOB_STATE_SUCCEEDED
        held = await desk.call("smart_charging.ListChargingProfiles", station=name)
        assert [(entry.source, entry.profile.id) for entry in held.profiles] == [("EMS", 4)]


async def test_tc_k_43_csms_get_composite_schedule(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-K-43", version), version) as (cs, name):
        await desk.call("smart_charging.SetChargingProfile", target=target(name), evse_id=1, profile=a_profile())
        schedule = {
            "evseId": 1,
            "duration": 300,
            "scheduleStart": moment(),
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11000.0}],
        }
        cs.on("GetCompositeSchedule", {"status": "Accepted", "schedule": schedule})
        answer = await desk.call(
            "smart_charging.GetCompositeSchedule",
            target=target(name),
            evse_id=1,
            duration="300s",
            include_computed=True,
        )
        for found in (answer.schedule, answer.computed):
            assert [period.limit for period in found.charging_schedule_period] == [11000.0]


async def test_tc_k_53_csms_a_vehicle_tells_what_it_needs(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-K-53", version), version) as (cs, name):
        needs = {
            "requestedEnergyTransfer": "AC_three_phase",
            "departureTime": moment(7200),
            "acChargingParameters": {"energyAmount": 20000, "evMinCurrent": 6, "evMaxCurrent": 16, "evMaxVoltage": 400},
        }
        answer = await cs.say("NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs})
        assert answer["status"] in ("Accepted", "Processing", "Rejected", "NoChargingProfile")
        held = await desk.call("inventory.ListStationItems", station=name, kind="ev_charging_needs")
        assert len(held.items) == 1


async def test_tc_k_19_21_csms_limits_from_outside(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-K-19", version), version) as (cs, name):
        limit = {"chargingLimitSource": "EMS", "isGridCritical": True}
        assert await cs.say("NotifyChargingLimit", {"evseId": 1, "chargingLimit": limit}) == {}
        assert await cs.say("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1}) == {}
        kinds = [event.kind for event in await events(desk, name, "NotifyChargingLimit")]
        assert kinds == ["NotifyChargingLimit"]
        assert await events(desk, name, "ClearedChargingLimit")


async def test_c17_authorize_with_a_contract(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("DE8ACC12E46L89")
    async with charging_station(running, desk, named("C17", version), version) as (cs, _):
        assert (await authorize(cs, "DE8ACC12E46L89", "eMAID"))["status"] == "Accepted"
