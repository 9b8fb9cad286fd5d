"""CertificateService."""

from __future__ import annotations

from control.convert import certificates as convert
from control.convert import remote
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, page_size, read_token
from control.v1 import certificates_pb2 as pb
from csms.services.certificates import Certificates


class CertificateServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["CertificateService"]

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    async def install_certificate(
        self, call: Call, request: pb.InstallCertificateRequest
    ) -> pb.InstallCertificateResponse:
        """InstallCertificate."""
        outcome = await self._certificates.install(
            call.caller,
            remote.target(request.target, call.remaining()),
            convert.certificate_use(request.certificate_type),
            request.certificate,
        )
        return pb.InstallCertificateResponse(result=remote.result(outcome))

    async def delete_certificate(
        self, call: Call, request: pb.DeleteCertificateRequest
    ) -> pb.DeleteCertificateResponse:
        """DeleteCertificate."""
        target = remote.target(request.target, call.remaining())
        outcome = await self._certificates.delete(call.caller, target, convert.read_hash_data(request.hash_data))
        return pb.DeleteCertificateResponse(result=remote.result(outcome))

    async def get_installed_certificate_ids(
        self, call: Call, request: pb.GetInstalledCertificateIdsRequest
    ) -> pb.GetInstalledCertificateIdsResponse:
        """GetInstalledCertificateIds."""
        uses = [convert.certificate_use(word) for word in request.certificate_types]
        target = remote.target(request.target, call.remaining())
        found = await self._certificates.ask_installed(call.caller, target, uses)
        return pb.GetInstalledCertificateIdsResponse(
            result=remote.result(found.outcome),
            certificates=[convert.installed(each) for each in found.certificates],
        )

    async def list_installed_certificates(
        self, call: Call, request: pb.ListInstalledCertificatesRequest
    ) -> pb.ListInstalledCertificatesResponse:
        """ListInstalledCertificates."""
        station_id = read_name(request.station, "stations")
        found = await self._certificates.stored_installed(call.caller, station_id)
        return pb.ListInstalledCertificatesResponse(certificates=[convert.installed(each) for each in found])

    async def renew_station_certificate(
        self, call: Call, request: pb.RenewStationCertificateRequest
    ) -> pb.RenewStationCertificateResponse:
        """RenewStationCertificate."""
        target = remote.target(request.target, call.remaining())
        use = convert.signing_use(request.certificate_type)
        outcome = await self._certificates.renew(call.caller, target, use)
        return pb.RenewStationCertificateResponse(result=remote.result(outcome))

    async def list_issued_certificates(
        self, call: Call, request: pb.ListIssuedCertificatesRequest
    ) -> pb.ListIssuedCertificatesResponse:
        """ListIssuedCertificates."""
        size = page_size(request.page_size)
        query = b"ListIssuedCertificates" + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (int,))
        page = await self._certificates.page_issued(
            call.caller,
            convert.issued_filter(request.filter),
            size=size + 1,
            before=None if place is None else int(place[0]),
        )
        shown = fitting(convert.issued(each) for each in page.certificates[:size])
        more = len(page.certificates) > len(shown)
        return pb.ListIssuedCertificatesResponse(
            certificates=shown,
            next_page_token=make_token([page.certificates[len(shown) - 1].id], query) if more else "",
            total_size=page.total,
        )

    async def revoke_certificate(
        self, call: Call, request: pb.RevokeCertificateRequest
    ) -> pb.RevokeCertificateResponse:
        """RevokeCertificate."""
        number = read_name(request.name, "issuedCertificates")
        revoked = await self._certificates.revoke(call.caller, number, convert.revocation_reason(request.reason))
        return pb.RevokeCertificateResponse(certificate=convert.issued(revoked))

    async def get_authority(self, call: Call, request: pb.GetAuthorityRequest) -> pb.GetAuthorityResponse:
        """GetAuthority."""
        found = await self._certificates.authority(call.caller, convert.signing_use(request.certificate_type))
        return pb.GetAuthorityResponse(root_certificate=found.root.decode(), revocation_list=found.crl)
