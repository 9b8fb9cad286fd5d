"""Certificates that were signed for stations here: list, chain, revoking; the root of our own authority."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui.page import client_of, redirect, show, signed_in, text, with_query
from webui.words import N_

REASONS: Final = {
    "unspecified": N_("No reason given"),
    "keyCompromise": N_("Its key may be known to others"),
    "superseded": N_("A newer one took its place"),
    "cessationOfOperation": N_("The station is not used any more"),
}


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was signed for a station."""

    name: str
    station: str
    station_identity: str
    certificate_type: str
    serial_number: str
    subject: str
    start_time: datetime | None
    expire_time: datetime | None
    issue_time: datetime | None
    delivery_state: str
    revoke_time: datetime | None
    revocation_reason: str

    @property
    def key(self) -> str:
        """The number of ``issuedCertificates/{id}``."""
        return self.name.partition("/")[2]


class Page(msgspec.Struct, frozen=True):
    """Newest first."""

    certificates: tuple[Issued, ...] = ()
    next_page_token: str = ""
    total_size: int = 0


class Authority(msgspec.Struct, frozen=True):
    """Our own."""

    root_certificate: str = ""


@signed_in
async def overview(request: Request) -> Response:
    """All that match, newest first."""
    params = request.query_params
    q, after = params.get("q", "").strip()[:100], params.get("after", "")[:200]
    state = params.get("state", "") if params.get("state") in ("valid", "revoked") else ""
    page = await client_of(request).desk.ask(
        "CertificateService/ListIssuedCertificates",
        Page,
        filter={"query": q, "revoked": None if not state else state == "revoked"},
        page_token=after,
    )
    next_url = with_query("/settings/certificates", {"q": q, "state": state, "after": page.next_page_token})
    return await show(
        request,
        "settings/certificates.html",
        page=page,
        q=q,
        state=state,
        reasons=REASONS,
        next_url=next_url if page.next_page_token else "",
    )


@signed_in
async def revoke(request: Request) -> Response:
    """It is refused from now on."""
    form, key = await request.form(), request.path_params["key"]
    reason = text(form, "reason")
    await client_of(request).desk.do(
        "CertificateService/RevokeCertificate",
        name=f"issuedCertificates/{key}",
        reason=reason if reason in REASONS else "unspecified",
    )
    return redirect("/settings/certificates", "certificate-revoked")


@signed_in
async def root(request: Request) -> Response:
    """The root certificate, for stations that are to trust us."""
    found = await client_of(request).desk.ask("CertificateService/GetAuthority", Authority)
    headers = {"content-disposition": 'attachment; filename="root.pem"'}
    return Response(found.root_certificate, media_type="application/x-pem-file", headers=headers)


ROUTES = [
    Route("/settings/certificates", overview),
    Route("/settings/certificates/root.pem", root),
    Route("/settings/certificates/{key:int}/revoke", revoke, methods=["POST"]),
]
