"""The certificate authority's files: keys and root certificates, in the data folder, for the owner's eyes only.

Layout, below the data folder::

    authority/          mode 0700
        *.key, *.pem    mode 0600
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from csms.domain.errors import Unavailable

MAX_BYTES = 1024 * 1024


class AuthorityFolder:
    """csms.ports.certificates.AuthorityFiles in a folder. Names are our own, never a stranger's."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        """A file of that name, None when there is none. Raises Unavailable."""
        try:
            fd = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error
        with os.fdopen(fd, "rb") as file:
            return file.read(MAX_BYTES)

    def keep(self, name: str, content: bytes) -> bytes:
        """Write it whole or not at all, unless there is one already: then that one's content. Raises Unavailable."""
        # Not the process id alone: in containers that share the folder every process has the same.
        new = self.path / f"{name}.{os.getpid()}-{secrets.token_hex(4)}.new"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(new, self.path / name)  # unlike a rename, it never takes the place of another
            new.unlink()
            self._sync()
        except OSError as error:
            raise self._unusable(error) from error
        kept = self.read(name)
        return content if kept is None else kept

    def _sync(self) -> None:
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _unusable(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"The folder of the certificate authority, {self.path}, cannot be used: {error.strerror}. Run chargehouse"
            " as its owner, or choose another folder with --data-dir.",
            reason="AUTHORITY_FOLDER",
        )
