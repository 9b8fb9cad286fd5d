"""People on the real product: invited by mail, signed in with two factors, seen in the audit log, gone."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pyotp
import pytest
import trio

from tests.kit.desk import Denied, Desk
from tests.kit.mail_server import MailServer, mail_server, text_of, token_in
from tests.kit.product import ADMIN, Product, product

pytestmark = pytest.mark.system


async def letter_to(server: MailServer, recipient: str) -> Any:
    return await trio.to_thread.run_sync(server.letter_to, recipient)


@pytest.mark.feature("F-USR-2", "F-USR-3", "F-USR-7")
async def test_invited_by_mail_signed_in_with_two_factors_and_all_of_it_in_the_audit_log() -> None:
    with mail_server() as server:
        settings = {
            "smtp_host": "127.0.0.1",
            "smtp_port": str(server.port),
            "smtp_security": "none",
            "mail_from": "Chargehouse <noreply@example.org>",
            "portal_public_url": "https://portal.example.org",
        }
        with product(**settings) as running:
            await whole_story(running, server)


async def whole_story(running: Product, server: MailServer) -> None:
    desk, nobody = Desk(running), Desk(running, key="")
    try:
        site = (await desk.call("places.CreatePlace", place={"kind": "PLACE_KIND_SITE", "display_name": "North"})).place
        user = {"email": "Dana@Example.org", "first_name": "Dana", "role": "ROLE_EV_USER", "language": "sv"}
        made = await desk.call("users.CreateUser", user={**user, "sites": [site.name]}, invite=True, request_id="r-1")
        assert made.invitation_link == ""
        letter = await letter_to(server, "dana@example.org")
        assert "Chargehouse" in str(letter["Subject"])
        assert "Hej Dana!" in text_of(letter)
        assert "https://portal.example.org/set-password#token=" in text_of(letter, "html")

        token = token_in(letter)
        assert (await nobody.call("auth.CheckPasswordLink", token=token)).invitation
        await nobody.call("auth.SetPassword", token=token, new_password="charge-2-go")
        with pytest.raises(Denied) as used:
            await nobody.call("auth.SetPassword", token=token, new_password="charge-3-go")
        assert used.value.reason == "LINK_EXPIRED"

        await second_factor(running, nobody)
        await reset(server, nobody)
        await in_the_audit_log(desk, made.user.name)
        await in_the_event_log(desk)
    finally:
        desk.close()
        nobody.close()


async def in_the_event_log(desk: Desk) -> None:
    """The code that was used twice."""

    async def failed() -> list[str]:
        found = (await desk.call("alarms.ListEvents")).events
        return [event.summary for event in found if event.kind == "SignInFailed"]

    wanted = "dana@example.org: a sign-in failed; the second factor was wrong."
    await desk.until(failed, lambda told: wanted in told, "noted")


async def second_factor(running: Product, nobody: Desk) -> None:
    signed_in = await nobody.call("auth.SignIn", email="dana@example.org", password="charge-2-go")
    dana = Desk(running, key=signed_in.token)
    enrolled = await dana.call("auth.EnrolSecondFactor")
    assert enrolled.qr_svg.startswith("<svg")
    app = pyotp.parse_uri(enrolled.uri)
    assert isinstance(app, pyotp.TOTP)
    codes = (await dana.call("auth.ConfirmSecondFactor", one_time_code=app.now())).recovery_codes
    credentials = {"email": "dana@example.org", "password": "charge-2-go"}
    with pytest.raises(Denied) as missing:
        await nobody.call("auth.SignIn", **credentials)
    assert missing.value.reason == "SECOND_FACTOR_REQUIRED"
    with pytest.raises(Denied) as replayed:  # the code that confirmed it was used
        await nobody.call("auth.SignIn", **credentials, one_time_code=app.now())
    assert replayed.value.reason == "WRONG_CODE"
    await nobody.call("auth.SignIn", **credentials, one_time_code=codes[0])
    listed = (await dana.call("auth.ListSignIns")).sign_ins
    assert [each.current for each in listed] == [False, True]
    assert listed[0].address == "127.0.0.1"
    await dana.call("auth.DeleteSignIn", name=listed[0].name)
    settings = await dana.call(
        "users.UpdateSettings",
        settings={"theme": "THEME_DARK", "dashboard_widgets": ["energy"]},
        update_mask="theme,dashboardWidgets",
    )
    assert settings.settings.language == "sv"
    pieces = await dana.collect("users.ExportOwnData")
    own = json.loads("".join(piece.json for piece in pieces))
    assert own["account"]["email"] == "dana@example.org"
    dana.close()


async def reset(server: MailServer, nobody: Desk) -> None:
    server.letters.clear()
    await nobody.call("auth.RequestPasswordReset", email="nobody@example.org")
    await nobody.call("auth.RequestPasswordReset", email=ADMIN[0])
    letter = await letter_to(server, ADMIN[0])
    assert [str(each["To"]) for each in server.letters] == [ADMIN[0]]
    await nobody.call("auth.SetPassword", token=token_in(letter), new_password="another-horse-8")
    await nobody.call("auth.SignIn", email=ADMIN[0], password="another-horse-8")


async def in_the_audit_log(desk: Desk, user: str) -> None:
    created = (await desk.call("audit.ListAuditEntries", filter={"method": "CreateUser"})).audit_entries
    assert [(entry.resource, entry.outcome, entry.request_id) for entry in created] == [(user, "OK", "r-1")]
    assert json.loads(created[0].after_json)["email"] == "dana@example.org"
    sign_ins = (await desk.call("audit.ListAuditEntries", filter={"method": "SignIn"})).audit_entries
    outcomes = [entry.outcome for entry in sign_ins]
    assert outcomes.count("OK") == 3
    assert {"SECOND_FACTOR_REQUIRED", "WRONG_CODE"} <= set(outcomes)
    everything = (await desk.call("audit.ListAuditEntries")).audit_entries
    assert not any("charge-2-go" in str(entry) or "horse" in str(entry) for entry in everything)
    with pytest.raises(Denied) as last:
        await desk.call("users.DeleteUser", name="users/1")
    assert (last.value.code, last.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LAST_ADMINISTRATOR")
    await desk.call("users.DeleteUser", name=user)
    with pytest.raises(Denied):
        await desk.call("users.GetUser", name=user)
