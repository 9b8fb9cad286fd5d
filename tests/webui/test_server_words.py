"""Sentences of the control plane in the reader's language."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from webui import sentences, server_words, words
from webui.values import ApiError

ROOT = Path(__file__).resolve().parents[2]


@cache
def said_by_the_server() -> frozenset[str]:
    trees = (ast.parse(path.read_text()) for path in (ROOT / "csms").rglob("*.py"))
    found = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return frozenset(value for value in found if isinstance(value, str))


def test_the_server_still_says_each_of_them_word_for_word() -> None:
    triggers = "".join(path.read_text() for path in (ROOT / "csms" / "storage" / "migrations").glob("*.sql"))
    silent = [each for each in server_words.SENTENCES if each not in said_by_the_server()]
    assert [each for each in silent if f"'{each}'" not in triggers] == []


@pytest.mark.parametrize("language", ["sv", "nl", "de"])
def test_a_refusal_is_in_the_readers_language(language: str) -> None:
    token = words.current.set(words.manners(language, "UTC"))
    refused = "There is already a tag with this id."
    told = sentences.of_error(ApiError("ALREADY_EXISTS", "ID_TOKEN_TAKEN", refused))
    unknown = sentences.of_error(ApiError("INVALID_ARGUMENT", "NEW", "Something that only a newer server says."))
    words.current.reset(token)
    assert told != refused
    assert unknown == "Something that only a newer server says."
