"""The time zones that a form offers; looked up once, since each of their files is opened for it."""

from __future__ import annotations

import zoneinfo
from functools import cache

from markupsafe import Markup, escape


@cache
def zones() -> tuple[str, ...]:
    """Names like Europe/Stockholm, in order."""
    return tuple(sorted(name for name in zoneinfo.available_timezones() if "/" in name and "Etc/" not in name))


def options(selected: str = "") -> Markup:
    """All of them as options of a form. There are hundreds, so they are written once and not for each page."""
    text = _written()
    if selected in zones():
        text = text.replace(f"<option>{selected}<", f"<option selected>{selected}<")
    return Markup(text)  # noqa: S704 - names of zones, not a visitor's


@cache
def _written() -> str:
    return "".join(f"<option>{escape(zone)}</option>" for zone in zones())
