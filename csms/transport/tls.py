"""TLS for stations (security profiles 2 and 3): the server's side of it, the certificates that stations show, and what
becomes of both while stations are connected.

OCPP 1.6 security whitepaper §3 and OCPP 2.0.1 part 2, A00: TLS 1.2 or newer; the suites
`TLS_ECDHE_{ECDSA,RSA}_WITH_AES_{128,256}_GCM_*`, for old 1.6 stations by setting also
`TLS_RSA_WITH_AES_{128,256}_GCM_*`; no compression.

A station's certificate is *asked for*, not demanded: one listener serves profiles 2 and 3. Who signed it is checked
within the TLS handshake. When it runs, whether it was revoked and whose it is are checked afterwards: only then is it
known which station to tell it of, and the station gets a sentence instead of an alert.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
import trio
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

_log = structlog.get_logger("csms.tls")

CIPHERS: Final = "ECDHE+AESGCM"
LEGACY_CIPHERS: Final = "ECDHE+AESGCM:AES256-GCM-SHA384:AES128-GCM-SHA256"
POLL_SECONDS: Final = 10.0
_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME; the ssl module has no name for it


class TlsError(ValueError):
    """The files do not make a TLS server; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that a station showed and whose chain leads to a trusted authority.

    `names` are the DNS names and URIs of subjectAltName, `serial_number` and `fingerprint` (SHA-256) are hexadecimal
    without colons, `issuer` is RFC 4514 text. `chain` holds (issuer, serial number) of it and of the intermediate
    authorities, for looking them up among the revoked; `not_before` and `not_after` bound the time at which all of
    these are valid.
    """

    common_name: str
    names: tuple[str, ...]
    serial_number: str
    issuer: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    chain: tuple[tuple[str, str], ...]

    def names_station(self, *candidates: str) -> bool:
        """Whether one of these is its common name, one of its DNS names, or the last part of one of its URIs.

        Letter case counts: `cp1` and `CP1` are two stations.
        """
        shown = {self.common_name, *self.names, *(name.rpartition("/")[2].rpartition(":")[2] for name in self.names)}
        return not shown.isdisjoint(candidate for candidate in candidates if candidate)


def read_certificates(chain: Sequence[bytes]) -> ClientCertificate:
    """What a verified chain (DER, leaf first, at least one) says. Raises TlsError when it cannot be read."""
    try:
        parsed = [x509.load_der_x509_certificate(der) for der in chain]
        leaf = parsed[0]
        common_names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        # The root is trusted by being in our file; its own dates and serial number say nothing.
        bound = [each for each in parsed if each.issuer != each.subject] or [leaf]
        return ClientCertificate(
            common_name=_text(common_names[0].value) if common_names else "",
            names=_alternative_names(leaf),
            serial_number=f"{leaf.serial_number:x}",
            issuer=leaf.issuer.rfc4514_string(),
            fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
            not_before=max(each.not_valid_before_utc for each in bound),
            not_after=min(each.not_valid_after_utc for each in bound),
            chain=tuple((each.issuer.rfc4514_string(), f"{each.serial_number:x}") for each in bound),
        )
    except (ValueError, IndexError, x509.DuplicateExtension) as error:
        raise TlsError(f"The station's certificate cannot be read: {error}.") from error


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")


def _alternative_names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *found.get_values_for_type(x509.DNSName),
        *found.get_values_for_type(x509.UniformResourceIdentifier),
    )


def verified_chain(sock: ssl.SSLSocket) -> list[bytes]:
    """The certificates (DER) from the peer's own to the trusted root; only the peer's own where a session was
    resumed; nothing when it showed none."""
    own = sock.getpeercert(binary_form=True)
    if own is None:
        return []
    if hasattr(sock, "get_verified_chain"):  # Python 3.13
        return list(sock.get_verified_chain()) or [own]
    # Before, the same is there without an official name, and with certificates of the extension's own kind.
    inner: Any = getattr(sock, "_sslobj", None)
    return [each.public_bytes(_DER) for each in inner.get_verified_chain() or ()] or [own]


_DER: Final = 2  # _ssl.ENCODING_DER


# -- what is in the files --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the parts are (PEM): the server's chain and key, authorities of stations' certificates, revocation lists.

    What is None or left out comes from elsewhere (`read_files`).
    """

    certificate: Path | None = None
    key: Path | None = None
    client_ca: tuple[Path, ...] = ()
    revocation_lists: tuple[Path, ...] = ()
    legacy_ciphers: bool = False

    @property
    def all(self) -> tuple[Path, ...]:
        named = (self.certificate, self.key, *self.client_ca, *self.revocation_lists)
        return tuple(path for path in named if path is not None)


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """The same as bytes (PEM). No `client_ca`: no certificates are asked for, profile 3 is impossible."""

    certificate: bytes
    key: bytes
    client_ca: bytes = b""
    revocation_lists: tuple[bytes, ...] = ()
    legacy_ciphers: bool = False


def read_files(
    files: TlsFiles, *, certificate: bytes | None = None, key: bytes | None = None, client_ca: bytes = b""
) -> TlsMaterial:
    """What the files hold; `certificate` and `key` where they name none, `client_ca` besides.

    Raises TlsError with a sentence that names the file.
    """
    try:
        return TlsMaterial(
            files.certificate.read_bytes() if files.certificate is not None else certificate or b"",
            files.key.read_bytes() if files.key is not None else key or b"",
            b"\n".join([client_ca, *(path.read_bytes() for path in files.client_ca)]),
            tuple(path.read_bytes() for path in files.revocation_lists),
            files.legacy_ciphers,
        )
    except OSError as error:
        raise TlsError(f"Cannot read {error.filename}: {error.strerror}.") from error


def make_context(material: TlsMaterial) -> ssl.SSLContext:
    """A server's context. Raises TlsError with a sentence."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(LEGACY_CIPHERS if material.legacy_ciphers else CIPHERS)
    try:
        _load_chain(context, material)
    except (ssl.SSLError, ValueError) as error:
        raise TlsError(
            f"The certificate and the key for stations do not go together or are no PEM: {error}."
        ) from error
    if material.client_ca.strip():
        try:
            context.load_verify_locations(cadata=material.client_ca.decode("ascii", "replace"))
        except (ssl.SSLError, ValueError) as error:
            raise TlsError(f"The authorities of stations' certificates cannot be read: {error}.") from error
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_CHECK_TIME)
    return context


def _load_chain(context: ssl.SSLContext, material: TlsMaterial) -> None:
    """The ssl module reads these from files only: a folder of our own for a moment, closed to others."""
    with tempfile.TemporaryDirectory(prefix="chargehouse-tls-") as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_bytes(material.certificate)
        key.touch(0o600)
        key.write_bytes(material.key)
        context.load_cert_chain(chain, key, password=_no_password)


def _no_password() -> str:
    raise ValueError("the key is encrypted; give one without a password")


class Revocations:
    """The certificates that authorities took back, by (issuer, serial number)."""

    def __init__(self, revoked: Iterable[tuple[str, str]] = ()) -> None:
        self._revoked = frozenset(revoked)

    def __len__(self) -> int:
        return len(self._revoked)

    def __contains__(self, certificate: ClientCertificate) -> bool:
        return any(each in self._revoked for each in certificate.chain)


def read_revocations(material: TlsMaterial) -> Revocations:
    """From the lists, each of which must be signed by one of the authorities.

    A list past its date still counts (what was revoked stays so), with a warning in the log. Raises TlsError.
    """
    try:
        authorities = x509.load_pem_x509_certificates(material.client_ca) if material.client_ca.strip() else []
    except ValueError as error:
        raise TlsError(f"The authorities of stations' certificates cannot be read: {error}.") from error
    revoked: list[tuple[str, str]] = []
    for each in material.revocation_lists:
        try:
            crl = x509.load_pem_x509_crl(each) if b"-----BEGIN" in each else x509.load_der_x509_crl(each)
        except ValueError as error:
            raise TlsError(f"A revocation list cannot be read: {error}.") from error
        if not any(_signed(crl, authority) for authority in authorities):
            raise TlsError(
                f"The revocation list of {crl.issuer.rfc4514_string()} is not signed by any of the authorities of"
                " stations' certificates. Add that authority, or remove the list."
            )
        issuer = crl.issuer.rfc4514_string()
        revoked.extend((issuer, f"{entry.serial_number:x}") for entry in crl)
    return Revocations(revoked)


def _signed(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    if crl.issuer != authority.subject:
        return False
    with contextlib.suppress(InvalidSignature, TypeError, ValueError):
        return bool(crl.is_signature_valid(authority.public_key()))  # type: ignore[arg-type]  # else TypeError
    return False


# -- while stations are connected ------------------------------------------------------------------------------------


class TlsKeeper:
    """The context for the next connection. Open ones keep theirs: nothing is dropped by a reload.

    `load` gives the material anew, `stamp` something that changes when it may have changed (asked every
    `POLL_SECONDS`). Material that makes no server is reported, and what there was goes on.
    """

    def __init__(self, load: Callable[[], TlsMaterial], stamp: Callable[[], object] = lambda: None) -> None:
        self._load = load
        self._stamp = stamp
        self._seen = stamp()
        self._material = material = load()
        self._context, self._revocations = make_context(material), read_revocations(material)
        self.reloads = 0

    def context(self) -> ssl.SSLContext:
        """For a new connection."""
        return self._context

    def material(self) -> TlsMaterial:
        """What the context is made of, for those who need another kind of context."""
        return self._material

    @property
    def asks_for_certificates(self) -> bool:
        """Whether profile 3 is possible."""
        return self._context.verify_mode is ssl.CERT_OPTIONAL

    def is_revoked(self, certificate: ClientCertificate) -> bool:
        """By the lists."""
        return certificate in self._revocations

    def reload(self) -> bool:
        """Take what is there now; False (and an error in the log) when that does not work."""
        self._seen = self._stamp()
        try:
            material = self._load()
            context, revocations = make_context(material), read_revocations(material)
        except TlsError as error:
            _log.error("TLS for stations was not reloaded; the old certificate goes on", reason=str(error))
            return False
        self._material, self._context, self._revocations = material, context, revocations
        self.reloads += 1
        _log.info("TLS for stations was reloaded", revoked=len(revocations))
        return True

    async def run(self, *, poll: float = POLL_SECONDS) -> None:
        """Reload whenever the stamp has changed. Until cancelled."""
        while True:
            await trio.sleep(poll)
            if self._stamp() != self._seen:
                self.reload()


def stamp_of(files: TlsFiles) -> tuple[tuple[int, int, int] | None, ...]:
    """Changes when one of the files does."""
    return tuple(_mark(path) for path in files.all)


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:  # being replaced; the next look sees it
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
