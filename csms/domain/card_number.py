"""One card, many spellings of its number (UID).

Stations send it in hexadecimal, most with the first byte first, some the other way round. On cards it is printed in
decimal, in either order, with leading zeros. So a tag that somebody typed in from its card is found when a station
sends it.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

SIZES: Final = (4, 7, 8, 10)
"""Bytes of a card's number: ISO 14443 has 4, 7 or 10, ISO 15693 has 8."""
MIN_DECIMAL_DIGITS: Final = 8
"""Shorter numbers are people's own, and no card's (zeros in front count)."""
_WIDTHS: Final = {size: len(str(256**size - 1)) for size in SIZES}
_SEPARATORS: Final = str.maketrans("", "", " :-.")
_HEXADECIMAL: Final = re.compile(r"[0-9A-F]+", re.ASCII).fullmatch
_DECIMAL: Final = re.compile(r"[0-9]+", re.ASCII).fullmatch


class CardForms(msgspec.Struct, frozen=True):
    """The forms of one card in one reading of its number. Decimals have leading zeros, as they are printed."""

    hexadecimal: str
    hexadecimal_reversed: str
    decimal: str
    decimal_reversed: str


def forms(text: str) -> tuple[CardForms, ...]:
    """What the text can mean as a card's number: nothing for what is none; several for digits, which may be hexadecimal
    or decimal, and whose zeros in front may or may not count. Blanks, colons, hyphens and dots between digits are
    ignored."""
    bare = text.strip().upper().translate(_SEPARATORS)
    if not _HEXADECIMAL(bare):
        return ()
    found: dict[bytes, CardForms] = {}
    if len(bare) % 2 == 0 and len(bare) // 2 in SIZES:
        number = bytes.fromhex(bare)
        found[number] = _forms(number)
    if len(bare) >= MIN_DECIMAL_DIGITS and _DECIMAL(bare) and len(bare.lstrip("0")) <= max(_WIDTHS.values()):
        value = int(bare)
        for size in SIZES:
            if 0 < value < 256**size:
                number = value.to_bytes(size, "big")
                found.setdefault(number, _forms(number))
    return tuple(found.values())


def spellings(text: str) -> tuple[str, ...]:
    """Every spelling of every card that the text can mean; decimals with and without their zeros."""
    found: dict[str, None] = {}
    for each in forms(text):
        for decimal in (each.decimal, each.decimal_reversed):
            found[decimal] = found[decimal.lstrip("0")] = None
        found[each.hexadecimal] = found[each.hexadecimal_reversed] = None
    found.pop("", None)
    return tuple(found)


def is_surely_hexadecimal(text: str) -> bool:
    """A card's number that can be read in one way only."""
    bare = text.strip().upper().translate(_SEPARATORS)
    return bool(forms(text)) and not _DECIMAL(bare)


def _forms(number: bytes) -> CardForms:
    other, width = number[::-1], _WIDTHS[len(number)]
    return CardForms(
        number.hex().upper(),
        other.hex().upper(),
        f"{int.from_bytes(number, 'big'):0{width}d}",
        f"{int.from_bytes(other, 'big'):0{width}d}",
    )
