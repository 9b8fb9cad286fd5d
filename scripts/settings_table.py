"""The table of all settings for ``docs/operating.md``, made from ``csms/config.py``.

``python -m scripts.settings_table`` prints it; ``--write`` puts it into the document, between its two marks.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from csms.config import Settings
from csms.config_reading import PREFIX

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "operating.md"
BEGIN, END = "<!-- settings:begin -->", "<!-- settings:end -->"


def settings_table() -> str:
    """A Markdown table, one row per setting in the order of ``Settings``; ends with a line end."""
    lines = ["| flag | environment | default | what |", "| --- | --- | --- | --- |"]
    for each in dataclasses.fields(Settings):
        flag = f"`--{each.name.replace('_', '-')}`"
        if isinstance(each.default, bool):
            flag += f", `--no-{each.name.replace('_', '-')}`"
        text = each.metadata["help"]
        if each.metadata["choices"]:
            text += f" ({', '.join(f'`{choice}`' for choice in each.metadata['choices'])})"
        lines.append(f"| {flag} | `{PREFIX}{each.name.upper()}` | {_default(each.default)} | {text} |")
    return "\n".join(lines) + "\n"


def within(document: str) -> str:
    """What stands between the marks. Raises ValueError when they are missing or doubled."""
    before, begin, rest = document.partition(f"{BEGIN}\n")
    table, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before:
        raise ValueError(f"docs/operating.md needs the marks {BEGIN} and {END}, once each, in this order")
    return table


def replaced(document: str) -> str:
    """The document with the table of today."""
    return document.replace(f"{BEGIN}\n{within(document)}{END}", f"{BEGIN}\n{settings_table()}{END}")


def _default(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`" if str(value) else "none"


def main(arguments: list[str]) -> int:
    """Run the command. Returns the exit code."""
    if arguments == ["--write"]:
        DOCUMENT.write_text(replaced(DOCUMENT.read_text("utf-8")), "utf-8")
        return 0
    sys.stdout.write(settings_table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
