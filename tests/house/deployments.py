"""What the lints of compose files, of the balancer's configuration and of the chart share."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from csms.__main__ import parser
from csms.config import Settings
from csms.config_reading import PREFIX
from tests.house.tree import ROOT
from webui.__main__ import parser as portal_parser

# A tag says at least a major version: "18-bookworm" does, "latest" and nothing do not.
PINNED: Final = re.compile(r"^[\w./-]+:\d+[\w.-]*$")
CLUSTER: Final = ROOT / "deploy/compose-cluster"
CHART: Final = ROOT / "deploy/helm/chargehouse"


def setting_names() -> set[str]:
    """As a TOML file spells them."""
    return {each.name for each in dataclasses.fields(Settings)}


def environment_names() -> set[str]:
    """What a process of ours reads: settings, the file with settings, and the portal's own."""
    told = re.findall(rf"\[({PREFIX}\w+)\]", portal_parser().format_help())
    return {PREFIX + name.upper() for name in setting_names()} | {PREFIX + "CONFIG"} | set(told)


def commands() -> dict[str, argparse.ArgumentParser]:
    """Those of `chargehouse`."""
    found = next(each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    return dict(found.choices)


def flags_of(command: str) -> set[str]:
    """All flags that `chargehouse COMMAND` takes."""
    if command == "portal":
        return set(portal_parser()._option_string_actions)
    return set(commands()[command]._option_string_actions)


def unknown_flags(command: list[str]) -> list[str]:
    """Of a command line, from the command's name on."""
    known = flags_of(command[0])
    return [word for word in command[1:] if word.startswith("--") and word.partition("=")[0] not in known]


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Those that look like ours and are nobody's."""
    return sorted(name for name in names if name.startswith(PREFIX) and name not in environment_names())


def haproxy_sections(text: str) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Kind, name and lines (as words) of each section of HAProxy's configuration."""
    kind, name, lines = "", "", list[list[str]]()
    for raw in text.splitlines():
        words = raw.split("#", 1)[0].split()
        if not words:
            continue
        if not raw[0].isspace():
            if kind:
                yield kind, name, lines
            kind, name, lines = words[0], words[1] if len(words) > 1 else "", []
        else:
            lines.append(words)
    yield kind, name, lines


def listening_port(command: list[str], flag: str) -> int:
    """Of `flag HOST:PORT` in a command line."""
    return int(command[command.index(flag) + 1].rpartition(":")[2])


def of_kind(services: dict[str, Any], kind: str) -> dict[str, Any]:
    """The services KIND-1, KIND-2 …"""
    return {name: each for name, each in services.items() if re.fullmatch(rf"{kind}-\d+", name)}
