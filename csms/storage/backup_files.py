"""What lies beside the database and a backup must have, too: files, the certificate authority, the key of secrets.

`NAME.files/` has them as they lie in the data folder. Files of the vault never change, so they are hard links where the
disk allows it, and many backups of one firmware image take its room once. The rest is copied. Nothing is decrypted:
secrets stay as sealed as they are, and the key that opens them is readable for its owner alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from csms.domain.errors import FailedPrecondition

__all__ = ["digests", "gather", "missing_or_wrong", "put_back"]

VAULT: Final = "files"
AUTHORITY: Final = "authority"
KEY: Final = "secret.key"
REPLACED: Final = ".replaced"
_UNFINISHED: Final = frozenset({".part", ".new"})
_CHUNK: Final = 1 << 20


def gather(data: Path, into: Path) -> None:
    """Take what is there into a folder of its own; what it has already stays. Raises FailedPrecondition."""
    try:
        into.mkdir(mode=0o700, exist_ok=True)
        for path in _found(data):
            copy = into / path.relative_to(data)
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if copy.exists():
                continue
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile: then nobody needs it
                _take(path, copy, link=copy.relative_to(into).parts[0] == VAULT)
    except OSError as error:
        raise FailedPrecondition(
            f"{error.filename or into} cannot be taken into the backup: {error.strerror}.", reason="BACKUP_FAILED"
        ) from error


def digests(folder: Path) -> dict[str, tuple[int, str]]:
    """Each file's size and SHA-256, by its name in the folder. Raises OSError."""
    return {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def missing_or_wrong(folder: Path, noted: Mapping[str, tuple[int, str]]) -> str:
    """What differs from the note, as a sentence; empty: nothing."""
    for name, (size, digest) in noted.items():
        try:
            if _digest(folder / name) != (size, digest):
                return f"{folder.name}/{name} is not what was kept."
        except OSError as error:
            return f"{folder.name}/{name} cannot be read: {error.strerror}."
    return ""


def put_back(folder: Path, data: Path) -> None:
    """Into the data folder, while no server runs on it. The authority and the key that are there step aside; files
    that only the present database knows are swept away by the server. Raises FailedPrecondition."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (AUTHORITY, KEY):
            there = data / name
            if (folder / name).exists() and there.exists() and _content(folder / name) != _content(there):
                _step_aside(there)
        for path in _found(folder):
            there = data / path.relative_to(folder)
            there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not there.exists():
                _take(path, there, link=False)
    except OSError as error:
        raise FailedPrecondition(
            f"{error.filename or data} cannot be put back: {error.strerror}. The database is in place already; run"
            " restore again when this is mended.",
            reason="RESTORE_FAILED",
        ) from error


def _found(data: Path) -> Iterator[Path]:
    """The files that belong into a backup; none that is half written."""
    for top in (VAULT, AUTHORITY):
        for path in sorted((data / top).rglob("*")):
            if path.is_file() and not path.is_symlink() and path.suffix not in _UNFINISHED:
                yield path
    if (data / KEY).is_file():
        yield data / KEY


def _take(path: Path, copy: Path, *, link: bool) -> None:
    if link:
        with contextlib.suppress(OSError):  # another disk, or one without links
            os.link(path, copy)
            return
    partial = copy.with_name(f".{copy.name}.part")
    partial.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with path.open("rb") as source, os.fdopen(os.open(partial, flags, 0o600), "wb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
        target.flush()
        os.fsync(target.fileno())
    partial.rename(copy)


def _content(path: Path) -> object:
    return digests(path) if path.is_dir() else _digest(path)


def _step_aside(path: Path) -> None:
    old = path.with_name(path.name + REPLACED)
    if old.is_dir():
        shutil.rmtree(old)
    path.rename(old)


def _digest(path: Path) -> tuple[int, str]:
    found, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            size += len(chunk)
    return size, found.hexdigest()
