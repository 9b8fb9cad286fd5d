"""Who calls, from where, by when, and was it asked before: what stands between the wire and every servicer. Writes the
audit log, so that no method can forget it. Lives in trio."""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog
import trio
from google.protobuf.json_format import Error as JsonError
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from csms.domain import errors
from csms.domain.access import Principal, Role
from csms.domain.errors import DeadlineExceeded, DomainError, FailedPrecondition, InvalidArgument, Unauthenticated
from csms.domain.networks import Networks
from csms.domain.people import AuditEntry, audit_json, masked
from csms.ports.stores import RequestMemory
from csms.services.access import AccessControl
from csms.services.audit import AuditLog, Begun, Trail, following

_AUTH: Final = "/control.v1.AuthService/"
OPEN_METHODS: Final = frozenset(
    _AUTH + name
    for name in (
        "SignIn",
        "GetSignInOptions",
        "RequestPasswordReset",
        "CheckPasswordLink",
        "SetPassword",
        "BeginSingleSignOn",
        "CompleteSingleSignOn",
    )
) | {"/control.v1.SystemService/GetPublicInfo"}
"""Need no credentials."""
SECRET_METHODS: Final = frozenset(
    {
        "/control.v1.StationService/SetStationPassword",
        "/control.v1.UserService/CreateUser",
        "/control.v1.UserService/InviteUser",
    }
)
"""Their answers hold a secret, so they are remembered in memory only."""
READING: Final = (
    "Get",
    "List",
    "Summarize",
    "Watch",
    "Tail",
    "Export",
    "Download",
    "Search",
    "Find",
    "Count",
    "Check",
    "Preview",
    "Explain",
    "Report",
)
"""How methods begin that change nothing, or tell what was measured every few seconds. All others are in the audit
log."""
MAX_REQUEST_ID: Final = 100
RECHECK_SECONDS: Final = 30.0
"""How often a stream's credentials are checked again."""
NOBODY: Final = Principal("nobody", "nobody", Role.EV_USER)

_SECRETS_KEPT, _SECRET_SECONDS = 1_000, 600.0
_UNFINISHED: Final = "UNFINISHED"
_OK, _FAILED, _SECRET = b"\x00", b"\x01", b"\x02"
_HAPPENED_MAYBE: Final = frozenset({"NO_ANSWER", "OUTCOME_UNKNOWN"})
_log = structlog.get_logger("control")


@dataclass(slots=True)
class Call:
    """One call under way. `deadline` is trio's time, None: none was given. `peer` is the address that it came from,
    `forwarded_for` the one of the browser behind the portal, if that is known. The rest is for the logs."""

    method: str
    bearer: str = ""
    caller: Principal = NOBODY
    group_id: int | None = None
    deadline: float | None = None
    request_id: str = ""
    repeated: bool = False
    peer: str = ""
    forwarded_for: str = ""
    client: str = ""
    answer: Message | None = None

    @property
    def address(self) -> str:
        """Where it comes from, as far as is known."""
        return self.forwarded_for or self.peer

    def remaining(self) -> float | None:
        """Seconds until the caller gives up; None: it does not."""
        return None if self.deadline is None else max(0.0, self.deadline - trio.current_time())


class Guard:
    """Checks credentials, bounds calls by their deadlines, remembers mutations by request id, writes the audit log.

    `trusted`: where portals on other machines are, whose word on where a call comes from is believed.
    """

    def __init__(
        self,
        access: AccessControl,
        memory: RequestMemory,
        audit: AuditLog | None = None,
        *,
        trusted: Networks | None = None,
    ) -> None:
        self._access = access
        self._memory = memory
        self._audit = audit
        self._trusted = trusted or Networks()
        self._secrets: OrderedDict[tuple[str, str, str], tuple[bytes, float]] = OrderedDict()

    async def admit(self, call: Call, metadata: Mapping[str, str | bytes], remaining_s: float | None) -> None:
        """Fill in who calls and until when. Raises Unauthenticated."""
        if remaining_s is not None:
            call.deadline = trio.current_time() + remaining_s
        self._locate(call, metadata)
        if call.method in OPEN_METHODS:
            return
        call.bearer = _bearer(metadata.get("authorization", ""))
        call.group_id = _group(metadata.get("x-group", ""))
        call.caller = await self._who(call)

    async def check_again(self, call: Call) -> None:
        """For streams: are the credentials still good, for what they were? Raises Unauthenticated."""
        caller = await self._who(call)
        before, call.caller = call.caller, caller
        if (caller.role, caller.site_ids, caller.actions) != (before.role, before.site_ids, before.actions):
            raise Unauthenticated("What you may do has changed. Ask again.", reason="PERMISSIONS_CHANGED")

    async def _who(self, call: Call) -> Principal:
        caller = await self._access.authenticate(call.bearer)
        return caller if call.group_id is None else msgspec.structs.replace(caller, group_id=call.group_id)

    async def answer(self, call: Call, request: Message, work: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer's bytes, within the deadline; for a request id that was seen, those of the first time.

        Raises DeadlineExceeded, and what `work` raises.
        """
        call.request_id = request_id_of(request)
        audit = self._audit
        if audit is None or not changes(call.method):
            return await self._in_time(call, request, work)
        begun = Begun()

        async def noted() -> bytes:
            """What goes to a station is noted while it is on its way: the caller does not wait for the disk after it,
            and of what a process did when it died there is an entry."""
            async with audit.beside(_entry(audit, call, request, Trail(), _UNFINISHED, 0), begun):
                return await work()

        async with self._audited(audit, call, request, begun):
            return await self._in_time(call, request, noted if "target" in request.DESCRIPTOR.fields_by_name else work)

    async def _in_time(self, call: Call, request: Message, work: Callable[[], Awaitable[bytes]]) -> bytes:
        if call.deadline is None:
            return await self._once(call, request, work)
        with trio.CancelScope(deadline=call.deadline):
            return await self._once(call, request, work)
        raise DeadlineExceeded(
            "The call's deadline passed before it was done. Whether it happened is not known: look before you repeat"
            " it.",
            reason="OUTCOME_UNKNOWN",
        )

    @asynccontextmanager
    async def _audited(self, audit: AuditLog, call: Call, request: Message, begun: Begun) -> AsyncIterator[None]:
        """Whatever becomes of the call, there is an entry; a repeat that was only answered again has none."""
        with following() as trail:
            outcome = _UNFINISHED
            try:
                yield
                outcome = "OK"
            except DomainError as error:
                outcome = error.reason
                raise
            finally:
                # Guessing is slowed down; it must not fill the log either.
                if not call.repeated and not (call.method in OPEN_METHODS and outcome == "TOO_MANY_ATTEMPTS"):
                    await audit.write(_entry(audit, call, request, trail, outcome, begun.number))

    def _locate(self, call: Call, metadata: Mapping[str, str | bytes]) -> None:
        """What a portal says about the browser is believed when the portal is on this machine, or is named in the
        settings; from others it is ignored, since anybody can write it."""
        address = _address(call.peer)
        if not (address in self._trusted or (address and ipaddress.ip_address(address).is_loopback)):
            call.client = _text(metadata.get("user-agent", ""))[:200]
            return
        # The last one is what the portal itself saw; those before it are the browser's words.
        call.forwarded_for = _address(_text(metadata.get("x-forwarded-for", "")).rpartition(",")[2].strip())
        call.client = _text(metadata.get("x-forwarded-user-agent", metadata.get("user-agent", "")))[:200]

    async def _once(self, call: Call, request: Message, work: Callable[[], Awaitable[bytes]]) -> bytes:
        request_id = call.request_id
        if not request_id:
            return await work()
        if len(request_id) > MAX_REQUEST_ID or not request_id.isprintable():
            raise InvalidArgument(
                f"A request id has at most {MAX_REQUEST_ID} printable characters; a random UUID is a good one.",
                reason="INVALID_REQUEST_ID",
            )
        caller = call.caller.name
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        before = await self._memory.begin(caller, call.method, request_id, digest)
        if before is not None:
            call.repeated = True
            return self._recall(call, before)
        settled = False
        try:
            answer = await work()
            settled = True
            await self._remember(call, answer)
        except DomainError as error:
            if not settled:
                settled = True
                await self._give_up(call, error)
            raise
        finally:
            if not settled:  # cancelled, or a bug: it may have happened, so a repeat must not do it again
                with trio.move_on_after(5.0, shield=True):
                    await self._finish(call, _encode(_unknown()))
        return answer

    async def _remember(self, call: Call, answer: bytes) -> None:
        if call.method not in SECRET_METHODS:
            await self._finish(call, _OK + answer)
            return
        key = (call.caller.name, call.method, call.request_id)
        self._secrets[key] = (answer, trio.current_time() + _SECRET_SECONDS)
        while len(self._secrets) > _SECRETS_KEPT:
            self._secrets.popitem(last=False)
        await self._finish(call, _SECRET)

    async def _give_up(self, call: Call, error: DomainError) -> None:
        if error.reason in _HAPPENED_MAYBE:
            await self._finish(call, _encode(error))
            return
        with trio.move_on_after(5.0, shield=True):
            try:
                await self._memory.forget(call.caller.name, call.method, call.request_id)
            except DomainError as trouble:
                _log.warning("request id not forgotten", method=call.method, reason=trouble.reason)

    async def _finish(self, call: Call, answer: bytes) -> None:
        """What happened has happened: neither a cancellation nor a database that is away turns it into a failure."""
        with trio.move_on_after(5.0, shield=True):
            try:
                await self._memory.finish(call.caller.name, call.method, call.request_id, answer)
            except DomainError as trouble:
                _log.warning("answer not remembered", method=call.method, reason=trouble.reason)

    def _recall(self, call: Call, before: bytes) -> bytes:
        kind, answer = before[:1], before[1:]
        if kind == _OK:
            return answer
        if kind == _FAILED:
            raise _decode(answer)
        kept = self._secrets.get((call.caller.name, call.method, call.request_id))
        if kept is not None and trio.current_time() < kept[1]:
            return kept[0]
        raise FailedPrecondition(
            "This request was done before; its answer held a secret and is not kept. Ask anew, with a new request id.",
            reason="ANSWER_NOT_KEPT",
        )


def request_id_of(request: Message) -> str:
    """`request_id`, wherever the request has it: at the top or in its target. Empty when there is none."""
    fields = request.DESCRIPTOR.fields_by_name
    holder: object = request if "request_id" in fields else getattr(request, "target", None)
    return str(getattr(holder, "request_id", ""))


def changes(method: str) -> bool:
    """Is this one of the methods whose calls are in the audit log?"""
    return not method.rpartition("/")[2].startswith(READING)


def peer_address(peer: str) -> str:
    """`ipv4:192.0.2.1:5000` and `ipv6:[2001:db8::1]:5000`, as gRPC writes them → the address; others as they are."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return peer[:100]
    host = rest.rpartition(":")[0].replace("%5B", "[").replace("%5D", "]")
    return host.removeprefix("[").removesuffix("]").partition("%")[0]


def resource_of(request: Message, answer: Message | None) -> str:
    """Which thing a call is about: its name, that of the station it goes to, or that of what it made."""
    for path in ("name", "target.station", "station", "session", "place"):
        found: object = request
        for part in path.split("."):
            known = isinstance(found, Message) and part in found.DESCRIPTOR.fields_by_name
            found = getattr(found, part) if known else None
        if isinstance(found, str) and found:
            return found[:200]
    for message in (request, answer):
        for _, value in message.ListFields() if message is not None else ():
            if isinstance(value, Message) and "name" in value.DESCRIPTOR.fields_by_name:
                name = getattr(value, "name", "")
                if isinstance(name, str) and "/" in name:
                    return name[:200]
    return ""


def _entry(audit: AuditLog, call: Call, request: Message, trail: Trail, outcome: str, number: int) -> AuditEntry:
    return AuditEntry(
        number,
        audit.now,
        call.caller.name,
        call.caller.display_name,
        call.method,
        trail.resource or resource_of(request, call.answer),
        outcome,
        call.request_id[:MAX_REQUEST_ID],
        call.peer,
        call.forwarded_for,
        _told(request),
        trail.before,
        trail.after,
    )


def _told(request: Message) -> str:
    """What was asked, without secrets."""
    try:
        plain = MessageToDict(request, preserving_proto_field_name=True)
    except (JsonError, ValueError):  # a time in the year 30000, for example
        return audit_json({"unreadable": request.DESCRIPTOR.name})
    plain.pop("request_id", None)
    return audit_json(masked(plain))


def _address(text: str) -> str:
    """Empty when it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _text(value: str | bytes) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return "".join(character for character in text if character.isprintable())


def _bearer(header: str | bytes) -> str:
    """The token of `authorization: Bearer TOKEN`. Raises Unauthenticated."""
    text = header.decode("latin-1") if isinstance(header, bytes) else header
    scheme, _, token = text.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "Credentials are missing: send the metadata `authorization: Bearer TOKEN` with a session token or an API"
            " key.",
            reason="NOT_SIGNED_IN",
        )
    return token.strip()


def _group(header: str | bytes) -> int | None:
    """What `x-group: groups/17` narrows the call to. Raises InvalidArgument."""
    text = (header.decode("latin-1") if isinstance(header, bytes) else header).strip()
    if not text:
        return None
    collection, _, number = text.partition("/")
    if collection != "groups" or not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise InvalidArgument("The metadata x-group takes the name of a group: groups/17.", reason="INVALID_NAME")
    return int(number)


# -- errors that are remembered ------------------------------------------------------------------------------------


class _Kept(msgspec.Struct, array_like=True):
    kind: str
    message: str
    reason: str
    details: dict[str, str]


def _encode(error: DomainError) -> bytes:
    kept = _Kept(type(error).__name__, error.message, error.reason, error.details)
    return _FAILED + msgspec.json.encode(kept)


def _decode(data: bytes) -> DomainError:
    kept = msgspec.json.decode(data, type=_Kept)
    kind = getattr(errors, kept.kind, DeadlineExceeded)
    error: DomainError = kind(kept.message, reason=kept.reason, **kept.details)
    return error


def _unknown() -> DeadlineExceeded:
    return DeadlineExceeded(
        "The first call with this request id was given up before it was done. Whether it happened is not known: look"
        " before you ask again with a new request id.",
        reason="OUTCOME_UNKNOWN",
    )
