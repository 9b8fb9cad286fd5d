"""The account: who am I, password, theme; API keys for administrators."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.values import ApiError, Role
from webui.words import _

KEY_ROLES = (Role.ADMINISTRATOR, Role.SUPPORT)


@signed_in
async def account(request: Request) -> Response:
    """Who is signed in, and the form for another password."""
    return await show(request, "account.html", problem="")


@signed_in
async def change_password(request: Request) -> Response:
    """Change the own password."""
    form = await request.form()
    current, new, again = (str(form.get(name, "")) for name in ("current", "new", "again"))
    try:
        demand(new == again, _("The new password and its repetition are not the same."))
        await client_of(request).change_password(current, new)
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"):
            raise
        return await show(request, "account.html", 422, problem=sentences.of_error(error))
    return redirect("/account", "password-changed")


@signed_in
async def keys(request: Request) -> Response:
    """API keys; with a POST a new one, whose secret is shown this once."""
    client = client_of(request)
    problem, secret, made = "", "", None
    if request.method == "POST":
        form = await request.form()
        name = text(form, "display_name")
        try:
            demand(name, _("Enter what the key is for."))
            role = Role(text(form, "role")) if text(form, "role") in KEY_ROLES else Role.SUPPORT
            made, secret = await client.create_api_key(name, role)
        except ApiError as error:
            if error.code != "INVALID_ARGUMENT":
                raise
            problem = sentences.of_error(error)
    found = await client.api_keys()
    return await show(request, "keys.html", keys=found, secret=secret, made=made, problem=problem, roles=KEY_ROLES)


@signed_in
async def delete_key(request: Request) -> Response:
    """End a key at once."""
    await client_of(request).delete_api_key(f"apiKeys/{request.path_params['key']}")
    return redirect("/keys", "key-deleted")


ROUTES = [
    Route("/account", account),
    Route("/account/password", change_password, methods=["POST"]),
    Route("/keys", keys, methods=["GET", "POST"]),
    Route("/keys/{key}/delete", delete_key, methods=["POST"]),
]
