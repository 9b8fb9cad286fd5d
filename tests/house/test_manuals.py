"""docs/manuals.md: each address in it is a page, and each section of the two manuals has one."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.routing import Route

from webui.pages import ROUTES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "manuals.md"
NUMBERED = [f"{chapter}.{n}" for chapter, last in enumerate((6, 3, 7, 2, 4, 1), 1) for n in range(1, last + 1)]
LEVELS = ("Systemnivå", "Anläggningsnivå", "Våningsnivå", "Laddstationsnivå", "Uttagsnivå")
OTHERS = ("Logga in", "Översiktspanel", "Navigering", "Diagram", "Statistik", "Användarhantering", "Larm", *LEVELS)
WITHOUT_ADDRESS = ("1.2 ", "Översiktspanel: Funktioner")


def rows() -> list[list[str]]:
    """The cells of each row of the tables about the manuals."""
    text = DOCUMENT.read_text().partition("## What neither")[0]
    lines = [
        line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| section"))
    ]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_each_address_is_a_page() -> None:
    pages = {re.sub(r":\w+}", "}", r.path) for r in ROUTES if isinstance(r, Route) and "GET" in (r.methods or ())}
    named = re.findall(r"`(/[^`]*)`", DOCUMENT.read_text())
    assert len(named) > 100
    assert [address for address in named if address not in pages] == []


def test_each_section_of_the_manuals_is_there_and_leads_somewhere() -> None:
    sections = [section for section, _about, _page in rows()]
    assert [n for n in (*NUMBERED, *OTHERS) if not any(n in section for section in sections)] == []
    nowhere = [section for section, _about, page in rows() if "`/" not in page]
    assert [section for section in nowhere if not section.startswith(WITHOUT_ADDRESS)] == []
