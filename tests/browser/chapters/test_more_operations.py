"""Operations that only newer versions of OCPP have: monitors, certificates, customers, support of the grid."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from playwright.sync_api import Browser, Locator, Page, expect

from tests.kit.house import House
from tests.kit.looks import faults
from tests.kit.patience import until
from tests.kit.pressing import press
from tests.kit.simulated import simulated
from tests.kit.simulators import Simulator, moment

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def known(house: House, identity: str) -> str:
    """A station of one's own; its key."""
    station = {"identity": identity, "place": house.names["South Yard"]}
    name: str = house.ask("stations.CreateStation", station=station).station.name
    return name.partition("/")[2]


def willing(cp: Simulator, nursery: trio.Nursery) -> Simulator:
    """Accepts what it is asked, and tells in two parts what it keeps of a customer."""

    async def tell(request_id: int) -> None:
        for number, part in enumerate(("Last seen in March;", " two sessions.")):
            told = {"requestId": request_id, "seqNo": number, "tbc": number == 0, "data": part}
            await cp.say("NotifyCustomerInformation", {**told, "generatedAt": moment()})

    def customer(payload: dict[str, Any]) -> dict[str, Any]:
        nursery.start_soon(tell, payload["requestId"])
        return {"status": "Accepted"}

    cp.on("CustomerInformation", customer)

    def watch(payload: dict[str, Any]) -> dict[str, Any]:
        results = [
            {key: each[key] for key in ("component", "variable", "type", "severity")} | {"status": "Accepted", "id": 7}
            for each in payload["setMonitoringData"]
        ]
        return {"setMonitoringResult": results}

    cp.on("SetVariableMonitoring", watch)
    cp.on("ClearVariableMonitoring", {"clearMonitoringResult": [{"id": 7, "status": "NotFound"}]})
    hashes = {"hashAlgorithm": "SHA256", "issuerNameHash": "ab", "issuerKeyHash": "cd", "serialNumber": "01"}
    chain = {"certificateType": "CSMSRootCertificate", "certificateHashData": hashes}
    cp.on("GetInstalledCertificateIds", {"status": "Accepted", "certificateHashDataChain": [chain]})
    return cp


def asked(station: Simulator, action: str) -> dict[str, Any]:
    found = [payload for name, payload in station.received if name == action]
    assert found, f"never asked for {action}"
    return found[-1]


def opened(page: Page, key: str) -> Locator:
    panel = page.locator(f"#operation-{key}")
    panel.locator("> summary").click()
    return panel


@pytest.mark.feature("F-OPS-5")
def test_monitors_certificates_and_customers_of_2_0_1(house: House, chromium: Browser) -> None:
    key = known(house, "MORE-201")
    with simulated(house.product, "MORE-201", "2.0.1", willing) as station:
        visit = house.page(chromium, "admin")
        page = visit.page
        page.goto(f"/stations/{key}")
        panel = opened(page, "set-monitor")
        panel.get_by_label("Variable").fill("Temperature")
        panel.get_by_label("Value").fill("70,5")
        panel.get_by_role("button", name="Watch it").click()
        expect(panel.locator("output")).to_contain_text("Component.Variable")
        panel.get_by_label("Variable").fill("ChargingStation.Temperature")
        panel.get_by_label("How grave").select_option("6")
        panel.get_by_role("button", name="Watch it").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        (wanted,) = asked(station, "SetVariableMonitoring")["setMonitoringData"]
        assert (wanted["value"], wanted["type"], wanted["severity"]) == (70.5, "UpperThreshold", 6)
        assert (wanted["component"], wanted["variable"]) == ({"name": "ChargingStation"}, {"name": "Temperature"})
        page.goto(f"/stations/{key}/diagnostics")
        expect(page.locator("tr", has_text="ChargingStation.Temperature")).to_contain_text("UpperThreshold")
        assert faults(page) == []
        page.goto(f"/stations/{key}")
        panel = opened(page, "clear-monitor")
        panel.get_by_label("Numbers").fill("7")
        panel.get_by_role("button", name="Stop it").click()
        expect(panel.locator("output")).to_contain_text("NotFound")
        panel = opened(page, "customer")
        panel.get_by_label("Tag", exact=True).fill("DEADBEEF")
        panel.get_by_role("combobox", name="What", exact=True).select_option("both")
        panel.get_by_role("button", name="Send").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        sent = asked(station, "CustomerInformation")
        assert (sent["report"], sent["clear"], sent["idToken"]["idToken"]) == (True, True, "DEADBEEF")
        page.goto(f"/stations/{key}/diagnostics")
        order = page.locator("#progress tr", has_text="Customer information")
        order.get_by_text("What the station told").click()
        expect(order.locator("pre")).to_have_text("Last seen in March; two sessions.")
        assert faults(page) == []
        page.goto(f"/stations/{key}")
        panel = opened(page, "install-certificate")
        panel.get_by_role("button", name="Install").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        assert asked(station, "InstallCertificate")["certificate"].startswith("-----BEGIN CERTIFICATE-----")
        panel = opened(page, "certificates")
        panel.get_by_role("button", name="Ask").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        panel = opened(page, "delete-certificate")
        panel.get_by_label("Certificate").focus()
        option = panel.locator("option[value='SHA256|ab|cd|01']")
        expect(option).to_have_count(1)
        panel.get_by_label("Certificate").select_option("SHA256|ab|cd|01")
        panel.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        assert asked(station, "DeleteCertificate")["certificateHashData"]["serialNumber"] == "01"
        expect(page.locator("#operation-der-discharge")).to_have_count(0)
        visit.close()


@pytest.mark.feature("F-OPS-5")
def test_support_of_the_grid_of_2_1(house: House, chromium: Browser) -> None:
    key = known(house, "MORE-21")
    with simulated(house.product, "MORE-21", "2.1", willing) as station:
        visit = house.page(chromium, "support")
        page = visit.page
        page.goto(f"/stations/{key}")
        expect(page.locator("#operation-install-certificate")).to_have_count(0)
        panel = opened(page, "der-discharge")
        panel.get_by_label("Per cent").fill("0")
        panel.get_by_label("When").select_option("from")
        panel.get_by_role("button", name="Set").click()
        expect(panel.locator("output")).to_contain_text("Say when it begins")
        panel.get_by_label("When").select_option("always")
        panel.get_by_label("Id (empty: a new one)").fill("no-v2g")
        panel.get_by_role("button", name="Set").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        sent = asked(station, "SetDERControl")
        assert (sent["controlId"], sent["isDefault"]) == ("no-v2g", True)
        assert sent["limitMaxDischarge"]["pctMaxDischargePower"] == 0
        panel = opened(page, "der-clear")
        panel.get_by_label("Id (empty: all)").fill("no-v2g")
        panel.get_by_role("button", name="End it").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        panel = page.locator("#operation-priority")
        panel.locator("summary").click()
        expect(panel).to_contain_text("No session is under way.")
        visit.close()


@pytest.mark.feature("F-OPS-5")
def test_a_curve_of_grid_support_is_typed_point_by_point(house: House, chromium: Browser) -> None:
    key = known(house, "CURVE-21")
    with simulated(house.product, "CURVE-21", "2.1", willing) as station:
        visit = house.page(chromium, "support")
        page = visit.page
        page.goto(f"/stations/{key}")
        panel = opened(page, "der-curve")
        panel.get_by_role("button", name="Set").click()
        expect(panel.locator("output")).to_contain_text("at least one point")
        panel.get_by_role("combobox", name="Curve", exact=True).select_option("FreqWatt")
        panel.get_by_label("Unit of y").select_option("PctMaxW")
        expect(panel.get_by_label("x of point 2", exact=True)).to_be_hidden()
        panel.get_by_label("x of point 1", exact=True).fill("50,2")
        panel.get_by_role("button", name="Set").click()
        expect(panel.locator("output")).to_contain_text("Point 1 needs two numbers")
        panel.get_by_label("y of point 1", exact=True).fill("100")
        panel.get_by_label("x of point 2", exact=True).fill("51.5")
        panel.get_by_label("y of point 2", exact=True).fill("-20")
        expect(panel.get_by_label("x of point 3", exact=True)).to_be_visible()
        assert faults(page) == []
        panel.get_by_label("Priority").fill("3")
        panel.get_by_label("When").select_option("from")
        panel.get_by_label("Begins").fill("2031-05-01T12:00")
        panel.get_by_label("Minutes").fill("90")
        panel.get_by_label("Id (empty: a new one)").fill("curve-1")
        panel.get_by_role("button", name="Set").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        sent = asked(station, "SetDERControl")
        assert (sent["controlId"], sent["controlType"], sent["isDefault"]) == ("curve-1", "FreqWatt", False)
        assert sent["curve"]["curveData"] == [{"x": 50.2, "y": 100.0}, {"x": 51.5, "y": -20.0}]
        told = {name: sent["curve"][name] for name in ("priority", "yUnit", "duration")}
        assert told == {"priority": 3, "yUnit": "PctMaxW", "duration": 5400.0}
        assert sent["curve"]["startTime"].startswith("2031-05-01T")
        visit.close()


GRID_FORMS = (
    ("der-factor", {"cos φ": "0.95"}, "fixedPFAbsorb"),
    (
        "der-droop",
        {
            "Upper limit (Hz)": "50.2",
            "Lower limit (Hz)": "49.8",
            "Droop above (per cent)": "5",
            "Droop below (per cent)": "5",
            "Seconds until it is followed": "2",
        },
        "freqDroop",
    ),
    (
        "der-gradient",
        {"Change (per cent a second)": "10", "After a disturbance (per cent a second)": "1"},
        "gradient",
    ),
    (
        "der-enter",
        {
            "Highest voltage (per cent)": "110",
            "Lowest voltage (per cent)": "90",
            "Upper limit (Hz)": "50.1",
            "Lower limit (Hz)": "49.9",
        },
        "enterService",
    ),
)
"""What is typed into which form, and the setting that the station is told."""


@pytest.mark.feature("F-OPS-5")
def test_a_curve_says_how_it_is_left_and_the_other_kinds_of_grid_support_have_forms(
    house: House, chromium: Browser
) -> None:
    key = known(house, "GRID-21")
    with simulated(house.product, "GRID-21", "2.1", willing) as station:
        visit = house.page(chromium, "support")
        page = visit.page
        page.goto(f"/stations/{key}")
        panel = opened(page, "der-curve")
        panel.get_by_role("combobox", name="Curve", exact=True).select_option("VoltVar")
        panel.get_by_label("Unit of y").select_option("PctMaxVar")
        panel.get_by_label("x of point 1", exact=True).fill("95")
        panel.get_by_label("y of point 1", exact=True).fill("44")
        expect(panel.get_by_label("Upper value")).to_be_hidden()
        panel.locator("summary", has_text="hysteresis").click()
        panel.get_by_label("Upper value").fill("102,5")
        panel.get_by_label("Wait (s)").fill("10")
        panel.locator("summary", has_text="Reference voltage").click()
        panel.get_by_label("Reference (per cent)").fill("100")
        panel.get_by_label("It follows the voltage by itself").check()
        assert faults(page) == []
        panel.get_by_label("Id (empty: a new one)").fill("volt-var")
        panel.get_by_role("button", name="Set").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        sent = asked(station, "SetDERControl")["curve"]
        assert sent["hysteresis"] == {"hysteresisHigh": 102.5, "hysteresisDelay": 10.0}
        assert sent["reactivePowerParams"] == {"vRef": 100.0, "autonomousVRefEnable": True}
        assert "voltageParams" not in sent
        for operation, typed, setting in GRID_FORMS:
            panel = opened(page, operation)
            for label, value in typed.items():
                panel.get_by_label(label, exact=True).fill(value)
            panel.get_by_role("button", name="Set").click()
            expect(panel.locator("output")).to_contain_text("The station agreed.")
            assert setting in asked(station, "SetDERControl")
        visit.close()


def charging(cp: Simulator, nursery: trio.Nursery) -> Simulator:
    """In the middle of a session."""

    async def begin() -> None:
        evse = {"id": 1, "connectorId": 1}
        plug = {"timestamp": moment(), "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}
        await cp.say("StatusNotification", plug)
        started = {"eventType": "Started", "timestamp": moment(), "triggerReason": "Authorized", "seqNo": 0}
        who = {"idToken": "DEADBEEF", "type": "ISO14443"}
        info = {"transactionId": "prior-1", "chargingState": "Charging"}
        await cp.say("TransactionEvent", {**started, "transactionInfo": info, "evse": evse, "idToken": who})

    nursery.start_soon(begin)
    return cp


@pytest.mark.feature("F-OPS-5")
def test_a_session_under_way_charges_before_the_others(house: House, chromium: Browser) -> None:
    key = known(house, "PRIOR-21")
    with simulated(house.product, "PRIOR-21", "2.1", charging) as station:
        until(lambda: house.ask("sessions.ListSessions", filter={"station": f"stations/{key}"}).sessions or None)
        visit = house.page(chromium, "support")
        page = visit.page
        page.goto(f"/stations/{key}")
        panel = opened(page, "priority")
        panel.get_by_role("button", name="Send").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        assert asked(station, "UsePriorityCharging") == {"transactionId": "prior-1", "activate": True}
        panel.get_by_role("combobox", name="To", exact=True).select_option("0")
        panel.get_by_role("button", name="Send").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        told = [True, False]  # the page still shows the first answer while the second is on its way
        until(lambda: told == [each["activate"] for name, each in station.received if name == "UsePriorityCharging"])
        visit.close()


def test_a_station_of_1_6_is_not_shown_what_it_cannot_do(house: House) -> None:
    key = known(house, "MORE-16")
    with house.visitor("admin") as http:
        page = http.get(f"/stations/{key}").text
    assert 'id="operation-reset"' in page
    assert 'id="operation-set-monitor"' not in page


@pytest.mark.feature("F-OPS-6")
def test_a_schedule_is_changed_afterwards(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/operations/new?kind=SYNC_LOCAL_LIST")
    page.get_by_label("Title").fill("Every night")
    page.get_by_text("By the clock instead").click()
    page.get_by_label("Time of day").fill("02:00")
    press(page.get_by_role("button", name="Save as a schedule"))
    (made,) = [each for each in house.ask("operations.ListSchedules").schedules if each.title == "Every night"]
    page.goto("/operations/schedules")
    page.get_by_role("link", name="Change Every night").click()
    assert faults(page) == []
    page.get_by_label("Time of day").fill("03:30")
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_label("Mon").uncheck()
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Time of day")).to_have_value("03:30")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    expect(page.get_by_label("Mon")).not_to_be_checked()
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_text("The schedule is saved.")).to_be_visible()
    visit.close()
    now = house.ask("operations.GetSchedule", name=made.name).schedule
    assert (now.minute_of_day, list(now.days_of_week), now.time_zone) == (210, [2, 3, 4, 5, 6, 7], "Europe/Berlin")
    assert now.draft.order.HasField("sync_local_list")
    house.ask("operations.DeleteSchedule", name=made.name)
