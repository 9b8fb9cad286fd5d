"""The names of time zones, looked up once: there are some six hundred, and each is a file that is opened to find it."""

from __future__ import annotations

import zoneinfo
from functools import cache


@cache
def known_zones() -> frozenset[str]:
    """Of the IANA database that this machine (or the package tzdata) has."""
    return frozenset(zoneinfo.available_timezones())
