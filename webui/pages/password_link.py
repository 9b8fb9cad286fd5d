"""Forgotten password, and the page behind the link of an invitation or a reset; imprint and privacy notice.

The link's token stands behind `#`, which browsers do not send: no log and no proxy sees it. The page's script puts it
into the form and takes it out of the address; without scripts the reader copies it over.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from webui import sentences, session
from webui.page import demand, plain, redirect, show, text
from webui.person import arrive, client_for
from webui.values import ApiError
from webui.words import _


class LinkOwner(msgspec.Struct, frozen=True):
    """Whose a link is."""

    email: str
    invitation: bool


async def forgotten(request: Request) -> Response:
    """Ask for a link by mail. The answer is the same whether somebody has that address or not."""
    captcha = request.app.state.captcha
    problem, email, sent = "", request.query_params.get("email", "")[:200], False
    address = request.client.host if request.client else ""
    if request.method == "POST":
        form = await request.form()
        email = text(form, "email")
        try:
            demand("@" in email, _("Enter your e-mail address."))
            if captcha.is_wanted("", address):
                right = captcha.is_right(text(form, "puzzle"), text(form, "answer"))
                demand(right, _("Answer the question below your address."))
            await client_for(request, "").desk.do("AuthService/RequestPasswordReset", email=email)
            sent = True
        except ApiError as error:
            problem = sentences.of_error(error)
    puzzle = captcha.puzzle() if captcha.is_wanted("", address) else None
    values = {"problem": problem, "email": email, "sent": sent, "puzzle": puzzle}
    return plain(request, "access/forgotten.html", 422 if problem else 200, **values)


async def set_password(request: Request) -> Response:
    """Choose a password by a link."""
    if request.method != "POST":
        return plain(request, "access/set_password.html", problem="", token="")
    form = await request.form()
    token, new, again = text(form, "token").rpartition("token=")[2], form.get("new", ""), form.get("again", "")
    try:
        demand(token, _("The code of the link is missing. Open the link in your mail again."))
        demand(new == again, _("The new password and its repetition are not the same."))
        await client_for(request, "").desk.do("AuthService/SetPassword", token=token, new_password=str(new))
    except ApiError as error:
        return plain(request, "access/set_password.html", 422, problem=sentences.of_error(error), token=token)
    return redirect("/signin", "password-set")


async def check(request: Request) -> Response:
    """For the page's script: whose the link is, or why it is of no use any more."""
    token = text(await request.form(), "token")
    try:
        owner = await client_for(request, "").desk.ask("AuthService/CheckPasswordLink", LinkOwner, token=token)
    except ApiError as error:
        return JSONResponse({"problem": sentences.of_error(error)})
    told = _("Welcome! Choose a password for %(email)s.") if owner.invitation else _("A new password for %(email)s.")
    return JSONResponse({"text": told % {"email": owner.email}, "email": owner.email})


async def imprint(request: Request) -> Response:
    """Who answers for these pages."""
    return await _legal(request, _("Imprint"), request.app.state.notice.info.imprint)


async def privacy(request: Request) -> Response:
    """What is kept of people, and why."""
    return await _legal(request, _("Privacy"), request.app.state.notice.info.privacy)


async def _legal(request: Request, title: str, content: str) -> Response:
    paragraphs = [part.strip() for part in content.replace("\r", "").split("\n\n") if part.strip()]
    if session.token(request):
        try:
            await arrive(request)
            return await show(request, "access/legal.html", title=title, paragraphs=paragraphs)
        except ApiError:
            pass  # whoever cannot be known any more may read it all the same
    return plain(request, "access/legal.html", title=title, paragraphs=paragraphs)


ROUTES = [
    Route("/forgotten", forgotten, methods=["GET", "POST"]),
    Route("/set-password", set_password, methods=["GET", "POST"]),
    Route("/set-password/check", check, methods=["POST"]),
    Route("/imprint", imprint),
    Route("/privacy", privacy),
]
