"""API keys of internal systems: what each may do, where, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import navigator, sentences
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.values import ApiError, Role
from webui.values_account import Keys, NewKey
from webui.words import N_, _

ROLES: Final = (Role.SUPPORT, Role.SITE_ADMINISTRATOR, Role.ADMINISTRATOR)
MOST: Final = 1000
EXPIRIES: Final = ((0, N_("Never")), (30, N_("In 30 days")), (90, N_("In 90 days")), (365, N_("In a year")))
ACTIONS: Final = {
    "read-stations": N_("See stations"),
    "edit-stations": N_("Change stations"),
    "edit-places": N_("Change places"),
    "read-station-secrets": N_("See passwords of stations"),
    "admit-stations": N_("Accept and refuse stations"),
    "operate-stations": N_("Start, stop, unlock, reset"),
    "configure-stations": N_("Configure stations"),
    "share-stations": N_("Share stations"),
    "assign-stations": N_("Give stations an owner"),
    "read-messages": N_("See the message log"),
    "read-sessions": N_("See sessions"),
    "correct-sessions": N_("Correct sessions"),
    "edit-logbook": N_("Write logbooks"),
    "read-tariffs": N_("See tariffs"),
    "edit-tariffs": N_("Change tariffs"),
    "assign-tariffs": N_("Assign tariffs"),
    "read-reports": N_("See reports"),
    "manage-reports": N_("Make reports"),
    "read-tokens": N_("See tags"),
    "edit-tokens": N_("Change tags"),
    "manage-keys": N_("Make API keys"),
    "manage-certificates": N_("Manage certificates"),
    "read-system": N_("See the system"),
    "edit-system": N_("Change the system settings"),
    "read-connection": N_("See where stations connect"),
    "manage-backups": N_("Make backups"),
    "read-alarms": N_("See alarms"),
    "handle-alarms": N_("Acknowledge alarms"),
    "edit-alarm-rules": N_("Change alarm rules"),
    "manage-webhooks": N_("Manage webhooks"),
    "edit-news": N_("Write news"),
    "manage-files": N_("Manage files"),
    "manage-services": N_("Manage services of others"),
    "manage-users": N_("Manage users"),
    "read-audit": N_("Read the audit log"),
}
"""What a key can be narrowed to. The own account can always be read."""


@signed_in
async def keys(request: Request) -> Response:
    """The list; with a POST a new key, whose secret is shown this once."""
    client = client_of(request)
    problem, made = "", None
    typed: dict[str, Any] = {"display_name": "", "role": "", "days": 0, "actions": (), "sites": ()}
    if request.method == "POST":
        form = await request.form()
        typed = {
            "display_name": text(form, "display_name"),
            "role": text(form, "role"),
            "days": int(days) if (days := text(form, "days", "0")).isdecimal() and len(days) < 5 else 0,
            "actions": tuple(str(each) for each in form.getlist("action")),
            "sites": tuple(str(each) for each in form.getlist("site")),
        }
        try:
            demand(typed["display_name"], _("Enter what the key is for."))
            made = await client.desk.ask("AuthService/CreateApiKey", NewKey, api_key=_order(typed))
        except ApiError as error:
            if error.code not in ("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"):
                raise
            problem = sentences.of_error(error)
    found = await client.desk.ask("AuthService/ListApiKeys", Keys, page_size=MOST)
    places = await navigator.places(client)
    values: dict[str, Any] = {
        "keys": found.api_keys,
        "made": made,
        "problem": problem,
        "typed": typed,
        "roles": ROLES,
        "actions": [(word, _(label)) for word, label in ACTIONS.items()],
        "labels": {word: _(label) for word, label in ACTIONS.items()},
        "expiries": [(count, _(label)) for count, label in EXPIRIES],
        "sites": [place for place in places if place.kind == "SITE"],
        "site_names": {place.name: place.display_name for place in places},
        "now": datetime.now(tz=UTC),
    }
    return await show(request, "keys.html", 422 if problem else 200, **values)


def _order(typed: dict[str, Any]) -> dict[str, object]:
    """What is asked for. Raises ApiError for sites that would not count."""
    role = Role(typed["role"]) if typed["role"] in ROLES else Role.SUPPORT
    sites = typed["sites"] if role is Role.SITE_ADMINISTRATOR else ()
    demand(sites or role is not Role.SITE_ADMINISTRATOR, _("Choose the sites where the key counts."))
    return {
        "display_name": typed["display_name"],
        "role": role,
        "actions": typed["actions"],
        "sites": sites,
        "expire_time": datetime.now(tz=UTC) + timedelta(days=typed["days"]) if typed["days"] else None,
    }


@signed_in
async def delete_key(request: Request) -> Response:
    """End a key at once."""
    await client_of(request).delete_api_key(f"apiKeys/{request.path_params['key']}")
    return redirect("/keys", "key-deleted")


ROUTES = [
    Route("/keys", keys, methods=["GET", "POST"]),
    Route("/keys/{key}/delete", delete_key, methods=["POST"]),
]
