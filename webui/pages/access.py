"""Sign in and sign out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from webui import sentences, session
from webui.api import Client
from webui.page import plain, text
from webui.values import ApiError
from webui.words import _


async def sign_in(request: Request) -> Response:
    """The form; with a POST, e-mail and password for a session."""
    if request.method != "POST":
        back = session.safe_next(request.query_params.get("next", "/"))
        return plain(request, "signin.html", email="", back=back, problem="")
    form = await request.form()
    email = text(form, "email")
    password = form.get("password", "")
    back = session.safe_next(text(form, "next", "/"))
    if not email or not isinstance(password, str) or not password:
        problem = _("Enter your e-mail address and your password.")
        return plain(request, "signin.html", 422, email=email, back=back, problem=problem)
    try:
        signed = await Client(request.app.state.control, "").sign_in(email, password)
    except ApiError as error:
        code = {"UNAUTHENTICATED": 401, "RESOURCE_EXHAUSTED": 429}.get(error.code, 503 if error.away else 422)
        return plain(request, "signin.html", code, email=email, back=back, problem=sentences.of_error(error))
    response = RedirectResponse(back, status_code=303)
    session.remember(request, response, signed.token)
    return response


async def sign_out(request: Request) -> Response:
    """End the session here and in the control plane."""
    token = session.token(request)
    response = RedirectResponse("/signin", status_code=303)
    session.forget(request, response)
    if token:
        try:
            await Client(request.app.state.control, token).sign_out()
        except ApiError as error:
            if not (error.away or error.code == "UNAUTHENTICATED"):
                raise
    return response


ROUTES = [
    Route("/signin", sign_in, methods=["GET", "POST"]),
    Route("/signout", sign_out, methods=["POST"]),
]
