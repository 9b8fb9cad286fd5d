"""The front door: where stations connect, in the clear and by TLS, what they must prove, and which dialect they get."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import structlog
import trio
from cryptography import x509

from csms.actors.registry import Registry
from csms.app.dialects import DIALECTS
from csms.app.parts import Parts
from csms.app.soap import open_soap
from csms.config import Address, Settings
from csms.domain.certificates import SigningUse
from csms.domain.errors import InvalidArgument
from csms.ocpp.dialect import Dialect
from csms.ports.certificates import RevocationList
from csms.ports.stores import StationRow
from csms.services.doorkeeper import Doorkeeper
from csms.services.station_security import Listeners
from csms.services.stations import Onboarding, UnknownStationPolicy
from csms.services.system import ServerAddress
from csms.transport.admission import SecurityRules, StationAdmission
from csms.transport.authority import LocalAuthority
from csms.transport.connection import WebSocketConnection
from csms.transport.keepalive import KeepAlive
from csms.transport.opening import negotiate
from csms.transport.plain_http import PlainHttpTable
from csms.transport.proxied import TrustedProxies
from csms.transport.security import AttemptLimiter, AttemptLimits, PasswordVerifier
from csms.transport.sockets import open_listen_socket
from csms.transport.tls import ClientCertificate, TlsError, TlsFiles, TlsKeeper, TlsMaterial, read_files, stamp_of
from csms.transport.websocket import Admitted, ConnectionAttempt, OcppListener, PlainHttp, Refused, Tls

_log = structlog.get_logger("csms.front_door")

NO_CLIENT_CA: Final = "none"
RENEW_BEFORE: Final = timedelta(days=30)
"""How long before its end the certificate that our own authority issued for this server is replaced."""


def dialect_of(subprotocol: str | None) -> Dialect:
    """By the name that the station was answered with, which is in its own spelling. Raises KeyError."""
    chosen = negotiate([subprotocol or ""], tuple(DIALECTS))
    return DIALECTS[chosen[0] if chosen else ""]


@dataclass(slots=True)
class FrontDoor:
    """Open sockets and what stands behind them. `run` serves; before it does, nobody is answered."""

    listener: OcppListener[StationRow]
    keep_alive: KeepAlive
    proxies: TrustedProxies
    doorkeeper: Doorkeeper
    tls: TlsKeeper | None
    plain_socket: socket.socket
    tls_socket: socket.socket | None
    """None also when TLS shares the plain socket."""
    addresses: tuple[str, ...]
    """What people type into stations, without the identity: in the clear first."""

    @property
    def port(self) -> int:
        return int(self.plain_socket.getsockname()[1])

    @property
    def tls_port(self) -> int | None:
        """None without TLS."""
        if self.tls is None:
            return None
        return int((self.tls_socket or self.plain_socket).getsockname()[1])

    async def run(self, links: trio.Nursery) -> None:
        """Start everything in `links`; returns when connections are taken."""
        await links.start(self.doorkeeper.run)
        shared = Tls(self.tls.context, shared=True) if self.tls is not None and self.tls_socket is None else None
        await links.start(partial(self.listener.run, [self.plain_socket], links, tls=shared))
        if self.tls is not None and self.tls_socket is not None:
            await links.start(partial(self.listener.run, [self.tls_socket], links, tls=Tls(self.tls.context)))
        if self.tls is not None:
            links.start_soon(self.tls.run)
            links.start_soon(_reload_on_signal, self.tls)
        links.start_soon(self.keep_alive.run)

    def close(self) -> None:
        """When it never came to `run`."""
        self.plain_socket.close()
        if self.tls_socket is not None:
            self.tls_socket.close()


def open_front_door(parts: Parts, registry: Registry, others: Sequence[PlainHttp] = ()) -> FrontDoor:
    """`others` answer plain HTTP at the same port, beside SOAP. Raises OSError when an address cannot be had,
    InvalidArgument/TLS_FILES."""
    settings, stores = parts.settings, parts.stores
    tls = tls_keeper(settings, parts.authority, parts.now)
    doorkeeper = Doorkeeper(stores.stations, stores.journal, stores.message_log, parts.feed, now=parts.now)
    keep_alive = KeepAlive(interval=settings.ping_interval, timeout=settings.ping_timeout)

    admission = StationAdmission(
        Onboarding(
            stores.stations, stores.station_queries, parts.feed, policy=UnknownStationPolicy(settings.unknown_stations)
        ),
        PasswordVerifier(),
        doorkeeper,
        rules=rules_of(settings),
        now=parts.now,
        is_revoked=partial(is_revoked, parts.authority, tls),
    )

    async def serve(connection: WebSocketConnection, admitted: Admitted[StationRow]) -> None:
        await registry.serve_link(connection, admitted.ticket.id, dialect_of(connection.subprotocol))

    def on_refused(attempt: ConnectionAttempt, refused: Refused) -> None:
        doorkeeper.refused(attempt.identity, attempt.remote_address, refused.reason, refused.message)

    plain = open_listen_socket(
        settings.ocpp_listen.host, settings.ocpp_listen.port, reuse_port=settings.ocpp_reuse_port
    )
    soap = open_soap(parts, registry, host=_host(settings.ocpp_listen), port=plain.getsockname()[1])
    proxies = TrustedProxies(settings.ocpp_proxies)
    attempts = AttemptLimiter(AttemptLimits())
    if parts.share_guesses is not None:
        parts.share_guesses("stations", attempts)
    listener = OcppListener(
        admission,
        serve,
        subprotocols=tuple(DIALECTS),
        keep_alive=keep_alive,
        attempts=attempts,
        on_refused=on_refused,
        plain_http=PlainHttpTable([soap, *others]),
        proxies=proxies,
    )
    separate: socket.socket | None = None
    if (wanted := settings.tls_listen) is not None and wanted != settings.ocpp_listen:
        try:
            separate = open_listen_socket(wanted.host, wanted.port, reuse_port=settings.ocpp_reuse_port)
        except OSError:
            plain.close()
            raise
    addresses = addresses_of(settings, plain, separate)
    tell_addresses(parts, addresses)
    return FrontDoor(listener, keep_alive, proxies, doorkeeper, tls, plain, separate, addresses)


def rules_of(settings: Settings) -> SecurityRules:
    """What is asked of every station."""
    least = 1 if settings.station_passwords == "required" else 0
    return SecurityRules(max(least, settings.ocpp_min_security_profile), settings.ocpp_certificate_names)


def is_revoked(authority: RevocationList, tls: TlsKeeper | None, certificate: ClientCertificate) -> bool:
    """By us, at once; or by the lists in the files. The authorities between it and the root count, too."""
    by_us = any(authority.is_revoked(int(serial, 16)) for _, serial in certificate.chain)
    return by_us or (tls is not None and tls.is_revoked(certificate))


def listeners_of(door: FrontDoor) -> Listeners:
    """For orders to stations to come by another way."""
    return _listeners(door.addresses, door.tls is not None and door.tls.asks_for_certificates)


def listeners_elsewhere(settings: Settings) -> Listeners:
    """The same, where other processes have the doors, with the same settings."""
    asks = settings.tls_listen is not None and settings.ocpp_tls_client_ca != NO_CLIENT_CA
    return _listeners(addresses_elsewhere(settings), asks)


def _listeners(addresses: Sequence[str], asks_for_certificates: bool) -> Listeners:
    tls_url = next((each for each in addresses if each.startswith("wss:")), "")
    return Listeners(addresses[0], tls_url, asks_for_certificates)


# -- addresses -----------------------------------------------------------------------------------------------------


def addresses_of(settings: Settings, plain: socket.socket, separate: socket.socket | None) -> tuple[str, ...]:
    """In the clear, then by TLS."""
    port = plain.getsockname()[1]
    found = [_address("ws", settings.ocpp_public_url, settings.ocpp_listen, port)]
    if (tls := settings.tls_listen) is not None:
        port = separate.getsockname()[1] if separate is not None else port
        found.append(_address("wss", settings.ocpp_tls_public_url, tls, port))
    return tuple(found)


def addresses_elsewhere(settings: Settings) -> tuple[str, ...]:
    """The same, where other processes have the doors."""
    found = [_address("ws", settings.ocpp_public_url, settings.ocpp_listen, settings.ocpp_listen.port)]
    if (tls := settings.tls_listen) is not None:
        found.append(_address("wss", settings.ocpp_tls_public_url, tls, tls.port))
    return tuple(found)


def tell_addresses(parts: Parts, addresses: Sequence[str]) -> None:
    """To people."""
    parts.addresses.extend(
        ServerAddress("ocpp-j-tls" if each.startswith("wss:") else "ocpp-j", each) for each in addresses
    )


def _address(scheme: str, public_url: str, listen: Address, port: int) -> str:
    if public_url:
        return public_url.rstrip("/") + "/"
    host = _host(listen)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}/ocpp/"


def _host(listen: Address) -> str:
    if listen.host in ("0.0.0.0", "::"):  # noqa: S104  compared, not bound
        return socket.gethostname()  # no station can use the other; --ocpp-public-url says it better
    return listen.host


# -- TLS -----------------------------------------------------------------------------------------------------------


def tls_keeper(settings: Settings, authority: LocalAuthority, now: Callable[[], datetime]) -> TlsKeeper | None:
    """None when it is not asked for. Raises InvalidArgument/TLS_FILES."""
    if settings.tls_listen is None:
        return None
    files = TlsFiles(
        Path(settings.ocpp_tls_cert) if settings.ocpp_tls_cert else None,
        Path(settings.ocpp_tls_key) if settings.ocpp_tls_key else None,
        _client_ca(settings),
        _paths(settings.ocpp_tls_crl),
        settings.ocpp_tls_legacy_ciphers,
    )
    source = TlsSource(files, settings, authority, now)
    try:
        return TlsKeeper(source.load, source.stamp)
    except TlsError as error:
        raise InvalidArgument(str(error), reason="TLS_FILES") from error


def _client_ca(settings: Settings) -> tuple[Path, ...]:
    """Beside our own authority's root; an authority that signs for us counts without being named twice."""
    if settings.ocpp_tls_client_ca == NO_CLIENT_CA:
        return ()
    return (*_paths(settings.ocpp_tls_client_ca), *_paths(settings.certificate_authority_root))


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(Path(part.strip()) for part in text.split(",") if part.strip())


class TlsSource:
    """The files named in the settings, and our own authority where they leave something open."""

    def __init__(
        self, files: TlsFiles, settings: Settings, authority: LocalAuthority, now: Callable[[], datetime]
    ) -> None:
        self._files = files
        self._settings = settings
        self._authority = authority
        self._now = now
        self._issued: tuple[bytes, bytes] | None = None
        self._renew_at = datetime.min.replace(tzinfo=UTC)

    def load(self) -> TlsMaterial:
        """Raises TlsError."""
        certificate, key = self._issue() if self._files.certificate is None else (None, None)
        asks = self._settings.ocpp_tls_client_ca != NO_CLIENT_CA
        own_root = self._authority.root_of(SigningUse.CHARGING_STATION) if asks else b""
        return read_files(self._files, certificate=certificate, key=key, client_ca=own_root)

    def stamp(self) -> object:
        """Changes with the files, and when the certificate that we issued ourselves is due."""
        due = self._files.certificate is None and self._issued is not None and self._now() >= self._renew_at
        return stamp_of(self._files), due

    def _issue(self) -> tuple[bytes, bytes]:
        if self._issued is None or self._now() >= self._renew_at:
            try:
                self._issued = self._authority.issue_server_certificate(self._names())
            except InvalidArgument as error:
                raise TlsError(f"No certificate could be issued for this server: {error.message}") from error
            ends = x509.load_pem_x509_certificate(self._issued[0]).not_valid_after_utc
            self._renew_at = ends - min(RENEW_BEFORE, (ends - self._now()) / 3)
        return self._issued

    def _names(self) -> Sequence[str]:
        """Under which stations may look for this server."""
        listen = self._settings.tls_listen
        names = [_host(listen)] if listen is not None else []
        ftp = self._settings.files_ftp_public_host
        elsewhere = (self._settings.files_public_url, f"ftps://{ftp}" if ftp else "")
        for url in (self._settings.ocpp_tls_public_url, self._settings.ocpp_public_url, *elsewhere):
            rest = url.partition("://")[2].partition("/")[0]
            host = rest.partition("]")[0].removeprefix("[") if rest.startswith("[") else rest.partition(":")[0]
            names += [host] if host else []
        if all(_is_loopback(name) for name in names):
            names += ["localhost", "127.0.0.1"]
        return list(dict.fromkeys(names))


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


async def _reload_on_signal(keeper: TlsKeeper) -> None:
    """SIGHUP: as soon as somebody says that there is a new certificate."""
    try:
        receiver = trio.open_signal_receiver(signal.SIGHUP)
        with receiver as signals:
            async for _ in signals:
                keeper.reload()
    except RuntimeError:  # not in the main thread, which alone may hear signals: the files are looked at anyway
        await trio.lowlevel.checkpoint()
