"""OCPP-J frames: CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND (OCPP-J 1.6 §4.2, 2.1 part 4 §4.2).

A frame is one JSON array. `parse` reads it in one pass and leaves the payload as raw JSON, so that the payload is
decoded once, by the schema of its action. What the specification says of bad frames, and what we do:

    what came                                answer (1.6)                                answer (2.x)
    ---------------------------------------  ------------------------------------------  -----------------------------
    not JSON, not UTF-8, not an array        CALLERROR "-1" if it begins like a CALL,    CALLERROR "-1"
                                             else none (the text is silent)              (RpcFrameworkError)
    a CALL whose message id can be read      CALLERROR FormationViolation with that id   CALLERROR RpcFrameworkError
    a CALL whose message id cannot           CALLERROR "-1"                              CALLERROR "-1"
    a bad CALLRESULT, CALLERROR              none, ever: an answer to an answer could    the same; 2.1: a bad
                                             run in circles; our own call fails if it    CALLRESULT for our call gets
                                             was the one answered                        a CALLRESULTERROR
    a bad CALLRESULTERROR, SEND              (there are none)                            none
    a message type that does not exist       none (§4.1.3: to be ignored)                MessageTypeNotSupported

Tolerated, because stations in the field do it: `null` for an empty payload; message ids of up to 255 characters (the
specification says 36, and UUIDs in braces have 38); a CALLERROR without details or description; duplicate keys (the
last one counts, as in every common JSON reader). Not tolerated: NaN and Infinity, lone surrogates, NUL characters
(PostgreSQL keeps none), and nesting deeper than the interpreter's recursion limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from csms.ocpp.faults import Edition, ErrorCode, Fault, shorten

CALL: Final = 2
CALL_RESULT: Final = 3
CALL_ERROR: Final = 4
CALL_RESULT_ERROR: Final = 5
SEND: Final = 6

MAX_MESSAGE_ID_LENGTH: Final = 255
UNREADABLE_ID: Final = "-1"
EMPTY_PAYLOAD: Final = msgspec.Raw(b"{}")

_MessageId = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_MESSAGE_ID_LENGTH)]
_DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Call(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=CALL, forbid_unknown_fields=True):
    """A request. `payload` is a JSON object, not yet decoded."""

    message_id: _MessageId
    action: str
    payload: msgspec.Raw


class CallResult(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=CALL_RESULT, forbid_unknown_fields=True):
    """The answer to a request. `payload` is a JSON object, not yet decoded."""

    message_id: _MessageId
    payload: msgspec.Raw


class CallError(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=CALL_ERROR, forbid_unknown_fields=True):
    """A request failed. `code` is the peer's word, which may be one that no specification knows."""

    message_id: _MessageId
    code: str
    description: str | None = ""
    details: msgspec.Raw = EMPTY_PAYLOAD


class CallResultError(
    msgspec.Struct, frozen=True, gc=False, array_like=True, tag=CALL_RESULT_ERROR, forbid_unknown_fields=True
):
    """OCPP 2.1: the answer that we gave was no good."""

    message_id: _MessageId
    code: str
    description: str | None = ""
    details: msgspec.Raw = EMPTY_PAYLOAD


class Send(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=SEND, forbid_unknown_fields=True):
    """OCPP 2.1: a message that wants no answer."""

    message_id: _MessageId
    action: str
    payload: msgspec.Raw


Frame = Call | CallResult | CallError | CallResultError | Send

_TYPE_IDS: Final[Mapping[type[Frame], int]] = {
    Call: CALL,
    CallResult: CALL_RESULT,
    CallError: CALL_ERROR,
    CallResultError: CALL_RESULT_ERROR,
    Send: SEND,
}


class MalformedFrame(Exception):
    """A frame that cannot be taken in.

    `reason` is a sentence for the event log; `reply` the bytes to send back, or None; `failed_id` the message id when
    the frame was meant as the answer to a call of ours (which then will get no other; `reply` is then for that call
    alone).
    """

    def __init__(self, reason: str, *, reply: bytes | None = None, failed_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reply = reply
        self.failed_id = failed_id


_decoder: Final = msgspec.json.Decoder(Frame)
_array_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])
_text_decoder: Final = msgspec.json.Decoder(str)
_encoder: Final = msgspec.json.Encoder()

# An escaped NUL: \u0000 after an even number of backslashes.
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# The head of a frame whose JSON is broken further on; the id is taken only when it needs no unescaping.
_HEAD: Final = re.compile(rb'\s*\[\s*(\d+)\s*(?:,\s*(?:"([^"\\\x00-\x1f]{1,255})"\s*[,\]])?|$)')


def parse(data: bytes, edition: Edition) -> Frame:
    """Read one frame. Raises MalformedFrame, with the reply that the specification asks for."""
    try:
        frame = _decoder.decode(data)
    except _DECODE_ERRORS as error:
        raise _diagnose(data, edition, error) from None
    if b"\\u0000" in data and _NUL.search(data):
        raise _refuse(
            data, edition, "The frame has a NUL character in a text.", ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
        )
    if type(frame) is Call:
        # A frame that ends in "}]" and is valid JSON has an object for its last element.
        if data[-2:] == b"}]" and frame.message_id.isprintable():
            return frame
    elif _TYPE_IDS[type(frame)] not in edition.message_types:
        raise _diagnose(data, edition, None)
    if not frame.message_id.isprintable():
        raise _refuse(data, edition, "The message id has characters that cannot be printed.")
    if isinstance(frame, CallError | CallResultError):
        return frame
    return _settle_payload(frame, data, edition)


def _settle_payload(frame: Call | CallResult | Send, data: bytes, edition: Edition) -> Frame:
    payload = bytes(frame.payload)
    if payload[:1] == b"{":
        return frame
    if payload == b"null":  # Heartbeat with null is seen in the field
        return msgspec.structs.replace(frame, payload=EMPTY_PAYLOAD)
    raise _refuse(data, edition, "The payload must be a JSON object.", ErrorCode.FORMAT_VIOLATION)


# -- what was wrong with a frame ---------------------------------------------------------------------------------


def _diagnose(data: bytes, edition: Edition, error: Exception | None) -> MalformedFrame:
    """Find the sentence and the reply for a frame that did not decode."""
    try:
        parts = _array_decoder.decode(data)
    except msgspec.ValidationError:
        return _refuse(data, edition, "The frame is JSON but not an array.")
    except RecursionError:
        return _refuse(data, edition, "The frame is nested too deeply.")
    except _DECODE_ERRORS as bad:
        if not data.strip():
            return _refuse(data, edition, "The frame is empty.")
        return _refuse(data, edition, f"The frame is not JSON: {bad}.")
    type_id = bytes(parts[0]) if parts else b""
    if not type_id.isdigit():
        return _refuse(data, edition, "The frame does not begin with a message type number.")
    if int(type_id[:9]) not in edition.message_types:
        reason = f"Message type {shorten(type_id.decode(), 20)} does not exist in {edition.subprotocol}."
        if not edition.answers_unknown_types:
            return MalformedFrame(reason)
        return _refuse(data, edition, reason, ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED, any_type=True)
    if len(parts) > 1 and _text(parts[1]) is None:
        return _refuse(data, edition, f"The message id must be a text of 1 to {MAX_MESSAGE_ID_LENGTH} characters.")
    if type_id == b"2" and len(parts) != 4:
        return _refuse(data, edition, f"A CALL has 4 elements; this one has {len(parts)}.")
    if type_id == b"2" and parts[2] and bytes(parts[2])[:1] != b'"':
        return _refuse(data, edition, "The action must be a text.")
    return _refuse(data, edition, f"The frame is malformed: {error or 'unknown message type'}.")


def _refuse(
    data: bytes,
    edition: Edition,
    reason: str,
    code: ErrorCode = ErrorCode.RPC_FRAMEWORK_ERROR,
    *,
    any_type: bool = False,
) -> MalformedFrame:
    """Decide on the reply from the head of the frame: its type and, where it can be read, its message id."""
    type_id, message_id = _head(data)
    if type_id in (CALL_RESULT, CALL_ERROR):
        reply = None
        if type_id == CALL_RESULT and message_id is not None and CALL_RESULT_ERROR in edition.message_types:
            reply = print_result_fault(message_id, Fault(code, reason), edition)
        return MalformedFrame(reason, reply=reply, failed_id=message_id)
    if type_id != CALL and not any_type and (type_id is not None or not edition.answers_unreadable):
        return MalformedFrame(reason)
    return MalformedFrame(reason, reply=print_fault(message_id or UNREADABLE_ID, Fault(code, reason), edition))


def _head(data: bytes) -> tuple[int | None, str | None]:
    """(message type, message id) of a frame, each None when it cannot be read."""
    try:
        parts = _array_decoder.decode(data)
    except _DECODE_ERRORS:
        match = _HEAD.match(data[:2048])
        if match is None:
            return None, None
        found: bytes | None = match[2]
        return int(match[1][:9]), _text(b'"' + found + b'"') if found is not None else None
    type_id = bytes(parts[0]) if parts else b""
    if not type_id.isdigit():
        return None, None
    return int(type_id[:9]), _text(parts[1]) if len(parts) > 1 else None


def _text(raw: msgspec.Raw | bytes) -> str | None:
    """A message id, or None when it is none."""
    try:
        text = _text_decoder.decode(raw)
    except _DECODE_ERRORS:
        return None
    return text if 0 < len(text) <= MAX_MESSAGE_ID_LENGTH and text.isprintable() else None


# -- printing: compact JSON (some stations read no other) -----------------------------------------------------------


def print_call(message_id: str, action: str, payload: bytes) -> bytes:
    """[2, id, action, payload]; `payload` is JSON already."""
    return b"[2,%b,%b,%b]" % (_encoder.encode(message_id), _encoder.encode(action), payload)


def print_result(message_id: str, payload: bytes) -> bytes:
    """[3, id, payload]; `payload` is JSON already."""
    return b"[3,%b,%b]" % (_encoder.encode(message_id), payload)


def print_fault(message_id: str, fault: Fault, edition: Edition) -> bytes:
    """[4, id, code, description, details], the code spelt as the edition does."""
    return _encoder.encode([CALL_ERROR, message_id, edition.spell(fault.code), fault.description, dict(fault.details)])


def print_result_fault(message_id: str, fault: Fault, edition: Edition) -> bytes:
    """[5, id, code, description, details]: OCPP 2.1's word for an answer that is no good."""
    return _encoder.encode(
        [CALL_RESULT_ERROR, message_id, edition.spell(fault.code), fault.description, dict(fault.details)]
    )
