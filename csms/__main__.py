"""The command line: serve, node, control, portal, migrate, key, backup, restore, loadtest, demo."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from csms.config import Settings, SettingsError
from csms.config_reading import add_arguments, load
from csms.domain.access import Role
from csms.domain.errors import DomainError

_KEY_NOT_NEEDED = frozenset({"--api-key", "--no-check", "--help", "-h", "--control", "--list", "--compare"})
_DATABASE_SETTINGS = ("data_dir", "database_url", "postgres_bin")


def parser() -> argparse.ArgumentParser:
    """All commands and their flags."""
    top = argparse.ArgumentParser(
        prog="chargehouse", description="An open central system for electric-vehicle charging stations."
    )
    top.add_argument("--version", action="version", version=f"chargehouse {version('chargehouse')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run everything: stations, control API, portal, PostgreSQL")
    add_arguments(serve)
    node = commands.add_parser("node", help="a node among others: stations (needs --database-url and --nats-urls)")
    add_arguments(node)
    node.add_argument("--die-with-parent", action="store_true", help=argparse.SUPPRESS)
    control = commands.add_parser(
        "control", help="a control process among others: control API, files, and the work that is done once"
    )
    add_arguments(control)
    control.add_argument("--die-with-parent", action="store_true", help=argparse.SUPPRESS)
    commands.add_parser("portal", help="the web portal alone (chargehouse portal --help)", add_help=False)
    migrate = commands.add_parser("migrate", help="bring the database's schema up to this version")
    add_arguments(migrate, only=_DATABASE_SETTINGS)
    backup = commands.add_parser("backup", help="make a backup of the database and prove it")
    add_arguments(backup, only=(*_DATABASE_SETTINGS, "backup_dir", "backup_keep"))
    restore = commands.add_parser("restore", help="put a backup in the place of the database (stop the server first)")
    restore.add_argument("file", type=Path, help="the .dump file")
    restore.add_argument("--keep-old-as", default="", metavar="NAME", help="keep the present database under this name")
    add_arguments(restore, only=_DATABASE_SETTINGS)
    key = commands.add_parser("key", help="API keys for internal systems")
    keys = key.add_subparsers(dest="key_command", required=True, metavar="COMMAND")
    create = keys.add_parser("create", help="make a key and print its secret")
    create.add_argument("--name", required=True, help="what the key is for")
    create.add_argument("--role", required=True, choices=[role.value for role in Role])
    create.add_argument("--days", type=int, default=0, help="valid for so many days; 0: for ever")
    add_arguments(create, only=_DATABASE_SETTINGS)
    commands.add_parser("loadtest", help="simulate charging stations (chargehouse loadtest --help)", add_help=False)
    commands.add_parser(
        "demo", help="fill a system with something to look at (chargehouse demo --help)", add_help=False
    )
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0 fine, 1 failed, 2 misuse."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["portal"]:
        os.execv(sys.executable, [sys.executable, "-m", "webui", *argv[1:]])  # noqa: S606  our own module
    if argv[:1] in (["loadtest"], ["demo"]):
        return _client("loadtest" if argv[0] == "loadtest" else "loadtest.demo", argv[1:])
    arguments = parser().parse_args(argv)
    try:
        settings = load(arguments)
        return _run(arguments, settings)
    except SettingsError as error:
        sys.stderr.write(f"chargehouse: {error}\n")
        return 2
    except DomainError as error:
        sys.stderr.write(f"chargehouse: {error.message}\n")
        return 1


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    # Imported here so that `--help`, `loadtest` and `demo` do not load the whole node.
    from csms.app import serve, tools, workers
    from csms.app.children import die_with_parent
    from csms.app.cluster import Role as ProcessRole

    if arguments.command == "serve" and settings.workers:
        return workers.run(settings)
    if arguments.command in ("serve", "node", "control"):
        if getattr(arguments, "die_with_parent", False):
            die_with_parent()
        return serve.run(settings, ProcessRole(arguments.command))
    if arguments.command == "migrate":
        return tools.migrate_database(settings)
    if arguments.command == "backup":
        return tools.make_backup(settings)
    if arguments.command == "restore":
        return tools.restore_backup(settings, arguments.file, arguments.keep_old_as)
    return tools.create_key(settings, arguments.name, Role(arguments.role), arguments.days)


def _client(module: str, argv: list[str]) -> NoReturn:
    # A process of its own: the load tester and the demonstration are clients and share no code with the server.
    environment = dict(os.environ)
    given = any(argument.split("=", 1)[0] in _KEY_NOT_NEEDED for argument in argv)
    if not given and not environment.get("CHARGEHOUSE_API_KEY"):
        key = _key_of_this_machine()
        if key:
            environment["CHARGEHOUSE_API_KEY"] = key
    # It takes our place, so that Ctrl-C and other signals reach it and it ends in its own way.
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *argv], environment)  # noqa: S606  our own module


def _key_of_this_machine() -> str:
    """A key for a day, when a server runs here on the data folder of the settings; else nothing."""
    from csms.app import tools

    try:
        return tools.borrow_key(load())
    except (SettingsError, DomainError):
        return ""


if __name__ == "__main__":
    sys.exit(main())
