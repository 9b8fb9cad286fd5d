"""What the documents promise is there: links, commands, settings, the licence."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT, project_files

# Link target → reason.
NOT_THERE_YET: dict[str, str] = {}
_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_TARGET = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)


def documents() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md"]


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as they are made on code hosts."""
    headings = re.findall(r"^#+ (.+?)\s*$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> list[str]:
    text = (ROOT / document).read_text("utf-8")
    broken = []
    for target in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (ROOT / document).parent / name if name else ROOT / document
        relative = linked.resolve().relative_to(ROOT).as_posix()
        if not linked.exists():
            if relative not in NOT_THERE_YET:
                broken.append(f"{document}: {target}")
        elif anchor and linked.suffix == ".md" and anchor not in anchors(linked.read_text("utf-8")):
            broken.append(f"{document}: {target} (no such heading)")
    return broken


def test_every_link_between_documents_leads_somewhere() -> None:
    assert [link for document in documents() for link in broken_links(document)] == []


def test_what_is_excused_is_still_missing() -> None:
    assert [name for name in NOT_THERE_YET if (ROOT / name).exists()] == []


def test_every_make_command_in_a_document_is_a_target() -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
    unknown = [
        f"{document}: make {name}"
        for document in documents()
        for name in re.findall(r"(?:`|^|&& )make ([a-z][a-z-]*)", (ROOT / document).read_text("utf-8"), re.MULTILINE)
        if name not in targets
    ]
    assert unknown == []


def test_the_two_commands_of_a_newcomer_stand_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "make run" in readme
    assert "make test" in readme


def test_the_architecture_has_a_line_for_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    rooms = sorted({p.parent.as_posix() for p in project_files() if p.name == "__init__.py"})
    assert [room for room in rooms if f"`{room}/`" not in text] == []


def test_the_licence_is_there_in_full() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert (ROOT / "THIRD_PARTY_NOTICES.md").is_file()


def test_every_vendored_file_has_its_notice() -> None:
    folder = Path("webui/static/vendor")
    vendored = [path for path in project_files() if path.is_relative_to(folder) and path.name != "NOTICES.md"]
    if not vendored:
        return
    assert f"{folder}/NOTICES.md" in (ROOT / "THIRD_PARTY_NOTICES.md").read_text("utf-8")
    notices = (ROOT / folder / "NOTICES.md").read_text("utf-8")
    assert [str(path) for path in vendored if f"`{path.name}`" not in notices] == []


@pytest.mark.parametrize("script", [p for p in project_files() if p.suffix == ".sh" or p == Path(".ci/run")], ids=str)
def test_shell_scripts_parse_run_and_stop_at_the_first_error(script: Path) -> None:
    assert subprocess.run(["bash", "-n", str(ROOT / script)], check=False).returncode == 0
    assert "set -euo pipefail" in (ROOT / script).read_text("utf-8")
    assert (ROOT / script).stat().st_mode & 0o111, "not executable"


def test_ci_runs_what_a_person_runs() -> None:
    text = (ROOT / ".ci/run").read_text("utf-8")
    assert re.search(r"make .*lint", text)
    assert re.search(r"make test", text)
    assert "export CI=true" in text
