"""Which stations are read by which rules: what people keep of it, and the index in memory that links ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta, timezone, tzinfo
from fnmatch import translate
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.errors import InvalidArgument, NotFound, Unavailable
from csms.ocpp.tolerance import RULES, Rule, Tolerant
from csms.ports.tolerance import RuleSet, StationKind, ToleranceStore

EDITABLE = ("title", "vendor", "model", "firmware", "rules", "time_zone", "enabled", "note")
MAX_TITLE, MAX_PATTERN, MAX_NOTE = 200, 100, 4_000
RELOAD_SECONDS = 60.0
_NAMES = frozenset(rule.name for rule in RULES)
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})", re.ASCII)
_log = structlog.get_logger(__name__)


class _Matcher:
    """One enabled rule set, compiled."""

    __slots__ = ("patterns", "rule_set", "zone")

    def __init__(self, rule_set: RuleSet) -> None:
        self.rule_set = rule_set
        self.patterns = [
            re.compile(translate(pattern.casefold() or "*"))
            for pattern in (rule_set.vendor, rule_set.model, rule_set.firmware)
        ]
        try:
            self.zone = parse_zone(rule_set.time_zone)
        except InvalidArgument:  # another machine knew it
            _log.warning("time_zone_unknown", rule_set=rule_set.title, time_zone=rule_set.time_zone)
            self.zone = None

    def fits(self, kind: StationKind) -> bool:
        told = (kind.vendor, kind.model, kind.firmware)
        return all(
            pattern.fullmatch(text.strip().casefold()) for pattern, text in zip(self.patterns, told, strict=True)
        )


class ToleranceIndex:
    """Station → rules, of those stations that have any. Implements `csms.ocpp.tolerance.Tolerance`.

    Loaded once, told of every change by `Tolerances`, and loaded anew now and then (`reload_for_ever`), so that what
    another process changed counts within a minute. All rule sets that fit a station are added up; the time zone is that
    of the first that has one, by title.
    """

    def __init__(self) -> None:
        self._matchers: list[_Matcher] = []
        self._stations: dict[int, Tolerant] = {}
        self._introduced: dict[int, StationKind] = {}
        self._made: dict[tuple[int, ...], Tolerant] = {}
        self._loading = trio.Lock()

    def rules_of(self, station_id: int) -> Tolerant | None:
        """None: strict."""
        return self._stations.get(station_id)

    def introduce(self, station_id: int, vendor: str, model: str, firmware: str) -> None:
        """What a station says that it is, before its BootNotification is read."""
        if not self._matchers:
            return
        kind = StationKind(station_id, vendor, model, firmware)
        self._introduced[station_id] = kind
        self._place(kind)

    async def load(self, store: ToleranceStore) -> None:
        """Read everything. Raises Unavailable."""
        async with self._loading:  # else what was read earlier could come later
            enabled = [each for each in await store.load_all() if each.enabled]
            self._replace(enabled, await store.station_kinds() if enabled else ())

    def _replace(self, enabled: Sequence[RuleSet], kinds: Iterable[StationKind]) -> None:
        self._matchers = [_Matcher(each) for each in enabled]
        self._made.clear()
        self._stations.clear()
        if not enabled:
            self._introduced.clear()
        # What was said on the wire is newer than what is on disk.
        for kind in {**{kind.station_id: kind for kind in kinds}, **self._introduced}.values():
            self._place(kind)

    async def reload_for_ever(self, store: ToleranceStore, *, every: float = RELOAD_SECONDS) -> None:
        """A task for the nursery of the application."""
        while True:
            await trio.sleep(every)
            try:
                await self.load(store)
            except Unavailable:
                continue  # what is in memory stays good meanwhile

    def _place(self, kind: StationKind) -> None:
        fitting = [matcher for matcher in self._matchers if matcher.fits(kind)]
        if not fitting:
            self._stations.pop(kind.station_id, None)
            return
        key = tuple(matcher.rule_set.id for matcher in fitting)
        if key not in self._made:
            zone = next((matcher.zone for matcher in fitting if matcher.zone is not None), None)
            self._made[key] = Tolerant([name for matcher in fitting for name in matcher.rule_set.rules], zone)
        self._stations[kind.station_id] = self._made[key]


class Tolerances:
    """Use cases of people. A change counts for the very next message of a station.

    All raise PermissionDenied, and Unavailable while the database is away.
    """

    def __init__(self, store: ToleranceStore, index: ToleranceIndex) -> None:
        self._store = store
        self._index = index

    def rules(self, caller: Principal) -> Sequence[Rule]:
        """All that there are, in the order in which they are applied."""
        check(caller, Action.CONFIGURE_STATIONS)
        return RULES

    async def page(self, caller: Principal, *, size: int, after: str) -> tuple[Sequence[RuleSet], int]:
        """Up to `size` rule sets in the order of their titles, after one; and how many there are."""
        check(caller, Action.CONFIGURE_STATIONS)
        found = await self._store.load_all()
        return [each for each in found if each.title > after][:size], len(found)

    async def create(self, caller: Principal, rule_set: RuleSet) -> RuleSet:
        """Make one. Raises InvalidArgument, AlreadyExists."""
        check(caller, Action.EDIT_STATIONS)
        kept = await self._store.create(_checked(rule_set))
        await self._index.load(self._store)
        return kept

    async def update(
        self, caller: Principal, rule_set_id: int, wanted: RuleSet, fields: Iterable[str], *, version: int | None = None
    ) -> RuleSet:
        """Take the named fields (of EDITABLE) from `wanted`. Raises InvalidArgument, NotFound, StaleVersion,
        AlreadyExists."""
        check(caller, Action.EDIT_STATIONS)
        present = await self._store.find(rule_set_id)
        if present is None:
            raise NotFound(f"There is no rule set {rule_set_id} (any more).", reason="RULE_SET_NOT_FOUND")
        changes = {field: getattr(wanted, field) for field in fields if field in EDITABLE}
        changed = _checked(msgspec.structs.replace(present, **changes))
        kept = await self._store.update(changed, version=present.version if version is None else version)
        await self._index.load(self._store)
        return kept

    async def delete(self, caller: Principal, rule_set_id: int) -> None:
        """Remove it; its stations are read strictly again. Raises NotFound."""
        check(caller, Action.EDIT_STATIONS)
        await self._store.delete(rule_set_id)
        await self._index.load(self._store)


def parse_zone(text: str) -> tzinfo | None:
    """ "Europe/Berlin" or "+02:00"; None for an empty text. Raises InvalidArgument."""
    text = text.strip()
    if not text:
        return None
    match = _OFFSET.fullmatch(text)
    if match is not None and int(match[2]) < 24 and int(match[3]) < 60:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidArgument(
            f"{text[:60]!r} is no time zone that this machine knows. Give a name as Europe/Berlin, or an offset as"
            " +02:00.",
            reason="INVALID_TIME_ZONE",
        ) from error


def _checked(rule_set: RuleSet) -> RuleSet:
    """Texts without blanks, rules in their order. Raises InvalidArgument."""
    texts = {name: getattr(rule_set, name).strip() for name in EDITABLE if name not in ("rules", "enabled")}
    if not 0 < len(texts["title"]) <= MAX_TITLE:
        raise InvalidArgument(f"A rule set has a title of 1 to {MAX_TITLE} characters.", reason="INVALID_TITLE")
    if max(len(texts[name]) for name in ("vendor", "model", "firmware")) > MAX_PATTERN:
        raise InvalidArgument(f"A pattern has at most {MAX_PATTERN} characters.", reason="TEXT_TOO_LONG")
    if len(texts["note"]) > MAX_NOTE or any("\0" in text for text in texts.values()):
        raise InvalidArgument(f"A note has at most {MAX_NOTE} characters.", reason="TEXT_TOO_LONG")
    unknown = sorted(set(rule_set.rules) - _NAMES)
    if unknown or not rule_set.rules:
        wrong = f"There is no rule {unknown[0][:60]!r}." if unknown else "A rule set has at least one rule."
        raise InvalidArgument(f"{wrong} Choose among {', '.join(sorted(_NAMES))}.", reason="INVALID_RULES")
    zone = parse_zone(texts["time_zone"])
    if "local-times" in rule_set.rules and zone is None:
        raise InvalidArgument("Local times need the time zone in which they are local.", reason="INVALID_TIME_ZONE")
    rules = tuple(rule.name for rule in RULES if rule.name in rule_set.rules)
    return msgspec.structs.replace(rule_set, **texts, rules=rules)
