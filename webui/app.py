"""The portal's application: routes, middleware, static files, and what is shown when something goes wrong."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from webui import api, live_dashboard, pages, sentences, session, streams
from webui.captcha import Captcha
from webui.hub import Hubs
from webui.metrics import Measured, PortalMetrics
from webui.middleware import COMPRESSED_TYPES, Manners, SameOrigin, SecurityHeaders
from webui.page import STATIC, Frame, frame, plain, to_sign_in
from webui.person import GROUP_COOKIE, People, arrive
from webui.public import Notice
from webui.sealing import Seal
from webui.settings import Settings
from webui.streams_alarms import ROUTES as LIVE_ALARMS
from webui.streams_drive import ROUTES as LIVE_DRIVE
from webui.streams_floor import ROUTES as LIVE_FLOOR
from webui.streams_operations import ROUTES as LIVE_OPERATIONS
from webui.values import ApiError
from webui.words import _


class Files(StaticFiles):
    """Static files; an address with ``?v=`` changes with the content and may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file."""
        response = await super().get_response(path, scope)
        forever = b"v=" in scope.get("query_string", b"")
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if forever else "public, max-age=300"
        return response


def create_app(settings: Settings) -> Starlette:
    """The ASGI application. It opens its channel to the control plane when it starts and closes it when it stops."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        control = api.Control(api.Settings(settings.control_address, settings.control_ca))
        app.state.control = control
        try:
            yield
        finally:
            app.state.hubs.stop()
            await control.close()

    metrics = PortalMetrics()
    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            *pages.ROUTES,
            *streams.ROUTES,
            *LIVE_ALARMS,
            *LIVE_FLOOR,
            *LIVE_OPERATIONS,
            *live_dashboard.ROUTES,
            *LIVE_DRIVE,
            Mount("/static", Files(directory=STATIC), name="static"),
        ],
        middleware=[
            Middleware(Measured, metrics=metrics),
            Middleware(SecurityHeaders),
            Middleware(Manners),
            Middleware(SameOrigin, public_origin=settings.public_origin),
            Middleware(GZipMiddleware, minimum_size=600, compresslevel=5, exclude_content_types=COMPRESSED_TYPES),
        ],
        exception_handlers={ApiError: refused, HTTPException: not_found, 500: broken},
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.hubs = Hubs()
    app.state.people = People()
    app.state.notice = Notice()
    app.state.seal = Seal()
    app.state.captcha = Captcha(app.state.seal, settings.captcha)
    return app


async def healthz(request: Request) -> Response:
    """This process lives."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """The control plane can be reached and says that it serves, its database included."""
    if await request.app.state.control.ready():
        return PlainTextResponse("ok\n")
    return PlainTextResponse("The control plane does not serve.\n", status_code=503)


async def refused(request: Request, error: Exception) -> Response:
    """A call to the control plane failed and the page had no better idea."""
    if not isinstance(error, ApiError):
        raise error
    if error.code == "UNAUTHENTICATED":
        response = to_sign_in(request)
        session.forget(request, response)
        return response
    if error.reason == "GROUP_NOT_FOUND" and GROUP_COOKIE in request.cookies and request.method == "GET":
        left = RedirectResponse(request.url.path, status_code=303)  # it was deleted elsewhere: go on without it
        left.delete_cookie(GROUP_COOKIE, path="/", httponly=True, samesite="lax")
        return left
    sentence = sentences.of_error(error)
    if "hx-request" in request.headers:
        return _beside(request, sentence)
    if error.code == "NOT_FOUND":
        return await _told(request, 404, _("Not found"), sentence)
    if error.code == "PERMISSION_DENIED":
        return await _told(request, 403, _("Not allowed"), sentence)
    if error.away:
        response = plain(request, "error.html", 503, code=503, title=_("One moment"), text=sentence, retry=True)
        response.headers["retry-after"] = "3"
        return response
    return await _told(request, 502, _("That did not work"), sentence)


async def _told(request: Request, code: int, title: str, sentence: str) -> Response:
    """A page that says what went wrong; inside the frame for somebody who is signed in, so that every way is open."""
    around: Frame | None = None
    if session.token(request) and "text/html" in request.headers.get("accept", ""):
        with contextlib.suppress(ApiError):  # it is told without the frame then
            around = await frame(await arrive(request))
    return plain(request, "error.html", code, frame=around, code=code, title=title, text=sentence, retry=False)


async def _language_of_reader(request: Request) -> None:
    """An address that is no page's has not asked yet who reads."""
    if session.token(request):
        with contextlib.suppress(ApiError):
            await arrive(request)


def _beside(request: Request, sentence: str) -> Response:
    """For a request from a script: a message beside what is shown, instead of a page."""
    response = plain(request, "parts/toast.html", 200, text=sentence)
    response.headers["hx-retarget"] = "#toasts"
    response.headers["hx-reswap"] = "afterbegin"
    return response


async def not_found(request: Request, error: Exception) -> Response:
    """No such page, or the wrong method."""
    await _language_of_reader(request)
    code = error.status_code if isinstance(error, HTTPException) else 404
    text = {
        404: _("There is no page at this address. It may have been moved or deleted."),
        405: _("This address cannot be opened like that."),
    }.get(code, _("This request could not be understood."))
    title = _("Not found") if code == 404 else _("That did not work")
    return await _told(request, code, title, text)


async def broken(request: Request, error: Exception) -> Response:
    """A fault of the portal's own."""
    text = _("The portal made a mistake. It is in its log; try again, and tell your administrator if it stays.")
    return plain(request, "error.html", 500, code=500, title=_("Our mistake"), text=text, retry=False)
