"""The plain HTTP side of an opening."""

from __future__ import annotations

from csms.transport.opening import OpeningRequest, Reject, http_answer


def test_headers_are_found_in_any_case_and_joined() -> None:
    request = OpeningRequest("GET", "/", (("sec-websocket-protocol", "a"), ("Sec-WebSocket-Protocol", "b, c")))
    assert request.header("SEC-WEBSOCKET-PROTOCOL") == "a, b, c"
    assert request.header("Authorization") is None
    assert not request.wants_websocket
    assert OpeningRequest("GET", "/", (("upgrade", "WebSocket"),)).wants_websocket


def test_an_answer_is_complete_and_closes() -> None:
    answer = http_answer(Reject(429, "För många försök.", (("Retry-After", "7"),)))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"HTTP/1.1 429 Too Many Requests"
    assert b"Retry-After: 7" in head
    assert b"Connection: close" in head
    assert b"Content-Length: %d" % len(body) in head
    assert body == "För många försök.\n".encode()


def test_a_head_request_gets_no_body_and_an_unknown_status_still_a_phrase() -> None:
    answer = http_answer(Reject(499, "text"), head_only=True)
    assert answer.startswith(b"HTTP/1.1 499 Refused\r\n")
    assert answer.endswith(b"\r\n\r\n")
