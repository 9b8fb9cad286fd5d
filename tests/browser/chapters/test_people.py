"""Users, groups and the audit log, as administrators and others use them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.desk import Desk
from tests.kit.house import PASSWORD, ROLES, House
from tests.kit.looks import complaints, faults
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def user(house: House, email: str, **fields: object) -> str:
    """Somebody who can sign in; gives `users/{id}`."""
    first = email.partition("@")[0].title()
    asked = {"email": email, "first_name": first, "role": "ROLE_EV_USER", **fields}
    made = house.ask("users.CreateUser", user=asked, invite=True)
    token = re.search(r"token=([\w-]+)", made.invitation_link)
    assert token is not None
    nobody = Desk(house.product, key="")
    nobody.ask("auth.SetPassword", token=token[1], new_password=PASSWORD)
    nobody.close()
    return str(made.user.name)


def get(house: House, name: str):  # type: ignore[no-untyped-def]
    return house.ask("users.GetUser", name=name).user


@pytest.mark.feature("F-USR-2")
def test_a_user_is_invited_with_every_field_and_the_link_is_shown_once(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/users")
    page.get_by_role("link", name="Add user").click()
    for label, value in {
        "First name": "Vera",
        "Last name": "Volt",
        "E-mail": "vera@example.org",
        "Mobile phone": "+46 70 123",
        "Employee number": "E-9",
        "Customer number": "C-8",
    }.items():
        page.get_by_label(label).fill(value)
    page.get_by_label("Role").select_option(label="Site administrator")
    page.get_by_label("North Harbour").check()
    page.get_by_role("main").get_by_label("Language").select_option(label="Svenska")
    page.get_by_label("Wants the daily mail").check()
    press(page.get_by_role("button", name="Add user"))
    expect(page.get_by_role("heading", name="Invitation for Vera Volt")).to_be_visible()
    expect(page.locator(".copy code")).to_contain_text("token=")
    page.get_by_role("link", name="To the user").click()
    expect(page.locator(".head .state")).to_have_text("Invited")
    assert "token=" not in page.content()
    (vera,) = house.ask("users.ListUsers", filter={"query": "vera@"}).users
    assert (vera.first_name, vera.last_name, vera.mobile) == ("Vera", "Volt", "+46 70 123")
    assert (vera.employee_number, vera.customer_number, vera.language) == ("E-9", "C-8", "sv")
    assert (list(vera.sites), vera.alarm_mails) == ([house.names["North Harbour"]], True)
    page.get_by_label("Last name").fill("Watt")
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_role("heading", name="Vera Watt")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-USR-2", "F-TAG-2")
def test_somebody_with_two_cars_gets_their_tags_in_one_go_and_each_says_what_it_is_for(
    house: House, chromium: Browser
) -> None:
    user = {"email": "twocars@example.org", "first_name": "Twain", "role": "ROLE_EV_USER"}
    twain = house.ask("users.CreateUser", user=user).user
    house.ask("id_tokens.CreateIdToken", id_token={"id_token": "04C0C0C0C0C003", "type": "ID_TOKEN_TYPE_PRIVATE"})
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/{twain.name}")
    page.locator("summary", has_text="Add tags").click()
    tags = page.get_by_label("RFID tags")
    tags.fill("04c0c0c0c0c001 Van\n04AA11BB22CC80")
    page.get_by_label("Type of these tags").select_option(label="Business")
    press(page.get_by_role("button", name="Add tags"))
    expect(page.get_by_role("alert")).to_contain_text("04AA11BB22CC80 is Driver's already")
    expect(tags).to_have_value("04c0c0c0c0c001 Van\n04AA11BB22CC80")
    expect(page.get_by_label("Type of these tags")).to_have_value("BUSINESS")
    assert faults(page) == []
    tags.fill("04c0c0c0c0c001 Van\n04C0C0C0C0C002 Lorry")
    press(page.get_by_role("button", name="Add tags"))
    expect(page.get_by_text("The tags are added.")).to_be_visible()
    expect(page.locator("section", has=page.get_by_role("heading", name="Tags")).get_by_role("listitem")).to_have_text(
        [re.compile("04C0C0C0C0C001 Van · Business"), re.compile("04C0C0C0C0C002 Lorry · Business")]
    )
    page.locator("summary", has_text="Add tags").click()
    tags.fill("04C0C0C0C0C003")  # nobody's until now, and what it is for stays
    press(page.get_by_role("button", name="Add tags"))
    expect(page.get_by_role("link", name="04C0C0C0C0C003", exact=True)).to_be_visible()
    kept = house.ask("id_tokens.ListIdTokens", user=twain.name).id_tokens
    assert {each.id_token[-1]: (each.alias, each.type) for each in kept} == {
        "1": ("Van", 3),
        "2": ("Lorry", 3),
        "3": ("", 2),
    }
    page.get_by_role("link", name="04C0C0C0C0C001", exact=True).click()
    expect(page.get_by_label("Alias")).to_have_value("Van")
    visit.close()


@pytest.mark.feature("F-USR-2", "F-TAG-2")
def test_a_driver_without_mail_gets_a_password_and_tags_in_one_form_and_chooses_their_own(
    house: House, chromium: Browser
) -> None:
    known = house.ask("id_tokens.CreateIdToken", id_token={"id_token": "04CAFE00112233", "alias": "Spare"}).id_token
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/users/add")
    page.get_by_label("First name").fill("Dora")
    page.get_by_label("E-mail").fill("dora@example.org")
    page.get_by_label("Role").select_option(label="EV driver")
    expect(page.get_by_label("Password to begin with")).to_be_hidden()
    page.get_by_label("By a password that I set now").check()
    page.get_by_label("Password to begin with").fill("short")
    page.get_by_label("RFID tags").fill("04aabbccddee01 Blue fob\n04CAFE00112233\n04AA11BB22CC80")
    press(page.get_by_role("button", name="Add user"))
    expect(page.get_by_role("alert")).to_contain_text("04AA11BB22CC80 is Driver's already")
    assert house.ask("users.ListUsers", filter={"query": "dora@"}).total_size == 0
    page.get_by_label("RFID tags").fill("04aabbccddee01 Blue fob\n04CAFE00112233")
    press(page.get_by_role("button", name="Add user"))
    expect(page.get_by_role("alert")).to_contain_text("at least 8 characters")
    expect(page.get_by_label("RFID tags")).to_have_value("04aabbccddee01 Blue fob\n04CAFE00112233")
    page.get_by_label("Password to begin with").fill("Given2you")
    press(page.get_by_role("button", name="Add user"))
    expect(page.get_by_role("heading", name="Dora")).to_be_visible()
    expect(page.get_by_text("To be changed at the next sign-in")).to_be_visible()
    (dora,) = house.ask("users.ListUsers", filter={"query": "dora@"}).users
    assert sorted(dora.id_tokens) == ["04AABBCCDDEE01", "04CAFE00112233"]
    tags = {each.id_token: each.alias for each in house.ask("id_tokens.ListIdTokens", user=dora.name).id_tokens}
    assert tags == {"04AABBCCDDEE01": "Blue fob", "04CAFE00112233": "Spare"}
    assert house.ask("id_tokens.GetIdToken", name=known.name).id_token.user == dora.name
    visit.close()

    page = chromium.new_page(base_url=house.address, locale="en-GB")
    page.goto("/signin")
    page.get_by_label("E-mail").fill("dora@example.org")
    page.get_by_label("Password").fill("Given2you")
    press(page.get_by_role("button", name="Sign in", exact=True))
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    assert faults(page) == []
    for new, again, told in (
        ("Mine4ever", "Mine4never", "not the same"),
        ("Given2you", "Given2you", "another password"),
        ("onlyletters", "onlyletters", "at least 8 characters"),
    ):
        page.get_by_label("New password", exact=True).fill(new)
        page.get_by_label("New password again").fill(again)
        press(page.get_by_role("button", name="Sign in", exact=True))
        expect(page.get_by_role("alert")).to_contain_text(told)
    page.get_by_label("New password", exact=True).fill("Mine4ever")
    page.get_by_label("New password again").fill("Mine4ever")
    press(page.get_by_role("button", name="Sign in", exact=True))
    page.wait_for_url("**/drive")
    assert not get(house, dora.name).must_change_password
    page.close()
    house.ask("users.DeleteUser", name=dora.name)


@pytest.mark.feature("F-USR-2")
def test_a_password_is_set_anew_for_somebody_at_the_telephone(house: House, chromium: Browser) -> None:
    name = user(house, "tele@example.org")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/{name}")
    page.get_by_text("Set a password now").click()
    page.get_by_label("Password to begin with").fill("Given2you")
    page.get_by_role("button", name="Set the password").click()
    yes(page)
    expect(page.get_by_text("To be changed at the next sign-in")).to_be_visible()
    assert get(house, name).must_change_password
    page.goto(f"/{house.ask('users.ListUsers', filter={'query': 'admin'}).users[0].name}")
    expect(page.get_by_text("Set a password now")).to_have_count(0)  # one's own is changed in the settings
    visit.close()
    with house.visitor("support") as http:
        assert http.post(f"/{name}/password", data={"password": "Given2you"}).status_code == 403
    house.ask("users.DeleteUser", name=name)


@pytest.mark.feature("F-USR-2")
def test_a_right_click_blocks_and_the_menu_key_deletes(house: House, chromium: Browser) -> None:
    name = user(house, "olle@example.org")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/users?q=olle")
    row = page.locator(f"#user-{name.partition('/')[2]}")
    row.click(button="right", position={"x": 300, "y": 12})
    page.get_by_role("button", name="Block", exact=True).click()
    yes(page)
    expect(page.get_by_text("The user is blocked")).to_be_visible()
    assert get(house, name).blocked
    page.goto("/users?q=olle")
    page.get_by_role("link", name="Olle").first.focus()
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("link", name="Edit")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="What to do with Olle").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert get(house, name).name == name
    page.get_by_role("button", name="What to do with Olle").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    yes(page)
    expect(page.get_by_text("The user is deleted")).to_be_visible()
    assert house.ask("users.ListUsers", filter={"query": "olle@"}).total_size == 0
    visit.close()


@pytest.mark.feature("F-USR-2")
def test_a_user_is_added_by_a_right_click_in_the_table_as_the_manual_says(house: House, chromium: Browser) -> None:
    user(house, "right-click@example.org")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/users?q=right-click")
    page.get_by_role("columnheader", name="Sites").click(button="right")
    menu = page.locator("#menu-table")
    expect(menu.get_by_role("link", name="Add user")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.get_by_role("row", name="right-click@example.org").click(button="right")
    press(page.locator(".context:popover-open").get_by_role("link", name="Add user"))
    page.wait_for_url("**/users/add")
    visit.close()


@pytest.mark.feature("F-STA-2", "F-USR-2")
def test_a_picked_place_narrows_users_to_its_site(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/users")
    page.get_by_role("complementary", name="Navigator").get_by_role("link", name="Level 1").click()
    page.wait_for_url("**/users?place=*")
    expect(page.locator("select[name=site]")).to_have_value(house.names["North Harbour"])
    table = page.get_by_role("table")
    expect(table.get_by_text("site@example.org")).to_be_visible()
    expect(table.get_by_text("support@example.org")).to_have_count(0)
    page.locator("select[name=site]").select_option("")
    expect(table.get_by_text("support@example.org")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-USR-2")
def test_somebody_is_signed_out_where_they_left_the_door_open(house: House, chromium: Browser) -> None:
    name = user(house, "lisa@example.org")
    lisa = Desk(house.product, key="")
    token = lisa.ask("auth.SignIn", email="lisa@example.org", password=PASSWORD).token
    lisa.close()
    visit = house.page(chromium, "admin")
    visit.page.goto(f"/{name}")
    visit.page.get_by_role("button", name="Sign out").click()
    yes(visit.page)
    expect(visit.page.get_by_text("They are signed out there.")).to_be_visible()
    assert token
    assert len(house.ask("auth.ListSignIns", user=name).sign_ins) == 0
    visit.close()


@pytest.mark.feature("F-USR-1")
def test_site_administrators_give_no_more_than_they_have_and_others_are_told_no(house: House) -> None:
    with house.visitor("site") as http:
        page = http.get("/users/add").text
        assert "Administrator</option>" not in page
        assert "South Yard" not in page
        typed = {"email": "boss@example.org", "role": "ADMINISTRATOR", "sites": house.names["North Harbour"]}
        refused = http.post("/users/add", data=typed)
        assert (refused.status_code, "boss@example.org" in refused.text) == (422, True)
        assert house.ask("users.ListUsers", filter={"query": "boss@"}).total_size == 0
        assert "driver@example.org" not in http.get("/users").text
    for who in ("support", "driver"):
        with house.visitor(who) as http:
            assert http.get("/users").status_code == 403, who
            assert http.get("/audit").status_code == 403, who


def test_an_e_mail_that_is_taken_is_told_and_what_was_typed_is_kept(house: House) -> None:
    with house.visitor("admin") as http:
        typed = {"email": ROLES["driver"][0], "first_name": "Typed", "role": "EV_USER"}
        answer = http.post("/users/add", data=typed)
        assert (answer.status_code, 'value="Typed"' in answer.text) == (422, True)


@pytest.mark.feature("F-USR-4")
def test_a_group_of_ones_own_narrows_the_portal_until_it_is_left(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "support")
    page = visit.page
    page.goto("/groups")
    page.get_by_label("Name of a new group").fill("Mine")
    press(page.get_by_role("button", name="Make group"))
    page.get_by_label("Bay 1").check()
    page.get_by_label("Bay 4").check()
    press(page.get_by_role("button", name="Put into the group"))
    expect(page.get_by_role("heading", name="In the group (2)")).to_be_visible()
    page.get_by_label("Bay 4").check()
    press(page.get_by_role("button", name="Take out of the group"))
    expect(page.get_by_role("heading", name="In the group (1)")).to_be_visible()
    press(page.get_by_role("button", name="See only these"))
    expect(page.get_by_text("You see only the group")).to_be_visible()
    page.goto("/places")
    expect(page.get_by_text("1 station").first).to_be_visible()
    press(page.get_by_role("button", name="Leave the group"))
    page.goto("/groups")
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Delete group").click()
    yes(page)
    expect(page.get_by_text("The group is deleted")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-USR-7")
def test_the_audit_log_tells_who_changed_what_from_what_to_what(house: House, chromium: Browser) -> None:
    name = user(house, "audited@example.org")
    with house.visitor("admin") as http:
        http.post(f"/{name}", data={"email": "audited@example.org", "first_name": "Renamed", "role": "EV_USER"})
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/audit")
    page.get_by_label("About").fill(name)
    page.get_by_label("What", exact=True).fill("UpdateUser")
    expect(page.locator(".audit li")).to_have_count(1)
    expect(page).to_have_url(re.compile("method=UpdateUser"))
    page.locator(".audit summary").click()
    row = page.get_by_role("row", name=re.compile("first_name"))
    expect(row).to_contain_text("Audited")
    expect(row).to_contain_text("Renamed")
    expect(page.locator(".audit summary")).to_contain_text("Administrator")
    visit.close()


def test_axe_finds_nothing_at_people(house: House, chromium: Browser) -> None:
    user(house, "looked@example.org")
    paths = ("/users", "/users?q=nobody-at-all", "/users/add", f"/{house.names['driver']}", "/groups", "/audit")
    assert complaints(house, chromium, "admin", *paths) == []
