"""The own settings: profile, password, second factor, sessions, language, mails, notifications, data, farewell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from webui import sentences, session, words
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.person import LANGUAGE_COOKIE
from webui.values import ApiError
from webui.values_account import (
    AlarmMailAnswer,
    Enrolment,
    OwnSettingsAnswer,
    OwnUserAnswer,
    Piece,
    RecoveryCodes,
    SignInsAnswer,
    WishesAnswer,
)
from webui.values_tags import TagPolicyAnswer
from webui.words import N_, _

KINDS: Final = {
    "ALARM": N_("Alarms that are raised"),
    "ALARM_CLEARED": N_("Alarms that are over"),
    "RESERVATION": N_("My reservations"),
    "FIRMWARE": N_("Firmware that was installed, or was not"),
    "OPERATION": N_("Operations on many stations that have ended"),
    "REPORT": N_("Reports that are ready"),
    "NEWS": N_("News of the operator"),
}
THEMES: Final = ("UNSPECIFIED", "LIGHT", "DARK")
OF_THE_FORM: Final = frozenset(
    {"INVALID_ARGUMENT", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "ALREADY_EXISTS", "ABORTED", "NOT_FOUND"}
)
"""Errors that are told beside the form. Others concern the whole page."""


@signed_in
async def account(request: Request) -> Response:
    """All of it."""
    return await _page(request)


@signed_in
async def change_profile(request: Request) -> Response:
    """The own names, telephone and employee number."""
    form = await request.form()
    values = {name: text(form, name) for name in ("first_name", "last_name", "mobile", "employee_number")}
    client = client_of(request)
    try:
        user = {"name": (await client.caller()).name, "etag": text(form, "etag"), **values}
        await client.desk.do("UserService/UpdateUser", user=user, update_mask=tuple(values))
    except ApiError as error:
        return await _again(request, error, "profile", values)
    return _done(request, "profile-saved", "profile")


@signed_in
async def change_password(request: Request) -> Response:
    """Change the own password."""
    form = await request.form()
    current, new, again = (str(form.get(name, "")) for name in ("current", "new", "again"))
    try:
        demand(new == again, _("The new password and its repetition are not the same."))
        await client_of(request).change_password(current, new)
    except ApiError as error:
        if error.reason == "WRONG_CREDENTIALS" or error.code == "PERMISSION_DENIED":
            return await _page(request, 422, "password", sentences.of_error(error))
        return await _again(request, error, "password")
    return _done(request, "password-changed", "password")


@signed_in
async def change_display(request: Request) -> Response:
    """Language, zone, colours."""
    form = await request.form()
    language, zone, theme = text(form, "language"), text(form, "time_zone"), text(form, "theme")
    values: dict[str, object] = {"language": language, "time_zone": zone, "theme": theme}
    values["share_usage"] = bool(text(form, "share_usage"))
    try:
        demand(theme in THEMES, _("Choose one of the colours."))
        await client_of(request).desk.do("UserService/UpdateSettings", settings=values, update_mask=tuple(values))
    except ApiError as error:
        return await _again(request, error, "display")
    response = _done(request, "settings-saved", "display")
    if language in words.languages():
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=session.KEPT_S, path="/", httponly=True, samesite="lax")
    response.delete_cookie("theme", path="/", samesite="lax")
    return response


@signed_in
async def change_notifications(request: Request) -> Response:
    """Of what to be told, and whether alarms come by mail."""
    form = await request.form()
    wanted = set(form.getlist("kind"))
    desk = client_of(request).desk
    try:
        await desk.do(
            "NewsService/UpdateNotificationSettings",
            settings=tuple({"kind": kind, "wanted": kind in wanted} for kind in KINDS),
        )
        if text(form, "mail_hour"):
            mail = {"wanted": bool(text(form, "mail")), "hour": int(text(form, "mail_hour")[:2])}
            await desk.do("AlarmService/UpdateAlarmMail", mail=mail)
    except ValueError:
        return await _page(request, 422, "notify", _("Choose an hour from the list."))
    except ApiError as error:
        return await _again(request, error, "notify")
    return _done(request, "settings-saved", "notify")


@signed_in
async def enrol(request: Request) -> Response:
    """A second factor: the secret for the app; with a code, it counts from now on."""
    desk = client_of(request).desk
    form = await request.form()
    code = text(form, "code").replace(" ", "")
    seal = request.app.state.seal
    begun = seal.open(text(form, "begun"), Enrolment)
    try:
        if begun is None or not code:
            begun = begun or await desk.ask("AuthService/EnrolSecondFactor", Enrolment)
            return await _enrolment(request, begun)
        answer = await desk.ask("AuthService/ConfirmSecondFactor", RecoveryCodes, one_time_code=code)
    except ApiError as error:
        if error.reason == "WRONG_CODE":
            return await _enrolment(request, begun, 422, sentences.of_error(error))
        return await _again(request, error, "second")
    return await show(request, "account/codes.html", codes=answer.recovery_codes)


@signed_in
async def remove_second_factor(request: Request) -> Response:
    """The password alone is enough again."""
    password = str((await request.form()).get("password", ""))
    try:
        await client_of(request).desk.do("AuthService/RemoveSecondFactor", password=password)
    except ApiError as error:
        if error.reason == "WRONG_CREDENTIALS":
            return await _page(request, 422, "second", sentences.of_error(error))
        return await _again(request, error, "second")
    return _done(request, "second-factor-removed", "second")


@signed_in
async def end_sign_in(request: Request) -> Response:
    """Sign another browser out."""
    client = client_of(request)
    name = f"{(await client.caller()).name}/signIns/{request.path_params['key']}"
    try:
        await client.desk.do("AuthService/DeleteSignIn", name=name)
    except ApiError as error:
        return await _again(request, error, "sessions")
    return _done(request, "browser-signed-out", "sessions")


@signed_in
async def export(request: Request) -> Response:
    """Everything that is kept of the reader, as a file."""
    pieces = client_of(request).desk.stream("UserService/ExportOwnData", Piece)
    first = await anext(pieces, Piece(""))  # an error before the first piece can still be told as a page

    async def content() -> AsyncIterator[str]:
        yield first.json
        async for piece in pieces:
            yield piece.json

    headers = {"content-disposition": 'attachment; filename="chargehouse-my-data.json"', "cache-control": "no-store"}
    return StreamingResponse(content(), media_type="application/json", headers=headers)


@signed_in
async def delete(request: Request) -> Response:
    """The own account, for good."""
    form = await request.form()
    password, email = str(form.get("password", "")), text(form, "email_again")
    try:
        await client_of(request).desk.do("UserService/DeleteOwnAccount", password=password, email_again=email)
    except ApiError as error:
        if error.reason == "WRONG_CREDENTIALS":
            return await _page(request, 422, "farewell", _("The password is wrong."))
        return await _again(request, error, "farewell", {"email_again": email})
    request.app.state.people.forget(session.token(request))
    response = redirect("/signin", "account-deleted")
    session.forget(request, response)
    return response


async def old_address(request: Request) -> Response:
    """The page was called so once."""
    return RedirectResponse("/settings", status_code=303)


async def _page(
    request: Request, status_code: int = 200, where: str = "", problem: str = "", typed: dict[str, str] | None = None
) -> Response:
    """All sections; `problem` stands in the one called `where`, with what was typed."""
    client = client_of(request)
    caller = await client.caller()
    user, settings, sign_ins, mail, wishes, policy = await asyncio.gather(
        _or_none(client.desk.ask("UserService/GetUser", OwnUserAnswer, name=caller.name)),
        _or_none(client.desk.ask("UserService/GetSettings", OwnSettingsAnswer)),
        _or_none(client.desk.ask("AuthService/ListSignIns", SignInsAnswer)),
        _or_none(client.desk.ask("AlarmService/GetAlarmMail", AlarmMailAnswer)),
        _or_none(client.desk.ask("NewsService/GetNotificationSettings", WishesAnswer)),
        _or_none(client.desk.ask("IdTokenService/GetTagPolicy", TagPolicyAnswer)),
    )
    values: dict[str, Any] = {
        "user": user.user if user else None,
        "settings": settings.settings if settings else None,
        "sign_ins": sign_ins.sign_ins if sign_ins else (),
        "mail": mail.mail if mail else None,
        "wishes": [(wish, _(KINDS[wish.kind])) for wish in wishes.settings if wish.kind in KINDS] if wishes else [],
        "may_add_tags": policy is not None and policy.policy.users_register_tags,
        "where": where,
        "problem": problem,
        "typed": typed or {},
    }
    return await show(request, "account/settings.html", status_code, **values)


async def _again(request: Request, error: ApiError, where: str, typed: dict[str, str] | None = None) -> Response:
    """The page with the error beside the form that was sent. Raises ApiError for what concerns the whole page."""
    if error.code not in OF_THE_FORM:
        raise error
    return await _page(request, 422, where, sentences.of_error(error), typed)


async def _or_none(answer: Any) -> Any:
    """A section that this role or this server does not have is left out. Raises ApiError when nobody answers."""
    try:
        return await answer
    except ApiError as error:
        if error.away or error.code == "UNAUTHENTICATED":
            raise
        return None


def _done(request: Request, notice: str, where: str) -> Response:
    request.app.state.people.forget(session.token(request))
    return redirect(f"/settings#{where}", notice)


async def _enrolment(request: Request, begun: Enrolment, status_code: int = 200, problem: str = "") -> Response:
    """Secret and picture. The form carries both sealed, so that a wrong code does not ask for another scan."""
    picture = Markup(begun.qr_svg)  # noqa: S704  drawn by our own control plane of nothing but paths
    sealed = request.app.state.seal.close(begun)
    values: dict[str, Any] = {"begun": begun, "sealed": sealed, "qr": picture, "problem": problem}
    return await show(request, "account/enrol.html", status_code, **values)


ROUTES = [
    Route("/settings", account),
    Route("/account", old_address),
    Route("/settings/profile", change_profile, methods=["POST"]),
    Route("/account/password", change_password, methods=["POST"]),
    Route("/settings/display", change_display, methods=["POST"]),
    Route("/settings/notifications", change_notifications, methods=["POST"]),
    Route("/settings/second-factor", enrol, methods=["POST"]),
    Route("/settings/second-factor/remove", remove_second_factor, methods=["POST"]),
    Route("/settings/sign-ins/{key}/end", end_sign_in, methods=["POST"]),
    Route("/settings/my-data", export),
    Route("/settings/delete", delete, methods=["POST"]),
]
