"""Certificates and the certificate authority."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import trio

from control.server import Servicer
from control.servicers.certificates import CertificateServicer
from csms.app.authority import read_revoked
from csms.app.parts import Parts
from csms.domain.certificates import (
    CertificateChainStatusAsked,
    CertificateSigningAsked,
    CertificateStatusAsked,
    EvCertificateAsked,
)
from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationAsked, StationBooted
from csms.services.certificates import Certificates
from csms.services.station_certificates import StationCertificates
from csms.transport.certificate_http import AllowedHosts, HttpAuthority, HttpEvResponder, HttpStatuses, new_client
from csms.transport.trust import Authorities
from csms.transport.x509 import X509Reader


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired. Raises InvalidArgument when a file of the settings is none."""
    settings, issued = parts.settings, parts.stores.certificates
    roots = _read(settings.contract_roots)
    try:
        reader, authorities = X509Reader(roots), Authorities(roots)
    except ValueError as error:
        raise InvalidArgument(f"contract_roots holds no certificates in PEM: {error}.", reason="TLS_FILES") from error
    client = new_client()
    parts.ground.start_soon(_close_in_the_end, client)
    asking = StationCertificates(
        parts.stores.stations,
        issued,
        HttpAuthority(client, settings.certificate_authority_url, settings.certificate_authority_token)
        if settings.certificate_authority_url
        else parts.authority,
        reader,
        HttpStatuses(client, AllowedHosts(settings.ocsp_hosts.split(",")), authorities, now=parts.now),
        HttpEvResponder(client, settings.contract_provider_url, settings.contract_provider_token)
        if settings.contract_provider_url
        else None,
        parts.remote,
        organization=settings.certificate_organization,
        now=parts.now,
    )
    if settings.certificate_renew_days:
        # Where certificates are short-lived, not at once again.
        days = min(settings.certificate_renew_days, settings.certificate_days / 2)
        parts.work.start_soon(asking.renew_for_ever, timedelta(days=days))
    parts.changes.on(["CertificateService"], partial(read_revoked, parts.authority, issued))
    parts.consulting.ask(CertificateSigningAsked, asking.check_request)
    parts.consulting.ask(EvCertificateAsked, asking.ev_certificate)
    parts.consulting.ask(CertificateStatusAsked, asking.certificate_status)
    parts.consulting.ask(CertificateChainStatusAsked, asking.chain_status)
    parts.consulting.ask(AuthorizationAsked, asking.check_contract)
    parts.reacting.on(CertificateSigningAsked, asking.sign)
    parts.reacting.on(StationBooted, asking.hand_over_again)
    certificates = Certificates(
        parts.remote,
        parts.directory,
        parts.stores.stations,
        parts.inventory,
        issued,
        parts.authority,
        reader,
        now=parts.now,
    )
    return [CertificateServicer(certificates)]


def _read(path: str) -> bytes:
    if not path:
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidArgument(f"Cannot read {error.filename}: {error.strerror}.", reason="TLS_FILES") from error


async def _close_in_the_end(client: httpx.AsyncClient) -> None:
    async with client:
        await trio.sleep_forever()
