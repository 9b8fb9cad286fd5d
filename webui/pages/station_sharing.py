"""Whose a station is, and with whom it is shared."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.page import client_of, demand, redirect, signed_in, text
from webui.station_page import tab_page
from webui.values import ApiError
from webui.values_stations import ShareLevel
from webui.words import _

LEVELS = ("VIEW", "OPERATE", "MANAGE")


@signed_in
async def sharing(request: Request) -> Response:
    """The owner, the shares, and forms for both."""
    return await _page(request)


async def _page(request: Request, problem: str = "", values: dict[str, str] | None = None, code: int = 200) -> Response:
    return await tab_page(
        request, "station/sharing.html", "sharing", code, problem=problem, values=values or {}, levels=LEVELS
    )


@signed_in
async def change(request: Request) -> Response:
    """Share, end a share, assign, release: which is told by the last part of the address."""
    key, what = request.path_params["key"], request.path_params["what"]
    form, desk = await request.form(), client_of(request).desk
    station, email, level = f"stations/{key}", text(form, "email"), text(form, "level")
    try:
        match what:
            case "share":
                demand(email, _("Enter the e-mail address of the user."))
                demand(level in LEVELS, _("Choose what they may do."))
                await desk.do("SharingService/ShareStation", station=station, email=email, level=ShareLevel(level))
            case "unshare":
                await desk.do("SharingService/UnshareStation", station=station, user=text(form, "user"))
            case "owner":
                demand(email, _("Enter the e-mail address of the user."))
                await desk.do("SharingService/SetOwner", station=station, email=email)
            case _:
                await desk.do("SharingService/ReleaseStation", station=station)
    except ApiError as error:
        if error.reason == "USER_NOT_FOUND" or error.code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION"):
            return await _page(request, sentences.of_error(error), {"email": email, "level": level, "what": what}, 422)
        raise
    return redirect(f"/stations/{key}/sharing", "station-saved")


ROUTES = [
    Route("/stations/{key}/sharing", sharing),
    Route("/stations/{key}/sharing/{what}", change, methods=["POST"]),
]
