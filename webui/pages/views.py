"""Saving and deleting views of tables."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import saved_views
from webui.page import demand, redirect, signed_in, text
from webui.session import safe_next
from webui.values import ApiError
from webui.words import _


@signed_in
async def change(request: Request) -> Response:
    """Save this view under a name, or delete one."""
    form, table = await request.form(), request.path_params["table"]
    if table not in saved_views.TABLES:
        raise ApiError("NOT_FOUND", "", _("There is no such table."))
    kept = saved_views.read(request, table)
    target = safe_next(text(form, "next", f"/{table}"))
    gone = text(form, "delete")
    if gone:
        kept = saved_views.without(kept, gone)
    else:
        name = " ".join(text(form, "name").split())
        demand(name, _("Give the view a name."))
        pairs = parse_qsl(target.partition("?")[2])
        query = urlencode([(key, value) for key, value in pairs if key not in ("after", "count")])
        try:
            kept = saved_views.added(kept, name, query)
        except ValueError as error:
            raise ApiError("FAILED_PRECONDITION", "", str(error)) from error
    await saved_views.write(request, table, kept)
    return redirect(target)


ROUTES = [Route("/views/{table}", change, methods=["POST"])]
