"""Tags and limits, as administrators keep them and drivers have them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.looks import complaints
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def tag(house: House, id_token: str, **fields: object) -> str:
    made = house.ask("id_tokens.CreateIdToken", id_token={"id_token": id_token, **fields})
    return str(made.id_token.name)


@pytest.mark.feature("F-TAG-1")
def test_a_tag_is_added_with_all_its_fields_and_found_by_what_is_printed_on_it(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/tags")
    page.get_by_role("link", name="Add tag").click()
    page.get_by_label("Id", exact=True).fill("04c0ffee112233")
    page.get_by_label("Alias").fill("Pool car")
    page.get_by_role("main").get_by_label("Type").select_option(label="Business")
    page.get_by_label("Owner").fill("driver@example.org")
    page.get_by_label("First day it is valid").fill("2026-01-01")
    page.get_by_label("Last day it is valid").fill("2099-12-31")
    page.get_by_label("Parent").fill("POOL")
    page.get_by_text("Where it is valid").click()
    page.get_by_label("North Harbour").check()
    page.get_by_label("Note").fill("In the glove box")
    press(page.get_by_role("button", name="Add tag"))
    expect(page.get_by_text("The tag is added.")).to_be_visible()
    (made,) = house.ask("id_tokens.ListIdTokens", query="Pool car").id_tokens
    assert (made.id_token, made.parent_id_token, made.note) == ("04C0FFEE112233", "POOL", "In the glove box")
    assert (made.user, list(made.valid_places)) == (house.names["driver"], [house.names["North Harbour"]])
    assert (made.valid_from_time.seconds > 0, made.expire_time.seconds > 0) == (True, True)
    printed = made.forms[0].decimal
    page.get_by_label("Search tags").fill(printed)
    expect(page.locator("table.tags tbody tr")).to_have_count(1)
    expect(page.get_by_role("link", name="04C0FFEE112233")).to_be_visible()
    page.get_by_role("link", name="04C0FFEE112233").click()
    expect(page.get_by_text(printed)).to_be_visible()
    expect(page.get_by_text(made.forms[0].hexadecimal_reversed)).to_be_visible()
    page.get_by_label("Last day it is valid").fill("2026-02-01")
    press(page.get_by_role("button", name="Save"))
    page.goto("/tags?state=EXPIRED")
    expect(page.locator("table.tags tbody")).to_contain_text("04C0FFEE112233")
    page.goto("/tags?parent=POOL&order=ALIAS&desc=1")
    expect(page.get_by_role("columnheader", name="Alias")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("link", name="04C0FFEE112233").click()
    page.get_by_role("button", name="Delete tag").click()
    yes(page)
    expect(page.get_by_text("The tag is deleted.")).to_be_visible()
    assert house.ask("id_tokens.ListIdTokens", query="Pool car").total_size == 0
    visit.close()


@pytest.mark.feature("F-TAG-1")
def test_a_tag_ends_at_a_time_of_day_and_another_change_leaves_that_alone(house: House, chromium: Browser) -> None:
    name = tag(house, "04C10C4E4D", alias="Until noon")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/tags/{name.partition('/')[2]}")
    expect(page.get_by_label("Until what time")).to_have_value("")
    page.get_by_label("Last day it is valid").fill("2099-04-30")
    page.get_by_label("Until what time").fill("12:30")
    press(page.get_by_role("button", name="Save"))
    until = house.ask("id_tokens.GetIdToken", name=name).id_token.expire_time
    assert until.ToJsonString() == "2099-04-30T12:30:00Z"
    page.goto(f"/tags/{name.partition('/')[2]}")
    expect(page.get_by_label("Until what time")).to_have_value("12:30")
    page.get_by_label("Alias").fill("Until half past twelve")
    press(page.get_by_role("button", name="Save"))
    kept = house.ask("id_tokens.GetIdToken", name=name).id_token
    assert (kept.alias, kept.expire_time) == ("Until half past twelve", until)
    page.goto(f"/tags/{name.partition('/')[2]}")
    page.get_by_label("Until what time").fill("")
    press(page.get_by_role("button", name="Save"))
    ends = house.ask("id_tokens.GetIdToken", name=name).id_token.expire_time
    assert ends.ToJsonString() == "2099-04-30T23:59:59Z"
    visit.close()


@pytest.mark.feature("F-TAG-1")
def test_a_virtual_tag_gets_an_id_that_nobody_has_to_make_up(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    visit.page.goto("/tags/add")
    visit.page.get_by_role("radio", name="Virtual").check()
    visit.page.get_by_label("Alias").fill("App of Ada")
    press(visit.page.get_by_role("button", name="Add tag"))
    expect(visit.page.get_by_text("The tag is added.")).to_be_visible()
    (made,) = house.ask("id_tokens.ListIdTokens", query="App of Ada").id_tokens
    assert (made.kind, len(made.id_token) >= 16) == (2, True)
    visit.close()


def test_an_owner_whom_nobody_knows_is_told_and_what_was_typed_is_kept(house: House) -> None:
    with house.visitor("admin") as http:
        typed = {"id_token": "0A0B0C0D", "alias": "Typed", "user_email": "who@example.org", "kind": "PHYSICAL"}
        answer = http.post("/tags/add", data=typed)
        assert (answer.status_code, "Nobody has the e-mail address" in answer.text) == (422, True)
        assert 'value="Typed"' in answer.text
        assert 'value="who@example.org"' in answer.text


@pytest.mark.feature("F-TAG-2")
def test_a_driver_has_several_tags_blocks_one_and_registers_more_where_that_is_allowed(
    house: House, chromium: Browser
) -> None:
    second = tag(house, "04BB00CC11DD22", user=house.names["driver"])
    tag(house, "04EEEEEEEEEE01")  # somebody else's
    visit = house.page(chromium, "driver", width=390)
    page = visit.page
    page.goto("/tags")
    expect(page.get_by_role("link", name="04BB00CC11DD22")).to_be_visible()
    expect(page.get_by_role("link", name="04AA11BB22CC80")).to_be_visible()
    assert "04EEEEEEEEEE01" not in page.content()
    assert page.get_by_role("link", name="Add tag").count() == 0
    press(page.get_by_role("button", name="Block 04BB00CC11DD22"))
    expect(page.get_by_text("Blocked by its driver")).to_be_visible()
    assert house.ask("id_tokens.GetIdToken", name=second).id_token.blocked_by_user
    page.get_by_role("link", name="04BB00CC11DD22").click()
    page.get_by_label("Alias").fill("My spare")
    page.get_by_label("Blocked: it is refused").uncheck()
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_text("The tag is saved.")).to_be_visible()
    found = house.ask("id_tokens.GetIdToken", name=second).id_token
    assert (found.alias, found.blocked) == ("My spare", False)

    with house.visitor("admin") as http:
        http.post("/tags/policy", data={"users_register_tags": "1"})
    page.goto("/tags")
    page.get_by_role("link", name="Add tag").click()
    page.get_by_label("Id", exact=True).fill("04DD00CC11DD99")
    press(page.get_by_role("button", name="Add tag"))
    expect(page.get_by_role("link", name="04DD00CC11DD99")).to_be_visible()
    (own,) = house.ask("id_tokens.ListIdTokens", query="04DD00CC11DD99").id_tokens
    assert own.user == house.names["driver"]
    with house.visitor("admin") as http:
        http.post("/tags/policy", data={"users_register_tags": "0"})
    house.ask("id_tokens.DeleteIdToken", name=own.name)
    visit.close()


@pytest.mark.feature("F-TAG-1")
def test_a_limit_is_set_for_a_driver_and_for_a_group_of_tags_and_taken_away(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/tags/limits")
    for who, kwh in (("driver@example.org", "120"), ("FLEET", "500,5")):
        page.get_by_label("For whom").fill(who)
        page.get_by_label("Energy in kWh").fill(kwh)
        press(page.get_by_role("button", name="Set limit"))
        expect(page.get_by_text("The limit is set.")).to_be_visible()
    limits = {each.target: each.energy_wh for each in house.ask("outlets.ListChargeLimits").limits}
    assert limits == {house.names["driver"]: 120_000, "tagGroups/FLEET": 500_500}
    for _ in range(2):
        page.get_by_role("button", name=re.compile("Take away")).first.click()
        yes(page)
        expect(page.get_by_text("The limit is taken away.")).to_be_visible()
    assert not house.ask("outlets.ListChargeLimits").limits
    visit.close()


def test_support_looks_and_changes_nothing_and_site_administrators_are_told_no(house: House) -> None:
    path = f"/tags/{house.names['DEADBEEF'].partition('/')[2]}"
    with house.visitor("support") as http:
        assert "Add tag" not in http.get("/tags").text
        assert '<button class="primary">Save' not in http.get(path).text
        assert http.post(path, data={"alias": "Mine"}).status_code == 403
        assert http.get("/tags/limits").status_code == 200
    with house.visitor("site") as http:
        assert http.get("/tags").status_code == 403


def test_axe_finds_nothing_at_tags(house: House, chromium: Browser) -> None:
    one = f"/tags/{house.names['04AA11BB22CC80'].partition('/')[2]}"
    tag(house, "LOOKS", parent_id_token="LOOKED")
    house.ask("outlets.SetChargeLimit", limit={"target": "tagGroups/LOOKED", "energy_wh": 5000})
    paths = ("/tags", "/tags?q=nothing-at-all", "/tags/add", one, "/tags/limits")
    assert complaints(house, chromium, "admin", *paths) == []
    assert complaints(house, chromium, "driver", "/tags", one) == []
    house.ask("outlets.SetChargeLimit", limit={"target": "tagGroups/LOOKED"})


@pytest.mark.feature("F-TAG-1")
def test_several_tags_are_ticked_blocked_unblocked_and_deleted_at_once(house: House, chromium: Browser) -> None:
    names = [tag(house, f"0477000000000{number}", alias="Ticked") for number in range(1, 4)]
    other = tag(house, "04770000000009", alias="Ticked")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/tags?q=Ticked")
    deeds = page.get_by_role("form", name="Action on the ticked tags")
    press(deeds.get_by_role("button", name="Block", exact=True))
    expect(page.get_by_role("alert")).to_contain_text("Tick the tags first.")
    page.get_by_label("Tick all").check()
    expect(page.locator("[data-picked=tag]")).to_have_text("4")
    page.get_by_label("Tick 04770000000009").uncheck()
    expect(page.locator("[data-picked=tag]")).to_have_text("3")
    press(deeds.get_by_role("button", name="Block", exact=True))
    expect(page.get_by_text("The ticked tags are blocked.")).to_be_visible()
    assert [house.ask("id_tokens.GetIdToken", name=name).id_token.blocked for name in names] == [True] * 3
    assert not house.ask("id_tokens.GetIdToken", name=other).id_token.blocked
    expect(page.get_by_label("Search tags")).to_have_value("Ticked")  # the filters stay
    page.get_by_label("Tick 04770000000001").check()
    press(deeds.get_by_role("button", name="Unblock", exact=True))
    expect(page.get_by_text("The ticked tags are no longer blocked.")).to_be_visible()
    assert [house.ask("id_tokens.GetIdToken", name=name).id_token.blocked for name in names] == [False, True, True]
    for number in (1, 2, 3):
        page.get_by_label(f"Tick 0477000000000{number}").check()
    house.ask("id_tokens.DeleteIdToken", name=names[2])  # somebody else was faster
    deeds.get_by_role("button", name="Delete").click()
    yes(page)
    expect(page.get_by_text("Done for 2 tags.")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Not done for 1 tag")
    left = house.ask("id_tokens.ListIdTokens", query="Ticked").id_tokens
    assert [each.name for each in left] == [other]
    house.ask("id_tokens.DeleteIdToken", name=other)
    visit.close()


def test_a_driver_ticks_tags_to_block_them_and_is_not_offered_to_delete_them(house: House, chromium: Browser) -> None:
    mine = tag(house, "04771111111111", user=house.names["driver"])
    visit = house.page(chromium, "driver", width=390)
    page = visit.page
    page.goto("/tags")
    deeds = page.get_by_role("form", name="Action on the ticked tags")
    expect(deeds.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_label("Tick 04771111111111").check()
    press(deeds.get_by_role("button", name="Block", exact=True))
    expect(page.get_by_text("The ticked tags are blocked.")).to_be_visible()
    assert house.ask("id_tokens.GetIdToken", name=mine).id_token.blocked_by_user
    visit.close()
    with house.visitor("driver") as http:
        assert http.post("/tags/bulk", data={"do": "delete", "tag": mine.partition("/")[2]}).status_code == 403
    with house.visitor("support") as http:
        assert "Tick all" not in http.get("/tags").text
    house.ask("id_tokens.DeleteIdToken", name=mine)
