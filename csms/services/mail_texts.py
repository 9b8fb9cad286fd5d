"""What people are written, in their language: the one place with the words of mails."""

from __future__ import annotations

import html
from typing import Final

import msgspec

from csms.ports.outbox import MailKind


class Letter(msgspec.Struct, frozen=True, gc=False):
    """Words around a link. `{name}` is whom it is for, `{hours}` how long the link counts."""

    subject: str
    greeting: str
    text: str
    button: str
    small: str


_LETTERS: Final[dict[tuple[MailKind, str], Letter]] = {
    (MailKind.INVITATION, "en"): Letter(
        "Your account at Chargehouse",
        "Hello {name},",
        "an account was made for you. Choose a password to begin:",
        "Choose a password",
        "The link works once, for {hours} hours.",
    ),
    (MailKind.INVITATION, "sv"): Letter(
        "Ditt konto hos Chargehouse",
        "Hej {name}!",
        "Ett konto har skapats åt dig. Välj ett lösenord för att komma igång:",
        "Välj lösenord",
        "Länken fungerar en gång, i {hours} timmar.",
    ),
    (MailKind.INVITATION, "nl"): Letter(
        "Uw account bij Chargehouse",
        "Hallo {name},",
        "er is een account voor u aangemaakt. Kies een wachtwoord om te beginnen:",
        "Wachtwoord kiezen",
        "De link werkt één keer, {hours} uur lang.",
    ),
    (MailKind.INVITATION, "de"): Letter(
        "Ihr Konto bei Chargehouse",
        "Guten Tag {name},",
        "für Sie wurde ein Konto angelegt. Wählen Sie ein Passwort, um zu beginnen:",
        "Passwort wählen",
        "Der Link gilt einmal, {hours} Stunden lang.",
    ),
    (MailKind.RESET, "en"): Letter(
        "Choose a new password",
        "Hello {name},",
        "somebody asked for a new password for your account. If it was you, choose one:",
        "Choose a new password",
        "The link works once, for {hours} hours. If it was not you, do nothing: your password stays as it is.",
    ),
    (MailKind.RESET, "sv"): Letter(
        "Välj ett nytt lösenord",
        "Hej {name}!",
        "Någon har begärt ett nytt lösenord till ditt konto. Om det var du, välj ett här:",
        "Välj nytt lösenord",
        "Länken fungerar en gång, i {hours} timmar. Om det inte var du behöver du inte göra något: ditt lösenord gäller"
        " som förut.",
    ),
    (MailKind.RESET, "nl"): Letter(
        "Kies een nieuw wachtwoord",
        "Hallo {name},",
        "iemand heeft een nieuw wachtwoord voor uw account aangevraagd. Was u dat? Kies er dan een:",
        "Nieuw wachtwoord kiezen",
        "De link werkt één keer, {hours} uur lang. Was u het niet, doe dan niets: uw wachtwoord blijft zoals het is.",
    ),
    (MailKind.RESET, "de"): Letter(
        "Neues Passwort wählen",
        "Guten Tag {name},",
        "jemand hat ein neues Passwort für Ihr Konto angefordert. Wenn Sie es waren, wählen Sie eines:",
        "Neues Passwort wählen",
        "Der Link gilt einmal, {hours} Stunden lang. Wenn Sie es nicht waren, ist nichts zu tun: Ihr Passwort bleibt,"
        " wie es ist.",
    ),
}


def letter(kind: MailKind, language: str, *, name: str, link: str, hours: int) -> tuple[str, str, str]:
    """(subject, text, HTML); English where the language is not known."""
    words = _LETTERS.get((kind, language)) or _LETTERS[kind, "en"]
    language = language if (kind, language) in _LETTERS else "en"
    name = " ".join(name.split())
    greeting, small = words.greeting.replace("{name}", name), words.small.replace("{hours}", str(hours))
    text = f"{greeting}\n\n{words.text}\n\n{link}\n\n{small}\n"
    safe = {key: html.escape(value) for key, value in (("greeting", greeting), ("small", small), ("link", link))}
    page = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{html.escape(words.subject)}</title>"
        '</head><body style="font-family:sans-serif;line-height:1.5;color:#1c2430;max-width:36rem;margin:2rem auto">'
        f"<p>{safe['greeting']}</p><p>{html.escape(words.text)}</p>"
        f'<p><a href="{safe["link"]}" style="background:#1d4ed8;color:#ffffff;padding:.7rem 1.2rem;border-radius:.4rem;'
        f'text-decoration:none;display:inline-block">{html.escape(words.button)}</a></p>'
        f'<p style="color:#5a6472">{safe["small"]}</p><p style="color:#5a6472;word-break:break-all">{safe["link"]}</p>'
        "</body></html>"
    )
    return words.subject, text, page
