"""Brings the catalogues of the portal's texts up to date: ``python -m scripts.messages`` (``make messages``).

It reads all texts of `webui/`, adds new ones to every `webui/locale/*/LC_MESSAGES/portal.po` (without a translation,
for somebody to write), takes out those that are gone, and compiles the `.mo` files that the portal reads. Translations
are never guessed from similar texts. Exit code 1 with `--check` when a text has no translation or a file would change.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "webui"
LOCALES = SOURCE / "locale"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
LANGUAGES = ("de", "nl", "sv")
WIDTH = 120


def texts(source: Path = SOURCE) -> dict[str, str]:
    """Every text in the order of the alphabet, and its plural or nothing."""
    found: dict[str, str] = {}
    for _file, _line, message, _comments, _context in extract_from_dir(source, METHODS):
        one, many = (message, "") if isinstance(message, str) else (message[0], message[1])
        if one:
            found[one] = many or found.get(one, "")
    return dict(sorted(found.items()))


def path_of(language: str) -> Path:
    """The file that is edited."""
    return LOCALES / language / "LC_MESSAGES" / "portal.po"


def read(language: str) -> Catalog:
    """What stands in it; empty when it is not there yet."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def renewed(old: Catalog, wanted: dict[str, str]) -> Catalog:
    """A catalogue of exactly these texts, with the translations that there are."""
    made = Catalog(locale=old.locale, fuzzy=False, charset="utf-8")
    for one, many in wanted.items():
        known = old.get(one)
        string = known.string if known is not None and not known.fuzzy else None
        if many:
            made.add((one, many), string if isinstance(string, (tuple, list)) else ("", ""))
        else:
            made.add(one, string if isinstance(string, str) else "")
    return made


def missing(catalogue: Catalog) -> list[str]:
    """Texts without a translation."""
    return [_key(message) for message in catalogue if message.id and not _is_whole(message)]


def printed(catalogue: Catalog) -> bytes:
    """As a `.po` file: no dates and no line numbers, so that it only changes when a text does."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=WIDTH, omit_header=True, sort_output=True)
    head = f'# Texts of the portal.\nmsgid ""\nmsgstr ""\n"Language: {catalogue.locale}\\n"\n'
    head += '"Content-Type: text/plain; charset=utf-8\\n"\n'
    head += f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    return head.encode() + buffer.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """As a `.mo` file."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Renew, or only look."""
    parser = argparse.ArgumentParser(description="Bring the portal's catalogues up to date.")
    parser.add_argument("--check", action="store_true", help="change nothing; say what is missing")
    options = parser.parse_args(arguments)
    wanted, bad = texts(), 0
    for language in LANGUAGES:
        catalogue = renewed(read(language), wanted)
        lost = missing(catalogue)
        path = path_of(language)
        print(f"{language}: {len(wanted) - len(lost)} of {len(wanted)} texts", file=sys.stderr)
        bad += len(lost)
        if options.check:
            bad += not path.exists() or path.read_bytes() != printed(catalogue)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(printed(catalogue))
        path.with_suffix(".mo").write_bytes(compiled(catalogue))
    return 1 if options.check and bad else 0


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _is_whole(message: Message) -> bool:
    strings = [message.string] if isinstance(message.string, str) else list(message.string or [""])
    return all(strings) and not message.fuzzy


if __name__ == "__main__":
    sys.exit(main())
