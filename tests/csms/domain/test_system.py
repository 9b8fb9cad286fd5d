"""What operators say of the installation."""

from __future__ import annotations

import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.system import EDITABLE, SystemSettings, check_settings


def test_settings_are_trimmed() -> None:
    assert check_settings(SystemSettings(title=" A ", imprint="x\n\n")) == SystemSettings(title="A", imprint="x")


def test_what_may_be_written_is_everything_but_the_bookkeeping() -> None:
    assert set(SystemSettings.__struct_fields__) - set(EDITABLE) == {"version", "updated_at"}


def test_a_system_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="needs a name"):
        check_settings(SystemSettings(title=""))
