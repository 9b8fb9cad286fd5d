"""Who and what the demonstration has: sites with floors, stations, people, tags. All of it follows from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from loadtest.meter import Car

DOMAIN: Final = "demo.example"
FLEET: Final = "FLEET"  # the parent tag of company cars
BLOCKED: Final = ("DE40B10C", "DE40B20C", "DE40B30C")


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of station. `subprotocol` is OCPP-J's word for the version; `power_w` is what one outlet gives."""

    vendor: str
    name: str
    subprotocol: str
    outlets: int
    power_w: int
    direct_current: bool
    connector_type: str
    firmware: str


WALL: Final = Model("Nordlys", "Wall 11", "ocpp1.6", 1, 11_000, False, "IEC_62196_T2", "2.4.1")
DUO: Final = Model("Nordlys", "Duo 22", "ocpp1.6", 2, 22_000, False, "IEC_62196_T2", "2.4.1")
CITY: Final = Model("Voltaris", "City 22", "ocpp2.0.1", 2, 22_000, False, "IEC_62196_T2", "7.0.3")
HUB: Final = Model("Voltaris", "Hub 50", "ocpp2.1", 1, 50_000, True, "IEC_62196_T2_COMBO", "7.1.0")
RAPID: Final = Model("Amperia", "Rapid 150", "ocpp2.0.1", 2, 150_000, True, "IEC_62196_T2_COMBO", "R12")
MODELS: Final = (WALL, DUO, CITY, HUB, RAPID)


@dataclass(frozen=True, slots=True)
class Floor:
    """A storey with its plan. `use` says who comes when; `share` is its part of all stations."""

    code: str
    name: str
    use: str
    model: Model
    share: int


@dataclass(frozen=True, slots=True)
class Site:
    """An address."""

    code: str
    name: str
    address: str
    latitude: float
    longitude: float
    time_zone: str
    language: str
    floors: tuple[Floor, ...]


SITES: Final = (
    Site(
        "GOT", "Hamnporten, Göteborg", "Varvsgatan 14, 411 04 Göteborg", 57.7062, 11.968, "Europe/Stockholm", "sv",
        (
            Floor("P1", "Level -1, staff", "office", WALL, 12),
            Floor("P2", "Level -2, visitors", "public", DUO, 9),
            Floor("Y", "Yard, fast charging", "hub", RAPID, 4),
        ),
    ),
    Site(
        "UTR", "Kanaalpark, Utrecht", "Sluiskade 220, 3526 LA Utrecht", 52.0871, 5.0966, "Europe/Amsterdam", "nl",
        (
            Floor("A", "Deck A, offices", "office", WALL, 11),
            Floor("B", "Deck B, residents", "home", CITY, 10),
        ),
    ),
    Site(
        "FRB", "Bahnhofsplatz, Freiburg", "Wentzingerplatz 9, 79106 Freiburg", 47.9971, 7.8399, "Europe/Berlin", "de",
        (
            Floor("V", "Forecourt, fast charging", "hub", HUB, 5),
            Floor("H", "Hall, park and ride", "public", CITY, 9),
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StationPlan:
    """A station of the demonstration; `x` and `y` are its place on the floor's plan, 0 to 1."""

    identity: str
    name: str
    site: int
    floor: int
    model: Model
    serial: str
    x: float
    y: float
    open_outlets: bool


@dataclass(frozen=True, slots=True)
class PersonPlan:
    """A user. `site` is the index of the site that they belong to."""

    first_name: str
    last_name: str
    email: str
    role: str
    site: int
    language: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class TagPlan:
    """A tag with the car that its driver comes in. `person` is an index, or None."""

    id_token: str
    alias: str
    kind: str
    type: str
    person: int | None
    site: int
    parent: str
    blocked: bool
    car: Car


@dataclass(frozen=True, slots=True)
class World:
    """All of it."""

    seed: int
    stations: tuple[StationPlan, ...]
    people: tuple[PersonPlan, ...]
    tags: tuple[TagPlan, ...]


CARS: Final = (
    # weight, battery in Wh, W of alternating current, W of direct current, phases
    (3, 40_000, 7_400, 50_000, 1),
    (6, 58_000, 11_000, 110_000, 3),
    (5, 77_000, 11_000, 135_000, 3),
    (2, 95_000, 22_000, 150_000, 3),
    (2, 12_000, 3_700, 0, 1),
)

_NAMES: Final = {
    "sv": (("Elsa", "Nils", "Astrid", "Oskar", "Maja", "Sixten"), ("Lindgren", "Åkesson", "Nyberg", "Sandell", "Holm")),
    "nl": (("Sanne", "Daan", "Fleur", "Bram", "Lotte", "Thijs"), ("de Wit", "van Dam", "Kuipers", "Postma", "Smit")),
    "de": (("Jonas", "Lena", "Emil", "Frieda", "Moritz", "Greta"), ("Brandt", "Keller", "Vogt", "Seidel", "Roth")),
    "en": (("Alice", "Owen", "Grace", "Hugh", "Ivy", "Ralph"), ("Barlow", "Finch", "Hale", "Marsh", "Whitby")),
}  # fmt: skip
_PLAIN: Final = str.maketrans({"å": "a", "ä": "a", "ö": "o", "Å": "A", " ": ""})


def make_world(seed: int, stations: int, people: int = 40) -> World:
    """The same for the same numbers. At least one station stands on each floor, so long as there are enough."""
    persons = _people(seed, people)
    return World(seed, _stations(seed, stations), persons, _tags(seed, persons, stations))


def _stations(seed: int, count: int) -> tuple[StationPlan, ...]:
    random = Random(f"{seed}/stations")  # noqa: S311 - repeatable on purpose, guards nothing
    found: list[StationPlan] = []
    for site_number, floor_number, on_floor in _shared_out(count):
        site = SITES[site_number]
        floor = site.floors[floor_number]
        for number in range(1, on_floor + 1):
            column, row = bay(number - 1, on_floor)
            found.append(
                StationPlan(
                    identity=f"{site.code}-{floor.code}-{number:02d}",
                    name=f"{site.name.split(',')[0]} {floor.code}{number:02d}",
                    site=site_number,
                    floor=floor_number,
                    model=floor.model,
                    serial=f"{floor.model.vendor[:2].upper()}{random.randrange(10**9):09d}",
                    x=column,
                    y=row,
                    open_outlets=floor.use == "public" and number % 4 == 0,
                )
            )
    return tuple(found)


def _shared_out(count: int) -> list[tuple[int, int, int]]:
    """(site, floor, stations there): by the shares, largest remainders last, and `count` in all."""
    floors = [(s, f, floor.share) for s, site in enumerate(SITES) for f, floor in enumerate(site.floors)]
    floors.sort(key=lambda each: each[1])  # with very few stations, each site has one before any has two
    left, shares = count, sum(share for *_, share in floors)
    out: list[tuple[int, int, int]] = []
    for index, (site, floor, share) in enumerate(floors):
        others = len(floors) - index - 1
        here = min(left, max(1, round(left * share / shares))) if others else left
        out.append((site, floor, here))
        left, shares = left - here, shares - share
    return sorted(each for each in out if each[2])


def bay(index: int, count: int) -> tuple[float, float]:
    """Where the station of the n-th bay stands on a plan: two rows that face each other across the lane."""
    upper = (count + 1) // 2
    row, column, in_row = (0, index, upper) if index < upper else (1, index - upper, count - upper)
    return round(0.08 + 0.84 * (column + 0.5) / max(1, in_row), 4), (0.2, 0.8)[row]


def _people(seed: int, count: int) -> tuple[PersonPlan, ...]:
    random = Random(f"{seed}/people")  # noqa: S311
    roles = ["ROLE_ADMINISTRATOR"] * 2 + ["ROLE_SITE_ADMINISTRATOR"] * 3 + ["ROLE_SUPPORT"] * 2
    found: dict[str, PersonPlan] = {}
    while len(found) < count:
        index = len(found)
        site = index % len(SITES) if index else 0
        role = roles[index] if index < len(roles) else "ROLE_EV_USER"
        language = SITES[site].language if random.random() < 0.8 else "en"
        first, last = (random.choice(names) for names in _NAMES[language])
        email = f"{first}.{last}".translate(_PLAIN).lower()
        if email in found:
            email = f"{email}{index}"
        found[email] = PersonPlan(first, last, f"{email}@{DOMAIN}", role, site, language, SITES[site].time_zone)
    return tuple(found.values())


def _tags(seed: int, people: tuple[PersonPlan, ...], stations: int) -> tuple[TagPlan, ...]:
    random = Random(f"{seed}/tags")  # noqa: S311
    found: list[TagPlan] = []
    taken: set[str] = set(BLOCKED)

    def add(alias: str, type_: str, person: int | None, site: int, **more: object) -> None:
        kind = str(more.get("kind", "PHYSICAL"))
        id_token = str(more.get("id_token", "")) or _card(random, taken, virtual=kind == "VIRTUAL")
        parent, blocked = str(more.get("parent", "")), bool(more.get("blocked"))
        found.append(TagPlan(id_token, alias, kind, type_, person, site, parent, blocked, _car(random)))

    for number, person in enumerate(people):
        add(f"{person.first_name}'s card", "PRIVATE", number, person.site)
        if random.random() < 0.7:
            add(f"{person.first_name}'s company card", "BUSINESS", number, person.site)
        if random.random() < 0.3:
            add(f"{person.first_name}'s phone", "OTHER", number, person.site, kind="VIRTUAL")
    for number in range(1, max(6, stations // 2) + 1):
        site = number % len(SITES)
        add(f"Fleet car {number:02d}", "BUSINESS", None, site, parent=FLEET)
    for number in range(1, max(6, stations) + 1):
        add(f"Guest card {number:02d}", "OTHER", None, number % len(SITES))
    for number, id_token in enumerate(BLOCKED):
        add(f"Lost card {number + 1}", "OTHER", None, number % len(SITES), id_token=id_token, blocked=True)
    return tuple(found)


def _card(random: Random, taken: set[str], *, virtual: bool) -> str:
    """An id that no other tag has: 4 or 7 bytes of a card, or a name."""
    while True:
        size = random.choice((4, 4, 7))
        text = f"APP-{random.randrange(16**8):08X}" if virtual else f"{random.randrange(16 ** (2 * size)):0{2 * size}X}"
        if text not in taken:
            taken.add(text)
            return text


def _car(random: Random) -> Car:
    """As `loadtest.meter` knows it: `max_power_w` is what it draws of alternating current."""
    _, capacity, power, _, phases = random.choices(CARS, [car[0] for car in CARS])[0]
    return Car(capacity_wh=capacity, soc=0.5, max_power_w=power, phases=phases)


def direct_current_w(car: Car) -> int:
    """What a car draws at most of direct current; 0 when it cannot."""
    return next(dc for _, capacity, power, dc, _ in CARS if (capacity, power) == (car.capacity_wh, car.max_power_w))
