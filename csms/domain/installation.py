"""A station as a piece of equipment: its numbers, who put it up, what it hangs on, and the secrets on its label."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument

MAX_LINE: Final = 200
MAX_NOTE: Final = 4_000


class Installation(msgspec.Struct, frozen=True):
    """What people know of it. `fuse_amperes` is what its feed is fused with, in ampere for each of `phases`."""

    station_id: int
    manufactured_at: datetime | None = None
    part_number: str = ""
    material_number: str = ""
    mes_serial_number: str = ""
    vendor_code: str = ""
    installed_on: date | None = None
    installer: str = ""
    warranty_until: date | None = None
    grid_connection: str = ""
    fuse_amperes: int | None = None
    phases: int | None = None
    note: str = ""
    has_master_password: bool = False
    has_access_code: bool = False
    version: int = 0
    """0: nobody has written anything yet."""
    updated_at: datetime | None = None


EDITABLE: Final = Installation.__struct_fields__[1:13]


class Secrets(msgspec.Struct, frozen=True):
    """What stands on the label, in the clear. None of it is the OCPP password: of that only a hash is kept."""

    master_password: str = ""
    access_code: str = ""


def check_installation(wanted: Installation) -> Installation:
    """Trimmed. Raises InvalidArgument."""
    texts = {name: value.strip() for name in EDITABLE if isinstance(value := getattr(wanted, name), str)}
    for name, text in texts.items():
        limit = MAX_NOTE if name == "note" else MAX_LINE
        if len(text) > limit or (name != "note" and not text.isprintable()):
            raise InvalidArgument(f"{name} has at most {limit} printable characters.", reason="TEXT_TOO_LONG")
    if wanted.fuse_amperes is not None and not 1 <= wanted.fuse_amperes <= 4_000:
        raise InvalidArgument("The fuse has between 1 and 4000 ampere.", reason="INVALID_FUSE")
    if wanted.phases is not None and wanted.phases not in (1, 2, 3):
        raise InvalidArgument("A feed has 1, 2 or 3 phases.", reason="INVALID_PHASES")
    return msgspec.structs.replace(wanted, **texts)


def check_secret(text: str) -> str:
    """A secret as it may be kept. Raises InvalidArgument."""
    if len(text) > MAX_LINE or not text.isprintable():
        raise InvalidArgument(f"A secret has at most {MAX_LINE} printable characters.", reason="INVALID_SECRET")
    return text
