"""Rooms of their own on the network for processes under test, where root may have them: each has two cables, one to the
stations' side and one to NATS, and either can be pulled without anybody being told. Nothing leaves the machine.

    this machine                                room n
    10.P.(10+n).1  ── stations, monitor ──────  10.P.(10+n).2
    10.P.(100+n).1 ── NATS ───────────────────  10.P.(100+n).2, which goes to 10.P.1.1 that way
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class NoRooms(Exception):
    """This machine does not let us have any; a sentence says why."""


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoRooms(f"{' '.join(command)}: {done.stderr.strip()}")


@dataclass
class Room:
    """One network namespace."""

    name: str
    address: str
    """Where what runs in it listens for stations."""
    cable: str

    def inside(self, command: list[str]) -> list[str]:
        """The same command, run in it; its process id is the command's own."""
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]

    def pull(self) -> None:
        """The cable to NATS: bytes vanish, connections stay open and silent."""
        _do("ip", "link", "set", self.cable, "down")

    def plug_in(self) -> None:
        """As before."""
        _do("ip", "link", "set", self.cable, "up")


@dataclass
class Rooms:
    """All of one test run."""

    nats_address: str
    rooms: list[Room]


@contextlib.contextmanager
def open_rooms(count: int) -> Iterator[Rooms]:
    """Raises NoRooms when this is not root, or the machine cannot."""
    if os.environ.get("CLUSTER_NAMESPACES") == "no":
        raise NoRooms("they are not wanted")
    if os.geteuid() != 0:
        raise NoRooms("only root can have network namespaces")
    if not (shutil.which("ip") and shutil.which("nsenter")):
        raise NoRooms("there is no ip, or no nsenter")
    prefix = _free_prefix()
    nats_address = f"10.{prefix}.1.1"
    made = Rooms(nats_address, [])
    try:
        _do("ip", "address", "add", f"{nats_address}/32", "dev", "lo")
        for number in range(count):
            made.rooms.append(_room(prefix, number, nats_address))
        yield made
    finally:
        for number in range(count):  # the cables go with it
            _undo("ip", "link", "delete", f"ch{prefix}s{number}")
            _undo("ip", "link", "delete", f"ch{prefix}n{number}")
            _undo("ip", "netns", "delete", f"ch{prefix}-{number}")
        _undo("ip", "address", "delete", f"{nats_address}/32", "dev", "lo")


def _room(prefix: int, number: int, nats_address: str) -> Room:
    name = f"ch{prefix}-{number}"
    _do("ip", "netns", "add", name)
    _do("ip", "-netns", name, "link", "set", "lo", "up")
    for letter, third in (("s", 10 + number), ("n", 100 + number)):
        near, far = f"ch{prefix}{letter}{number}", f"{letter}0"
        _do("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        _do("ip", "address", "add", f"10.{prefix}.{third}.1/24", "dev", near)
        _do("ip", "-netns", name, "address", "add", f"10.{prefix}.{third}.2/24", "dev", far)
        _do("ip", "link", "set", near, "up")
        _do("ip", "-netns", name, "link", "set", far, "up")
    _do("ip", "-netns", name, "route", "add", nats_address, "via", f"10.{prefix}.{100 + number}.1")
    return Room(name, f"10.{prefix}.{10 + number}.2", f"ch{prefix}n{number}")


def _free_prefix() -> int:
    """No other run's: two may be under way at once. What a killed one left behind is passed over."""
    taken = Path("/run/netns")
    used = {each.name.partition("-")[0] for each in taken.iterdir()} if taken.is_dir() else set()
    return next(n for n in (200 + (os.getpid() + turn) % 50 for turn in range(50)) if f"ch{n}" not in used)


def _undo(*command: str) -> None:
    subprocess.run(command, capture_output=True, check=False)
