"""Tags."""

from __future__ import annotations

from control.convert.id_tokens import FIELDS, id_token, token
from control.v1 import id_tokens_pb2
from csms.domain.authorization import Token
from csms.services.tokens import EDITABLE
from tests.kit.service_world import NOW


def test_what_can_be_edited_has_a_path_and_the_reverse() -> None:
    assert set(FIELDS.values()) == set(EDITABLE)
    assert set(FIELDS) <= set(id_tokens_pb2.IdToken.DESCRIPTOR.fields_by_name)


def test_a_tag_comes_back_but_for_what_the_server_gives() -> None:
    kept = Token(7, "TAG", "Red", True, NOW, "FLEET", True, "note", 3, NOW, NOW)
    message = id_token(kept, NOW)
    assert (message.name, message.etag) == ("idTokens/7", "3")
    assert token(message) == Token(0, "TAG", "Red", True, NOW, "FLEET", True, "note")


def test_no_parent_and_no_end_stay_none() -> None:
    assert token(id_token(Token(7, "TAG"), NOW)) == Token(0, "TAG")
