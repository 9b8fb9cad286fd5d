"""The plain HTTP side of an opening."""

from __future__ import annotations

import pytest

from csms.transport.opening import OpeningRequest, Reject, http_answer, station_identity


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


@pytest.mark.feature("F-OCPP-6")
@pytest.mark.parametrize(
    ("target", "identity"),
    [
        ("/ocpp/CP1", "CP1"),
        ("/Ocpp/websocket/CP1", "CP1"),
        ("/ocpp/CP1/", "CP1"),
        ("/ocpp//CP1", "CP1"),
        ("/ocpp/CP1?token=x", "CP1"),
        ("/ocpp/RDAM%7C123", "RDAM|123"),
        ("/ocpp/a%20b+c%25*=@.-_:", "a b+c%*=@.-_:"),
        ("/ocpp/Malm%C3%B6", "Malmö"),
        ("/ocpp/" + "x" * 255, "x" * 255),
    ],
)
def test_the_identity_in_the_address(target: str, identity: str) -> None:
    assert station_identity(target) == identity


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 404),
        ("/ocpp", 404),
        ("/ocpp/", 404),
        ("/OCPP/CP1", 404),
        ("/ocpp/CP1/more", 404),
        ("/ocpp/a%2Fb", 400),
        ("/ocpp/a%00b", 400),
        ("/ocpp/a%0d%0aX", 400),
        ("/ocpp/a%E2%80%AEb", 400),  # right-to-left override
        ("/ocpp/a%zz", 400),
        ("/ocpp/a%", 400),
        ("/ocpp/%FF", 400),
        ("/ocpp/" + "x" * 256, 400),
    ],
)
def test_an_address_that_names_no_station(target: str, status: int) -> None:
    answer = station_identity(target)
    assert isinstance(answer, Reject)
    assert answer.status == status
    assert answer.text.endswith(".")
