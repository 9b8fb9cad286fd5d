"""The pins: hashed, without addresses, in agreement, and enough on every Python that we support."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_PIN = re.compile(
    r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ; [^\\\n]+?)?((?:\s*\\\n\s+--hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE
)


def pins(name: str) -> dict[str, str]:
    """Package → version of one of the requirements files."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return {canonicalize_name(package): version for package, version, _ in _PIN.findall(text)}


def project() -> dict[str, object]:
    """The ``[project]`` table of pyproject.toml."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert isinstance(table, dict)
    return table


def wanted_by(requirements: list[str], python: str, extras: frozenset[str]) -> Iterator[Requirement]:
    """Those of the requirements that hold on Linux with that Python."""
    here = {name: str(value) for name, value in default_environment().items()}
    for text in requirements:
        requirement = Requirement(text)
        for extra in extras or frozenset({""}):
            there = {"python_version": python, "python_full_version": f"{python}.0", "extra": extra}
            if requirement.marker is None or requirement.marker.evaluate(here | there):
                yield requirement
                break


def closure(roots: list[str], python: str) -> set[str]:
    """Everything that has to be installed for ``roots``, by the metadata of what is installed here."""
    todo = [(r, frozenset(r.extras)) for r in wanted_by(roots, python, frozenset())]
    seen: set[tuple[str, frozenset[str]]] = set()
    names: set[str] = set()
    while todo:
        requirement, extras = todo.pop()
        name = canonicalize_name(requirement.name)
        names.add(name)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # only needed elsewhere; that it is pinned is checked all the same
        todo += [(r, frozenset(r.extras)) for r in wanted_by(needs, python, extras)]
    return names


@pytest.mark.parametrize("python", PYTHONS)
def test_a_newer_python_needs_nothing_that_is_not_pinned(python: str) -> None:
    table = project()
    runtime, extra = table["dependencies"], table["optional-dependencies"]
    assert isinstance(runtime, list)
    assert isinstance(extra, dict)
    assert closure(runtime, python) - pins("run").keys() == set(), "run `make pins`"
    assert closure(runtime + extra["dev"], python) - pins("dev").keys() == set(), "run `make pins`"


def test_what_runs_is_what_is_tested() -> None:
    tested = pins("dev")
    assert {name: version for name, version in pins("run").items() if tested.get(name) != version} == {}


def test_declared_bounds_hold_for_the_pins() -> None:
    table = project()
    runtime, extra = table["dependencies"], table["optional-dependencies"]
    assert isinstance(runtime, list)
    assert isinstance(extra, dict)
    pinned = pins("dev")
    outside = [
        text
        for text in runtime + extra["dev"]
        if pinned.get(canonicalize_name(Requirement(text).name), "") not in Requirement(text).specifier
    ]
    assert outside == [], "run `make pins`"


def test_the_build_backend_is_pinned_as_the_project_is_installed_without_isolation() -> None:
    assert "setuptools" in pins("run")


@pytest.mark.parametrize("name", ["run", "dev"])
def test_every_pin_has_hashes_and_no_line_says_where_from(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    rest = _PIN.sub("", text)
    left_over = [line for line in rest.splitlines() if line.strip() and not line.startswith("#")]
    assert left_over == []
    assert "://" not in text


def test_the_supported_pythons_are_those_of_the_classifiers() -> None:
    classifiers = project()["classifiers"]
    assert isinstance(classifiers, list)
    told = [c.rpartition(" :: ")[2] for c in classifiers if re.search(r":: 3\.\d+$", c)]
    assert tuple(told) == PYTHONS
    assert project()["requires-python"] == f">={PYTHONS[0]}"
