"""What is committed in control/v1 is what the proto files say, and the proto files are in order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.generate_stubs import PACKAGE, differences, generate, generated_in, proto_files, replace
from tests.house.tree import ROOT

pytestmark = pytest.mark.skipif(not proto_files(), reason="there is no proto file yet")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    scratch = tmp_path_factory.mktemp("stubs")
    generate(scratch)
    return generated_in(scratch / PACKAGE)


def test_committed_stubs_are_those_of_the_proto_files(fresh: dict[str, bytes]) -> None:
    assert differences(fresh, generated_in(ROOT / PACKAGE)) == [], "run `make proto` and commit the result"


def test_stubs_import_each_other_by_their_place(fresh: dict[str, bytes]) -> None:
    stray = [
        f"{name}: {line}"
        for name, content in fresh.items()
        for line in content.decode().splitlines()
        if line.startswith("import ") and "_pb2" in line
        if not line.startswith(("import control.v1", "import google", "import grpc"))
    ]
    assert stray == []


def test_a_stale_a_missing_and_a_left_over_file_are_all_told() -> None:
    told = differences({"a_pb2.py": b"new", "b_pb2.py": b""}, {"a_pb2.py": b"old", "c_pb2.py": b""})
    assert told == ["a_pb2.py differs", "b_pb2.py is missing", "c_pb2.py has no proto file any more"]


def test_hand_written_files_survive_generation(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("kept")
    (tmp_path / "gone_pb2.py").write_text("left over")
    replace({"new_pb2.py": b"fresh"}, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["__init__.py", "new_pb2.py"]


def test_proto_files_are_well_formed_and_commented() -> None:
    buf = Path(sys.executable).with_name("buf")
    done = subprocess.run([str(buf), "lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
