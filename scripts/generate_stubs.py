"""Write the Python of ``control/v1`` from ``proto/``: messages, gRPC stubs and their types.

``python -m scripts.generate_stubs`` replaces the generated files in the tree; with ``--check`` it
changes nothing and exits 1 when what is committed is not what the proto files say.

The generator is pinned (``grpcio-tools`` 1.76 in pyproject.toml): what it writes runs on protobuf 6.31 to 7.x.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
PACKAGE = Path("control") / "v1"
GENERATED = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")


class GenerationFailed(Exception):
    """protoc refused; the message is what it said."""


def proto_files() -> list[Path]:
    """Every proto file, sorted, as paths relative to ``proto/``."""
    return sorted(path.relative_to(PROTO) for path in PROTO.rglob("*.proto"))


def generated_in(folder: Path) -> dict[str, bytes]:
    """Name → content of the generated files that stand in ``folder`` (none when it does not exist)."""
    if not folder.is_dir():
        return {}
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name.endswith(GENERATED)}


def generate(into: Path) -> None:
    """Generate all stubs below ``into`` (they land in ``into/control/v1``).

    Raises GenerationFailed with protoc's own words.
    """
    bin_dir = Path(sys.executable).parent  # the plug-ins stand beside the interpreter, on PATH or not
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"--proto_path={PROTO}",
        f"--proto_path={files('grpc_tools') / '_proto'}",
        f"--plugin=protoc-gen-mypy={bin_dir / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={bin_dir / 'protoc-gen-mypy_grpc'}",
        f"--python_out={into}",
        f"--grpc_python_out={into}",
        f"--mypy_out=quiet:{into}",
        f"--mypy_grpc_out=quiet:{into}",
        *map(str, proto_files()),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GenerationFailed(done.stderr.strip() or f"protoc ended with {done.returncode}")


def differences(fresh: dict[str, bytes], committed: dict[str, bytes]) -> list[str]:
    """Sentences on what is missing, left over or changed; empty when both sides agree."""
    found = [f"{name} is missing" for name in fresh.keys() - committed.keys()]
    found += [f"{name} has no proto file any more" for name in committed.keys() - fresh.keys()]
    found += [f"{name} differs" for name in fresh.keys() & committed.keys() if fresh[name] != committed[name]]
    return sorted(found)


def replace(fresh: dict[str, bytes], folder: Path) -> None:
    """Make the generated files of ``folder`` exactly ``fresh``; hand-written ones (``__init__.py``) stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in generated_in(folder).keys() - fresh.keys():
        (folder / name).unlink()
    for name, content in fresh.items():
        target = folder / name
        if not target.exists() or target.read_bytes() != content:
            target.write_bytes(content)


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Generate control/v1 from proto/.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the tree is stale")
    options = parser.parse_args(argv)
    if not proto_files():
        print("There is no proto file yet: nothing to generate.")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        try:
            generate(Path(scratch))
        except GenerationFailed as failure:
            print(failure, file=sys.stderr)
            return 1
        fresh = generated_in(Path(scratch) / PACKAGE)
    if not options.check:
        replace(fresh, ROOT / PACKAGE)
        print(f"{len(fresh)} files in {PACKAGE}")
        return 0
    stale = differences(fresh, generated_in(ROOT / PACKAGE))
    for line in stale:
        print(f"{PACKAGE}/{line}", file=sys.stderr)
    if stale:
        print("Run `make proto` and commit the result.", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
