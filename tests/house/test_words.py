"""What must never be committed: addresses of registries, paths of one machine, keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, project_files

# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "the host of a package registry": re.compile(
        "|".join(
            re.escape(name)
            for name in (
                "pypi." + "org",
                "python" + "hosted.",
                "registry.npm" + "js",
                "npmjs." + "com",
                "registry.yarn" + "pkg",
                "docker." + "io",
                "ghcr." + "io",
                "quay." + "io",
                "proxy." + "golang",
                "deb." + "debian",
                "--index" + "-url ",
                "--extra-index" + "-url ",
                "--find" + "-links ",
            )
        )
    ),
    "a path of one machine": re.compile(
        r"(?<![\w.])/(?:" + "|".join(("ro" + "ot", "ho" + "me", "wo" + "rk", "Us" + "ers")) + r")/\w"
    ),
    "a private key": re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----"),
}
# Path → reason.
EXCEPTIONS: dict[str, str] = {}
# Minified files of others hold whatever they hold.
VENDORED = Path("webui/static/vendor")


def violations(text: str) -> Iterator[str]:
    """What is wrong in a text, each with its line number."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in FORBIDDEN.items():
            if pattern.search(line):
                yield f"{number}: {what}"


@pytest.mark.parametrize(
    "line",
    [
        "see https://files.python" + "hosted.org/x",
        "cd /ro" + "ot/project",
        "open('/ho" + "me/me/x')",
        "image: ghcr." + "io/x/y",
        "-----BEGIN PRIVATE " + "KEY-----",
    ],
)
def test_a_slip_is_seen(line: str) -> None:
    assert list(violations(line))


@pytest.mark.parametrize("line", ["the csms/ro" + "ot/x folder", "/opt/chargehouse/bin", "GET /stations/7"])
def test_ordinary_words_are_let_through(line: str) -> None:
    assert not list(violations(line))


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = []
    for path in project_files():
        if path.is_relative_to(VENDORED) or str(path) in EXCEPTIONS:
            continue
        try:
            text = (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a font
        found += [f"{path}:{slip}" for slip in violations(text)]
    assert found == []
