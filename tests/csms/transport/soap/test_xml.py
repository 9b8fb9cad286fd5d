"""XML from strangers: what is taken, what is not."""

from __future__ import annotations

import codecs

import pytest

from csms.transport.soap.xml import MAX_BYTES, Unreadable, local_name, namespace, parse, text_of

DOCUMENT = '<?xml version="1.0" encoding="{}"?><a>Ä</a>'


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (DOCUMENT.format("utf-8").encode(), ""),
        (DOCUMENT.format("UTF-8").encode("utf-8-sig"), "text/xml; charset=iso-8859-1"),  # the mark counts most
        (DOCUMENT.format("iso-8859-1").encode("iso-8859-1"), "text/xml"),
        (DOCUMENT.format("utf-8").encode("windows-1252"), 'text/xml; charset="Windows-1252"'),
        (DOCUMENT.format("utf-16").encode("utf-16"), "application/soap+xml; charset=utf-16"),
        (codecs.BOM_UTF16_BE + DOCUMENT.format("utf-16").encode("utf-16-be"), ""),
        (DOCUMENT.format("utf-16").encode("utf-16-le"), ""),  # no mark
        (DOCUMENT.format("utf-16").encode("utf-16-be"), "application/soap+xml; charset=utf-16"),
        (DOCUMENT.format("utf-16").encode(), ""),  # it says so, but it is not
        ("<a>Ä</a>".encode(), "text/xml; charset=utf-16"),
        (b"\n " + DOCUMENT.format("utf-8").encode(), ""),
        (DOCUMENT.format("gb2312").replace("Ä", "&#196;").encode("gb2312"), ""),
    ],
)
def test_any_encoding_is_read(content: bytes, content_type: str) -> None:
    assert parse(content, content_type).text == "Ä"


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plainly no XML",
        b"<a>",
        b"<a></b>",
        b"<a>&undeclared;</a>",
        b"<a>\x00</a>",
        b"<a>\xff</a>",
        f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l9;</a>'.encode(),
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://192.0.2.1/x.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode("utf-16"),
        b"<a>" * 5000 + b"</a>" * 5000,
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="unicode_escape"?><a/>',
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
        b"<a>" + b"x" * MAX_BYTES + b"</a>",
    ],
    ids=lambda content: repr(content[:30]),
)
def test_attacks_and_rubbish_are_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(content)


def test_comments_and_instructions_are_gone() -> None:
    root = parse(b"<a><!-- x --><?y z?><b/></a>")
    assert [child.tag for child in root] == ["b"]


def test_names() -> None:
    root = parse(b'<a xmlns="urn:x"><b xmlns=""> y </b></a>')
    assert (local_name(root), namespace(root), namespace(root[0])) == ("a", "urn:x", "")
    assert (text_of(root[0]), text_of(None), text_of(root)) == ("y", "", "")
