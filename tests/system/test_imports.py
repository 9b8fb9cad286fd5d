"""A list of stations and users through the real product, as the portal reads it."""

from __future__ import annotations

import pytest

from tests.kit.desk import Desk, desk
from tests.kit.product import product, station
from webui.importing import ImportKind, read_import

pytestmark = [pytest.mark.system, pytest.mark.feature("F-STA-13")]

STATIONS = """Kennung;Bezeichnung;Standort;Sicherung (A);Installed
CP-1;Eins;Nord/Deck;63;31.03.2026
CP-2;Zwei;Nowhere;;
"""
USERS = "E-mail,Role,Site,Language\nann@example.org,Site admin,Nord,Deutsch\nbo@example.org,,,\n"
TAGS = "tag;user;type\n04A1B2C3;ann@example.org;business\n"


async def test_lists_are_tried_mended_and_brought_in() -> None:
    with product() as running, desk(running) as operator:
        await _bring_in(operator)
        async with station(running, "CP-1") as cp:
            assert (await cp.boot())["status"] == "Accepted"
            answer = await cp.call("Authorize", idTag="04A1B2C3")
            assert answer["idTagInfo"]["status"] == "Accepted"


async def _bring_in(operator: Desk) -> None:
    site = (await operator.call("places.CreatePlace", place={"kind": "PLACE_KIND_SITE", "display_name": "Nord"})).place
    deck = {"kind": "PLACE_KIND_FLOOR", "display_name": "Deck", "parent": site.name}
    floor = (await operator.call("places.CreatePlace", place=deck)).place
    rows = [dict(row) for row in read_import(ImportKind.STATIONS, STATIONS.encode()).rows]
    tried = await operator.call("imports.ImportStations", rows=rows)
    assert [(error.row, error.field, error.reason) for error in tried.errors] == [(1, "place", "PLACE_NOT_FOUND")]
    assert (await operator.call("stations.ListStations")).total_size == 0
    rows[1]["place"] = "Nord"
    made = await operator.call("imports.ImportStations", rows=rows)
    first = await operator.station(made.stations[0])
    assert (first.place, first.display_name) == (floor.name, "Eins")
    known = (await operator.call("installations.GetInstallation", station=made.stations[0])).installation
    assert (known.fuse_amperes, known.installation_date) == (63, "2026-03-31")

    people = [dict(row) for row in read_import(ImportKind.USERS, USERS.encode()).rows]
    done = await operator.call("imports.ImportUsers", rows=people, invite=True)
    assert len(done.users) == 2
    assert all("#token=" in user.invitation_link for user in done.users)
    ann = (await operator.call("users.GetUser", name=done.users[0].user)).user
    assert (list(ann.sites), ann.language) == ([site.name], "de")
    again = await operator.call("imports.ImportUsers", rows=people, dry_run=True)
    assert {error.reason for error in again.errors} == {"EMAIL_TAKEN"}

    tags = [dict(row) for row in read_import(ImportKind.TAGS, TAGS.encode()).rows]
    tags = [{**row, "type": f"ID_TOKEN_TYPE_{row['type']}"} for row in tags]
    assert (await operator.call("id_tokens.ImportIdTokens", id_tokens=tags)).imported == 1
    trail = (await operator.call("audit.ListAuditEntries", page_size=50)).audit_entries
    assert any(entry.resource == "stations" and '"imported":2' in entry.after_json.replace(" ", "") for entry in trail)
