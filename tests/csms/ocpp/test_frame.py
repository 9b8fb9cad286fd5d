"""Frames as they should be, and as they come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.ocpp import faults, frame
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.frame import MalformedFrame

V16, V201, V21 = faults.V16, faults.V201, faults.V21


def refused(data: bytes, edition: faults.Edition = V16) -> MalformedFrame:
    with pytest.raises(MalformedFrame) as caught:
        frame.parse(data, edition)
    assert caught.value.reason
    return caught.value


def answer_to(data: bytes, edition: faults.Edition = V16) -> list[Any] | None:
    reply = refused(data, edition).reply
    return None if reply is None else json.loads(reply)


@pytest.mark.feature("F-OCPP-1")
def test_call_leaves_its_payload_raw() -> None:
    call = frame.parse(b'[2,"17","Authorize",{"idTag": "A"}]', V16)
    assert isinstance(call, frame.Call)
    assert (call.message_id, call.action, bytes(call.payload)) == ("17", "Authorize", b'{"idTag": "A"}')


@pytest.mark.feature("F-OCPP-1")
def test_answers_are_read() -> None:
    result = frame.parse(b'[3,"17",{"status":"Accepted"}]', V16)
    assert isinstance(result, frame.CallResult)
    assert bytes(result.payload) == b'{"status":"Accepted"}'
    error = frame.parse(b'[4,"17","NotImplemented","no",{"a":1}]', V16)
    assert isinstance(error, frame.CallError)
    assert (error.code, error.description, bytes(error.details)) == ("NotImplemented", "no", b'{"a":1}')


def test_blanks_between_elements_are_harmless() -> None:
    call = frame.parse(b' [ 2 , "17" , "Heartbeat" , { } ] \n', V16)
    assert isinstance(call, frame.Call)
    assert bytes(call.payload) == b"{ }"


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("data", [b'[2,"17","Heartbeat",null]', b'[3,"17",null]'])
def test_null_payload_is_an_empty_one(data: bytes) -> None:
    message = frame.parse(data, V16)
    assert isinstance(message, frame.Call | frame.CallResult)
    assert bytes(message.payload) == b"{}"


@pytest.mark.parametrize("data", [b'[4,"17","GenericError"]', b'[4,"17","GenericError",null]'])
def test_callerror_may_lack_its_end(data: bytes) -> None:
    error = frame.parse(data, V16)
    assert isinstance(error, frame.CallError)
    assert (error.code, error.description or "") == ("GenericError", "")


def test_uuid_in_braces_is_a_message_id() -> None:
    message_id = "{0c9d2a1e-7f7c-4a51-9f10-2b6f0fb5f1f0}"
    assert frame.parse(frame.print_call(message_id, "Heartbeat", b"{}"), V16).message_id == message_id


BOMB = b"[" * 100_000
SILENT_IN_1_6 = {
    "empty frame": b"",
    "blank frame": b" \r\n",
    "not JSON": b"hello",
    "XML": b"<soap:Envelope/>",
    "not an array": b'{"a":1}',
    "a text": b'"[2]"',
    "null": b"null",
    "empty array": b"[]",
    "array of nothing": b"[null]",
    "type as text": b'["2","17","Heartbeat",{}]',
    "type as float": b'[2.0,"17","Heartbeat",{}]',
    "negative type": b'[-2,"17","Heartbeat",{}]',
    "deep nesting": BOMB,
    "closed deep nesting": BOMB + b"]" * 100_000,
    "byte order mark": b'\xef\xbb\xbf[2,"17","Heartbeat",{}]',
    "binary": bytes(range(256)),
}


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("data", SILENT_IN_1_6.values(), ids=SILENT_IN_1_6)
def test_unrecognisable_frame_is_logged_in_1_6_and_answered_with_minus_one_in_2(data: bytes) -> None:
    assert answer_to(data) is None
    answer = answer_to(data, V201)
    assert answer is not None
    assert answer[:3] == [4, "-1", "RpcFrameworkError"]


WITH_ID = {
    "no payload": b'[2,"17","Heartbeat"]',
    "no action": b'[2,"17"]',
    "one element too many": b'[2,"17","Heartbeat",{},{}]',
    "action a number": b'[2,"17",5,{}]',
    "action null": b'[2,"17",null,{}]',
    "payload an array": b'[2,"17","Heartbeat",[]]',
    "payload a text": b'[2,"17","Heartbeat","{}"]',
    "payload a number": b'[2,"17","Heartbeat",1]',
    "cut off": b'[2,"17","Heartbeat",{"a":',
    "trailing comma": b'[2,"17","Heartbeat",{},]',
    "trailing text": b'[2,"17","Heartbeat",{}]x',
    "two frames in one": b'[2,"17","Heartbeat",{}][2,"18","Heartbeat",{}]',
    "NaN": b'[2,"17","Heartbeat",{"a":NaN}]',
    "Infinity": b'[2,"17","Heartbeat",{"a":-Infinity}]',
    "action not UTF-8": b'[2,"17","Heart\xff",{}]',
    "action a lone surrogate": b'[2,"17","\\ud800",{}]',
    "payload nested deeply": b'[2,"17","DataTransfer",{"a":' + BOMB,
    "payload nested deeply and closed": b'[2,"17","DataTransfer",' + BOMB + b"]" * 100_000 + b"]",
}


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("data", WITH_ID.values(), ids=WITH_ID)
def test_broken_call_with_a_readable_id_is_answered_under_it(data: bytes) -> None:
    answer = answer_to(data)
    assert answer is not None
    assert answer[:3] == [4, "17", "FormationViolation"]
    assert 0 < len(answer[3]) <= 255
    assert answer[4] == {}


WITHOUT_ID = {
    "nothing but the type": b"[2]",
    "id a number": b'[2,17,"Heartbeat",{}]',
    "id null": b'[2,null,"Heartbeat",{}]',
    "id empty": b'[2,"","Heartbeat",{}]',
    "id too long": b'[2,"' + b"x" * 256 + b'","Heartbeat",{}]',
    "id a megabyte": b'[2,"' + b"x" * 1_000_000 + b'","Heartbeat",{}]',
    "id not UTF-8": b'[2,"\xff","Heartbeat",{}]',
    "id a lone surrogate": b'[2,"\\ud800","Heartbeat",{}]',
    "id with a line break": b'[2,"a\\nb","Heartbeat",{}]',
    "cut off in the id": b'[2,"17',
}


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("data", WITHOUT_ID.values(), ids=WITHOUT_ID)
def test_call_without_a_readable_id_is_answered_under_minus_one(data: bytes) -> None:
    answer = answer_to(data)
    assert answer is not None
    assert answer[:3] == [4, "-1", "FormationViolation"]


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize(
    "data", [b'[3,"17"]', b'[3,"17",{},1]', b'[3,"17",[]]', b'[3,"17",{"a":', b'[4,"17"]', b'[4,"17",5]']
)
def test_broken_answer_gets_no_answer_but_names_its_call(data: bytes) -> None:
    for edition in (V16, V201, V21):
        error = refused(data, edition)
        assert error.failed_id == "17"
        if edition is V21 and data.startswith(b"[3"):
            assert error.reply is not None
            assert json.loads(error.reply)[:2] == [5, "17"]  # the exchange sends it if a call of ours waits
        else:
            assert error.reply is None


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("type_id", [0, 1, 5, 6, 7, 99, 10**30])
def test_unknown_message_type_is_ignored_in_1_6_and_refused_in_2_0_1(type_id: int) -> None:
    data = b'[%d,"17","Heartbeat",{}]' % type_id
    assert answer_to(data) is None
    answer = answer_to(data, V201)
    assert answer is not None
    assert answer[:3] == [4, "17", "MessageTypeNotSupported"]


def test_2_1_has_two_more_message_types() -> None:
    send = frame.parse(b'[6,"17","NotifyPeriodicEventStream",{}]', V21)
    assert isinstance(send, frame.Send)
    assert isinstance(frame.parse(b'[5,"17","GenericError","",{}]', V21), frame.CallResultError)


@pytest.mark.feature("F-OCPP-10")
def test_nul_cannot_be_kept_and_is_refused() -> None:
    nameless = answer_to(b'[2,"a\\u0000b","Heartbeat",{}]')
    assert nameless is not None
    assert nameless[:3] == [4, "-1", "PropertyConstraintViolation"]
    answer = answer_to(b'[2,"17","DataTransfer",{"vendorId":"a\\u0000"}]')
    assert answer is not None
    assert answer[:3] == [4, "17", "PropertyConstraintViolation"]


def test_text_that_only_looks_like_an_escaped_nul_is_fine() -> None:
    frame.parse(rb'[2,"17","DataTransfer",{"vendorId":"a\\u0000"}]', V16)


def test_megabyte_of_payload_is_read() -> None:
    frame.parse(b'[2,"17","DataTransfer",{"vendorId":"V","data":"%b"}]' % (b"x" * 1_000_000), V16)


@pytest.mark.feature("F-OCPP-1")
def test_printed_frames_are_compact() -> None:
    assert frame.print_call("17", "Reset", b'{"type":"Soft"}') == b'[2,"17","Reset",{"type":"Soft"}]'
    assert frame.print_result("17", b"{}") == b'[3,"17",{}]'
    fault = Fault(ErrorCode.FORMAT_VIOLATION, "no", {"place": "/a"})
    assert frame.print_fault("17", fault, V16) == b'[4,"17","FormationViolation","no",{"place":"/a"}]'
    assert frame.print_fault("17", fault, V21) == b'[4,"17","FormatViolation","no",{"place":"/a"}]'
    assert frame.print_result_fault("17", fault, V21) == b'[5,"17","FormatViolation","no",{"place":"/a"}]'


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=255).filter(str.isprintable))
def test_any_printable_id_survives_the_way_there_and_back(message_id: str) -> None:
    call = frame.parse(frame.print_call(message_id, "Heartbeat", b"{}"), V16)
    result = frame.parse(frame.print_result(call.message_id, b"{}"), V16)
    assert result.message_id == message_id


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b'[2,"17","' + tail))
def test_no_bytes_bring_the_reader_down(data: bytes) -> None:
    for edition in (V16, V201, V21):
        reply = None
        try:
            frame.parse(data, edition)
        except MalformedFrame as error:
            reply = error.reply
        assert reply is None or json.loads(reply)[0] in (frame.CALL_ERROR, frame.CALL_RESULT_ERROR)
