"""The stores of people, of the audit log and of mails, in memory, and a mail server that keeps what it is sent."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import trio

from csms.domain.access import Role, User
from csms.domain.errors import AlreadyExists, Exhausted, FailedPrecondition, NotFound, StaleVersion
from csms.domain.people import (
    AuditEntry,
    AuditFilter,
    Person,
    PersonFilter,
    Preferences,
    SignInRecord,
    TicketKind,
)
from csms.ports.outbox import Mail, MailKind, WaitingMail
from csms.ports.people import Identity
from tests.kit.fake_stores import FakeAccess


class FakePeople:
    """PeopleStore, on the users of a FakeAccess. `sites`: the places that exist (None: any)."""

    def __init__(self, access: FakeAccess, sites: set[int] | None = None) -> None:
        self._access = access
        self._sites = sites
        self._people: dict[int, Person] = {}
        self._subjects: dict[int, str] = {}
        self._preferences: dict[int, Preferences] = {}
        self._tickets: dict[int, tuple[bytes, TicketKind, datetime]] = {}
        self._offered: dict[int, str] = {}
        self._steps: dict[int, int] = {}
        self._codes: dict[int, set[bytes]] = {}
        self._attempts: dict[bytes, tuple[str, str, datetime]] = {}

    async def find(self, user_id: int) -> Person | None:
        user = await self._access.find_user(user_id)
        return None if user is None else self._person(user)

    async def find_by_email(self, email: str) -> Person | None:
        user = await self._access.find_user_by_email(email)
        return None if user is None else self._person(user)

    async def find_by_subject(self, subject: str) -> Person | None:
        found = next((number for number, known in self._subjects.items() if known == subject and known), None)
        return None if found is None else await self.find(found)

    async def page(self, *, wanted: PersonFilter, size: int, after: int) -> tuple[Sequence[Person], int]:
        found = [self._person(user) for user in sorted(self._access._users.values(), key=lambda user: user.id)]
        found = [person for person in found if _matches(person, wanted)]
        return [person for person in found if person.id > after][:size], len(found)

    async def create(self, person: Person, *, subject: str = "", password_hash: str = "") -> Person:
        self._check_sites(person)
        made = await self._access.create_user(person.email, person.display_name, password_hash, person.role)
        if password_hash:
            await self.give_password(made.id, password_hash)
        self._people[made.id] = msgspec.structs.replace(
            person, id=made.id, version=1, created_at=datetime.now(UTC), updated_at=datetime.now(UTC)
        )
        self._subjects[made.id] = subject
        self._sync(made.id)
        return self._person(self._access._users[made.id])

    async def update(self, person: Person, *, version: int | None) -> Person:
        old = await self._must(person.id)
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this user meanwhile. Reload it and try again.")
        self._check_sites(person)
        other = await self._access.find_user_by_email(person.email)
        if other is not None and other.id != person.id:
            raise AlreadyExists(f"There is already a user {person.email}.", reason="EMAIL_TAKEN")
        if old.administers and not person.administers:
            self._check_others(person.id)
        self._people[person.id] = msgspec.structs.replace(
            person, version=old.version + 1, created_at=old.created_at, updated_at=datetime.now(UTC)
        )
        self._sync(person.id)
        if person.blocked:
            await self._access.delete_sign_ins(person.id)
        return await self._must(person.id)

    async def delete(self, user_id: int) -> None:
        if (await self._must(user_id)).administers:
            self._check_others(user_id)
        await self._access.delete_sign_ins(user_id)
        self._access._users.pop(user_id)
        for table in (self._people, self._subjects, self._preferences, self._tickets, self._codes):
            table.pop(user_id, None)

    async def set_subject(self, user_id: int, subject: str) -> None:
        await self._must(user_id)
        if any(known == subject and number != user_id for number, known in self._subjects.items()):
            raise AlreadyExists("Another user signs in with this account.", reason="SUBJECT_TAKEN")
        self._subjects[user_id] = subject

    async def preferences(self, user_id: int) -> Preferences:
        await self._must(user_id)
        return self._preferences.get(user_id, Preferences())

    async def set_preferences(self, user_id: int, preferences: Preferences) -> None:
        await self._must(user_id)
        self._preferences[user_id] = preferences

    async def give_password(self, user_id: int, password_hash: str) -> None:
        if user_id not in self._access._users:
            raise NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")
        await self._access.set_password_hash(user_id, password_hash)
        changed = msgspec.structs.replace(self._access._users[user_id], must_change_password=True)
        self._access._users[user_id] = changed
        self._tickets.pop(user_id, None)
        await self._access.delete_sign_ins(user_id)

    async def put_ticket(self, user_id: int, digest: bytes, kind: TicketKind, expires_at: datetime) -> None:
        await self._must(user_id)
        self._tickets[user_id] = digest, kind, expires_at

    async def find_ticket(self, digest: bytes, now: datetime) -> Person | None:
        for user_id, (known, _, expires_at) in self._tickets.items():
            if known == digest and expires_at > now:
                return await self.find(user_id)
        return None

    async def use_ticket(self, digest: bytes, now: datetime, password_hash: str) -> int | None:
        person = await self.find_ticket(digest, now)
        if person is None:
            return None
        del self._tickets[person.id]
        await self._access.set_password_hash(person.id, password_hash)
        await self._access.delete_sign_ins(person.id)
        return person.id

    async def offer_totp(self, user_id: int, secret: str) -> None:
        await self._must(user_id)
        self._offered[user_id] = secret

    async def offered_totp(self, user_id: int) -> str:
        return self._offered.get(user_id, "")

    async def confirm_totp(self, user_id: int, secret: str, step: int, recovery_digests: Sequence[bytes]) -> None:
        if not secret or self._offered.get(user_id) != secret or self._access._users[user_id].totp_secret:
            raise FailedPrecondition("Enrol a second factor first.", reason="NOT_ENROLLING")
        del self._offered[user_id]
        self._steps[user_id], self._codes[user_id] = step, set(recovery_digests)
        self._access._users[user_id] = msgspec.structs.replace(self._access._users[user_id], totp_secret=secret)

    async def use_totp_step(self, user_id: int, step: int) -> bool:
        if self._steps.get(user_id, 0) >= step:
            return False
        self._steps[user_id] = step
        return True

    async def use_recovery_code(self, user_id: int, digest: bytes) -> bool:
        codes = self._codes.get(user_id, set())
        if digest not in codes:
            return False
        codes.remove(digest)
        return True

    async def remove_totp(self, user_id: int) -> None:
        await self._must(user_id)
        self._steps.pop(user_id, None)
        self._codes.pop(user_id, None)
        self._offered.pop(user_id, None)
        self._access._users[user_id] = msgspec.structs.replace(self._access._users[user_id], totp_secret="")

    async def sign_ins(self, user_id: int, now: datetime) -> Sequence[SignInRecord]:
        found = [
            SignInRecord(s.id, s.user_id, s.expires_at - s.lifetime, s.expires_at, s.used_at, s.address, s.client, d)
            for d, s in self._access._sign_ins.items()
            if s.user_id == user_id and s.expires_at > now
        ]
        return sorted(found, key=lambda each: -each.id)

    async def end_sign_in(self, user_id: int, sign_in_id: int) -> None:
        for digest, each in self._access._sign_ins.items():
            if (each.user_id, each.id) == (user_id, sign_in_id):
                del self._access._sign_ins[digest]
                return
        raise NotFound("This session has ended already.", reason="SIGN_IN_NOT_FOUND")

    async def put_attempt(self, state_digest: bytes, nonce: str, verifier: str, expires_at: datetime) -> None:
        self._attempts[state_digest] = nonce, verifier, expires_at

    async def take_attempt(self, state_digest: bytes, now: datetime) -> tuple[str, str] | None:
        found = self._attempts.pop(state_digest, None)
        return None if found is None or found[2] <= now else found[:2]

    def _person(self, user: User) -> Person:
        known = self._people.get(user.id)
        if known is None:
            known = Person(
                user.id, user.email, user.display_name, role=user.role, site_ids=tuple(sorted(user.site_ids))
            )
        return msgspec.structs.replace(
            known,
            has_password=user.password_hash != "",
            has_second_factor=user.totp_secret != "",
            must_change_password=user.must_change_password,
            has_single_sign_on=self._subjects.get(user.id, "") != "",
        )

    def _sync(self, user_id: int) -> None:
        person = self._people[user_id]
        self._access._users[user_id] = msgspec.structs.replace(
            self._access._users[user_id],
            email=person.email,
            display_name=f"{person.first_name} {person.last_name}".strip(),
            role=person.role,
            blocked=person.blocked,
            site_ids=frozenset(person.site_ids),
        )

    def _check_sites(self, person: Person) -> None:
        if self._sites is not None and not self._sites.issuperset(person.site_ids):
            raise NotFound("One of the sites does not exist (any more).", reason="PLACE_NOT_FOUND")

    def _check_others(self, user_id: int) -> None:
        others = [self._person(user) for user in self._access._users.values() if user.id != user_id]
        if not any(person.administers for person in others):
            raise FailedPrecondition("This is the last administrator.", reason="LAST_ADMINISTRATOR")

    async def _must(self, user_id: int) -> Person:
        person = await self.find(user_id)
        if person is None:
            raise NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")
        return person


def _matches(person: Person, wanted: PersonFilter) -> bool:
    query = wanted.query.strip().lower()
    texts = (person.email, person.display_name, person.employee_number, person.customer_number)
    if query and not any(query in text.lower() for text in texts):
        return False
    if wanted.role is not None and person.role is not wanted.role:
        return False
    if wanted.site_id is not None and wanted.site_id not in person.site_ids:
        return False
    if wanted.within_sites is None:
        return True
    narrow = person.role in (Role.SITE_ADMINISTRATOR, Role.EV_USER)
    return narrow and bool(person.site_ids) and set(wanted.within_sites).issuperset(person.site_ids)


class FakeAudit:
    """AuditStore."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self._ids = itertools.count(1)

    async def add(self, entry: AuditEntry) -> None:
        await self.begin(entry)

    async def begin(self, entry: AuditEntry) -> int:
        await trio.lowlevel.checkpoint()
        self.entries.append(msgspec.structs.replace(entry, id=next(self._ids)))
        return self.entries[-1].id

    async def finish(self, entry: AuditEntry) -> None:
        await trio.lowlevel.checkpoint()
        said = {"resource": entry.resource, "outcome": entry.outcome, "before": entry.before, "after": entry.after}
        self.entries = [msgspec.structs.replace(each, **said) if each.id == entry.id else each for each in self.entries]

    async def page(self, *, wanted: AuditFilter, size: int, before: int | None) -> Sequence[AuditEntry]:
        found = [
            entry
            for entry in reversed(self.entries)
            if (before is None or entry.id < before)
            and wanted.actor in ("", entry.actor)
            and (wanted.resource in ("", entry.resource) or entry.resource.startswith(f"{wanted.resource}/"))
            and (entry.method.startswith(wanted.method) or entry.method.endswith(f"/{wanted.method}"))
            and wanted.outcome in ("", entry.outcome)
            and (wanted.since is None or entry.at >= wanted.since)
            and (wanted.until is None or entry.at < wanted.until)
        ]
        return found[:size]

    async def forget_actor(self, actor: str) -> None:
        blank = {"actor_name": "", "request": "", "peer": "", "forwarded_for": ""}
        self.entries = [
            msgspec.structs.replace(entry, **blank) if entry.actor == actor else entry for entry in self.entries
        ]
        self.entries = [
            msgspec.structs.replace(entry, request="", before="", after="") if entry.resource == actor else entry
            for entry in self.entries
        ]

    async def prune(self, before: datetime) -> int:
        kept = [entry for entry in self.entries if entry.at >= before]
        gone, self.entries = len(self.entries) - len(kept), kept
        return gone


class FakeMailQueue:
    """MailQueue. `now` as the database would have it."""

    def __init__(self, limit: int = 10_000) -> None:
        self.waiting: dict[int, tuple[WaitingMail, datetime]] = {}
        self._ids = itertools.count(1)
        self._limit = limit

    async def put(self, kind: MailKind, recipient: str, subject: str = "", body: str = "", html: str = "") -> None:
        await trio.lowlevel.checkpoint()
        if len(self.waiting) >= self._limit:
            raise Exhausted("Too many mails wait to be sent.", reason="TOO_MANY_MAILS")
        number, now = next(self._ids), datetime.now(UTC)
        self.waiting[number] = WaitingMail(number, kind, recipient, subject, body, html, now, 0), now

    async def take(self, now: datetime, *, size: int, lease_until: datetime) -> Sequence[WaitingMail]:
        await trio.lowlevel.checkpoint()
        due = [mail for mail, at in self.waiting.values() if at <= now][:size]
        taken = [msgspec.structs.replace(mail, attempts=mail.attempts + 1) for mail in due]
        self.waiting.update({mail.id: (mail, lease_until) for mail in taken})
        return taken

    async def done(self, mail_id: int) -> None:
        self.waiting.pop(mail_id, None)

    async def postpone(self, mail_id: int, until: datetime, error: str) -> None:
        self.waiting[mail_id] = self.waiting[mail_id][0], until

    async def next_due(self) -> datetime | None:
        return min((at for _, at in self.waiting.values()), default=None)


class FakeMailer:
    """Mailer. Raises `troubles`, one after the other, before it takes letters."""

    def __init__(self, *troubles: Exception) -> None:
        self.sent: list[Mail] = []
        self.troubles = list(troubles)

    async def send(self, mail: Mail) -> None:
        await trio.lowlevel.checkpoint()
        if self.troubles:
            raise self.troubles.pop(0)
        self.sent.append(mail)


class FakeOwnData:
    """OwnData. `sessions` by user; `active`: users with a session under way."""

    def __init__(self) -> None:
        self.tags: dict[int, list[str]] = {}
        self.sessions: dict[int, list[dict[str, object]]] = {}
        self.active: set[int] = set()
        self.forgotten: list[int] = []

    async def tags_of(self, user_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        return {user_id: self.tags[user_id] for user_id in user_ids if user_id in self.tags}

    async def sections(self, user_id: int) -> AsyncGenerator[tuple[str, str], None]:
        yield "id_tokens", json.dumps([{"id_token": tag} for tag in self.tags.get(user_id, [])])
        yield "sessions", "[]"
        for session in self.sessions.get(user_id, []):
            yield "sessions", json.dumps([session])

    async def forget(self, user_id: int) -> None:
        if user_id in self.active:
            raise FailedPrecondition("A charging session is still going on.", reason="SESSION_ACTIVE")
        self.forgotten.append(user_id)


class FakeIdentityProvider:
    """IdentityProvider: knows one `identity`, whatever the code."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.begun: list[tuple[str, str, str]] = []

    async def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        await trio.lowlevel.checkpoint()
        self.begun.append((state, nonce, verifier))
        return f"https://id.example.org/authorize?state={state}"

    async def redeem(self, code: str, nonce: str, verifier: str) -> Identity:
        await trio.lowlevel.checkpoint()
        assert (nonce, verifier) == self.begun[-1][1:]
        return self.identity
