"""What the audit log and the list of users show."""

from __future__ import annotations

from webui.values_people import AuditEntry, User


def entry(before: str, after: str) -> AuditEntry:
    return AuditEntry(
        name="auditEntries/7",
        time=None,
        actor="users/1",
        actor_display_name="",
        method="/control.v1.UserService/UpdateUser",
        resource="users/4",
        outcome="OK",
        request_id="",
        peer="",
        forwarded_for="",
        request_json='{"name": "users/4"}',
        before_json=before,
        after_json=after,
    )


def test_before_and_after_stand_side_by_side_even_where_one_has_less() -> None:
    found = entry('{"role": "EV_USER", "blocked": true}', '{"role": "SUPPORT", "sites": ["places/2"]}')
    assert found.changes == (
        ("role", "EV_USER", "SUPPORT"),
        ("blocked", "true", ""),
        ("sites", "", '["places/2"]'),
    )
    assert (found.action, found.asked) == ("UpdateUser", (("name", "users/4"),))


def test_what_is_no_json_is_shown_as_it_is() -> None:
    assert entry("not json", "").changes == (("", '"not json"', ""),)
    assert entry("", "").changes == ()


def test_who_has_no_password_is_invited_and_who_is_blocked_is_blocked() -> None:
    assert User().state.key == "occupied"
    assert User(has_single_sign_on=True).state.key == "free"
    assert User(has_password=True, blocked=True).state.key == "fault"
