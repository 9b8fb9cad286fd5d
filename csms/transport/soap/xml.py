"""XML from strangers: any declared encoding in, a harmless tree out.

No DTD, so no entities of anybody's making, no files, no network; nothing huge, nothing too deep. What stands in the
tree has been UTF-8 before it was parsed, whatever it came as (RFC 7303 §3: the byte order mark counts most, then the
HTTP header's charset, then the XML declaration).
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from lxml import etree

MAX_BYTES: Final = 1_048_576

_DECLARATION: Final = re.compile(r"\s*<\?xml\s[^>]*?\?>")
_DECLARED: Final = re.compile(rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
_CHARSET: Final = re.compile(r"""charset\s*=\s*"?([A-Za-z][A-Za-z0-9._-]*)""", re.IGNORECASE)
_KNOWN: Final = re.compile(
    r"utf-8|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp125\d|koi8-r|gb2312|gbk|gb18030|big5|shift_jis|euc_(jp|kr)"
)
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Unreadable(Exception):
    """Not the XML that we take; says why."""


def parse(content: bytes, content_type: str = "") -> etree._Element:
    """The root. Raises Unreadable."""
    if len(content) > MAX_BYTES:
        raise Unreadable(f"The message is longer than {MAX_BYTES} bytes.")
    text = _DECLARATION.sub("", _text(content, content_type), count=1)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Unreadable("The message has a document type declaration, which SOAP forbids.")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:  # ValueError: a surrogate, alone
        raise Unreadable(f"The message is not well-formed XML: {str(error)[:150]}") from None


def _text(content: bytes, content_type: str) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _decoded(content[len(mark) :], encoding)
    charset = _CHARSET.search(content_type)
    declared = _DECLARED.match(content[:200])
    if content[:2] == b"<\0":
        encoding = "utf-16-le"
    elif content[:2] == b"\0<":
        encoding = "utf-16-be"
    elif charset is not None and not charset[1].lower().startswith("utf-16"):  # bytes that are plainly no UTF-16
        encoding = charset[1]
    elif declared is not None and not declared[1].lower().startswith(b"utf-16"):
        encoding = declared[1].decode()
    else:
        encoding = "utf-8"
    return _decoded(content, encoding)


def _decoded(content: bytes, encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        name = ""
    if not _KNOWN.fullmatch(name):
        raise Unreadable(f"The message's encoding {encoding[:40]} is not known here. Use UTF-8.")
    try:
        return content.decode(name)
    except UnicodeDecodeError as error:
        raise Unreadable(f"The message is not {encoding[:40]}: byte {error.start} does not belong.") from None


def local_name(element: etree._Element) -> str:
    """The tag without its namespace."""
    return str(etree.QName(element).localname)


def namespace(element: etree._Element) -> str:
    """The tag's namespace, empty when it has none."""
    return str(etree.QName(element).namespace or "")


def text_of(element: etree._Element | None) -> str:
    """The text of an element without the blanks around it; empty when there is none."""
    return "" if element is None or element.text is None else str(element.text).strip()
