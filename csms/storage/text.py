"""Text and numbers on their way into a statement: what PostgreSQL cannot keep, and what LIKE would misread."""

from __future__ import annotations

_ESCAPES = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


def clean(text: str) -> str:
    """The text without what PostgreSQL cannot keep: NUL, and halves of surrogate pairs."""
    if text.isascii():
        return text if "\0" not in text else text.replace("\0", "")
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def pattern(text: str) -> str:
    """For ILIKE: anything that contains the text as it is; empty for an empty text."""
    text = clean(text.strip())
    return f"%{text.translate(_ESCAPES)}%" if text else ""


def fits_bigint(number: int) -> bool:
    """An id that the database could know."""
    return 0 < number < 2**63
