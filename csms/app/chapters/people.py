"""People: who they are, how they sign in, what they are written, and who changed what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import httpx
import trio

from control.guard import Guard
from control.server import Servicer
from control.servicers.audit import AuditServicer
from control.servicers.auth import AuthServicer
from control.servicers.imports import ImportServicer
from control.servicers.users import UserServicer
from csms.aio import Door
from csms.app.keys import secret_key
from csms.app.parts import Parts, Stores
from csms.config import Settings
from csms.domain.access import Role
from csms.outbox.identity_provider import OpenIdProvider, new_client
from csms.outbox.mail import MailSecurity, SmtpMailer
from csms.services.access import AccessControl
from csms.services.account import Account
from csms.services.api_keys import ApiKeys
from csms.services.audit import AuditLog
from csms.services.imports import Imports
from csms.services.invitations import Invitations
from csms.services.mails import Mails
from csms.services.second_factor import SecondFactors
from csms.services.sign_in_log import SignInLog
from csms.services.single_sign_on import RoleRules, SingleSignOn
from csms.services.tokens import MemoryTokenIndex
from csms.services.users import Users
from csms.storage.attempts import PostgresAttempts
from csms.storage.audit import PostgresAudit
from csms.storage.imports import PostgresImports
from csms.storage.mail_queue import PostgresMailQueue
from csms.storage.own_data import PostgresOwnData
from csms.storage.people import PostgresPeople
from csms.storage.pool import Database
from csms.storage.sealing import MarkedCipher

RETURN_PATH: Final = "/sign-in/return"
"""Where browsers come back to from the identity provider."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What calls pass, before there are chapters."""

    access: AccessControl
    audit: AuditLog
    audit_store: PostgresAudit
    people: PostgresPeople
    factors: SecondFactors
    failures: SignInLog
    book: PostgresAttempts

    def guard(self, stores: Stores, settings: Settings) -> Guard:
        """In front of every servicer."""
        return Guard(self.access, stores.requests, self.audit, trusted=settings.control_proxies)


def open_gate(settings: Settings, stores: Stores, database: Database, now: Callable[[], datetime]) -> Gate:
    """Who may come in, and the book at the door."""
    people, audit_store = PostgresPeople(database), PostgresAudit(database)
    factors = SecondFactors(people, MarkedCipher(secret_key(settings)), now=now)
    failures = SignInLog(now=now)
    book = PostgresAttempts(database)
    access = AccessControl(stores.access, second_factor=factors.verify, failures=failures, book=book, now=now)
    audit = AuditLog(audit_store, keep_days=settings.audit_days, now=now)
    return Gate(access, audit, audit_store, people, factors, failures, book)


def open_mails(settings: Settings, door: Door, database: Database, now: Callable[[], datetime]) -> Mails:
    """The queue of mails, and the mail server if there is one."""
    mailer = None
    if settings.smtp_host:
        mailer = SmtpMailer(
            door,
            settings.smtp_host,
            settings.smtp_port,
            sender=settings.mail_from,
            security=MailSecurity(settings.smtp_security),
            user=settings.smtp_user,
            password=settings.smtp_password,
        )
    return Mails(PostgresMailQueue(database), mailer, now=now)


def build(parts: Parts, gate: Gate, index: MemoryTokenIndex) -> list[Servicer]:
    """Its use cases, wired."""
    settings, access = parts.settings, gate.access
    portal_url = settings.portal_public_url or f"http://{settings.portal_listen}"
    invitations = Invitations(gate.people, access, parts.mails, portal_url=portal_url, now=parts.now, book=gate.book)
    own_data = PostgresOwnData(parts.database, index.remove)
    users = Users(
        gate.people,
        access,
        invitations,
        own_data,
        tree=lambda: parts.places.tree,
        now=parts.now,
        tags_changed=partial(index.catch_up, parts.stores.tokens),
    )
    account = Account(gate.people, gate.audit_store, access, users, own_data, now=parts.now)
    single = SingleSignOn(
        _provider(parts),
        gate.people,
        parts.stores.access,
        access,
        RoleRules(
            {value: Role(role) for value, role in settings.oidc_role_table.items()},
            Role(settings.oidc_default_role) if settings.oidc_default_role else None,
        ),
        display_name=settings.oidc_name,
        now=parts.now,
    )
    parts.ground.start_soon(gate.failures.run, parts.event_log)
    parts.work.start_soon(parts.mails.run)
    parts.work.start_soon(gate.audit.prune_for_ever)
    imports = Imports(PostgresImports(parts.database), users, parts.scopes, lambda: parts.places.tree, parts.feed)
    keys = ApiKeys(parts.stores.access, access, now=parts.now)
    return [
        AuthServicer(access, keys, users, invitations, gate.factors, single),
        UserServicer(users, account, own_data.tags_of),
        AuditServicer(gate.audit),
        ImportServicer(imports),
    ]


def _provider(parts: Parts) -> OpenIdProvider | None:
    settings = parts.settings
    if not settings.oidc_issuer:
        return None
    client = new_client()
    parts.ground.start_soon(_close_in_the_end, client)
    return OpenIdProvider(
        client,
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        redirect_uri=settings.portal_public_url.rstrip("/") + RETURN_PATH,
        role_claim=settings.oidc_role_claim,
        now=parts.now,
    )


async def _close_in_the_end(client: httpx.AsyncClient) -> None:
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await client.aclose()
