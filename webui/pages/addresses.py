"""The search for an address beside a site's form: own places, and what the operator's geocoder knows.

The server is asked, never somebody else's by the browser. With scripts the list comes below the address and sets the
pin; without them the form comes back with the list in it, and once more with the coordinates of the one that was taken.
"""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, plain, signed_in, text
from webui.values import ApiError
from webui.values_places import Place, Position
from webui.words import N_, _, current, ngettext

PATIENCE_S: Final = 25.0
"""The geocoder is asked one question at a time."""
STATES: Final = {
    "NOT_CONFIGURED": N_(
        "No address search is set up, so only your own sites were searched. Click on the map, or type the coordinates."
    ),
    "BUSY": N_("The address search is busy. Try again in a moment."),
    "FAILED": N_("The address search does not answer. Click on the map, or type the coordinates."),
}
NOTHING: Final = N_("Nothing was found. Try fewer words: the street and the town. Or click on the map.")


class Address(msgspec.Struct, frozen=True):
    """An address that the geocoder knows."""

    text: str
    position: Position | None


class Addresses(msgspec.Struct, frozen=True):
    """What was found, and whether the geocoder was asked."""

    places: tuple[Place, ...] = ()
    addresses: tuple[Address, ...] = ()
    geocoder: str = ""


class Found(msgspec.Struct, frozen=True):
    """For the list: what is said above it, and its entries as title, address and position."""

    said: str
    entries: tuple[tuple[str, str, Position], ...] = ()
    bad: bool = False


async def find(client: Client, query: str, besides: str = "") -> Found:
    """Everything but the place `besides`. What cannot be looked for is a sentence."""
    try:
        answer = await client.desk.ask(
            "PlaceService/SearchAddresses",
            Addresses,
            timeout_s=PATIENCE_S,
            query=" ".join(query.split()),
            language=current.get().language,
        )
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"):
            raise
        known = _("Type an address above first: the street and the town.")
        return Found(known if error.reason == "INVALID_QUERY" else sentences.of_error(error), bad=True)
    entries = [(p.display_name, p.address, p.position) for p in answer.places if p.position and p.name != besides]
    entries += [(*_split(a.text), a.position) for a in answer.addresses if a.position]
    parts = [_(STATES[answer.geocoder])] if answer.geocoder in STATES else []
    if entries:
        count = ngettext("%(n)s address found: choose it.", "%(n)s addresses found: choose one.", len(entries))
        parts.insert(0, count % {"n": len(entries)})
    elif not parts:
        parts.append(_(NOTHING))
    return Found(" ".join(parts), tuple(entries), bad=answer.geocoder in ("BUSY", "FAILED"))


def _split(address: str) -> tuple[str, str]:
    """The beginning in front of the first comma, and the rest."""
    first, _comma, rest = address.partition(", ")
    return first, rest


async def instead(client: Client, form: FormData, typed: Place) -> tuple[Place, Found] | None:
    """The form was not sent to be saved, but to find an address or to take one that was found."""
    if text(form, "take"):
        north, _comma, east = text(form, "take").partition(",")
        try:
            position = Position(float(north), float(east))
        except ValueError:
            return None
        return msgspec.structs.replace(typed, position=position), Found(_("The pin is set. Save to keep it."))
    if text(form, "find"):
        return typed, await find(client, typed.address, typed.name)
    return None


@signed_in
async def search(request: Request) -> Response:
    """The list alone, for the page's script."""
    params = request.query_params
    found = await find(client_of(request), params.get("address", "")[:400], f"places/{params.get('besides', '')}")
    return plain(request, "places/addresses.html", found=found)


ROUTES = [Route("/places/addresses", search)]
