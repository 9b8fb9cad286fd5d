"""What a station knows of tags by itself: the server's list, and what it was told when they were shown.

The list goes before the cache (OCPP 1.6, 3.4.2). Tags compare without regard to letter case.
"""

from __future__ import annotations

from collections.abc import Mapping


class LocalList:
    """By tag: is it good? None in an update takes a tag off the list."""

    __slots__ = ("_cached", "_listed", "version")

    def __init__(self) -> None:
        self.version = 0
        self._listed: dict[str, bool] = {}
        self._cached: dict[str, bool] = {}

    def __len__(self) -> int:
        return len(self._listed)

    def update(self, version: int, tags: Mapping[str, bool | None], *, full: bool) -> bool:
        """Take an update in; False when it is older than what is here (a list sent whole always counts)."""
        if not full and version <= self.version:
            return False
        listed = {} if full else dict(self._listed)
        for tag, good in tags.items():
            if good is None:
                listed.pop(tag.upper(), None)
            else:
                listed[tag.upper()] = good
        self.version, self._listed = version, listed
        return True

    def remember(self, tag: str, *, good: bool) -> None:
        """What the server said about a tag."""
        self._cached[tag.upper()] = good

    def forget(self) -> None:
        """ClearCache."""
        self._cached.clear()

    def refuses(self, tag: str) -> bool:
        """True when the station knows by itself that this tag is not good."""
        known = self._listed.get(tag.upper())
        return not (self._cached.get(tag.upper(), True) if known is None else known)
