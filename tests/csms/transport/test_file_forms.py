"""The first file of a form, however it is cut into pieces."""

from __future__ import annotations

import pytest

from csms.domain.errors import InvalidArgument
from csms.transport.file_forms import FormFile

FORM = (
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nword\r\n'
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="l.txt"\r\nContent-Type: text/plain\r\n\r\nfirst\r\n'
    b'--x\r\nContent-Disposition: form-data; name="g"; filename="m.txt"\r\n\r\nsecond\r\n--x--\r\n'
)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_only_the_first_file_is_taken(size: int) -> None:
    form = FormFile.of("multipart/form-data; boundary=x")
    assert form is not None
    content = b"".join(form.feed(FORM[begin : begin + size]) for begin in range(0, len(FORM), size))
    assert (content, form.filename, form.content_type, form.complete) == (b"first", "l.txt", "text/plain", True)


def test_what_is_no_form() -> None:
    assert FormFile.of("application/zip") is None
    with pytest.raises(InvalidArgument):
        FormFile.of("multipart/form-data")
    form = FormFile.of("multipart/form-data; boundary=x")
    assert form is not None
    with pytest.raises(InvalidArgument):
        form.feed(b"nonsense")


def test_endless_heads_are_refused() -> None:
    form = FormFile.of("multipart/form-data; boundary=x")
    assert form is not None
    with pytest.raises(InvalidArgument):
        form.feed(b"--x\r\nA: " + b"y" * 20_000)
