"""The control plane's own sentences that people often meet, so that they can be put into the reader's language."""

from __future__ import annotations

from typing import Final

from webui.words import N_, _

SENTENCES: Final = frozenset(
    (
        N_("The station connected."),
        N_("The station disconnected."),
        N_("Give a key, or let everybody read."),
        N_("Say our country."),
        N_("Say our party id."),
        N_("Say who we are (business name)."),
        N_("Say where other parties reach this system (public address)."),
        N_("A charging session on one of the user's tags is still going on. End it first."),
        N_("A currency has three letters, for example EUR (ISO 4217)."),
        N_("A message must begin before it ends."),
        N_("A reservation ends after it has begun. Give a later end."),
        N_("A reservation ends in the future, within a year. Give a later (or an earlier) time."),
        N_("A site administrator needs at least one site."),
        N_("A station may still be fetching this image. Wait for its job to end, or cancel it."),
        N_("A version cannot begin in the past: sessions of then have been priced."),
        N_("An operator has blocked this tag. Ask them."),
        N_("Choose another password than the present one."),
        N_("Give both degrees, latitude and longitude, or none."),
        N_("Give the template a name."),
        N_("Give the user some of your own sites, and no others."),
        N_("Latitude is -90 to 90 degrees, longitude -180 to 180."),
        N_("Reservations are switched off for this station, so nobody can wait for it."),
        N_("Reservations are switched off for this station. Switch them on first, or choose another station."),
        N_("Say which code; * stands for any characters."),
        N_("Say why: the reason is kept with the session."),
        N_("Site administrators make EV users and site administrators only."),
        N_("Somebody else has reserved it for (a part of) that time. Choose another time or outlet, or wait for it."),
        N_("Something still stands in this place. Move or remove it first."),
        N_("The fuse has between 1 and 4000 ampere."),
        N_("The minimum is above the maximum."),
        N_("The operation is not paused."),
        N_("The operation is paused already."),
        N_("The present password is wrong."),
        N_("The session has ended already."),
        N_("The session is still going on. Stop it, or close it if its station is gone; then correct it."),
        N_("The station was deleted meanwhile. Nothing was sent."),
        N_("The system itself cannot be removed."),
        N_("The system needs a name: it stands on every page."),
        N_("The validity of a tag begins before it ends."),
        N_("There is a rule for this vendor, model and code already. Change that one."),
        N_("There is a template with this name already."),
        N_("There is already a tag with this id."),
        N_("There is no user with this e-mail address. Have an administrator invite them first."),
        N_("This account is blocked. Unblock it first."),
        N_("This is none of your tags. Charge on one of your own."),
        N_("This is the last administrator. Make somebody else one first."),
        N_("This session has not ended."),
        N_("This station keeps a logbook. Give the mileage and the vehicle's number with the start."),
        N_("This tag waits for that station already."),
        N_("This tariff is or was in use, and bills refer to it. Retire it instead."),
        N_("This tariff is retired. Make another one, and assign that."),
        N_("You cannot block your own account."),
        N_("You have a group of that name already. Give another name."),
    )
)
"""Said by a server of this version; others are told as they come."""


def told(sentence: str) -> str:
    """In the reader's language where it is known."""
    return _(sentence) if sentence in SENTENCES else sentence


FILTERS: Final = {"of_server": told}
