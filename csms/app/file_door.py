"""The file server: its doors, opened where the settings say, and what people are told of them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from functools import partial

import trio

from csms.app.parts import Parts
from csms.config import Address, Settings
from csms.domain.errors import InvalidArgument
from csms.services.system import ServerAddress
from csms.services.transfers import FileAddresses, FileProtocol
from csms.transport.file_ftp import FtpBridge, FtpDoor, FtpRules
from csms.transport.file_http import FileGuesses, FileListener
from csms.transport.sockets import open_listen_socket
from csms.transport.tls import TlsKeeper
from csms.transport.websocket import Tls


@dataclass(slots=True)
class FileDoor:
    """Open sockets; `run` serves."""

    addresses: FileAddresses
    """Best first."""
    _listener: FileListener
    _socket: socket.socket
    _ftp: FtpDoor | None
    _tls: TlsKeeper | None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            tls = Tls(self._tls.context, shared=True) if self._tls is not None else None
            await nursery.start(partial(self._listener.run, [self._socket], tls=tls))
            if self._ftp is not None:
                await nursery.start(self._ftp.run)
            task_status.started()

    def close(self) -> None:
        """When it never came to `run`."""
        self._socket.close()
        if self._ftp is not None:
            self._ftp.close()


def open_file_door(parts: Parts, tls: TlsKeeper | None) -> FileDoor:
    """With the certificates of the stations' door, if it has some. Tells its addresses to the use cases, and to the
    system's page. Raises OSError when an address cannot be had, InvalidArgument/FTP_HOST."""
    settings, transfers = parts.settings, parts.files.transfers
    guesses = FileGuesses()
    if parts.share_guesses is not None:
        parts.share_guesses("files", guesses.limiter)
    listening = open_listen_socket(settings.files_listen.host, settings.files_listen.port)
    ftp: FtpDoor | None = None
    if (wanted := settings.ftp_listen) is not None:
        rules = FtpRules(
            settings.files_ftp_security == "optional",
            settings.ftp_passive_ports,
            _ipv4_of(settings.files_ftp_public_host),
        )
        try:
            material = None if tls is None else tls.material
            ftp = FtpDoor(FtpBridge(transfers, guesses), wanted.host, wanted.port, rules, material)
        except BaseException:
            listening.close()
            raise
    addresses = addresses_of(settings, listening.getsockname()[1], None if ftp is None else ftp.port)
    transfers.addresses = addresses
    parts.addresses.extend(ServerAddress(f"files-{each.value}", url) for each, url in addresses.items())
    return FileDoor(addresses, FileListener(transfers, guesses), listening, ftp, tls)


def addresses_of(settings: Settings, port: int, ftp_port: int | None) -> FileAddresses:
    """Those that are served, best first."""
    found: FileAddresses = {}
    public = settings.files_public_url
    if public:
        found[FileProtocol(public.partition("://")[0])] = public.rstrip("/") + "/"
    else:
        host = _shown(settings.files_listen)
        if settings.tls_listen is not None:
            found[FileProtocol.HTTPS] = f"https://{host}:{port}/"
        found[FileProtocol.HTTP] = f"http://{host}:{port}/"
    if ftp_port is not None and settings.ftp_listen is not None:
        host = settings.files_ftp_public_host or _shown(settings.ftp_listen)
        if settings.tls_listen is not None:
            found[FileProtocol.FTPS] = f"ftps://{host}:{ftp_port}/"
        if settings.files_ftp_security == "optional":
            found[FileProtocol.FTP] = f"ftp://{host}:{ftp_port}/"
    return found


def _shown(listen: Address) -> str:
    host = socket.gethostname() if listen.host in ("0.0.0.0", "::") else listen.host  # noqa: S104  compared, not bound
    return f"[{host}]" if ":" in host else host


def _ipv4_of(host: str) -> str:
    """Data connections are told by number. Raises InvalidArgument."""
    if not host:
        return ""
    try:
        return str(socket.getaddrinfo(host, None, socket.AF_INET)[0][4][0])
    except OSError as error:
        raise InvalidArgument(
            f"files_ftp_public_host: {host} has no IPv4 address that can be found now.", reason="FTP_HOST"
        ) from error
