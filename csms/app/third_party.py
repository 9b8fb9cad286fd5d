"""Third-party services, wired: what they answer at the stations' port, their tasks, their use cases for people."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import trio

from control.server import Servicer
from control.servicers.third_party import ThirdPartyServicer
from csms.app.keys import secret_key
from csms.app.parts import Parts
from csms.domain.facts import AuthorizationAsked
from csms.outbox.guarded_http import GuardedHttp
from csms.outbox.ocpi import OcpiClient
from csms.ports.feed import Subject
from csms.services.reservations import Reservations
from csms.services.roaming_commands import RoamingCommands
from csms.services.roaming_parties import RoamingParties
from csms.services.roaming_release import RoamingRelease
from csms.services.roaming_sending import RoamingSender
from csms.services.roaming_tokens import RoamingTokenIndex, RoamingTokens
from csms.services.service_book import ServiceBook
from csms.services.third_parties import ThirdParties
from csms.services.third_party_work import RoamingTasks
from csms.services.token_index import MemoryTokenIndex
from csms.storage.roaming_facts import PostgresRoamingFacts
from csms.storage.roaming_parties import PostgresParties
from csms.storage.roaming_releases import PostgresReleases
from csms.storage.sealing import MarkedCipher
from csms.storage.session_costs import PostgresSessionCosts
from csms.storage.tariffs import PostgresTariffs
from csms.storage.third_party import PostgresServices
from csms.storage.waiting import PostgresReservationBook
from csms.transport.ocpi.endpoint import OcpiEndpoint
from csms.transport.ocpi.routes import OcpiRoutes


@dataclass(frozen=True, slots=True)
class ThirdParty:
    """For the front door, and for the control API."""

    endpoint: OcpiEndpoint
    servicers: list[Servicer]


async def open_third_party(parts: Parts, index: MemoryTokenIndex) -> ThirdParty:
    """Before the first station is let in: tokens of parties must be known. Raises Unavailable."""
    database, now, ground = parts.database, parts.now, parts.ground
    cipher = MarkedCipher(secret_key(parts.settings))
    services, store, releases = (
        PostgresServices(database),
        PostgresParties(database, cipher),
        PostgresReleases(database),
    )
    book = ServiceBook(services)
    await book.load()
    ground.start_soon(book.reload_for_ever)
    http = GuardedHttp(private_addresses=parts.settings.outgoing_private_addresses)
    ground.start_soon(_close_at_the_end, http)
    client = OcpiClient(http, lambda: (book.roaming.country_code, book.roaming.party_id))
    facts = PostgresRoamingFacts(
        database,
        services,
        PostgresTariffs(database),
        PostgresSessionCosts(database),
        lambda: parts.places.tree,
        now=now,
    )
    guests = RoamingTokenIndex(book, now=now)
    await guests.load(store)
    index.also_ask(guests)
    ground.start_soon(guests.reload_for_ever, store)
    parts.changes.on(["ThirdPartyService"], partial(_again, book, guests, store))
    tokens = RoamingTokens(store, releases, client, guests, book, now=now)
    parts.consulting.prepare(AuthorizationAsked, tokens.prepare)
    parts.work.start_soon(tokens.pull_for_ever)
    sender = RoamingSender(releases, store, services, client, book, parts.lease("roaming-pushes"), now=now)
    parts.work.start_soon(sender.run)
    release = RoamingRelease(
        facts,
        releases,
        store,
        book,
        parts.lease("roaming-release"),
        lambda: parts.places.tree,
        lambda: parts.feed.revision,
        sender.wake,
        now=now,
    )
    parts.work.start_soon(release.run)
    parties = RoamingParties(store, client, book, now=now)
    tasks = RoamingTasks(store, tokens, guests, sender, ground)
    commands = _commands(parts, facts, releases, tokens, guests, sender)
    people = ThirdParties(
        services, store, releases, facts, client, book, lambda: parts.places.tree, release.look_again, now=now
    )
    routes = OcpiRoutes(parties, tokens, commands, store, releases, book, tasks.pull_soon, now=now)
    return ThirdParty(OcpiEndpoint(routes, people, now=now), [ThirdPartyServicer(people, parties, tasks)])


def _commands(
    parts: Parts,
    facts: PostgresRoamingFacts,
    releases: PostgresReleases,
    tokens: RoamingTokens,
    guests: RoamingTokenIndex,
    sender: RoamingSender,
) -> RoamingCommands:
    return RoamingCommands(
        parts.remote,
        Reservations(
            PostgresReservationBook(parts.database),
            parts.remote,
            now=parts.now,
            told=partial(parts.feed.publish, Subject.RESERVATION),
        ),
        parts.stores.session_queries,
        facts,
        releases,
        tokens,
        guests,
        parts.ground,
        sender.wake,
        now=parts.now,
    )


async def _again(book: ServiceBook, guests: RoamingTokenIndex, store: PostgresParties) -> None:
    await book.load()
    await guests.load(store)


async def _close_at_the_end(http: GuardedHttp) -> None:
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True), trio.move_on_after(1.0):
            await http.aclose()
