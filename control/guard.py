"""Who calls, by when, and was it asked before: what stands between the wire and every servicer. Lives in trio."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog
import trio
from google.protobuf.message import Message

from csms.domain import errors
from csms.domain.access import Principal, Role
from csms.domain.errors import DeadlineExceeded, DomainError, FailedPrecondition, InvalidArgument, Unauthenticated
from csms.ports.stores import RequestMemory
from csms.services.access import AccessControl

OPEN_METHODS: Final = frozenset({"/control.v1.AuthService/SignIn"})
"""Need no credentials."""
SECRET_METHODS: Final = frozenset({"/control.v1.StationService/SetStationPassword"})
"""Their answers hold a secret, so they are remembered in memory only."""
MAX_REQUEST_ID: Final = 100
RECHECK_SECONDS: Final = 30.0
"""How often a stream's credentials are checked again."""
NOBODY: Final = Principal("nobody", "nobody", Role.EV_USER)

_SECRETS_KEPT, _SECRET_SECONDS = 1_000, 600.0
_OK, _FAILED, _SECRET = b"\x00", b"\x01", b"\x02"
_HAPPENED_MAYBE: Final = frozenset({"NO_ANSWER", "OUTCOME_UNKNOWN"})
_log = structlog.get_logger("control")


@dataclass(slots=True)
class Call:
    """One call under way. `deadline` is trio's time, None: none was given. The rest is for the log."""

    method: str
    bearer: str = ""
    caller: Principal = NOBODY
    deadline: float | None = None
    request_id: str = ""
    repeated: bool = False

    def remaining(self) -> float | None:
        """Seconds until the caller gives up; None: it does not."""
        return None if self.deadline is None else max(0.0, self.deadline - trio.current_time())


class Guard:
    """Checks credentials, bounds calls by their deadlines, remembers mutations by request id."""

    def __init__(self, access: AccessControl, memory: RequestMemory) -> None:
        self._access = access
        self._memory = memory
        self._secrets: OrderedDict[tuple[str, str, str], tuple[bytes, float]] = OrderedDict()

    async def admit(self, call: Call, metadata: Mapping[str, str | bytes], remaining_s: float | None) -> None:
        """Fill in who calls and until when. Raises Unauthenticated."""
        if remaining_s is not None:
            call.deadline = trio.current_time() + remaining_s
        if call.method in OPEN_METHODS:
            return
        call.bearer = _bearer(metadata.get("authorization", ""))
        call.caller = await self._access.authenticate(call.bearer)

    async def check_again(self, call: Call) -> None:
        """For streams: are the credentials still good? Raises Unauthenticated."""
        call.caller = await self._access.authenticate(call.bearer)

    async def answer(self, call: Call, request: Message, work: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer's bytes, within the deadline; for a request id that was seen, those of the first time.

        Raises DeadlineExceeded, and what `work` raises.
        """
        call.request_id = request_id_of(request)
        if call.deadline is None:
            return await self._once(call, request, work)
        with trio.CancelScope(deadline=call.deadline):
            return await self._once(call, request, work)
        raise DeadlineExceeded(
            "The call's deadline passed before it was done. Whether it happened is not known: look before you repeat"
            " it.",
            reason="OUTCOME_UNKNOWN",
        )

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
