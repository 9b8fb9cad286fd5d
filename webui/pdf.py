"""Tables as PDF, page by page as the rows come: what was written is not kept, so a file may be as long as it likes.

Letters are those of Helvetica in every reader (Latin); others are shown as a question mark.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

from reportlab.pdfbase.pdfmetrics import stringWidth

WIDTH, HEIGHT, MARGIN = 842.0, 595.0, 30.0  # A4, lying, in points
SMALLEST, LARGEST = 5.0, 8.5
LETTER: Final = 0.55  # of the size, on average
CATALOGUE, PAGES, REGULAR, BOLD = 1, 2, 3, 4


class TablePdf:
    """A table over many pages. Each method returns the next bytes of the file."""

    def __init__(self, title: str, headings: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> None:
        total = sum(widths) or 1
        room = WIDTH - 2 * MARGIN
        self._size = max(SMALLEST, min(LARGEST, room / total / LETTER))
        self._line = self._size * 1.55
        self._columns = [width * room / total for width in widths]
        self._right = right
        self._title = title
        self._headings = headings
        self._offsets: dict[int, int] = {}
        self._pages: list[int] = []
        self._written = 0
        self._next = BOLD + 1
        self._content: list[str] = []
        self._y = 0.0

    def begin(self) -> bytes:
        """The head of the file."""
        out = self._bytes(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
        for number, font in ((REGULAR, "Helvetica"), (BOLD, "Helvetica-Bold")):
            named = f"<< /Type /Font /Subtype /Type1 /BaseFont /{font} /Encoding /WinAnsiEncoding >>"
            out += self._object(number, named.encode())
        return out

    def row(self, cells: Sequence[str]) -> bytes:
        """A row, and the page before it when that was full."""
        out = b""
        if not self._content or self._y < MARGIN + 2 * self._line:
            out = self._end_page()
            self._begin_page()
        self._y -= self._line
        self._cells(cells, "F1")
        return out

    def end(self, remark: str = "") -> bytes:
        """The last page and the tail of the file."""
        if not self._content:
            self._begin_page()
        if remark:
            self._y -= 1.5 * self._line
            self._text(MARGIN, self._y, remark, "F2", self._size)
        out = self._end_page()
        kids = " ".join(f"{page} 0 R" for page in self._pages)
        out += self._object(PAGES, f"<< /Type /Pages /Kids [{kids}] /Count {len(self._pages)} >>".encode())
        out += self._object(CATALOGUE, f"<< /Type /Catalog /Pages {PAGES} 0 R >>".encode())
        start = self._written
        lines = [f"{self._offsets[number]:010d} 00000 n \n" for number in range(1, self._next)]
        table = f"xref\n0 {self._next}\n0000000000 65535 f \n{''.join(lines)}"
        tail = f"trailer\n<< /Size {self._next} /Root {CATALOGUE} 0 R >>\nstartxref\n{start}\n%%EOF\n"
        return out + (table + tail).encode()

    # -- pages

    def _begin_page(self) -> None:
        self._y = HEIGHT - MARGIN - 10
        self._text(MARGIN, self._y, self._title, "F2", 11)
        number = str(len(self._pages) + 1)
        self._text(WIDTH - MARGIN - stringWidth(number, "Helvetica", 9), self._y, number, "F1", 9)
        self._y -= 2.2 * self._line
        self._cells(self._headings, "F2")
        line = self._y - 0.4 * self._line
        self._content.append(f"0.6 G 0.5 w {MARGIN:.1f} {line:.1f} m {WIDTH - MARGIN:.1f} {line:.1f} l S\n")
        self._y -= 0.3 * self._line

    def _end_page(self) -> bytes:
        if not self._content:
            return b""
        drawn = zlib.compress("".join(self._content).encode("latin-1"), 6)
        self._content = []
        content, page = self._next, self._next + 1
        self._next += 2
        self._pages.append(page)
        stream = f"<< /Length {len(drawn)} /Filter /FlateDecode >>\nstream\n".encode() + drawn + b"\nendstream"
        described = (
            f"<< /Type /Page /Parent {PAGES} 0 R /MediaBox [0 0 {WIDTH:.0f} {HEIGHT:.0f}] /Contents {content} 0 R "
            f"/Resources << /Font << /F1 {REGULAR} 0 R /F2 {BOLD} 0 R >> >> >>"
        )
        return self._object(content, stream) + self._object(page, described.encode())

    def _cells(self, cells: Sequence[str], font: str) -> None:
        x = MARGIN
        named = "Helvetica-Bold" if font == "F2" else "Helvetica"
        for text, width, right in zip(cells, self._columns, self._right, strict=True):
            shown, wide = self._fitting(text, width - 4, named)
            if shown:
                self._text(x + width - 4 - wide if right else x, self._y, shown, font, self._size)
            x += width

    def _fitting(self, text: str, width: float, font: str) -> tuple[str, float]:
        """As much of a text as there is room for, and how wide it is."""
        shown = _latin(text)
        wide = stringWidth(shown, font, self._size)
        if wide <= width:
            return shown, wide
        shown = shown[: max(1, int(len(shown) * width / wide))]
        while len(shown) > 1 and stringWidth(shown + "…", font, self._size) > width:
            shown = shown[:-1]
        return shown + "…", width

    def _text(self, x: float, y: float, text: str, font: str, size: float) -> None:
        escaped = _latin(text).replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        coded = escaped.encode("cp1252", "replace").decode("latin-1")
        self._content.append(f"BT /{font} {size:.1f} Tf {x:.1f} {y:.1f} Td ({coded}) Tj ET\n")

    # -- objects

    def _object(self, number: int, body: bytes) -> bytes:
        self._offsets[number] = self._written
        return self._bytes(f"{number} 0 obj\n".encode() + body + b"\nendobj\n")

    def _bytes(self, data: bytes) -> bytes:
        self._written += len(data)
        return data


def _latin(text: str) -> str:
    """On one line, in the letters that there are; a narrow space is a space."""
    line = " ".join(text.replace("\u202f", " ").replace("\u2192", "-").split())
    return line.encode("cp1252", "replace").decode("cp1252")
