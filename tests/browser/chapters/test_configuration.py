"""Configuration of stations in the portal: wishes, uploads with the station's answers, drift, templates."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from control.v1 import configuration_pb2
from tests.kit.house import House
from tests.kit.looks import complaints, faults
from tests.kit.patience import until
from tests.kit.pressing import press, reload_until, yes
from tests.kit.simulated import simulated
from tests.kit.simulators import Simulator
from tests.system.test_configuration import Keys, _answer_variables, report

ACCEPTED = configuration_pb2.DESIRED_STATE_ACCEPTED
pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def known(house: House, identity: str) -> str:
    """A station of one's own; its key."""
    station = {"identity": identity, "place": house.names["South Yard"]}
    name: str = house.ask("stations.CreateStation", station=station).station.name
    return name.partition("/")[2]


def settings_of(house: House, key: str) -> dict[str, Any]:
    found = house.ask("configuration.ListConfiguration", station=f"stations/{key}").settings
    return {each.name: each for each in found}


def keys(cp: Simulator, nursery: trio.Nursery) -> Keys:
    del nursery
    return Keys(cp)


def reports(cp: Simulator, nursery: trio.Nursery) -> Simulator:
    async def tell() -> None:
        while True:
            asked = await cp.asked("GetBaseReport", within=1000)
            await cp.say("NotifyReport", report(asked["requestId"], "900"))

    cp.on("SetVariables", _answer_variables)
    nursery.start_soon(tell)
    return cp


def read_now(page: Page, key: str) -> None:
    page.goto(f"/stations/{key}/configuration")
    press(page.get_by_role("button", name="Read again"))
    expect(page.get_by_text("Read. This is what the station has now.")).to_be_visible()


@pytest.mark.feature("F-STA-6")
def test_keys_are_wanted_uploaded_and_answered_one_by_one(house: House, chromium: Browser) -> None:
    key = known(house, "CONFIG-16")
    with simulated(house.product, "CONFIG-16", "1.6", keys) as station:
        station.answers = {"LightIntensity": "Rejected"}
        visit = house.page(chromium, "support")
        page = visit.page
        read_now(page, key)
        expect(page.locator("tr", has_text="Firmware.Fixed")).to_contain_text("read-only")
        page.get_by_label("Wanted value of LightIntensity").fill("70")
        page.get_by_label("Wanted value of MeterValueSampleInterval").fill("30")
        press(page.get_by_role("button", name="Keep changes"))
        expect(page.get_by_role("heading", name="They can do harm")).to_be_visible()
        expect(page.locator(".warnings")).to_contain_text("MeterValueSampleInterval")
        expect(page.get_by_text("1 other setting is changed with them.")).to_be_visible()
        assert faults(page) == []
        press(page.get_by_role("button", name="Yes, keep them"))
        expect(page.get_by_text("Kept. Upload it to send it to the station.")).to_be_visible()
        assert station.values["MeterValueSampleInterval"] == "60"
        press(page.get_by_role("link", name="Differences"))
        expect(page.locator("tr.differs")).to_have_count(2)
        page.get_by_role("button", name="Upload differences").click()
        yes(page)
        expect(page.get_by_text("2 settings were sent; 1 taken.")).to_be_visible()
        answers = page.get_by_role("region", name="Table of answers")
        expect(answers.locator("tr", has_text="LightIntensity")).to_contain_text("Refused")
        expect(answers.locator("tr", has_text="MeterValueSampleInterval")).to_contain_text("As wanted")
        assert faults(page) == []
        assert station.values["MeterValueSampleInterval"] == "30"
        press(page.get_by_role("button", name="Forget LightIntensity"))
        expect(page.get_by_text("Forgotten. The station keeps what it has.")).to_be_visible()
        assert not settings_of(house, key)["LightIntensity"].HasField("desired_value")
        visit.close()


@pytest.mark.feature("F-STA-6", "F-ALM-2")
def test_a_key_that_the_station_changes_is_seen_and_put_right(house: House, chromium: Browser) -> None:
    key = known(house, "CONFIG-DRIFT")
    with simulated(house.product, "CONFIG-DRIFT", "1.6", keys) as station:
        visit = house.page(chromium, "admin")
        page = visit.page
        read_now(page, key)
        page.get_by_label("Wanted value of LightIntensity").fill("60")
        press(page.get_by_role("button", name="Keep and upload"))
        expect(page.get_by_text("1 setting was sent; 1 taken.")).to_be_visible()
        station.values["LightIntensity"] = "10"
        read_now(page, key)
        expect(page.locator("tr", has_text="LightIntensity")).to_contain_text("Changed by the station")
        page.goto("/configuration?only=drifted&q=CONFIG-DRIFT")
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody")).to_contain_text("LightIntensity")
        page.goto(f"/alarms?station={key}")
        reload_until(page, page.locator("tbody", has_text="Configuration drift"))
        expect(page.locator("tbody").first).to_contain_text("Configuration drift")
        page.goto("/configuration?q=CONFIG-DRIFT")
        press(page.get_by_role("link", name="CONFIG-DRIFT", exact=True))
        press(page.get_by_role("button", name="Upload differences"))
        expect(page.get_by_text("1 setting was sent; 1 taken.")).to_be_visible()
        assert station.values["LightIntensity"] == "60"
        visit.close()


@pytest.mark.feature("F-STA-6")
def test_variables_of_2_x_have_limits_that_are_told_beside_the_form(house: House, chromium: Browser) -> None:
    key = known(house, "CONFIG-2")
    name = "OCPPCommCtrlr.HeartbeatInterval"
    with simulated(house.product, "CONFIG-2", "2.0.1", reports):
        visit = house.page(chromium, "admin")
        page = visit.page
        read_now(page, key)
        expect(page.locator("tr", has_text="ChargingStation.Model")).to_contain_text("read-only")
        page.get_by_label(f"Wanted value of {name}").fill("9999")
        press(page.get_by_role("button", name="Keep changes"))
        press(page.get_by_role("button", name="Yes, keep them"))
        expect(page.get_by_role("alert")).to_contain_text("the station takes numbers from 1 to 3600")
        expect(page.get_by_label(f"Wanted value of {name}")).to_have_value("9999")
        page.get_by_label(f"Wanted value of {name}").fill("300")
        page.get_by_label("Another setting").fill("Nothing.Here")
        page.get_by_label("Value wanted").fill("1")
        press(page.get_by_role("button", name="Keep and upload"))
        press(page.get_by_role("button", name="Yes, keep and upload"))
        answers = page.get_by_role("region", name="Table of answers")
        expect(answers.locator("tr", has_text="Nothing.Here")).to_contain_text("The station does not know it")
        expect(answers.locator("tr", has_text=name)).not_to_contain_text("Refused")
        visit.close()


@pytest.mark.feature("F-STA-6")
def test_an_offline_station_is_told_when_it_connects(house: House, chromium: Browser) -> None:
    key = known(house, "CONFIG-LATER")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/stations/{key}/configuration")
    page.get_by_label("Another setting").fill("LightIntensity")
    page.get_by_label("Value wanted").fill("20")
    press(page.get_by_role("button", name="Want it"))
    expect(page.get_by_text("Kept. Upload it to send it to the station.")).to_be_visible()
    press(page.get_by_role("button", name="Upload when it connects"))
    expect(page.get_by_text("1 setting is sent when it connects.")).to_be_visible()
    page.get_by_role("button", name="Forget all").click()
    yes(page)
    expect(page.get_by_text("Forgotten. The station keeps what it has.")).to_be_visible()
    assert not settings_of(house, key)
    visit.close()


@pytest.mark.feature("F-STA-6")
def test_a_template_is_made_previewed_and_applied(house: House, chromium: Browser) -> None:
    key = known(house, "CONFIG-TEMPLATE")
    with simulated(house.product, "CONFIG-TEMPLATE", "1.6", keys) as station:
        visit = house.page(chromium, "admin")
        page = visit.page
        read_now(page, key)
        page.goto("/configuration/templates")
        page.get_by_role("link", name="Add template").click()
        page.get_by_label("Name", exact=True).fill("Dim lights")
        page.get_by_label("Maker").fill("Nobody*")
        page.get_by_label("Settings, one a line").fill("LightIntensity 5")
        press(page.get_by_role("button", name="Save"))
        expect(page.get_by_role("alert")).to_contain_text("Line 1")
        expect(page.get_by_label("Settings, one a line")).to_have_value("LightIntensity 5")
        page.get_by_label("Settings, one a line").fill("LightIntensity = 5\nFirmware.Fixed = 9")
        press(page.get_by_role("button", name="Save"))
        expect(page.get_by_text("The template is saved.")).to_be_visible()
        page.goto(f"/stations/{key}/configuration")
        page.get_by_label("Template").select_option("Dim lights")
        press(page.get_by_role("button", name="See what it would change"))
        expect(page.get_by_text("1 setting would change")).to_be_visible()
        expect(page.locator("tr", has_text="Firmware.Fixed")).to_contain_text("Left out")
        assert faults(page) == []
        press(page.get_by_role("button", name="Apply"))
        expect(page.get_by_text("It is applied now")).to_be_visible()
        until(lambda: settings_of(house, key)["LightIntensity"].state == ACCEPTED)
        assert station.values["LightIntensity"] == "5"
        page.reload()
        expect(page.locator("tr", has_text="LightIntensity")).to_contain_text("As wanted")
        page.goto("/configuration/templates")
        page.get_by_role("link", name="Dim lights").click()
        assert faults(page) == []
        page.get_by_role("button", name="Delete template").click()
        yes(page)
        expect(page.get_by_text("The template is deleted.")).to_be_visible()
        visit.close()


def test_who_may_not_is_not_offered_templates_and_is_refused(house: House) -> None:
    made = house.ask("configuration.CreateConfigurationTemplate", template={"display_name": "For all", "priority": 1})
    key = made.template.name.partition("/")[2]
    with house.visitor("site") as http:
        assert "Add template" not in http.get("/configuration/templates").text
        assert "Delete template" not in http.get(f"/configuration/templates/{key}").text
        assert http.post(f"/configuration/templates/{key}/delete").status_code == 403
    with house.visitor("driver") as http:
        assert 'href="/configuration"' not in http.get("/tags").text
        assert http.get("/configuration/templates").status_code == 403
    house.ask("configuration.DeleteConfigurationTemplate", name=made.template.name)


def test_a_drift_is_no_kind_that_a_rule_can_have(house: House) -> None:
    with house.visitor("admin") as http:
        assert "Configuration drift" not in http.get("/alarms/rules/add").text
        assert "Configuration drift" in http.get("/alarms").text


def test_every_page_of_it_is_accessible_and_fits_a_phone(house: House, chromium: Browser) -> None:
    key = known(house, "CONFIG-LOOKS")
    values = [{"name": "LightIntensity", "value": "5"}, {"name": "HeartbeatInterval", "value": "300"}]
    house.ask("configuration.SetDesired", station=f"stations/{key}", values=values)
    paths = ("/configuration", "/configuration/templates", "/configuration/templates/add")
    tab = f"/stations/{key}/configuration"
    assert complaints(house, chromium, "admin", *paths, tab, f"{tab}/template", f"{tab}?show=wanted") == []
