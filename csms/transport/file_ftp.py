"""The file door for FTP and FTPS: pyftpdlib in a thread of its own, with its own loop.

A password is a transfer's token, and a session sees a folder with at most that transfer's one file: no listing, no
other folders, no renaming, deleting, appending. Names are only taken down. What a session asks of the rest of the house
goes over to trio and waits there (`FtpBridge`).

FTPS comes in two kinds on one port: explicit (AUTH TLS), and implicit, where the client speaks first; the server's
greeting waits for a moment to tell them apart.
"""

from __future__ import annotations

import errno
import logging
import posixpath
import socket
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Final, TypeVar

import structlog
import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL

from csms.domain.errors import DomainError, Unavailable
from csms.domain.transfers import Direction, StoredFile
from csms.services.transfers import Receipt, Taken, Transfers
from csms.transport.file_http import FileGuesses
from csms.transport.sockets import open_listen_socket
from csms.transport.tls import TlsMaterial

with warnings.catch_warnings():  # it stands on asyncore, which is deprecated, and brings its own for newer Pythons
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.exceptions import AuthenticationFailed, FilesystemError  # type: ignore[import-untyped]
    from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler  # type: ignore[import-untyped]
    from pyftpdlib.ioloop import IOLoop  # type: ignore[import-untyped]
    from pyftpdlib.servers import FTPServer  # type: ignore[import-untyped]

_log = structlog.get_logger("csms.files")
T = TypeVar("T")

BRIDGE_SECONDS: Final = 10.0
TICK: Final = 0.25
GREETING_DELAY: Final = 0.3
COMMANDS: Final = (
    *("USER", "PASS", "QUIT", "REIN", "AUTH", "PBSZ", "PROT", "NOOP", "SYST", "FEAT", "HELP", "OPTS"),
    *("TYPE", "MODE", "STRU", "ALLO", "PASV", "EPSV", "PORT", "EPRT", "REST", "ABOR", "STAT"),
    *("PWD", "XPWD", "CWD", "XCWD", "CDUP", "XCUP", "SIZE", "RETR", "STOR"),
)
logging.getLogger("pyftpdlib").addHandler(logging.NullHandler())  # else it sets up logging of its own
logging.getLogger("pyftpdlib").propagate = False


@dataclass(frozen=True, slots=True)
class FtpLimits:
    """Seconds, and how many. `slowest`: bytes a second while a file is under way, over `stall_timeout`."""

    connections: int = 100
    connections_of_one: int = 10
    idle_timeout: int = 60
    stall_timeout: int = 60
    slowest: int = 512
    login_delay: float = 1.0


@dataclass(frozen=True, slots=True)
class FtpRules:
    """`plain`: FTP without TLS is allowed. `passive_ports`: of data connections, empty: any. `public_address`: the IPv4
    address that stations are told for data connections, empty: the one that they came to."""

    plain: bool = False
    passive_ports: range = range(0)
    public_address: str = ""
    limits: FtpLimits = field(default_factory=FtpLimits)


class FtpBridge:
    """From the thread of FTP into trio; every call waits for its end, but not for long."""

    def __init__(self, transfers: Transfers, guesses: FileGuesses) -> None:
        """From trio."""
        self.transfers = transfers
        self._guesses = guesses
        self._token = trio.lowlevel.current_trio_token()

    def take(self, token: str, address: str) -> Taken | None:
        """See `FileGuesses.take`."""
        return self._run(partial(self._guesses.take, self.transfers, token, address))

    def receive(self, taken: Taken) -> Receipt:
        """See `Transfers.receive`."""
        return self._run(partial(self.transfers.receive, taken))

    def finish(self, receipt: Receipt, filename: str) -> StoredFile:
        """See `Receipt.finish`."""
        return self._run(partial(receipt.finish, filename))

    def abandon(self, receipt: Receipt) -> None:
        """See `Receipt.abandon`."""
        trio.from_thread.run_sync(receipt.abandon, trio_token=self._token)

    def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def in_time() -> T:
            with trio.move_on_after(BRIDGE_SECONDS):
                return await work()
            raise Unavailable("This takes too long now. Try again.", reason="TOO_SLOW")

        return trio.from_thread.run(in_time, trio_token=self._token)


class FtpDoor:
    """`run` serves until it is cancelled. `material`: certificate and key, asked for anew by every connection that
    begins TLS; None: no TLS."""

    def __init__(
        self, bridge: FtpBridge, host: str, port: int, rules: FtpRules, material: Callable[[], TlsMaterial] | None
    ) -> None:
        """Raises OSError when the address cannot be had."""
        self.bridge = bridge
        self.rules = rules
        self._material = material
        self._seen: TlsMaterial | None = None
        self._context: SSL.Context | None = None
        self._socket = open_listen_socket(host, port)
        self.port = int(self._socket.getsockname()[1])

    def close(self) -> None:
        """When it never came to `run`."""
        self._socket.close()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled; then the sessions end."""
        stop = threading.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(trio.to_thread.run_sync, self._loop, stop, limiter=trio.CapacityLimiter(1)))
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                stop.set()

    def context(self) -> SSL.Context | None:
        """For a new TLS connection."""
        if self._material is not None and (material := self._material()) is not self._seen:
            self._seen, self._context = material, _make_context(material)
        return self._context

    # -- in the thread of FTP from here on -------------------------------------------------------------------------

    def _loop(self, stop: threading.Event) -> None:
        limits = self.rules.limits
        kind = type(
            "BoundFtpSession",
            (_Session,),
            {
                "door": self,
                "timeout": limits.idle_timeout,
                "auth_failed_timeout": limits.login_delay,
                "passive_ports": list(self.rules.passive_ports) or None,
                "masquerade_address": self.rules.public_address or None,
                "tls_control_required": not self.rules.plain,
                "tls_data_required": not self.rules.plain,
                "dtp_handler": type(
                    "BoundFtpData", (_Data,), {"timeout": limits.stall_timeout, "slowest": limits.slowest}
                ),
            },
        )
        loop = IOLoop()
        server = FTPServer(self._socket, kind, ioloop=loop, backlog=100)
        server.max_cons, server.max_cons_per_ip = limits.connections, limits.connections_of_one
        try:
            while not stop.is_set():
                loop.loop(timeout=TICK, blocking=False)
        finally:
            server.close_all()
            loop.close()


def _make_context(material: TlsMaterial) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_cipher_list(b"ECDHE+AESGCM")
    leaf, *others = x509.load_pem_x509_certificates(material.certificate)
    context.use_certificate(leaf)
    for other in others:
        context.add_extra_chain_cert(other)
    context.use_privatekey(load_pem_private_key(material.key, password=None))  # type: ignore[arg-type]
    return context


class _Authorizer:
    """The password is the token; the user's name does not count."""

    def validate_authentication(self, _username: str, password: str, session: _Session) -> None:
        try:
            taken = session.door.bridge.take(password, session.remote_ip.removeprefix("::ffff:"))
        except DomainError as error:
            raise AuthenticationFailed(error.message) from error
        if taken is None:
            raise AuthenticationFailed("There is no such transfer, or not any more.")
        session.taken = taken

    def get_home_dir(self, _username: str) -> str:
        return "/"

    def get_msg_login(self, _username: str) -> str:
        return "Go ahead."

    def get_msg_quit(self, _username: str) -> str:
        return "Goodbye."

    def has_perm(self, _username: str, _permission: str, _path: str | None = None) -> bool:
        return True  # what a session may do is what its folder can do

    def impersonate_user(self, _username: str, _password: str) -> None:
        """Nobody else's files are touched."""

    def terminate_impersonation(self, _username: str) -> None:
        """See above."""


class _Folder:
    """All that a session sees. It has no way to the real file system: what is not here cannot be done."""

    def __init__(self, _root: str, session: _Session) -> None:
        self._session = session
        self.cwd = "/"
        self.root = "/"

    def ftp2fs(self, path: str) -> str:
        return posixpath.normpath(posixpath.join("/", path.replace("\\", "/"))) if path else "/"

    def fs2ftp(self, path: str) -> str:
        return path

    def realpath(self, path: str) -> str:
        return path

    def validpath(self, path: str) -> bool:
        return path.isprintable() and len(path) < 1000

    def chdir(self, path: str) -> None:
        if path not in ("/", "//", "/."):
            raise FilesystemError("There is only this one folder")

    def isfile(self, path: str) -> bool:
        return path not in ("/", "//") and self._file() is not None

    def getsize(self, _path: str) -> int:
        file = self._file()
        if file is None:
            raise FilesystemError("There is no such file")
        return file.size_bytes

    def open(self, path: str, mode: str) -> _Upload | _Download:
        taken = self._session.taken
        if taken is None:
            raise FilesystemError("Log in first")
        upload = taken.transfer.direction is Direction.UPLOAD
        if mode == "wb" and upload:
            try:
                return _Upload(self._session.door.bridge, self._session.door.bridge.receive(taken), path)
            except DomainError as error:
                raise FilesystemError(error.message.rstrip(".")) from error
        if mode == "rb" and not upload:
            return _Download(self._session.door.bridge, taken, path)
        if mode == "r+b":
            raise FilesystemError("Send the file from its beginning")
        raise FilesystemError("This session may only " + ("send its file" if upload else "fetch its file"))

    def _file(self) -> StoredFile | None:
        taken = self._session.taken
        return taken.file if taken is not None and taken.transfer.direction is Direction.DOWNLOAD else None


class _Upload:
    """A file that comes. `data` is its data connection, when there is one."""

    def __init__(self, bridge: FtpBridge, receipt: Receipt, name: str) -> None:
        self._bridge = bridge
        self._receipt = receipt
        self.name = name
        self.closed = False
        self.data: _Data | None = None

    def write(self, chunk: bytes) -> None:
        self._receipt.incoming.write(bytes(chunk))

    def close(self) -> None:
        """Before the client gets its answer, which is this one's outcome."""
        if self.closed:
            return
        self.closed = True
        try:
            if self.data is not None and self.data.transfer_finished:
                self._bridge.finish(self._receipt, self.name)
        except DomainError as error:
            assert self.data is not None  # noqa: S101  for the type checker
            self.data.refuse(error)
        finally:
            self._bridge.abandon(self._receipt)


class _Download:
    """A file that goes."""

    def __init__(self, bridge: FtpBridge, taken: Taken, name: str) -> None:
        self._bridge = bridge
        self._taken = taken
        self._offset = 0
        self.name = name
        self.closed = False

    def seek(self, offset: int) -> None:
        self._offset = offset

    def tell(self) -> int:
        return self._offset

    def read(self, size: int) -> bytes:
        try:
            data = self._bridge.transfers.read_blocking(self._taken, self._offset, size)
        except DomainError as error:
            raise OSError(errno.EIO, error.message) from error
        self._offset += len(data)
        return data

    def close(self) -> None:
        self.closed = True


class _Data(TLS_DTPHandler):  # type: ignore[misc]  # pyftpdlib has no types
    """A data connection. Bytes stay as they are, whatever TYPE says."""

    slowest = 512
    _seen = 0
    _lastdata: int

    def close(self) -> None:
        if isinstance(self.file_obj, _Upload):
            self.file_obj.data = self
        super().close()

    def refuse(self, error: DomainError) -> None:
        """The answer will be this."""
        code = 552 if error.reason in ("FILE_TOO_LARGE", "STORAGE_FULL") else 550
        code = 451 if isinstance(error, Unavailable) else code
        self.transfer_finished = False
        self._resp = (f"{code} {error.message}", _said)

    def handle_error(self) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, DomainError):
            self.refuse(error)
            self.close()
        else:
            super().handle_error()

    def handle_timeout(self) -> None:
        """Called every `timeout` seconds: how much came since the last time?"""
        came = self.get_transmitted_bytes() - self._seen
        self._seen += came
        if came < self.slowest * self.timeout:
            self._lastdata = self._seen  # so that the original sees no progress
        super().handle_timeout()


def _said(_line: str) -> None:
    """Where pyftpdlib would log an answer."""


class _Session(TLS_FTPHandler):  # type: ignore[misc]  # pyftpdlib has no types
    """A control connection. `door` is put in by a subclass for each door."""

    door: ClassVar[FtpDoor]
    authorizer = _Authorizer()
    abstracted_fs = _Folder
    banner = "Chargehouse files."
    proto_cmds: ClassVar[dict[str, Any]] = {
        name: {**TLS_FTPHandler.proto_cmds[name], **({"perm": "r"} if name == "SIZE" else {})} for name in COMMANDS
    }
    use_sendfile = False
    max_login_attempts = 3

    def __init__(self, conn: socket.socket, server: FTPServer, ioloop: IOLoop | None = None) -> None:
        self.taken: Taken | None = None
        self._implicit = False
        super().__init__(conn, server, ioloop)
        self._current_type = "i"

    @classmethod
    def get_ssl_context(cls) -> SSL.Context | None:
        return cls.door.context() if hasattr(cls, "door") else None

    def handle(self) -> None:
        """Who speaks first wants TLS at once."""
        if self._closed:
            return
        self.del_channel()
        self.call_later(GREETING_DELAY, self._begin)

    def _begin(self) -> None:
        if self._closed:
            return
        self.add_channel()
        try:
            first = self.socket.recv(1, socket.MSG_PEEK)
        except OSError:
            first = b""
        if first == b"\x16" and self.ssl_context is not None:
            self._implicit = self._pbsz = self._prot = True
            self.secure_connection(self.ssl_context)
        else:
            super().handle()

    def handle_ssl_established(self) -> None:
        if self._implicit:
            super().handle()

    def flush_account(self) -> None:
        super().flush_account()
        self.taken = None

    def ftp_AUTH(self, line: str) -> None:  # noqa: N802  pyftpdlib's name
        if self.ssl_context is None:
            self.respond("502 There is no TLS here.")
        else:
            super().ftp_AUTH(line)

    def ftp_TYPE(self, line: str) -> None:  # noqa: N802  pyftpdlib's name
        """Text is sent as it is, too: who forgets TYPE I would get a broken file."""
        if line.upper().replace(" ", "") in ("A", "L7", "AN", "I", "L8"):
            self.respond("200 Bytes stay as they are.")
        else:
            self.respond("504 There is no such type.")

    def ftp_STAT(self, path: str) -> None:  # noqa: N802  pyftpdlib's name
        """It would list files, and tell of others."""
        self.respond("502 There is no status here.")

    def ftp_ALLO(self, line: str) -> None:  # noqa: N802  pyftpdlib's name
        self.respond("202 Not needed.")
