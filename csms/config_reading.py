"""Where settings are read from; the only reader of the environment.

One name, three spellings: `--data-dir` on the command line, `CHARGEHOUSE_DATA_DIR` in the environment, `data_dir` in
the TOML file given by `--config`. The command line outranks the environment, which outranks the file, which outranks
the default.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from csms.config import Address, Settings, SettingsError

PREFIX: Final = "CHARGEHOUSE_"


def add_arguments(parser: argparse.ArgumentParser, *, only: Sequence[str] = ()) -> None:
    """Give a command the flags of the settings (or of `only` some)."""
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings")
    for each in dataclasses.fields(Settings):
        if only and each.name not in only:
            continue
        flag = "--" + each.name.replace("_", "-")
        text = each.metadata["help"]
        default = _default(each)
        shown = "" if default in ("", None) or each.metadata["secret"] else f" (default: {_shown(default)})"
        if isinstance(default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text + shown)
        else:
            metavar = "{" + ",".join(each.metadata["choices"]) + "}" if each.metadata["choices"] else "VALUE"
            parser.add_argument(flag, default=None, metavar=metavar, help=(text + shown).replace("%", "%%"))


def load(arguments: argparse.Namespace | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises SettingsError with a sentence that names the setting and where it came from."""
    environment = os.environ if environment is None else environment
    given = vars(arguments) if arguments is not None else {}
    path = given.get("config") or environment.get(PREFIX + "CONFIG")
    from_file = _read_file(path) if path else {}
    values: dict[str, Any] = {}
    for each in dataclasses.fields(Settings):
        name = each.name
        if given.get(name) is not None:
            raw, origin = given[name], "--" + name.replace("_", "-")
        elif environment.get(PREFIX + name.upper()):
            raw, origin = environment[PREFIX + name.upper()], PREFIX + name.upper()
        elif name in from_file:
            raw, origin = from_file[name], f"{name} in {path}"
        else:
            continue
        try:
            values[name] = _converted(raw, _default(each))
        except (ValueError, TypeError) as error:
            raise SettingsError(f"{origin}: {error}") from None
    return Settings(**values)


def environment_of(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which another process of ours reads these settings, and no others of ours."""
    kept = {name: value for name, value in environment.items() if not name.startswith(PREFIX)}
    for each in dataclasses.fields(Settings):
        value = getattr(settings, each.name)
        if value != _default(each):
            kept[PREFIX + each.name.upper()] = _shown(value)
    return kept


def flags_of_emptied(settings: Settings) -> list[str]:
    """For settings that somebody has emptied: an empty variable of the environment counts as none."""
    emptied = [
        each.name for each in dataclasses.fields(Settings) if getattr(settings, each.name) == "" != _default(each)
    ]
    return [f"--{name.replace('_', '-')}=" for name in emptied]


def _default(each: dataclasses.Field[Any]) -> Any:
    return each.default


def _shown(default: object) -> str:
    return {True: "yes", False: "no"}[default] if isinstance(default, bool) else str(default)


def _read_file(path: str) -> dict[str, Any]:
    try:
        content = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file {path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    content = {name.replace("-", "_"): value for name, value in content.items()}
    unknown = sorted(set(content) - {each.name for each in dataclasses.fields(Settings)})
    if unknown:
        raise SettingsError(
            f"{path} has settings that do not exist: {', '.join(unknown)}. See chargehouse serve --help."
        )
    return content


def _converted(raw: object, like: object) -> object:
    if isinstance(like, bool):
        if isinstance(raw, bool):
            return raw
        text = str(raw).strip().lower()
        if text in ("1", "true", "yes", "on"):
            return True
        if text in ("0", "false", "no", "off"):
            return False
        raise ValueError(f"{raw!r} must be yes or no.")
    if isinstance(like, Address):
        return Address.parse(str(raw))
    if isinstance(like, Path):
        return Path(str(raw))
    try:
        return type(like)(raw)  # type: ignore[call-arg]
    except ValueError:
        raise ValueError(f"{raw!r} is not a number.") from None
