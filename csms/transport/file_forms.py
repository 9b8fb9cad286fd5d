"""The first file of a multipart/form-data body, as it comes by."""

from __future__ import annotations

from typing import Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from csms.domain.errors import InvalidArgument

MAX_FORM_HEAD: Final = 8_192


class FormFile:
    """`feed` gives what belongs to the file. Afterwards `filename` and `content_type` are what the form said, and
    `complete` says whether the file was there to its end."""

    def __init__(self, boundary: bytes) -> None:
        self.filename = ""
        self.content_type = ""
        self.complete = False
        self._inside = False
        self._out = bytearray()
        self._field = bytearray()
        self._value = bytearray()
        self._head: dict[bytes, bytes] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_head,
                "on_part_data": self._on_data,
                "on_part_end": self._end,
            },
        )

    @classmethod
    def of(cls, content_type: str) -> FormFile | None:
        """None when the body is no form, but the file itself. Raises InvalidArgument for a form without a boundary."""
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            return None
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= 200:
            raise InvalidArgument("The form has no boundary.", reason="INVALID_FORM")
        return cls(boundary)

    def feed(self, data: bytes) -> bytes:
        """Raises InvalidArgument for what is no form."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise InvalidArgument("This form cannot be read.", reason="INVALID_FORM") from error
        out = bytes(self._out)
        self._out.clear()
        return out

    def _begin(self) -> None:
        self._head.clear()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._field, data[start:end])

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._value, data[start:end])

    def _on_header(self) -> None:
        if len(self._head) < 20:
            self._head[bytes(self._field).lower()] = bytes(self._value)
        self._field.clear()
        self._value.clear()

    def _on_head(self) -> None:
        _, options = parse_options_header(self._head.get(b"content-disposition", b""))
        if b"filename" in options and not self.complete and not self._inside:
            self._inside = True
            self.filename = options[b"filename"].decode("utf-8", "replace")
            self.content_type = self._head.get(b"content-type", b"").decode("latin-1")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._out += data[start:end]

    def _end(self) -> None:
        if self._inside:
            self._inside, self.complete = False, True

    @staticmethod
    def _grow(part: bytearray, data: bytes) -> None:
        part += data
        if len(part) > MAX_FORM_HEAD:
            raise InvalidArgument("The head of this form is too long.", reason="INVALID_FORM")
