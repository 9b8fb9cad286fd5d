"""Tags: add, edit, block, delete."""

from __future__ import annotations

from tests.kit.portal_client import Browser, Portal


def test_a_tag_is_added_found_blocked_and_deleted(portal: Portal, admin: Browser):
    form = {"id_token": "abcd1234", "alias": "Spare", "expires": "2027-01-31", "allow_concurrent": "1"}
    assert "The tag is added" in admin.follow(admin.post("/tags/add", form)).text
    page = admin.get("/tags?q=spare").text
    assert "ABCD1234" in page
    assert "31 Jan 2027" in page
    tag = next(t for t in portal.fake.world.tags.values() if t.id_token == "ABCD1234")
    assert tag.allow_concurrent
    key = tag.name.partition("/")[2]
    admin.post(f"/tags/{key}/block", {"blocked": "1"})
    assert tag.blocked
    assert tag.alias == "Spare"
    admin.post(f"/tags/{key}/delete")
    assert "No tag matches." in admin.get("/tags?q=spare").text


def test_editing_changes_what_was_changed(portal: Portal, admin: Browser):
    tag = portal.fake.world.tags["7"]
    admin.post("/tags/7", {"etag": tag.etag, "alias": "Renamed", "note": "lost once", "expires": ""})
    assert (tag.alias, tag.note, tag.blocked) == ("Renamed", "lost once", False)
    assert not tag.HasField("expire_time")


def test_a_stale_edit_is_told_and_can_be_saved_again(portal: Portal, admin: Browser):
    answer = admin.post("/tags/8", {"etag": "77", "alias": "Mine"})
    assert answer.status == 409
    assert "Somebody else changed this" in answer.text
    assert 'value="Mine"' in answer.text


def test_a_known_tag_cannot_be_added_twice(portal: Portal, admin: Browser):
    answer = admin.post("/tags/add", {"id_token": portal.fake.world.tags["1"].id_token.lower()})
    assert answer.status == 422
    assert "known already" in answer.text
