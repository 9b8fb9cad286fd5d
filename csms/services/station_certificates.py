"""What stations ask about certificates, and what is done for them: requests are checked, signed and handed over;
providers and responders are asked (OCPP 2.x blocks A, C07, M; 1.6 security extension)."""

from __future__ import annotations

import base64
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
import trio

from csms.domain.certificates import (
    AuthorizeCertificateStatus,
    CertificateChainStatusAsked,
    CertificateChainStatusReply,
    CertificateSigned,
    CertificateSigningAsked,
    CertificateStatus,
    CertificateStatusAsked,
    CertificateStatusReply,
    ChainStatus,
    EvCertificateAsked,
    EvCertificateReply,
    OcspRequestData,
    SigningReply,
    SigningUse,
    contract_advice,
    refusal,
)
from csms.domain.commands import TriggerMessage
from csms.domain.errors import DeadlineExceeded, DomainError, InvalidArgument, NotFound, Unavailable
from csms.domain.facts import (
    AuthorizationAdvice,
    AuthorizationAsked,
    BootReply,
    RegistrationStatus,
    Reply,
    StationBooted,
)
from csms.ports.certificates import (
    CertificateAuthority,
    CertificateReader,
    CertificateStatuses,
    Delivery,
    EvCertificateResponder,
    IssuedCertificate,
    IssuedCertificates,
)
from csms.ports.stores import StationRow, StationStore
from csms.services.certificates import TRIGGERS
from csms.services.remote import Remote, Target

HAND_OVER_SECONDS: Final = 30.0
MAX_REQUESTS, WITHIN_SECONDS = 10, 3600.0
"""So many certificates a station gets in an hour: more is a station that has lost its way."""
RENEW_SECONDS: Final = 3600.0
_AT_ONCE: Final = 20
_REMEMBER: Final = 20_000

_log = structlog.get_logger("csms.certificates")


class StationCertificates:
    """Answers for `csms.services.consulting` (methods that return a reply) and reactions for `csms.services.reacting`
    (methods that take one). `responder` None: nobody has contract certificates. `organization` empty: any will do."""

    def __init__(
        self,
        stations: StationStore,
        issued: IssuedCertificates,
        authority: CertificateAuthority,
        reader: CertificateReader,
        statuses: CertificateStatuses,
        responder: EvCertificateResponder | None,
        remote: Remote,
        *,
        organization: str,
        now: Callable[[], datetime],
    ) -> None:
        self._stations = stations
        self._issued = issued
        self._authority = authority
        self._reader = reader
        self._statuses = statuses
        self._responder = responder
        self._remote = remote
        self._organization = organization
        self._now = now
        self._asked: OrderedDict[int, deque[float]] = OrderedDict()
        self._under_way: set[int] = set()

    # -- certificates of stations ----------------------------------------------------------------------------------

    async def check_request(self, station_id: int, asked: CertificateSigningAsked) -> SigningReply:
        """Will this request be signed? Raises NotFound, Unavailable."""
        station = await self._station(station_id)
        try:
            request = self._reader.request(asked.csr)
        except InvalidArgument as error:
            return SigningReply(False, "InvalidCSR", error.message)
        use = asked.certificate_type or SigningUse.CHARGING_STATION
        sentence = refusal(request, station.identity, self._organization, use)
        if sentence is not None:
            return SigningReply(False, "InvalidCSR", sentence)
        root = asked.hash_root_certificate
        if root is not None and not self._authority.has_root(root, use):
            return SigningReply(False, "NoRootCertificate", "Nothing is signed here that leads to the root you named.")
        if not self._within_bounds(station_id):
            return SigningReply(False, "TooManyRequests", "Too many requests within an hour. Ask again later.")
        return SigningReply(True)

    async def sign(self, station_id: int, asked: CertificateSigningAsked, reply: Reply) -> None:
        """Sign what was accepted, keep it, and hand it over. Raises Unavailable: the station then asks again."""
        if not isinstance(reply, SigningReply) or not reply.accepted:
            return
        station = await self._station(station_id)
        use = asked.certificate_type or SigningUse.CHARGING_STATION
        signed = await self._authority.sign(asked.csr, station.identity, use)
        kept = await self._issued.add(
            station_id,
            station.identity,
            use,
            signed,
            self._now(),
            request_id=asked.request_id,
            typed=asked.certificate_type is not None,
        )
        await self._hand_over(station_id, kept)

    async def hand_over_again(self, station_id: int, _booted: StationBooted, reply: Reply) -> None:
        """At a boot: what the station has not taken yet."""
        if isinstance(reply, BootReply) and reply.status is RegistrationStatus.ACCEPTED:
            for kept in await self._issued.undelivered(station_id, self._now()):
                await self._hand_over(station_id, kept)

    async def _hand_over(self, station_id: int, kept: IssuedCertificate) -> None:
        if kept.id in self._under_way:
            return
        self._under_way.add(kept.id)
        try:
            command = CertificateSigned(kept.signed.chain, kept.use if kept.typed else None, kept.request_id)
            target = Target(station_id, HAND_OVER_SECONDS, wait_for_station=True)
            try:
                outcome = await self._remote.command_of_ours(target, command)
            except DomainError as error:
                _log.info("a certificate was not handed over", station_id=station_id, reason=error.reason)
                if not (isinstance(error, DeadlineExceeded) and error.reason == "NO_ANSWER"):
                    return  # nothing was sent
                delivery = Delivery.PENDING
            else:
                delivery = Delivery.ACCEPTED if outcome.answer.accepted else Delivery.REJECTED
            await self._issued.delivered(kept.id, delivery)
        finally:
            self._under_way.discard(kept.id)

    async def renew_for_ever(self, before: timedelta) -> None:
        """Ask stations, that long before their certificates end, to renew them (A02: the CSMS may begin it). Once a day
        each, when they are online."""
        asked: dict[int, datetime] = {}
        while True:
            try:
                due = await self._issued.expiring(self._now(), self._now() + before)
            except Unavailable:
                due = ()
            asked = {number: at for number, at in asked.items() if self._now() - at < timedelta(days=1)}
            limit = trio.CapacityLimiter(_AT_ONCE)
            async with trio.open_nursery() as nursery:
                for kept in due:
                    if kept.station_id is not None and kept.id not in asked:
                        nursery.start_soon(self._ask_to_renew, kept, kept.station_id, asked, limit)
            await trio.sleep(RENEW_SECONDS)

    async def _ask_to_renew(
        self, kept: IssuedCertificate, station_id: int, asked: dict[int, datetime], limit: trio.CapacityLimiter
    ) -> None:
        async with limit:
            try:
                target = Target(station_id, HAND_OVER_SECONDS)
                outcome = await self._remote.command_of_ours(target, TriggerMessage(TRIGGERS[kept.use]))
            except DomainError as error:
                if error.reason == "STATION_OFFLINE":
                    return
                _log.info("a station was not asked to renew", station_id=station_id, reason=error.reason)
            else:
                _log.info("a station was asked to renew", station_id=station_id, status=outcome.answer.status)
            asked[kept.id] = self._now()

    def _within_bounds(self, station_id: int) -> bool:
        times = self._asked.setdefault(station_id, deque(maxlen=MAX_REQUESTS))
        self._asked.move_to_end(station_id)
        while len(self._asked) > _REMEMBER:
            self._asked.popitem(last=False)
        moment = trio.current_time()
        if len(times) == MAX_REQUESTS and moment - times[0] < WITHIN_SECONDS:
            return False
        times.append(moment)
        return True

    # -- vehicles, and who knows what is revoked -------------------------------------------------------------------

    async def ev_certificate(self, station_id: int, asked: EvCertificateAsked) -> EvCertificateReply:
        """What the provider of contract certificates says. Raises NotFound, Unavailable."""
        if self._responder is None:
            return EvCertificateReply(
                False,
                reason_code="NotEnabled",
                additional_info="No provider of contract certificates is set up here (contract_provider_url).",
            )
        station = await self._station(station_id)
        try:
            return await self._responder.answer(station.identity, asked)
        except DomainError as error:
            return EvCertificateReply(False, reason_code="InternalError", additional_info=error.message)

    async def certificate_status(self, _station_id: int, asked: CertificateStatusAsked) -> CertificateStatusReply:
        """What the OCSP responder says, as it says it."""
        try:
            answer, _ = await self._statuses.ocsp(asked.ocsp_request_data)
        except DomainError as error:
            return CertificateStatusReply(False, reason_code=_code(error), additional_info=error.message)
        return CertificateStatusReply(True, base64.b64encode(answer).decode())

    async def chain_status(self, _station_id: int, asked: CertificateChainStatusAsked) -> CertificateChainStatusReply:
        """The state of each certificate."""
        found: dict[int, CertificateStatus] = {}

        async def look(number: int) -> None:
            found[number] = await self._statuses.status(asked.requests[number])

        async with trio.open_nursery() as nursery:
            for number in range(len(asked.requests)):
                nursery.start_soon(look, number)
        return CertificateChainStatusReply(tuple(found[number] for number in sorted(found)))

    async def check_contract(self, station_id: int, asked: AuthorizationAsked) -> AuthorizationAdvice | None:
        """Is the contract certificate good (C07)? None when there is none. What cannot be checked is not believed."""
        if not asked.certificate and not asked.certificate_hash_data:
            return None
        status = AuthorizeCertificateStatus.ACCEPTED
        links = asked.certificate_hash_data
        if asked.certificate:
            status = self._reader.check_contract(asked.certificate, asked.id_token, self._now())
            if status is AuthorizeCertificateStatus.ACCEPTED and not links:
                links = self._reader.ocsp_requests(asked.certificate)
        if status is AuthorizeCertificateStatus.ACCEPTED and links:
            status = await self._revocation(station_id, links)
        return contract_advice(status)

    async def _revocation(self, station_id: int, links: tuple[OcspRequestData, ...]) -> AuthorizeCertificateStatus:
        states: list[ChainStatus] = []

        async def look(link: OcspRequestData) -> None:
            try:
                states.append((await self._statuses.ocsp(link))[1].status)
            except DomainError as error:
                _log.warning("a contract certificate cannot be checked", station_id=station_id, reason=error.message)
                states.append(ChainStatus.FAILED)

        async with trio.open_nursery() as nursery:
            for link in links:
                nursery.start_soon(look, link)
        if ChainStatus.REVOKED in states:
            return AuthorizeCertificateStatus.REVOKED
        if all(state is ChainStatus.GOOD for state in states):
            return AuthorizeCertificateStatus.ACCEPTED
        return AuthorizeCertificateStatus.CHAIN_ERROR

    async def _station(self, station_id: int) -> StationRow:
        station = await self._stations.find(station_id)
        if station is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return station


def _code(error: DomainError) -> str:
    """A reason code of OCPP (at most 20 characters)."""
    return "NotEnabled" if error.reason == "HOST_NOT_ALLOWED" else "InternalError"
