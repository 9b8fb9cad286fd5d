"""The small certificate authority that comes with the product.

Two roots, made once and kept in the data folder: one for stations (and for our own servers), one for what stations show
to vehicles. Nothing that the second signs is good for signing in here.

What the TLS listener for stations needs::

    authority = LocalAuthority(files, now=now)
    authority.root                                  the root that stations' certificates lead to, and whom stations
                                                    must trust when our own server certificate is from here (PEM, bytes)
    authority.issue_server_certificate(names)       (certificate chain, private key), PEM bytes: a new pair each time,
                                                    for host names and IP addresses, valid for 397 days
    authority.is_revoked(serial)                    sync, from memory; `serial` is the certificate's number
    authority.crl()                                 the list, DER (`authority.crl_pem()` for OpenSSL's trust store)
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import trio

from csms.domain.certificates import CertificateHashData, SigningUse
from csms.domain.errors import Unavailable
from csms.ports.certificates import AuthorityFiles, SignedCertificate
from csms.transport.x509 import USES, Issuer, Revoked, is_named, make_root

CRL_HOURS: Final = 12
"""So often a list is made anew, long before it runs out."""
_TITLES: Final = {"stations": "Chargehouse Station CA", "v2g": "Chargehouse V2G CA"}


class LocalAuthority:
    """csms.ports.certificates.CertificateAuthority and RevocationList. `days`: how long what it signs counts.

    Raises Unavailable when its files cannot be read or written, or are not what they should be.
    """

    def __init__(
        self,
        files: AuthorityFiles,
        *,
        now: Callable[[], datetime],
        organization: str = "",
        days: float = 365.0,
        crl_url: str = "",
    ) -> None:
        self._files = files
        self._now = now
        self._organization = organization
        self._days = days
        self._crl_url = crl_url
        self._issuers: dict[str, Issuer] = {}
        self._revoked: dict[int, Revoked] = {}
        self._issued_by: dict[int, str] = {}
        self._crls: dict[str, tuple[datetime, bytes]] = {}
        self._issuer("stations")

    # -- for the listener ------------------------------------------------------------------------------------------

    @property
    def root(self) -> bytes:
        """The stations' root certificate, PEM."""
        return self._issuer("stations").pem

    def issue_server_certificate(self, names: Sequence[str]) -> tuple[bytes, bytes]:
        """(certificate chain, private key), PEM, for host names and addresses. Raises InvalidArgument."""
        return self._issuer("stations").issue_server(names, self._now())

    def is_revoked(self, serial: int) -> bool:
        """Sync, from memory."""
        return serial in self._revoked

    def crl(self, use: SigningUse = SigningUse.CHARGING_STATION) -> bytes:
        """The list of one of the two roots, DER."""
        name, now = USES[use], self._now()
        made = self._crls.get(name)
        if made is None or now - made[0] > timedelta(hours=CRL_HOURS):
            issuer = self._issuer(name)
            ours = [each for each in self._revoked.values() if self._issued_by[each.serial] == issuer.subject]
            made = self._crls[name] = now, issuer.crl(ours, now)
        return made[1]

    def crl_pem(self, use: SigningUse = SigningUse.CHARGING_STATION) -> bytes:
        """The same in PEM."""
        text = base64.encodebytes(self.crl(use))
        return b"-----BEGIN X509 CRL-----\n" + text + b"-----END X509 CRL-----\n"

    # -- for the use cases -----------------------------------------------------------------------------------------

    def root_of(self, use: SigningUse) -> bytes:
        """The root certificate that signs for this use, PEM."""
        return self._issuer(USES[use]).pem

    def revoke(self, serial: str, issuer: str, at: datetime, reason: str) -> None:
        """From now on. `serial` is hexadecimal, `issuer` the issuer's name as text."""
        number = int(serial, 16)
        self._revoked[number] = Revoked(number, at, reason)
        self._issued_by[number] = issuer
        self._crls.clear()

    def has_root(self, root: CertificateHashData, use: SigningUse) -> bool:
        """Is this our root for that use?"""
        return is_named(self._issuer(USES[use]).certificate, root)

    async def sign(self, csr: str, identity: str, use: SigningUse) -> SignedCertificate:
        """Sign a request that was checked. Raises InvalidArgument, Unavailable."""
        await trio.lowlevel.checkpoint()
        issuer = self._issuer(USES[use])
        if use is SigningUse.CHARGING_STATION:
            return issuer.sign_station(csr, identity, self._organization, self._now(), self._days)
        return issuer.sign_v2g(csr, self._organization, self._now(), self._days)

    def _issuer(self, name: str) -> Issuer:
        """From its files, which are made when they are needed first."""
        found = self._issuers.get(name)
        if found is not None:
            return found
        # One file for both, so that a crash between two cannot leave a key beside another's certificate.
        kept = self._files.read(f"{name}.pem")
        if kept is None:
            key, certificate = make_root(_TITLES[name], self._organization, self._now())
            kept = self._files.keep(f"{name}.pem", key + certificate)
        try:
            issuer = Issuer(kept, kept[kept.index(b"-----BEGIN CERTIFICATE-----") :], crl_url=self._crl_url)
        except ValueError as error:
            raise Unavailable(
                f"The certificate authority's file {name}.pem is damaged: {error}. Restore it from a backup, or move"
                " it away to begin anew (stations then need new certificates).",
                reason="AUTHORITY_FOLDER",
            ) from error
        self._issuers[name] = issuer
        return issuer
