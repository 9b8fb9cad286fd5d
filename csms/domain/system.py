"""What operators say of the installation as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.people import check_email, check_language

MAX_LINE: Final = 200
MAX_TEXT: Final = 20_000


class SystemSettings(msgspec.Struct, frozen=True):
    """`title` names the installation on every page. `imprint` and `privacy` are texts with empty lines between
    paragraphs. `language` and `time_zone` are those of people who have not chosen."""

    title: str = "Chargehouse"
    description: str = ""
    organization: str = ""
    support_email: str = ""
    support_phone: str = ""
    imprint: str = ""
    privacy: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    version: int = 1
    updated_at: datetime | None = None


EDITABLE: Final = SystemSettings.__struct_fields__[:9]


def check_settings(settings: SystemSettings) -> SystemSettings:
    """The settings, trimmed. Raises InvalidArgument. Whether the time zone exists is for those who know all of them."""
    trimmed = msgspec.structs.replace(settings, **{name: getattr(settings, name).strip() for name in EDITABLE})
    if not trimmed.title:
        raise InvalidArgument("The system needs a name: it stands on every page.", reason="TITLE_MISSING")
    for name in EDITABLE:
        limit = MAX_TEXT if name in ("imprint", "privacy", "description") else MAX_LINE
        if len(getattr(trimmed, name)) > limit:
            raise InvalidArgument(f"{name} has at most {limit} characters.", reason="TOO_LONG")
    if trimmed.support_email:
        check_email(trimmed.support_email)
    check_language(trimmed.language)
    return trimmed
