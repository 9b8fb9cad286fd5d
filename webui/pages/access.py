"""Sign in by password, second factor or identity provider, sign out; language, colours and the group that narrows."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from webui import sentences, session, words
from webui.page import demand, plain, redirect, text
from webui.person import GROUP_COOKIE, LANGUAGE_COOKIE, client_for
from webui.values import ApiError, Role
from webui.words import _

STEPS: Final = {"SECOND_FACTOR_REQUIRED": "/signin/code", "PASSWORD_CHANGE_REQUIRED": "/signin/password"}
"""What is asked next, where the password was right."""
HALF_WAY: Final = timedelta(minutes=5)
"""How long somebody may look for the code of their second factor."""
AT_PROVIDER: Final = timedelta(minutes=10)
YEAR_S: Final = 365 * 24 * 3600


class Options(msgspec.Struct, frozen=True):
    """Which ways to sign in there are."""

    password_reset: bool = False
    single_sign_on: bool = False
    single_sign_on_display_name: str = ""


class HalfWay(msgspec.Struct, frozen=True):
    """Between password and code. The browser carries it sealed: neither its owner nor a script can read it."""

    email: str
    password: str
    back: str
    new: str = ""
    """Chosen in the place of one that an administrator has set."""


class AtProvider(msgspec.Struct, frozen=True):
    """While the browser is at the identity provider."""

    state: str
    back: str


class Begun(msgspec.Struct, frozen=True):
    """Where the identity provider is."""

    authorization_url: str
    state: str


class Who(msgspec.Struct, frozen=True):
    """Who signed in."""

    role: Role


class Token(msgspec.Struct, frozen=True):
    """Signed in."""

    token: str
    caller: Who


async def sign_in(request: Request) -> Response:
    """The form; with a POST, e-mail and password for a session or for the question of the second factor."""
    if request.method != "POST":
        back = session.safe_next(request.query_params.get("next", "/"))
        return await _form(request, back=back)
    form = await request.form()
    email, password, back = text(form, "email"), form.get("password", ""), session.safe_next(text(form, "next", "/"))
    if not email or not isinstance(password, str) or not password:
        problem = _("Enter your e-mail address and your password.")
        return await _form(request, 422, email=email, back=back, problem=problem)
    captcha, address = request.app.state.captcha, _address(request)
    wanted = captcha.is_wanted(email, address)
    if wanted and not captcha.is_right(text(form, "puzzle"), text(form, "answer")):
        problem = _("Enter your password again, and answer the question below it.")
        return await _form(request, 422, email=email, back=back, problem=problem)
    try:
        signed = await client_for(request, "").sign_in(email, password)
    except ApiError as error:
        if error.reason in STEPS:
            return _onward(request, STEPS[error.reason], HalfWay(email, password, back))
        if error.code == "UNAUTHENTICATED":
            captcha.failed(email, address)
        return await _form(request, _status(error), email=email, back=back, problem=sentences.of_error(error))
    captcha.succeeded(email)
    return _enter(request, signed.token, back, signed.caller.role)


def _onward(request: Request, step: str, half: HalfWay) -> Response:
    onward = redirect(step)
    session.carry(request, onward, "half-way", request.app.state.seal.close(half), HALF_WAY)
    return onward


async def own_password(request: Request) -> Response:
    """The step for who signs in with a password that an administrator has set: they choose one of their own."""
    seal = request.app.state.seal
    half = seal.open(session.carried(request, "half-way"), HalfWay, HALF_WAY)
    if half is None:
        problem = _("That took too long, or the server was restarted. Sign in again.")
        return await _form(request, 200 if request.method == "GET" else 401, problem=problem)
    if request.method != "POST":
        return plain(request, "access/own_password.html", problem="", email=half.email)
    form = await request.form()
    new = str(form.get("new", ""))
    try:
        demand(new == form.get("again"), _("The new password and its repetition are not the same."))
        signed = await client_for(request, "").sign_in(half.email, half.password, new_password=new)
    except ApiError as error:
        if error.reason == "SECOND_FACTOR_REQUIRED":
            return _onward(request, STEPS[error.reason], msgspec.structs.replace(half, new=new))
        return plain(
            request, "access/own_password.html", _status(error), problem=sentences.of_error(error), email=half.email
        )
    request.app.state.captcha.succeeded(half.email)
    response = _enter(request, signed.token, half.back, signed.caller.role)
    session.drop(request, response, "half-way")
    return response


async def code(request: Request) -> Response:
    """The second step: the code that the authenticator app shows."""
    seal, captcha = request.app.state.seal, request.app.state.captcha
    half = seal.open(session.carried(request, "half-way"), HalfWay, HALF_WAY)
    if half is None:
        problem = _("That took too long, or the server was restarted. Sign in again.")
        return await _form(request, 200 if request.method == "GET" else 401, problem=problem)
    if request.method != "POST":
        return plain(request, "access/code.html", problem="", email=half.email)
    typed = text(await request.form(), "code").replace(" ", "")
    if not typed:
        problem = _("Enter the code that your app shows.")
        return plain(request, "access/code.html", 422, problem=problem, email=half.email)
    try:
        signed = await client_for(request, "").sign_in(half.email, half.password, typed, new_password=half.new)
    except ApiError as error:
        captcha.failed(half.email, _address(request))
        problem = sentences.of_error(error)
        if error.reason == "WRONG_CODE" or error.away:
            return plain(request, "access/code.html", _status(error), problem=problem, email=half.email)
        response = await _form(request, _status(error), email=half.email, back=half.back, problem=problem)
        session.drop(request, response, "half-way")
        return response
    captcha.succeeded(half.email)
    response = _enter(request, signed.token, half.back, signed.caller.role)
    session.drop(request, response, "half-way")
    return response


async def single(request: Request) -> Response:
    """Off to the identity provider. A link, not a form: our policy lets forms lead nowhere else."""
    try:
        begun = await client_for(request, "").desk.ask("AuthService/BeginSingleSignOn", Begun)
    except ApiError as error:
        return await _form(request, _status(error), problem=sentences.of_error(error))
    response = RedirectResponse(begun.authorization_url, status_code=303)
    back = session.safe_next(request.query_params.get("next", "/"))
    sealed = request.app.state.seal.close(AtProvider(begun.state, back))
    session.carry(request, response, "provider", sealed, AT_PROVIDER)
    return response


async def came_back(request: Request) -> Response:
    """From the identity provider. Only the browser that went there may come back with that state."""
    query = request.query_params
    sealed = session.carried(request, "provider")
    gone = request.app.state.seal.open(sealed, AtProvider, AT_PROVIDER)
    if gone is None or not hmac.compare_digest(gone.state.encode(), query.get("state", "").encode()):
        problem = _("This sign-in was not begun in this browser, or it took too long. Begin again.")
        return await _form(request, 401, problem=problem)
    if not query.get("code"):
        problem = _("The identity provider did not let you in: %(word)s.") % {"word": query.get("error", "?")[:60]}
        response = await _form(request, 401, back=gone.back, problem=problem)
    else:
        try:
            signed = await client_for(request, "").desk.ask(
                "AuthService/CompleteSingleSignOn", Token, state=gone.state, code=query["code"]
            )
            response = _enter(request, signed.token, gone.back, signed.caller.role)
        except ApiError as error:
            response = await _form(request, _status(error), back=gone.back, problem=sentences.of_error(error))
    session.drop(request, response, "provider")
    return response


async def sign_out(request: Request) -> Response:
    """End the session here and in the control plane."""
    token = session.token(request)
    response = RedirectResponse("/signin", status_code=303)
    session.forget(request, response)
    response.delete_cookie(GROUP_COOKIE, path="/", httponly=True, samesite="lax")
    if token:
        request.app.state.people.forget(token)
        try:
            await client_for(request, token).sign_out()
        except ApiError as error:
            if not (error.away or error.code == "UNAUTHENTICATED"):
                raise
    return response


async def choose_language(request: Request) -> Response:
    """Another language, in this browser and, for who is signed in, everywhere."""
    form = await request.form()
    response = redirect(session.safe_next(text(form, "next", "/"), signed_out=True))
    wanted, token = text(form, "language"), session.token(request)
    if wanted in words.languages():
        response.set_cookie(LANGUAGE_COOKIE, wanted, max_age=YEAR_S, path="/", httponly=True, samesite="lax")
        if token:
            await _keep(request, token, "language", wanted)
    return response


async def set_theme(request: Request) -> Response:
    """Light, dark or as the system; in a cookie, so that it works without scripts and before signing in."""
    form = await request.form()
    response = redirect(session.safe_next(text(form, "next", "/"), signed_out=True))
    wanted, token = text(form, "theme"), session.token(request)
    if wanted in ("light", "dark", "auto"):
        response.set_cookie("theme", wanted, max_age=YEAR_S, path="/", samesite="lax")
        if token:
            await _keep(request, token, "theme", {"light": "LIGHT", "dark": "DARK"}.get(wanted, "UNSPECIFIED"))
    return response


async def choose_group(request: Request) -> Response:
    """Narrow everything to a group of one's own, or leave it."""
    form = await request.form()
    response = redirect(session.safe_next(text(form, "next", "/")))
    number = text(form, "group").rpartition("/")[2]
    if number.isascii() and number.isdecimal():
        response.set_cookie(GROUP_COOKIE, number, max_age=session.KEPT_S, path="/", httponly=True, samesite="lax")
    else:
        response.delete_cookie(GROUP_COOKIE, path="/", httponly=True, samesite="lax")
    return response


async def _keep(request: Request, token: str, field: str, value: str) -> None:
    """In the account too, so that other browsers know; that it failed must not keep this one from its wish."""
    try:
        await client_for(request, token).desk.do(
            "UserService/UpdateSettings", settings={field: value}, update_mask=(field,)
        )
    except ApiError as error:
        if not (error.away or error.code in ("UNAUTHENTICATED", "UNIMPLEMENTED", "PERMISSION_DENIED")):
            raise
    request.app.state.people.forget(token)


async def _form(
    request: Request, status_code: int = 200, *, email: str = "", back: str = "/", problem: str = ""
) -> Response:
    """The sign-in page with the ways that there are, and a question for who must answer one."""
    try:
        options = await client_for(request, "").desk.ask("AuthService/GetSignInOptions", Options, timeout_s=2.0)
    except ApiError:
        options = Options()  # the form will tell when it is sent
    captcha = request.app.state.captcha
    puzzle = captcha.puzzle() if captcha.is_wanted(email, _address(request)) else None
    onward = f"?next={quote(back)}" if back != "/" else ""
    values = {"email": email, "back": back, "problem": problem, "options": options, "puzzle": puzzle, "onward": onward}
    return plain(request, "signin.html", status_code, **values)


def _enter(request: Request, token: str, back: str, role: Role) -> Response:
    """Where they wanted to go; a driver without a wish finds the page for charging first."""
    start = "/drive" if back == "/" and role is Role.EV_USER else back
    response = RedirectResponse(start, status_code=303)
    session.remember(request, response, token)
    return response


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _status(error: ApiError) -> int:
    known = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "RESOURCE_EXHAUSTED": 429}
    return known.get(error.code, 503 if error.away else 422)


ROUTES = [
    Route("/signin", sign_in, methods=["GET", "POST"]),
    Route("/signin/password", own_password, methods=["GET", "POST"]),
    Route("/signin/code", code, methods=["GET", "POST"]),
    Route("/signin/single", single),
    Route("/sign-in/return", came_back),
    Route("/signout", sign_out, methods=["POST"]),
    Route("/language", choose_language, methods=["POST"]),
    Route("/theme", set_theme, methods=["POST"]),
    Route("/group", choose_group, methods=["POST"]),
]
