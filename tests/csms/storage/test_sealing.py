"""Secrets that people read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from csms.domain.errors import FailedPrecondition, InvalidArgument
from csms.storage.sealing import MARK, FernetCipher, MarkedCipher, key_from


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    key = key_from("", file)
    assert key_from("", file) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert key_from(key.decode(), tmp_path / "other") == key
    assert not (tmp_path / "other").exists()


def test_who_has_the_database_and_not_the_key_reads_nothing(tmp_path: Path) -> None:
    one, other = (FernetCipher(key_from("", tmp_path / name)) for name in ("one", "other"))
    sealed = one.seal("pässword")
    assert "ssword" not in sealed
    assert one.open(sealed) == "pässword"
    assert (one.seal(""), one.open("")) == ("", "")
    with pytest.raises(FailedPrecondition, match=r"secret\.key"):
        other.open(sealed)


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="secret_key"):
        key_from("short", tmp_path / "x")
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(InvalidArgument, match="44 characters"):
        key_from("", tmp_path / "x")


def test_what_was_plain_is_still_read_and_what_is_sealed_says_so(tmp_path: Path) -> None:
    cipher = MarkedCipher(key_from("", tmp_path / "key"))
    sealed = cipher.seal("OTPSECRET")
    assert sealed.startswith(MARK)
    assert [cipher.open(text) for text in (sealed, "OTPSECRET", "")] == ["OTPSECRET", "OTPSECRET", ""]
    assert cipher.seal("") == ""
    with pytest.raises(FailedPrecondition, match=r"secret\.key"):
        MarkedCipher(key_from("", tmp_path / "other")).open(sealed)
