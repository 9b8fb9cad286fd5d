"""Tags of a user, typed or read into a form: one in each line, which is what card readers type."""

from __future__ import annotations

from typing import Final

import msgspec

from webui import sentences
from webui.api import Client
from webui.page import demand
from webui.pages.tags import TYPES
from webui.values import ApiError
from webui.values_people import User
from webui.values_tags import Tag, TagAnswer, TagPage
from webui.words import _

MOST: Final = 20
LONGEST: Final = 36
SHOWN: Final = 200


def lines(typed: str, kind_of_use: str = "") -> tuple[Tag, ...]:
    """Each line an id, and behind it a name; all of one type. Raises ApiError for what cannot be tags."""
    use = kind_of_use if kind_of_use in TYPES else TYPES[0]
    found: dict[str, Tag] = {}
    for line in typed.splitlines():
        number, _space, alias = line.strip().partition(" ")
        if not number:
            continue
        number = number.upper()
        demand(len(number) <= LONGEST and number.isprintable(), _("%(tag)s is no tag's id.") % {"tag": number[:40]})
        demand(number not in found, _("The tag %(tag)s stands there twice.") % {"tag": number})
        found[number] = Tag(id_token=number, alias=alias.strip(), type=use)
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
        use = known.type if tag.type == TYPES[0] else tag.type
        checked.append(msgspec.structs.replace(known, alias=tag.alias or known.alias, type=use))
    return tuple(checked)


async def give(client: Client, user: User, tags: tuple[Tag, ...]) -> tuple[str, ...]:
    """Make those that are new, give all of them to the user. What went wrong, a sentence for each tag."""
    wrong = []
    for tag in tags:
        wanted = {"alias": tag.alias, "type": tag.type, "user": user.name}
        try:
            if tag.name:
                changed = {"name": tag.name, "etag": tag.etag, **wanted}
                await client.desk.do("IdTokenService/UpdateIdToken", id_token=changed, update_mask=tuple(wanted))
            else:
                await client.desk.do("IdTokenService/CreateIdToken", id_token={"id_token": tag.id_token, **wanted})
        except ApiError as error:
            if error.code == "UNAUTHENTICATED" or error.away:
                raise
            wrong.append(f"{tag.id_token}: {sentences.of_error(error)}")
    return tuple(wrong)


async def of_user(client: Client, user: User) -> tuple[Tag, ...]:
    """What they have, with names and types."""
    return (await client.desk.ask("IdTokenService/ListIdTokens", TagPage, user=user.name, page_size=SHOWN)).id_tokens
