"""The time zones that a form offers; looked up once, since each of their files is opened for it."""

from __future__ import annotations

import zoneinfo
from functools import cache


@cache
def zones() -> tuple[str, ...]:
    """Names like Europe/Stockholm, in order."""
    return tuple(sorted(name for name in zoneinfo.available_timezones() if "/" in name and "Etc/" not in name))
