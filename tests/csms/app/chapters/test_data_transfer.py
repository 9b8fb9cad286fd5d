"""Plug-ins that are installed, and those that cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from csms.app.chapters.data_transfer import load_plugins
from csms.domain.facts import DataTransferred, DataTransferReply
from csms.services.vendor_messages import VendorMessages

EXAMPLE = Path(__file__).parents[3] / "kit" / "vendor_plugin"


def test_without_plug_ins_there_are_none() -> None:
    assert load_plugins() == {}


@pytest.mark.feature("F-OCPP-1")
async def test_an_installed_plug_in_answers_for_its_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    messages = VendorMessages(load_plugins())
    # One of the three cannot be found, and one is no function: they are left out.
    assert messages.vendor_ids == {"com.example.acme"}
    asked = DataTransferred("com.example.acme", "ParkingPrice", '{"hours":2}')
    assert await messages.answer(1, asked) == DataTransferReply("Accepted", '{"price": 5.0, "currency": "EUR"}')
    assert await messages.answer(1, DataTransferred("com.example.acme", "Fail")) == DataTransferReply("Rejected")
    assert (await messages.answer(1, DataTransferred("com.example.broken"))).status == "UnknownVendorId"


def test_of_two_plug_ins_for_one_vendor_the_first_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "other-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[chargehouse.data_transfer]\ncom.example.acme = zzz_not_there:answer\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    assert set(load_plugins()) == {"com.example.acme"}
