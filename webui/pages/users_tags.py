"""Tags of a new user, typed or read into the same form: one in each line, which is what card readers type."""

from __future__ import annotations

from typing import Final

import msgspec

from webui import sentences
from webui.api import Client
from webui.page import demand
from webui.values import ApiError
from webui.values_people import User
from webui.values_tags import Tag, TagAnswer
from webui.words import _

MOST: Final = 20
LONGEST: Final = 36


def lines(typed: str) -> tuple[Tag, ...]:
    """Each line an id, and behind it a name. Raises ApiError for what cannot be tags."""
    found: dict[str, Tag] = {}
    for line in typed.splitlines():
        number, _space, alias = line.strip().partition(" ")
        if not number:
            continue
        number = number.upper()
        demand(len(number) <= LONGEST and number.isprintable(), _("%(tag)s is no tag's id.") % {"tag": number[:40]})
        demand(number not in found, _("The tag %(tag)s stands there twice.") % {"tag": number})
        found[number] = Tag(id_token=number, alias=alias.strip())
    demand(len(found) <= MOST, _("At most %(n)s tags at once. Add the others afterwards.") % {"n": MOST})
    return tuple(found.values())


async def free(client: Client, tags: tuple[Tag, ...]) -> tuple[Tag, ...]:
    """The same tags, with their names where they are known. Raises ApiError for somebody else's."""
    checked = []
    for tag in tags:
        try:
            known = (await client.desk.ask("IdTokenService/LookUpIdToken", TagAnswer, text=tag.id_token)).id_token
        except ApiError as error:
            if error.code != "NOT_FOUND":
                raise
            checked.append(tag)
            continue
        sentence = _("The tag %(tag)s is %(owner)s's already. Take it away from them first.")
        demand(not known.user, sentence % {"tag": tag.id_token, "owner": known.owner})
        checked.append(msgspec.structs.replace(known, alias=tag.alias or known.alias))
    return tuple(checked)


async def give(client: Client, user: User, tags: tuple[Tag, ...]) -> str:
    """Make those that are new, give all of them to the user. What went wrong, as a sentence."""
    wrong = []
    for tag in tags:
        wanted = {"alias": tag.alias, "user": user.name}
        try:
            if tag.name:
                changed = {"name": tag.name, "etag": tag.etag, **wanted}
                await client.desk.do("IdTokenService/UpdateIdToken", id_token=changed, update_mask=("alias", "user"))
            else:
                await client.desk.do("IdTokenService/CreateIdToken", id_token={"id_token": tag.id_token, **wanted})
        except ApiError as error:
            if error.code == "UNAUTHENTICATED" or error.away:
                raise
            wrong.append(f"{tag.id_token}: {sentences.of_error(error)}")
    return _("The user is added, but not every tag: %(why)s") % {"why": " ".join(wrong)} if wrong else ""
