"""Resource names: `stations/17`."""

from __future__ import annotations

from csms.domain.errors import InvalidArgument

MAX_ID = 2**63 - 1


def print_name(collection: str, number: int) -> str:
    """("stations", 17) → "stations/17"."""
    return f"{collection}/{number}"


def read_name(name: str, collection: str) -> int:
    """("stations/17", "stations") → 17. Raises InvalidArgument/INVALID_NAME."""
    head, slash, number = name.partition("/")
    if head == collection and slash and number.isascii() and number.isdecimal() and len(number) < 20:
        parsed = int(number)
        if 0 < parsed <= MAX_ID and str(parsed) == number:
            return parsed
    raise InvalidArgument(
        f"{name[:100]!r} is not a name of this kind; names look like {collection}/17.", reason="INVALID_NAME"
    )
