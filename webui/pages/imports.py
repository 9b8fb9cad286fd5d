"""Stations, users and tags brought in from a file: looked through first, then made, all or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.import_tables import UnreadableFile
from webui.importing import ImportKind, Reading, read_import, template
from webui.page import client_of, demand, show, signed_in, text
from webui.values import ApiError
from webui.words import N_, _

MOST_BYTES: Final = 8 * 1024 * 1024
SHOWN: Final = 200
"""So many wrong rows are shown; the rest is counted."""

_FAULTS: Final[Mapping[str, str]] = {
    "NO_NUMBER": N_("This is no number."),
    "NO_DATE": N_("This is no date. Write it as 2026-03-31."),
    "NO_YES_OR_NO": N_("Write yes or no."),
    "UNKNOWN_WORD": N_("This word is not one of those that can stand here."),
    "MISSING": N_("This must not be empty."),
}


class Wrong(msgspec.Struct, frozen=True):
    """What the control plane says of a row."""

    row: int
    message: str


class Made(msgspec.Struct, frozen=True):
    """A user."""

    user: str
    invitation_link: str


class Stations(msgspec.Struct, frozen=True):
    """ImportStationsResponse."""

    good_count: int
    errors: tuple[Wrong, ...]


class Users(msgspec.Struct, frozen=True):
    """ImportUsersResponse."""

    good_count: int
    errors: tuple[Wrong, ...]
    users: tuple[Made, ...]


class Tags(msgspec.Struct, frozen=True):
    """ImportIdTokensResponse."""

    imported: int
    errors: tuple[Wrong, ...]


class Line(msgspec.Struct, frozen=True):
    """A line of the file with what is wrong in it; `where` is its column, where that is known."""

    number: int
    where: str
    message: str


class Outcome(msgspec.Struct, frozen=True):
    """What came of a file."""

    dry_run: bool
    good: int
    wrong: tuple[Line, ...]
    ignored: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Nothing is wrong with it."""
        return not self.wrong


@signed_in
async def form(request: Request) -> Response:
    """What to bring in, and the file."""
    kind = _kind(request.query_params.get("kind", ""))
    return await _page(request, kind)


@signed_in
async def bring_in(request: Request) -> Response:
    """Look through a file; with `make`, make what stands in it."""
    asked = await request.form(max_part_size=MOST_BYTES)
    kind = _kind(text(asked, "kind"))
    file = asked.get("file")
    try:
        content = await file.read(MOST_BYTES + 1) if isinstance(file, UploadFile) else b""
        demand(content, _("Choose a file first: CSV or XLSX."))
        demand(len(content) <= MOST_BYTES, _("The file is too big. Divide it."))
        reading = read_import(kind, content)
        demand(reading.rows or reading.faults, _("There is nothing in this file but names of columns."))
        outcome = await _send(client_of(request), reading, make=text(asked, "make") == "1")
    except UnreadableFile as error:
        return await _page(request, kind, problem=str(error))
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "FAILED_PRECONDITION"):
            raise
        return await _page(request, kind, problem=sentences.of_error(error))
    return await _page(request, kind, outcome=outcome)


@signed_in
async def empty(request: Request) -> Response:
    """A file with the names of the columns and nothing else."""
    kind = _kind(request.path_params["kind"])
    named = {"content-disposition": f'attachment; filename="{kind.value}.csv"'}
    return PlainTextResponse("\ufeff" + template(kind), headers=named, media_type="text/csv")


async def _send(client: Client, reading: Reading, *, make: bool) -> Outcome:
    """Cells that nobody understands are told first: then nothing is sent for good."""
    faults = [Line(each.line, each.column, _(_FAULTS.get(each.reason, each.reason))) for each in reading.faults]
    dry_run = not make or bool(faults)
    good, errors, links = await _ask(client, reading, dry_run=dry_run)
    wrong = [Line(reading.lines[each.row], "", each.message) for each in errors if each.row < len(reading.lines)]
    found = tuple(sorted([*faults, *wrong], key=lambda line: line.number))
    return Outcome(dry_run or bool(found), good, found, reading.ignored, links)


async def _ask(client: Client, reading: Reading, *, dry_run: bool) -> tuple[int, tuple[Wrong, ...], tuple[str, ...]]:
    desk = client.desk
    if reading.kind is ImportKind.STATIONS:
        stations = await desk.ask(
            "ImportService/ImportStations", Stations, rows=reading.rows, dry_run=dry_run, timeout_s=60
        )
        return stations.good_count, stations.errors, ()
    if reading.kind is ImportKind.USERS:
        users = await desk.ask(
            "ImportService/ImportUsers", Users, rows=reading.rows, dry_run=dry_run, invite=not dry_run, timeout_s=60
        )
        links = tuple(each.invitation_link for each in users.users if each.invitation_link)
        return users.good_count, users.errors, links
    tags = await desk.ask("IdTokenService/ImportIdTokens", Tags, id_tokens=reading.rows, dry_run=dry_run, timeout_s=60)
    good = tags.imported or len(reading.rows) - len({each.row for each in tags.errors})
    return good, tags.errors, ()


async def _page(request: Request, kind: ImportKind, *, problem: str = "", outcome: Outcome | None = None) -> Response:
    return await show(
        request,
        "imports/form.html",
        422 if problem or (outcome is not None and not outcome.fine) else 200,
        kind=kind.value,
        kinds=[
            (ImportKind.STATIONS.value, _("Stations")),
            (ImportKind.USERS.value, _("Users")),
            (ImportKind.TAGS.value, _("Tags")),
        ],
        problem=problem,
        outcome=outcome,
        shown=SHOWN,
    )


def _kind(word: str) -> ImportKind:
    return ImportKind(word) if word in ImportKind.__members__.values() else ImportKind.STATIONS


ROUTES = [
    Route("/import", form),
    Route("/import", bring_in, methods=["POST"]),
    Route("/import/{kind}.csv", empty),
]
