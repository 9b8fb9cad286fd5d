"""One station's security: a new password by order, a higher profile, and letting it come with less again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.operations import Outcome, of_result
from webui.page import client_of, plain, redirect, signed_in, text
from webui.pages.station import settings_page
from webui.values import ApiError
from webui.words import _

HIGHEST = 3


@signed_in
async def rotate(request: Request) -> Response:
    """Give the station a new password; nobody gets to see it."""
    return await _ordered(request, "rotate-password")


@signed_in
async def upgrade(request: Request) -> Response:
    """Order a higher security profile."""
    return await _ordered(request, "upgrade-profile", _profile(text(await request.form(), "profile")))


async def _ordered(request: Request, name: str, profile: int = 0) -> Response:
    client, key = client_of(request), request.path_params["key"]
    try:
        if name == "rotate-password":
            outcome = _rotated(of_result(name, await client.security.rotate_password(key)))
        else:
            accepted, answers = await client.security.upgrade_profile(key, profile)
            outcome = _upgraded(of_result(name, answers[-1])) if accepted else of_result(name, answers[-1])
    except ApiError as error:
        if error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND"):
            raise
        outcome = _failed(name, error)
    if "hx-request" in request.headers:
        return plain(request, "parts/outcome.html", outcome=outcome)
    station = await client.station(key)
    return await settings_page(request, station, station, outcome=outcome)


def _rotated(outcome: Outcome) -> Outcome:
    if outcome.tone != "good":
        return outcome
    sentence = _(
        "The station took the new password. The old one goes on until the station has signed in with the new one."
    )
    return Outcome(outcome.operation, "good", sentence, outcome.word, latency=outcome.latency)


def _upgraded(outcome: Outcome) -> Outcome:
    sentence = _("The station took it. It counts when the station has come again with it.")
    return Outcome(outcome.operation, "good", sentence, outcome.word, latency=outcome.latency)


def _failed(name: str, error: ApiError) -> Outcome:
    if error.reason == "NO_ANSWER" and name == "rotate-password":
        sentence = _("The station did not answer in time. It may have the new password or not: both are valid.")
        return Outcome(name, "unsure", sentence)
    return Outcome(name, "unsure" if error.reason == "NO_ANSWER" else "bad", sentences.of_command(error))


@signed_in
async def set_profile(request: Request) -> Response:
    """What the station must prove at least; nothing is sent to it."""
    client, key = client_of(request), request.path_params["key"]
    try:
        await client.security.set_profile(key, _profile(text(await request.form(), "profile")))
    except ApiError as error:
        if error.code != "INVALID_ARGUMENT":
            raise
        station = await client.station(key)
        return await settings_page(request, station, station, sentences.of_error(error), 422)
    return redirect(f"/stations/{key}/settings", "station-saved")


def _profile(given: str) -> int:
    """-1, which the control plane refuses, for what is no profile."""
    return int(given) if given.isdecimal() and int(given) <= HIGHEST else -1


ROUTES = [
    Route("/stations/{key}/security/password", rotate, methods=["POST"]),
    Route("/stations/{key}/security/upgrade", upgrade, methods=["POST"]),
    Route("/stations/{key}/security/profile", set_profile, methods=["POST"]),
]
