"""Every room has a sign on its door, a test of its own, and is small enough to read."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.tree import PACKAGES, ROOT, parsed, python_files, source_modules

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60

# Path → reason. An entry is a debt: it goes when the file does not need it any more (a test below sees to it).
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
NO_TEST_OF_ITS_OWN: dict[str, str] = {
    "csms/app/doors.py": "tests/system/test_life.py opens all of them, tests/system/cluster each role's",
    "csms/app/workers.py": "tests/system/cluster/test_workers.py runs, kills and restarts them",
    "csms/cluster/keys.py": "tests/csms/cluster/test_nats_directory.py and tests/contracts/test_lease.py go through it",
    "csms/actors/intake.py": "tests/csms/actors/test_station.py and test_link_at_once.py take facts in",
    "csms/actors/talk.py": "tests/csms/actors/test_link.py and tests/scenarios read all answers and the log",
    "csms/actors/carrying.py": "tests/csms/actors/test_station.py and test_registry.py carry out all kinds",
    "control/__init__.py": "one setting for gRPC; tests/csms/storage/test_postgres.py forks beside it",
    "webui/preferences.py": "tests/browser/chapters/test_preferences.py keeps columns and views",
    "webui/pages/addresses.py": "pages are tested in a browser: tests/browser/chapters/test_addresses.py",
    "webui/pages/load.py": "pages are tested in a browser: tests/browser/chapters/test_load.py",
    "webui/pages/options.py": "pages are tested in a browser: tests/browser/chapters/test_reserving_for.py",
    "webui/pages/views.py": "tests/webui/pages/test_sessions.py saves and deletes views",
    "webui/pages/imports.py": "tests/browser/chapters/test_imports.py brings in each kind of file",
    "webui/pages/frame.py": "pages are tested in a browser: tests/browser/chapters/test_frame.py",
    "webui/pages/keys.py": "pages are tested in a browser: tests/browser/chapters/test_settings.py",
    "webui/pages/password_link.py": "pages are tested in a browser: tests/browser/chapters/test_settings.py",
    "webui/pages/system.py": "pages are tested in a browser: tests/browser/chapters/test_settings.py",
    "webui/values_account.py": "values; tests/browser/chapters/test_settings.py sees each",
    "csms/app/chapters/configuration.py": "wiring only; tests/system/test_configuration.py runs it",
    "csms/services/configuration_templates.py": "tests/csms/services/test_configuration_work.py applies them",
    "csms/services/station_settings.py": "tests/csms/services/test_configuration.py reads, compares and sends by it",
    "csms/storage/attempts.py": "tests/contracts/test_attempts.py runs it",
    "csms/storage/configuration.py": "tests/contracts/test_configuration.py runs it on PostgreSQL",
    "csms/storage/configuration_templates.py": "tests/contracts/test_configuration.py runs it on PostgreSQL",
    "webui/pages/tariffs.py": "pages are tested in a browser: tests/browser/chapters/test_tariffs.py",
    "webui/exports.py": "tests/webui/pages/test_sessions.py has a big export shown, fetched and thrown away",
    "webui/pdf.py": "tests/webui/test_export.py prints and reads tables",
    "webui/session_columns.py": "tests/webui/test_export.py and test_session_list.py have every column",
    "webui/session_series.py": "tests/webui/pages/test_session.py reads the charts of a session",
    "webui/values_money.py": "values; tests/browser/chapters/test_tariffs.py shows them",
    "webui/values_sessions.py": "values; tests/browser/chapters/test_sessions.py shows them",
    "webui/pages/bulk_operations.py": "pages are tested in a browser: tests/browser/chapters/test_operations.py",
    "webui/pages/firmware.py": "pages are tested in a browser: tests/browser/chapters/test_operations.py",
    "webui/streams_operations.py": "tests/browser/chapters/test_operations.py sees an operation go on",
    "webui/values_operations.py": "values and words; tests/browser/chapters/test_operations.py shows them",
    "webui/pages/reservations.py": "pages are tested in a browser: tests/browser/chapters/test_reservations.py",
    "webui/pages/reserving.py": "pages are tested in a browser: tests/browser/chapters/test_reservations.py",
    "webui/values_reservations.py": "values; tests/browser/chapters/test_reservations.py shows them",
    "webui/values_drive.py": "values; tests/browser/chapters/test_drive.py shows them",
    "webui/streams_drive.py": "tests/browser/chapters/test_drive.py sees charging begin and end",
    "webui/pages/services.py": "pages are tested in a browser: tests/browser/chapters/test_services.py",
    "webui/pages/roaming.py": "pages are tested in a browser: tests/browser/chapters/test_services.py",
    "webui/values_services.py": "values; tests/browser/chapters/test_services.py shows them",
    "webui/pages/tolerance.py": "pages are tested in a browser: tests/browser/chapters/test_tolerance.py",
    "webui/pages/certificates.py": "pages are tested in a browser: tests/browser/chapters/test_tolerance.py",
    "webui/pages/limits.py": "pages are tested in a browser: tests/browser/chapters/test_tags.py",
    "webui/values_tags.py": "values; tests/browser/chapters/test_tags.py shows them",
    "webui/pages/users.py": "pages are tested in a browser: tests/browser/chapters/test_people.py",
    "webui/pages/groups.py": "pages are tested in a browser: tests/browser/chapters/test_people.py",
    "webui/pages/audit.py": "pages are tested in a browser: tests/browser/chapters/test_people.py",
    "webui/pages/alarm_rules.py": "pages are tested in a browser: tests/browser/chapters/test_alarms.py",
    "webui/pages/alarms.py": "pages are tested in a browser: tests/browser/chapters/test_alarms.py",
    "webui/pages/webhooks.py": "pages are tested in a browser: tests/browser/chapters/test_alarms.py",
    "webui/pages/charts.py": "pages are tested in a browser: tests/browser/chapters/test_charts.py",
    "webui/pages/dashboard.py": "pages are tested in a browser: tests/browser/chapters/test_dashboard.py",
    "webui/pages/news.py": "pages are tested in a browser: tests/browser/chapters/test_news.py",
    "webui/values_alarms.py": "values; tests/browser/chapters/test_alarms.py shows them",
    "webui/values_statistics.py": "values; tests/webui/test_charting.py and test_widgets.py have them",
    "webui/pages/connectors.py": "pages are tested in a browser: tests/browser/chapters/test_stations.py",
    "webui/pages/inventory.py": "pages are tested in a browser: tests/browser/chapters/test_stations.py",
    "webui/pages/pending.py": "pages are tested in a browser: tests/browser/chapters/test_stations.py",
    "webui/pages/stations_bulk.py": "pages are tested in a browser: tests/browser/chapters/test_stations.py",
    "webui/pages/tags_bulk.py": "pages are tested in a browser: tests/browser/chapters/test_tags.py",
    "webui/pages/station_alarms.py": "pages are tested in a browser: tests/browser/chapters/test_station.py",
    "webui/pages/station_diagnostics.py": "pages are tested in a browser: tests/browser/chapters/test_station.py",
    "webui/pages/station_installation.py": "pages are tested in a browser: tests/browser/chapters/test_station.py",
    "webui/pages/station_pictures.py": "pages are tested in a browser: tests/browser/chapters/test_station.py",
    "webui/pages/station_sharing.py": "pages are tested in a browser: tests/browser/chapters/test_station.py",
    "webui/operation_fields.py": "a table; tests/webui/test_operations.py sends by it",
    "webui/station_page.py": "tests/browser/chapters/test_station.py opens every tab for every role",
    "webui/values_charging.py": "values; tests/browser/chapters/test_station.py shows them",
    "webui/values_stations.py": "values; tests/webui/test_station_list.py has their functions",
    "webui/pages/places.py": "pages are tested in a browser: tests/browser/chapters/test_places.py",
    "webui/streams_floor.py": "tests/browser/chapters/test_places.py sees the plan change",
    "loadtest/demo/running.py": "tests/system/test_demo.py runs it",
    "loadtest/demo/office.py": "tests/system/test_demo.py runs it",
    "loadtest/demo/afterwards.py": "tests/system/test_demo.py runs it",
    "control/convert/imports.py": "tests/control/servicers has it over the wire",
    "csms/storage/imports.py": "tests/contracts/test_imports.py runs it on PostgreSQL",
    "csms/app/chapters/installations.py": "wiring only; tests/system runs it",
    "csms/app/chapters/sessions.py": "wiring only; tests/system/test_sessions.py runs it",
    "csms/services/load_survey.py": "tests/csms/services/test_load_balancing.py looks through it",
    "csms/storage/load_groups.py": "tests/contracts/test_load_groups.py runs it on PostgreSQL",
    "csms/storage/installations.py": "tests/contracts/test_installations.py runs it on PostgreSQL",
    "csms/storage/session_changes.py": "tests/contracts/test_session_changes.py runs it on PostgreSQL",
    "csms/storage/session_lists.py": "tests/contracts/test_queries.py runs it on PostgreSQL",
    "csms/storage/session_select.py": "tests/contracts/test_queries.py runs it on PostgreSQL",
    "csms/storage/station_lists.py": "tests/contracts/test_queries.py runs it on PostgreSQL",
    "csms/storage/system.py": "tests/contracts/test_system.py runs it on PostgreSQL",
    "csms/storage/waiting.py": "tests/contracts/test_reservations.py runs it on PostgreSQL",
    "webui/pages/__init__.py": "a table; every page's test goes through it",
    "control/convert/third_party.py": "tests/control/servicers has it over the wire",
    "csms/app/third_party.py": "wiring only; tests/system/test_roaming.py runs it",
    "csms/domain/roaming.py": "values; tests/csms/ocpi/test_describing.py has the functions",
    "csms/domain/third_party.py": "values, and checks that tests/control/servicers/test_third_party.py goes through",
    "csms/ocpi/__init__.py": "no code",
    "csms/ocpi/charging.py": "shapes; tests/csms/ocpi/test_billing.py holds them to the specification",
    "csms/ocpi/commands.py": "shapes; tests/csms/transport/ocpi/test_endpoint.py goes through them",
    "csms/ocpi/faults.py": "codes; tests/csms/transport/ocpi/test_endpoint.py has each",
    "csms/ocpi/locations.py": "shapes; tests/csms/ocpi/test_describing.py holds them to the specification",
    "csms/ocpi/tokens.py": "shapes; tests/csms/ocpi/test_envelope.py has them",
    "csms/ocpi/values.py": "shapes; tests/csms/ocpi has them",
    "csms/outbox/ocpi.py": "tests/csms/outbox/test_guarded_http.py calls by it",
    "csms/ports/roaming.py": "Protocols; tests/contracts/test_third_party.py tests what fulfils them",
    "csms/services/roaming_commands.py": "tests/csms/transport/ocpi/test_endpoint.py asks for commands",
    "csms/services/roaming_parties.py": "tests/csms/transport/ocpi and tests/control/servicers have both sides of it",
    "csms/services/service_book.py": "tests/csms/services/test_roaming_tokens.py switches by it",
    "csms/services/third_parties.py": "tests/control/servicers/test_third_party.py goes through it",
    "csms/services/third_party_work.py": "tests/system/test_roaming.py runs it",
    "csms/storage/roaming_facts.py": "tests/system/test_roaming.py reads by it",
    "csms/storage/roaming_parties.py": "tests/contracts/test_third_party.py runs it on PostgreSQL",
    "csms/storage/roaming_releases.py": "tests/contracts/test_third_party.py runs it on PostgreSQL",
    "csms/storage/third_party.py": "tests/contracts/test_third_party.py runs it on PostgreSQL",
    "csms/transport/ocpi/__init__.py": "no code",
    "csms/transport/ocpi/routes.py": "tests/csms/transport/ocpi/test_endpoint.py asks by every route",
    "csms/transport/plain_http.py": "tests/csms/transport/ocpi/test_endpoint.py shares the port by it",
    "control/convert/operations.py": "tests/control/servicers has it over the wire",
    "control/convert/operation_orders.py": "tests/control/servicers/test_operations.py has every order both ways",
    "control/convert/statistics.py": "tests/control/servicers has it over the wire",
    "csms/app/chapters/operations.py": "wiring only; tests/system/test_operations.py runs it",
    "csms/app/chapters/statistics.py": "wiring only; tests/system/test_statistics.py runs it",
    "csms/domain/orders.py": "values and their checks; tests/csms/domain/test_operations.py has each",
    "csms/domain/statistics.py": "values, and two checks that tests/control/servicers/test_statistics.py goes through",
    "csms/services/operation_drive.py": "tests/csms/services/test_operations.py drives it by the clock",
    "csms/services/operation_runner.py": "tests/csms/services/test_operations.py runs it by the clock",
    "csms/services/operation_schedules.py": "tests/csms/services/test_operations.py runs it by the clock",
    "csms/services/order_work.py": "tests/csms/services/test_operations.py has every kind of order",
    "csms/services/rights.py": "tests/csms/services/test_operations.py takes somebody's away",
    "csms/storage/lease.py": "tests/contracts/test_operations.py holds it on PostgreSQL",
    "csms/storage/operations.py": "tests/contracts/test_operations.py runs it on PostgreSQL",
    "csms/storage/operation_schedules.py": "tests/contracts/test_operations.py runs it on PostgreSQL",
    "control/convert/backups.py": "tests/control/servicers has it over the wire",
    "control/convert/der.py": "tests/control/servicers has it over the wire",
    "control/convert/places.py": "tests/control/servicers has it over the wire",
    "control/convert/smart_charging.py": "tests/control/servicers has it over the wire",
    "csms/app/chapters/__init__.py": "wiring only; tests/system runs it",
    "csms/app/chapters/backups.py": "wiring only; tests/system/test_backups.py runs it",
    "csms/app/chapters/der.py": "wiring only; tests/system/certification runs it",
    "csms/app/chapters/places.py": "wiring only; tests/system runs it",
    "csms/app/chapters/smart_charging.py": "wiring only; tests/system/test_smart_charging.py runs it",
    "csms/app/dialects.py": "a table; tests/csms/ocpp/test_routing.py goes through it",
    "csms/app/parts.py": "values only",
    "csms/app/file_parts.py": "wiring only; tests/system/test_files.py runs it",
    "csms/ports/firmware_images.py": "a Protocol; tests/contracts/test_files.py tests what fulfils it",
    "csms/ports/pictures.py": "a Protocol; tests/contracts/test_files.py tests what fulfils it",
    "csms/services/files.py": "tests/control/servicers/test_files.py has it over the wire",
    "csms/services/firmware_images.py": "tests/control/servicers/test_firmware_images.py has it over the wire",
    "csms/services/pictures.py": "tests/control/servicers/test_pictures.py has it over the wire",
    "csms/storage/files.py": "tests/contracts/test_files.py runs it on PostgreSQL",
    "csms/storage/firmware_images.py": "tests/contracts/test_files.py runs it on PostgreSQL",
    "csms/storage/pictures.py": "tests/contracts/test_files.py runs it on PostgreSQL",
    "csms/domain/charging_prices.py": "values only",
    "csms/domain/charging_profile.py": "values only",
    "csms/domain/ev_charging_needs.py": "values only",
    "csms/domain/values.py": "values only",
    "csms/ocpp/v201/routes.py": "a table; tests/csms/ocpp/test_routing.py goes through it",
    "csms/ocpp/v21/routes.py": "a table; tests/csms/ocpp/test_routing.py goes through it",
    "csms/ocpp/v21/q_bidirectional.py": "tests/csms/ocpp/v21/test_k_smart_charging.py tells both blocks",
    "csms/ocpp/v21/r_der_control.py": "tests/csms/ocpp/test_routing.py goes through every row",
    "csms/ports/backups.py": "a Protocol; tests/csms/storage/test_backups.py tests what fulfils it",
    "csms/ports/consultant.py": "a Protocol; tests/csms/services/test_consulting.py tests what fulfils it",
    "csms/ports/reactions.py": "a Protocol; tests/csms/services/test_reacting.py tests what fulfils it",
    "csms/services/station_reports.py": "tests/csms/services/test_smart_charging.py and test_der.py tell its reports",
    "csms/ports/limits.py": "a Protocol",
    "csms/ports/tokens.py": "values; tests/contracts/test_outlets.py asks stores by them",
    "csms/storage/limits.py": "tests/contracts/test_outlets.py runs it on PostgreSQL",
    "csms/storage/outlets.py": "tests/contracts/test_outlets.py runs it on PostgreSQL",
    "csms/storage/places.py": "tests/contracts/test_places.py runs it on PostgreSQL",
    "control/convert/cost_reports.py": "tests/control/servicers has it over the wire",
    "control/convert/tariffs.py": "tests/control/servicers has it over the wire",
    "csms/app/chapters/tariffs.py": "wiring only; tests/system/test_tariffs.py runs it",
    "csms/storage/cost_reports.py": "tests/contracts/test_cost_reports.py runs it on PostgreSQL",
    "csms/storage/session_costs.py": "tests/contracts/test_tariffs.py runs it on PostgreSQL",
    "csms/storage/statistics.py": "tests/contracts/test_statistics.py compares it with looking at everything",
    "csms/storage/tariffs.py": "tests/contracts/test_tariffs.py runs it on PostgreSQL",
    "control/convert/alarms.py": "tests/control/servicers has it over the wire",
    "control/convert/news.py": "tests/control/servicers has it over the wire",
    "control/convert/webhooks.py": "tests/control/servicers has it over the wire",
    "csms/app/chapters/alarms.py": "wiring only; tests/system/test_alarms.py runs it",
    "csms/app/chapters/live.py": "wiring only; tests/system runs it",
    "csms/domain/notifications.py": "tests/csms/services/test_notifications.py tells its rules",
    "csms/ports/geocoder.py": "a Protocol; tests/csms/outbox/test_geocoder.py tests what fulfils it",
    "csms/ports/notifications.py": "a Protocol; tests/contracts/test_alarms.py tests what fulfils it",
    "csms/ports/webhooks.py": "a Protocol; tests/contracts/test_alarms.py tests what fulfils it",
    "csms/services/alarm_digest.py": "tests/csms/services/test_alarm_sweep.py tells its mails",
    "csms/services/alarm_settings.py": "tests/control/servicers/test_alarms.py has it over the wire",
    "csms/services/alarm_telling.py": "tests/csms/services/test_alarm_sweep.py hears it",
    "csms/services/alarms.py": "tests/control/servicers/test_alarms.py has it over the wire",
    "csms/storage/alarm_settings.py": "tests/contracts/test_alarms.py runs it on PostgreSQL",
    "csms/storage/alarms.py": "tests/contracts/test_alarms.py runs it on PostgreSQL",
    "csms/storage/notifications.py": "tests/contracts/test_alarms.py runs it on PostgreSQL",
    "csms/storage/session_totals.py": "tests/contracts/test_statistics.py compares it with looking at each session",
    "csms/storage/statistics_sizes.py": "tests/contracts/test_statistics.py asks it",
    "csms/storage/usage.py": "tests/contracts/test_statistics.py compares it with looking at everything",
    "csms/storage/usage_sql.py": "the statements of csms/storage/usage.py",
    "csms/storage/webhooks.py": "tests/contracts/test_alarms.py runs it on PostgreSQL",
    "csms/app/node.py": "wiring only; tests/system runs it as a process",
    "csms/app/serve.py": "starting and stopping only; tests/system/test_life.py does both",
    "csms/app/soap.py": "wiring only; tests/system/test_soap.py runs it",
    "csms/domain/commands.py": "values only",
    "csms/domain/facts.py": "values only",
    "csms/domain/records.py": "values only",
    "csms/ports/wire.py": "a Protocol; tests/csms/transport tests what fulfils it",
}


def mirrors(module: Path) -> list[Path]:
    """Where the test of a module may stand: at the mirrored path.

    A port is a Protocol with nothing in it to run: its test is the contract suite that every adapter passes.
    """
    name = f"test_{module.stem.strip('_')}.py"
    places = [Path("tests") / module.parent / name]
    if module.parts[:2] == ("csms", "ports"):
        places.append(Path("tests/contracts") / name)
    return places


def has_test(module: Path) -> bool:
    return any((ROOT / place).is_file() for place in mirrors(module))


def needs_test(module: Path) -> bool:
    """A package's ``__init__`` needs a test only when it holds more than its docstring and imports."""
    if module.name != "__init__.py":
        return True
    statements = parsed(module).body[1:]
    return not all(isinstance(s, (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)) for s in statements)


def line_count(path: Path) -> int:
    return len((ROOT / path).read_text("utf-8").splitlines())


def long_functions(path: Path) -> dict[str, int]:
    """``path::name`` → lines, for each function over the limit (decorators not counted)."""
    found = {}
    for node in ast.walk(parsed(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                found[f"{path}::{node.name}"] = lines
    return found


def test_every_package_is_a_package() -> None:
    folders = {path.parent for path in source_modules()}
    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path) for path in python_files() if not ast.get_docstring(parsed(path))]
    assert silent == [], "these files do not open with a docstring"


def test_every_module_has_a_test_at_the_mirrored_path() -> None:
    untested = [str(m) for m in source_modules() if needs_test(m) and not has_test(m)]
    missing = [module for module in untested if module not in NO_TEST_OF_ITS_OWN]
    wanted = [f"{module} → {mirrors(Path(module))[-1]}" for module in missing]
    assert wanted == [], "write the test, or give the reason in NO_TEST_OF_ITS_OWN"


def test_no_test_outlives_its_module() -> None:
    homes = {place for module in source_modules() for place in mirrors(module)}
    orphans = [
        str(path)
        for path in python_files()
        if path.parts[0] == "tests"
        and path.parts[1] in PACKAGES
        and path.name.startswith("test_")
        and path not in homes
        and not is_part_of_a_module_test(path, homes)
    ]
    assert orphans == [], "no module stands at the mirrored path of these tests"


def is_part_of_a_module_test(path: Path, homes: set[Path]) -> bool:
    """``test_exchange_lateness.py`` beside ``test_exchange.py`` is a second half of the same test."""
    return any(home.parent == path.parent and path.stem.startswith(f"{home.stem}_") for home in homes)


def test_no_file_is_too_long_to_read() -> None:
    long = {str(path): line_count(path) for path in python_files()}
    long = {name: lines for name, lines in long.items() if lines > MAX_FILE_LINES and name not in LONG_FILES}
    assert long == {}, f"split these, or give the reason in LONG_FILES (limit {MAX_FILE_LINES} lines)"


def test_no_function_is_too_long_to_read() -> None:
    long = {name: lines for path in python_files() for name, lines in long_functions(path).items()}
    long = {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS}
    assert long == {}, f"split these, or give the reason in LONG_FUNCTIONS (limit {MAX_FUNCTION_LINES} lines)"


def test_no_exception_outlives_its_reason() -> None:
    paid = [name for name in LONG_FILES if not (ROOT / name).is_file() or line_count(Path(name)) <= MAX_FILE_LINES]
    over = {name for path in python_files() for name in long_functions(path)}
    paid += [name for name in LONG_FUNCTIONS if name not in over]
    paid += [name for name in NO_TEST_OF_ITS_OWN if not (ROOT / name).is_file() or has_test(Path(name))]
    assert paid == [], "these exceptions are not needed any more"
