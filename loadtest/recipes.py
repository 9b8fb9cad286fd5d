"""Scenarios as people write them: TOML files, the ready ones and their own, and flags that overrule them.

A recipe is what was written down; what it leaves open (`ramp`, `time_scale`, `meter_interval`) is fitted to
the length of the run when the scenario is made of it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

from loadtest.saturate import KINDS as SATURATIONS
from loadtest.scenario import (
    COMMANDS,
    ENGINES,
    TROUBLES,
    VERSIONS,
    Scenario,
    fitting_meter_interval,
    fitting_time_scale,
    identity,
)

Value = str | int | float | tuple[float, ...] | dict[str, int] | dict[str, float]
Recipe = dict[str, Value]

LONGEST_TAG = 20  # OCPP 1.6, IdToken


class RecipeError(ValueError):
    """A scenario that cannot be run; its text names the key, where it stands, and what would be right."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a scenario, which is a flag as well.

    `read` takes what TOML gives, `parse` turns the text of a flag into that; `read` raises ValueError with
    what would be right ("must be …").
    """

    name: str
    metavar: str
    help: str
    read: Callable[[object], Value]
    parse: Callable[[str], object]
    default: str = ""  # told when it is not the value of Scenario's own field

    @property
    def flag(self) -> str:
        """`--meter-interval` of `meter_interval`."""
        return "--" + self.name.replace("_", "-")


def _number_of(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _pairs_of(text: str) -> object:
    """`a=1,b=2`."""
    found: dict[str, object] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        found[name.strip()] = _number_of(value)
    return found


def _list_of(text: str) -> object:
    return [_number_of(part) for part in text.split(",") if part]


def _whole(least: int | None = None) -> Callable[[object], Value]:
    asked = "a whole number" if least is None else f"a whole number more than {least - 1}"

    def read(value: object) -> Value:
        if not isinstance(value, int) or isinstance(value, bool) or (least is not None and value < least):
            raise ValueError(f"must be {asked}")
        return value

    return read


def _number(*, zero: bool, most: float | None = None) -> Callable[[object], Value]:
    asked = "a number" if zero else "a number more than 0"
    if most is not None:
        asked += f", at most {most:g}"

    def read(value: object) -> Value:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"must be {asked}")  # noqa: TRY004  told to people, like every other mistake
        if value < 0:
            raise ValueError("must not be negative" if zero else f"must be {asked}")
        if (value == 0 and not zero) or not value < float("inf") or (most is not None and value > most):
            raise ValueError(f"must be {asked}")
        return float(value)

    return read


def _text(value: object) -> Value:
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004
    return value


def _word(words: Sequence[str]) -> Callable[[object], Value]:
    def read(value: object) -> Value:
        if value not in words:
            raise ValueError(f"must be {_either(words)}")
        return str(value)

    return read


def _weights(words: Sequence[str]) -> Callable[[object], Value]:
    def read(value: object) -> Value:
        found: dict[str, int] = {}
        for word, weight in _named(value, words).items():
            if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
                raise ValueError(f"must give {word} a weight that is a whole number, 0 or more")
            found[word] = weight
        if not sum(found.values()):
            raise ValueError(f"must give a weight to at least one of {', '.join(words)}")
        return {word: weight for word, weight in found.items() if weight}

    return read


def _rates(words: Sequence[str]) -> Callable[[object], Value]:
    def read(value: object) -> Value:
        found: dict[str, float] = {}
        for word, rate in _named(value, words).items():
            if not isinstance(rate, int | float) or isinstance(rate, bool) or rate < 0:
                raise ValueError(f"must say how often {word} befalls a station: a number, 0 or more")
            found[word] = float(rate)
        return found

    return read


def _shares(value: object) -> Value:
    if not isinstance(value, list) or any(
        not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share < 1 for share in value
    ):
        raise ValueError("must be a list of numbers from 0 to below 1, each a share of the run")
    return tuple(float(share) for share in value)


def _named(value: object, words: Sequence[str]) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table with a number for any of {', '.join(words)}")  # noqa: TRY004
    for word in value:
        if word not in words:
            raise ValueError(f"knows {', '.join(words)}; {word!r} is none of them")
    return value


def _either(words: Sequence[str]) -> str:
    return " or ".join(f'"{word}"' for word in words)


KEYS: tuple[Key, ...] = (
    Key("stations", "N", "how many stations", _whole(1), _number_of),
    Key("minutes", "M", "length of the run", _number(zero=False), _number_of),
    Key(
        "ramp",
        "SECONDS",
        "time over which the stations connect",
        _number(zero=True),
        _number_of,
        "10, or a sixth of a short run",
    ),
    Key(
        "connect_rate", "N", "stations that connect per second, instead of a ramp", _number(zero=False), _number_of, "-"
    ),
    Key("versions", "V=W,…", "versions of OCPP by weight", _weights(VERSIONS), _pairs_of, "1.6"),
    Key("connectors", "N", "per station", _whole(1), _number_of),
    Key(
        "time_scale",
        "X",
        "compress charging: at 60 a charge of 40 minutes takes 40 s, with the energy and power of the real one",
        _number(zero=False),
        _number_of,
        "fits the run",
    ),
    Key("meter_interval", "SECONDS", "between meter values", _number(zero=False), _number_of, "fits the sessions"),
    Key(
        "heartbeat_interval",
        "SECONDS",
        "between heartbeats; 0: what the server says",
        _number(zero=True),
        _number_of,
    ),
    Key(
        "charging_share",
        "SHARE",
        "of the connectors that charge at any time; 0: visits with natural pauses",
        _number(zero=True, most=0.95),
        _number_of,
    ),
    Key(
        "arrival_share",
        "SHARE",
        "of the run, in which all the first cars come; 0: any time",
        _number(zero=True, most=1),
        _number_of,
    ),
    Key(
        "fault_share",
        "SHARE",
        "of sessions that end because the connector breaks",
        _number(zero=True, most=1),
        _number_of,
    ),
    Key("repair_seconds", "SECONDS", "until a broken connector works again", _number(zero=True), _number_of),
    Key("storms", "SHARE,…", "shares of the run after which the power of all stations fails", _shares, _list_of, "-"),
    Key("storm_seconds", "SECONDS", "how long the power is away", _number(zero=True), _number_of),
    Key("troubles", "T=RATE,…", "how often each befalls one station in the run", _rates(TROUBLES), _pairs_of, "-"),
    Key("trouble_seconds", "SECONDS", "how long a trouble lasts, on average", _number(zero=True), _number_of),
    Key("commands_per_second", "N", "commands given over control.v1 meanwhile", _number(zero=True), _number_of),
    Key("commands", "C=W,…", "kinds of commands by weight", _weights(COMMANDS), _pairs_of, "all alike"),
    Key("backlog_hours", "HOURS", "that each station has lived offline before", _number(zero=True), _number_of),
    Key(
        "backlog_meter_interval",
        "SECONDS",
        "between meter values in those hours",
        _number(zero=False),
        _number_of,
    ),
    Key("grace", "SECONDS", "wait for the last answers", _number(zero=True), _number_of),
    Key(
        "back_off",
        "SECONDS",
        "before a station connects again, with a jitter of half; it doubles with each failure",
        _number(zero=False),
        _number_of,
    ),
    Key("longest_back_off", "SECONDS", "the most it grows to", _number(zero=False), _number_of),
    Key(
        "retry_interval",
        "SECONDS",
        "before a message about a transaction is sent again, times its refusals",
        _number(zero=True),
        _number_of,
    ),
    Key("attempts", "N", "at a message about a transaction that is refused", _whole(1), _number_of),
    Key(
        "connect_timeout", "SECONDS", "for a connection to stand, handshakes included", _number(zero=False), _number_of
    ),
    Key("call_timeout", "SECONDS", "for an answer to come", _number(zero=False), _number_of),
    Key("seed", "S", "the same seed plans the same run", _whole(), _number_of),
    Key("prefix", "P", "of the identities", _text, str),
    Key("id_tag", "TAG", "of every driver; else each connector has a tag of its own", _text, str, "-"),
    Key(
        "saturation",
        "KIND",
        'what a closed loop sends: "meter-values", or "story": whole sessions',
        _word(SATURATIONS),
        str,
    ),
    Key(
        "engine",
        "NAME",
        '"stations" that live, a "fleet" that only stays and charges, or "saturate": a closed loop to the limit',
        _word(ENGINES),
        str,
    ),
)
_DESCRIPTION = Key("description", "TEXT", "one line for --list; files only", _text, str, "-")
_BY_NAME = {key.name: key for key in KEYS}


@dataclass(frozen=True, slots=True)
class ReadyScenario:
    """A scenario file that comes along, and its one line of description."""

    name: str
    description: str


def ready_scenarios() -> list[ReadyScenario]:
    """The ready scenarios, by name."""
    found = []
    for entry in sorted(resources.files("loadtest").joinpath("scenarios").iterdir(), key=lambda entry: entry.name):
        name, dot, ending = entry.name.rpartition(".")
        if dot and ending == "toml":
            found.append(ReadyScenario(name, str(tomllib.loads(entry.read_text("utf-8"))["description"])))
    return found


def load_recipe(name: str) -> Recipe:
    """The recipe of a ready scenario, or of a file when the name has a slash or ends in `.toml`.

    Raises RecipeError.
    """
    if "/" in name or name.endswith(".toml"):
        try:
            text = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"the scenario {name} cannot be read: {error}") from error
        return read_recipe(text, name) | {"name": Path(name).stem}
    names = [ready.name for ready in ready_scenarios()]
    if name not in names:
        raise RecipeError(
            f"there is no scenario {name!r}{_meant(name, names)}: --list tells the ready ones, "
            "and a file of your own ends in .toml"
        )
    text = resources.files("loadtest").joinpath("scenarios", f"{name}.toml").read_text("utf-8")
    return read_recipe(text, f"{name}.toml") | {"name": name}


def read_recipe(text: str, where: str) -> Recipe:
    """Read a scenario file; `where` is its name for the sentence of a RecipeError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where} is not TOML: {error}") from error
    recipe: Recipe = {}
    for name, value in table.items():
        if name == "description":
            _checked(_DESCRIPTION, value, f"{where}: {name}")
            continue
        key = _BY_NAME.get(name)
        if key is None:
            raise RecipeError(
                f"{where}: a scenario has no key {name!r}{_meant(name, [*_BY_NAME, 'description'])}. "
                "docs/load-testing.md lists the keys"
            )
        recipe[name] = _checked(key, value, f"{where}: {name}")
    return recipe


def parse_flag(key: Key, text: str) -> Value:
    """The value that a flag of the command line gives to a key. Raises RecipeError."""
    return _checked(key, key.parse(text), key.flag)


def _checked(key: Key, value: object, where: str) -> Value:
    try:
        return key.read(value)
    except ValueError as error:
        raise RecipeError(f"{where} {error}, not {_shown(value)}") from error


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value).replace("'", '"')


def _meant(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def make_scenario(recipe: Recipe) -> Scenario:
    """Fit what is open and make the scenario. Raises RecipeError when its values do not go together."""
    known = {field.name for field in fields(Scenario)}
    given: dict[str, object] = {name: value for name, value in recipe.items() if name in known}
    stations, minutes = _float(recipe, "stations", 500), _float(recipe, "minutes", 1.0)
    run_seconds = minutes * 60
    ramp = _float(recipe, "ramp", min(10.0, run_seconds / 6))
    if "connect_rate" in recipe:
        ramp = stations / _float(recipe, "connect_rate", 1.0)
    scale = _float(recipe, "time_scale", fitting_time_scale(run_seconds, ramp))
    interval = _float(recipe, "meter_interval", fitting_meter_interval(scale))
    given |= {"ramp": ramp, "time_scale": scale, "meter_interval": round(interval, 2)}
    scenario = Scenario(**given)  # type: ignore[arg-type]  # each value was read by its key
    tag = f"{identity(scenario, max(scenario.stations, 10_000) - 1)}-{scenario.connectors}"
    for flag, longest in (("--id-tag", scenario.id_tag), ("--prefix", tag)):
        if len(longest) > LONGEST_TAG:
            raise RecipeError(f"{flag} is too long: an id tag of OCPP 1.6 has at most 20 characters, not {longest!r}")
    if scenario.engine == "fleet" and "1.5" in scenario.versions:
        raise RecipeError("a fleet speaks OCPP 1.6, 2.0.1 and 2.1, not 1.5: give --versions, or --engine stations")
    if scenario.longest_back_off < scenario.back_off:
        raise RecipeError("--longest-back-off must not be less than --back-off")
    if scenario.engine == "saturate" and len(scenario.versions) > 1:
        raise RecipeError("a closed loop speaks one version: give --versions 1.6=1 or --versions 2.0.1=1")
    return scenario


def _float(recipe: Recipe, name: str, otherwise: float) -> float:
    value = recipe.get(name, otherwise)
    return float(value) if isinstance(value, int | float) else otherwise
