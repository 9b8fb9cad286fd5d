"""Passwords do not stand in the message log."""

from __future__ import annotations

import json

import pytest

from csms.ports.message_log import Direction, LogFilter
from csms.services.masking import BLOT, MaskedMessageLog, masked, without_tokens
from tests.kit.fake_message_log import FakeMessageLog

SECRET = "0123456789abcdef"


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    "payload",
    [
        {"key": "AuthorizationKey", "value": SECRET},
        {"key": "authorizationkey", "value": SECRET},
        {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": SECRET}]},
        {
            "setVariableData": [
                {
                    "component": {"name": "SecurityCtrlr"},
                    "variable": {"name": "BasicAuthPassword"},
                    "attributeValue": SECRET,
                }
            ]
        },
        {
            "reportData": [
                {"variable": {"name": "BasicAuthPassword"}, "variableAttribute": [{"type": "Actual", "value": SECRET}]}
            ]
        },
        {"configurationSlot": 1, "connectionData": {"basicAuthPassword": SECRET, "apn": {"apnPassword": SECRET}}},
        {"connectionData": {"vpn": {"server": "x", "user": "y", "password": SECRET, "key": SECRET}}},
    ],
)
def test_a_secret_is_blotted_out_and_the_rest_stays(payload: dict[str, object]) -> None:
    frame = [2, "1", "Any", {**payload, "other": "stays"}]
    for content in (json.dumps(frame), json.dumps(frame, indent=1).encode()):
        found = masked(content)
        assert isinstance(found, str)
        assert SECRET not in found
        assert BLOT in found
        assert json.loads(found)[3]["other"] == "stays"


@pytest.mark.parametrize(
    "content", [b'[2,"1","ChangeConfiguration",{"key":"HeartbeatInterval","value":"300"}]', "", b"\xff\xfe"]
)
def test_everything_else_is_the_very_same(content: bytes | str) -> None:
    assert masked(content) is content


def test_what_is_no_frame_but_names_a_password_is_not_kept() -> None:
    assert masked(b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"0123') == BLOT


@pytest.mark.parametrize(
    "frame", ["[1,2]", '{"key":{"authorizationkey":1}}', '"authorizationkey"', '["authorizationkey"]']
)
def test_odd_frames_do_no_harm(frame: str) -> None:
    assert json.loads(masked(frame)) == json.loads(frame)


async def test_the_log_behind_it_gets_the_rest() -> None:
    behind = FakeMessageLog()
    log = MaskedMessageLog(behind)
    secret = json.dumps([2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET}]).encode()
    log.record(1, Direction.SENT, secret, message_type="CALL", action="ChangeConfiguration", message_id="1")
    log.record(1, Direction.RECEIVED, b'[3,"1",{}]', message_type="CALLRESULT", action="Heartbeat", latency_s=0.1)
    entries = await log.page(1, size=10, before=None, wanted=LogFilter())
    assert [entry.action for entry in entries] == ["Heartbeat", "ChangeConfiguration"]
    assert SECRET not in entries[1].content
    async with log.tail(1) as tail:
        log.record(1, Direction.REMARK, "authorizationkey is not touched in remarks")
        assert "touched" in (await tail.next_batch(tick=1.0))[0].content


@pytest.mark.feature("F-FILE-1")
@pytest.mark.parametrize("kind", [str, bytes])
def test_addresses_of_the_file_server_are_good_for_nothing_in_the_log(kind: type) -> None:
    token = "aB-_" * 10 + "xyz"
    for address in (f"https://files.test/{token}/", f"ftps://station:{token}@files.test/fw.bin"):
        frame = f'[2,"1","GetLog",{{"log":{{"remoteLocation":"{address}"}}}}]'
        found = without_tokens(frame if kind is str else frame.encode())
        text = found if isinstance(found, str) else found.decode()
        assert token not in text
        assert "files.test" in text
