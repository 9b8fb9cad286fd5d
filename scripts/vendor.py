"""Fetch the portal's front-end files from their pinned npm packages into webui/static/vendor/.

Run it after changing a version here: ``python -m scripts.vendor``. It needs ``npm``; nobody who runs Chargehouse does,
since the files are committed. Each package is refused unless its SHA-512 sum is the one written below, so what is
committed is exactly what the package's maintainers published under that version.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "webui" / "static" / "vendor"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: what to take from it (path inside the package → file name here)."""

    name: str
    version: str
    integrity: str
    homepage: str
    licence: str
    purpose: str
    files: dict[str, str]


PACKAGES = (
    Package(
        name="htmx.org",
        version="2.0.11",
        integrity="sha512-Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        homepage="https://htmx.org/",
        licence="0BSD",
        purpose="forms and filters without a page load",
        files={"dist/htmx.min.js": "htmx.min.js"},
    ),
    Package(
        name="idiomorph",
        version="0.7.4",
        integrity="sha512-uCdSpLo3uMfqOmrwXTpR1k/sq4sSmKC7l4o/LdJOEU+MMMq+wkevRqOQYn3lP7vfz9Mv+USBEqPvi0XhdL9ENw==",
        homepage="https://github.com/bigskysoftware/idiomorph",
        licence="0BSD",
        purpose="live changes that keep focus, selection and scroll",
        files={"dist/idiomorph-ext.min.js": "idiomorph.min.js"},
    ),
    Package(
        name="uplot",
        version="1.6.32",
        integrity="sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        homepage="https://github.com/leeoniya/uPlot",
        licence="MIT",
        purpose="charts over time",
        files={"dist/uPlot.iife.min.js": "uplot.min.js", "dist/uPlot.min.css": "uplot.min.css"},
    ),
)

NOTICE_HEAD = """# Front-end files of other projects

Written by `python -m scripts.vendor` from the npm packages named below, byte for byte; never edited here.
"""


def main() -> int:
    """Fetch, check, unpack and write the notices. Exit code 1 when a sum is wrong, and then nothing is written."""
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed. It is only needed to renew the files in webui/static/vendor/.", file=sys.stderr)
        return 1
    archives: list[tuple[Package, bytes]] = []
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            data = _pack(npm, package, Path(folder))
            found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
            if found != package.integrity:
                print(f"{package.name} {package.version}: wrong sum {found}; nothing was written.", file=sys.stderr)
                return 1
            archives.append((package, data))
    TARGET.mkdir(parents=True, exist_ok=True)
    notices = [NOTICE_HEAD]
    for package, data in archives:
        notices.append(_unpack(package, data))
    (TARGET / "NOTICES.md").write_text("\n".join(notices), encoding="utf-8")
    return 0


def _pack(npm: str, package: Package, folder: Path) -> bytes:
    """The package's archive as npm hands it out."""
    done = subprocess.run(
        [npm, "pack", "--json", "--ignore-scripts", f"{package.name}@{package.version}"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return (folder / json.loads(done.stdout)[0]["filename"]).read_bytes()


def _unpack(package: Package, data: bytes) -> str:
    """Write the wanted files; the section of the notices for this package."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for inside, here in package.files.items():
            (TARGET / here).write_bytes(_member(archive, inside))
        licence = _member(archive, "LICENSE").decode("utf-8").strip()
    names = ", ".join(f"`{name}`" for name in package.files.values())
    return (
        f"## {package.name} {package.version}\n\n"
        f"{names}: {package.purpose}. {package.licence}. <{package.homepage}>\n\n"
        f"```text\n{licence}\n```\n"
    )


def _member(archive: tarfile.TarFile, inside: str) -> bytes:
    file = archive.extractfile(f"package/{inside}")
    if file is None:
        raise FileNotFoundError(inside)
    return file.read()


if __name__ == "__main__":
    sys.exit(main())
