"""The envelope, headers and pages of OCPI."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from csms.ocpi.commands import StartSession
from csms.ocpi.envelope import (
    Page,
    decoded_token,
    next_link,
    page_headers,
    print_answer,
    print_authorization,
    print_fault,
    read_answer,
    read_authorization,
    read_object,
    read_page,
)
from csms.ocpi.faults import OcpiFault
from csms.ocpi.tokens import Token, TokenPatch, patched

NOW = datetime(2026, 11, 21, 8, 0, 0, 999_999, tzinfo=UTC)
TOKEN = (
    b'{"country_code":"NL","party_id":"TNM","uid":"04AB","type":"RFID","contract_id":"C1","issuer":"TNM","valid":true,'
    b'"whitelist":"ALWAYS","visual_number":"7","last_updated":"2026-11-21T08:00:00","energy_contract":{"supplier_name":"x"}}'
)


def test_times_have_at_most_25_characters() -> None:
    told = json.loads(print_answer(NOW, b"[]"))
    assert told == {"status_code": 1000, "timestamp": "2026-11-21T08:00:00Z", "data": []}
    assert "data" not in json.loads(print_answer(NOW))
    told = json.loads(print_fault(NOW, OcpiFault(2001, "x" * 999)))
    assert (told["status_code"], len(told["status_message"])) == (2001, 255)


@pytest.mark.parametrize("header", ["", "Token", "Token ", "Bearer abc", "Basic dXNlcjpwYXNz"])
def test_whoever_shows_no_token_is_told_how(header: str) -> None:
    with pytest.raises(OcpiFault) as fault:
        read_authorization(header)
    assert fault.value.http_status == 401


def test_a_token_goes_and_comes_in_base64() -> None:
    shown = read_authorization(print_authorization("s3cret"))
    assert decoded_token(shown) == "s3cret"
    assert decoded_token("not base64!") == ""
    assert decoded_token(base64.b64encode(b"\xff\xfe").decode()) == ""


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "-1"}, {"offset": "x"}, {"date_from": "yesterday"}, {"offset": "9" * 30}]
)
def test_a_page_that_cannot_be_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(OcpiFault) as fault:
        read_page(query)
    assert (fault.value.code, fault.value.http_status) == (2001, 400)


def test_pages_are_bounded_and_lead_on() -> None:
    page = read_page({"offset": "5", "limit": "100000", "date_from": "2026-11-21T08:00:00"})
    assert page == Page(5, 100, datetime(2026, 11, 21, 8, tzinfo=UTC))
    headers = dict(page_headers("https://x/cdrs", {"date_to": "2026-11-22T08:00:00Z"}, page, 100, 300))
    assert headers["X-Total-Count"] == "300"
    url = next_link(headers["Link"])
    assert url == "https://x/cdrs?date_to=2026-11-22T08%3A00%3A00Z&offset=105&limit=100"
    assert "Link" not in dict(page_headers("https://x/cdrs", {}, Page(200, 100), 100, 300))
    assert next_link('<https://x/1>; rel="prev", <https://x/3>; rel="next"') == "https://x/3"
    assert next_link("") == ""


def test_what_others_add_is_ignored_and_what_is_wrong_is_named() -> None:
    token = read_object(Token, TOKEN)
    assert token.uid == "04AB"
    changed = patched(
        token, read_object(TokenPatch, b'{"valid":false,"visual_number":null,"last_updated":"2026-11-22T08:00:00Z"}')
    )
    assert (changed.valid, changed.visual_number, changed.contract_id) == (False, None, "C1")
    with pytest.raises(OcpiFault, match=r"\$\.uid"):
        read_object(Token, TOKEN.replace(b'"04AB"', b'"' + b"x" * 37 + b'"'))
    with pytest.raises(OcpiFault, match="enum"):
        read_object(Token, TOKEN.replace(b"ALWAYS", b"SOMETIMES"))
    for broken in (b"", b"[]", b"{", b"\xff"):
        with pytest.raises(OcpiFault):
            read_object(StartSession, broken)
    with pytest.raises(OcpiFault):
        read_answer(b"<html>")
