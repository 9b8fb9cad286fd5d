"""The certificate authority of this installation, from its folder and with what is revoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from csms.app.database import data_folder
from csms.config import Settings
from csms.ports.certificates import IssuedCertificates
from csms.storage.authority import AuthorityFolder
from csms.transport.authority import LocalAuthority


async def open_authority(
    settings: Settings, issued: IssuedCertificates, *, now: Callable[[], datetime]
) -> LocalAuthority:
    """Made at the first start; later the same. Raises Unavailable."""
    authority = LocalAuthority(
        AuthorityFolder(data_folder(settings) / "authority"),
        now=now,
        organization=settings.certificate_organization,
        days=settings.certificate_days,
        crl_url=settings.certificate_crl_url,
    )
    await read_revoked(authority, issued)
    return authority


async def read_revoked(authority: LocalAuthority, issued: IssuedCertificates) -> None:
    """What was revoked, perhaps by another process. Raises Unavailable."""
    for each in await issued.revoked():
        authority.revoke(
            each.signed.serial, each.signed.issuer, each.revoked_at or each.issued_at, each.revocation_reason
        )
