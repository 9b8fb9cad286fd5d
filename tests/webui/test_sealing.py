"""What a browser carries for us."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from webui.sealing import Seal


class Parcel(msgspec.Struct, frozen=True):
    text: str


class Other(msgspec.Struct, frozen=True):
    text: str


def test_what_is_sealed_is_read_back_and_cannot_be_read_by_its_bearer() -> None:
    seal = Seal()
    closed = seal.close(Parcel("a password"))
    assert "password" not in closed
    assert seal.open(closed, Parcel) == Parcel("a password")


def test_what_was_sealed_for_one_use_is_no_good_for_another() -> None:
    seal = Seal()
    assert seal.open(seal.close(Parcel("x")), Other) is None


def test_what_is_too_old_changed_or_of_another_process_is_void() -> None:
    seal = Seal()
    closed = seal.close(Parcel("x"))
    assert seal.open(closed, Parcel, timedelta(seconds=-1)) is None
    assert seal.open(closed[:-2] + "xx", Parcel) is None
    assert seal.open("", Parcel) is None
    assert Seal().open(closed, Parcel) is None
