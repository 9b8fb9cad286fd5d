"""Who may only look at a station is not offered what would be refused; who may operate it, not what needs more."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.live_stations import live_station

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.mark.feature("F-USR-1", "F-STA-11")
def test_a_driver_is_offered_what_the_share_allows(house: House, chromium: Browser) -> None:
    station = {"identity": "ACCESS-1", "place": house.names["South Yard"]}
    name: str = house.ask("stations.CreateStation", station=station).station.name
    key = name.partition("/")[2]
    share = {"station": name, "email": "driver@example.org"}
    house.ask("sharing.ShareStation", **share, level="SHARE_LEVEL_VIEW")
    with live_station(house.product, "ACCESS-1") as connected:
        visit = house.page(chromium, "driver")
        page = visit.page
        page.goto(f"/stations/{key}")
        expect(page.get_by_text("You may look at this station, and not operate it.")).to_be_visible()
        connected.occupy(1)
        expect(page.locator("#evse-1")).to_contain_text("Preparing")
        expect(page.locator("#operations")).to_have_count(0)
        page.goto(f"/drive/stations/{key}")
        expect(page.get_by_role("button", name="Start charging")).to_have_count(0)
        house.ask("sharing.ShareStation", **share, level="SHARE_LEVEL_OPERATE")
        page.goto(f"/stations/{key}")
        expect(page.locator("#operation-reset")).to_be_visible()
        expect(page.locator("#operation-firmware")).to_have_count(0)
        expect(page.get_by_role("link", name="Configuration")).to_have_count(0)
        connected.free(1)
        expect(page.locator("#evse-1")).to_contain_text("Available")
        expect(page.locator("#operation-firmware")).to_have_count(0)
        page.goto(f"/drive/stations/{key}")
        expect(page.get_by_role("button", name="Start charging")).to_be_visible()
        house.ask("sharing.ShareStation", **share, level="SHARE_LEVEL_MANAGE")
        page.goto(f"/stations/{key}")
        expect(page.locator("#operation-firmware")).to_be_visible()
        expect(page.get_by_role("link", name="Configuration")).to_be_visible()
        visit.close()
    house.ask("sharing.ReleaseStation", station=name)
