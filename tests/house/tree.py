"""What the house tests look at: the files that belong to the project, and the rooms of the source tree."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("csms", "control", "webui", "loadtest")
GENERATED = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")


@cache
def project_files() -> tuple[Path, ...]:
    """Tracked files and those that would be tracked, as paths relative to the root.

    Outside a git checkout (an unpacked archive) it is every file outside hidden and build folders.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        names = [p for p in names if p.parts[0] not in {".venv", ".git", ".make", "build", "dist", "data"}]
    return tuple(sorted(path for path in names if (ROOT / path).is_file()))


def is_generated(path: Path) -> bool:
    """Whether a generator wrote this file (it is then judged at its source)."""
    return path.name.endswith(GENERATED)


def source_modules() -> list[Path]:
    """The hand-written modules of the four packages, relative to the root."""
    return [p for p in project_files() if p.parts[0] in PACKAGES and p.suffix == ".py" and not is_generated(p)]


def python_files() -> list[Path]:
    """Every hand-written Python file of the project, tests and tools included."""
    return [path for path in project_files() if path.suffix == ".py" and not is_generated(path)]


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file given relative to the root."""
    return ast.parse((ROOT / path).read_text("utf-8"), filename=str(path))
