"""A lint of `deploy/compose-cluster`: the compose file, the balancer's and NATS' configuration, the secrets."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from csms.config import Settings
from tests.house.deployments import (
    CLUSTER,
    PINNED,
    haproxy_sections,
    listening_port,
    of_kind,
    setting_names,
    unknown_flags,
    unknown_variables,
)

MONITOR = 9464
DOORS = {"--ocpp-listen": 9000, "--files-listen": 9001, "--control-listen": 50051, "--listen": 8080}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((CLUSTER / "compose.yaml").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found = compose["services"]
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def haproxy() -> list[tuple[str, str, list[list[str]]]]:
    return list(haproxy_sections((CLUSTER / "haproxy.cfg").read_text("utf-8")))


@pytest.fixture
def secrets_folder(tmp_path: Path) -> Path:
    """What `make-secrets` makes."""
    shutil.copy(CLUSTER / "make-secrets", tmp_path)
    subprocess.run([tmp_path / "make-secrets"], check=True, capture_output=True)
    return tmp_path / "secrets"


def test_the_parts_are_there_so_often_that_each_may_die(services: dict[str, Any]) -> None:
    assert {kind: len(of_kind(services, kind)) for kind in ("node", "control", "portal", "nats")} == {
        "node": 3,
        "control": 2,
        "portal": 2,
        "nats": 3,
    }
    assert {name for name in services if not name[-1].isdigit()} == {"balancer", "migrate", "postgres"}


def test_a_cluster_is_pinned_limited_and_healthy(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert PINNED.match(service["image"]), name
        if name == "migrate":
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"][0] == "CMD", f"{name}: exec form"
        assert {"interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys(), name
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory"} <= limits.keys(), name


def test_our_processes_are_one_image_without_rights(services: dict[str, Any]) -> None:
    ours = [each for each in services.values() if each["image"].startswith("chargehouse:")]
    assert len(ours) == 8
    for service in ours:
        assert service["build"] == "../.."
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["stop_grace_period"] == "30s", "a drain needs its time"


def test_each_flag_and_variable_of_the_compose_file_is_a_setting(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if service["image"].startswith("chargehouse:"):
            assert unknown_flags(service["command"]) == [], name
            assert unknown_variables(service.get("environment", {})) == [], name


def test_each_process_has_a_name_of_its_own_and_all_the_same_settings(services: dict[str, Any]) -> None:
    processes = of_kind(services, "node") | of_kind(services, "control")
    for name, service in processes.items():
        environment = dict(service["environment"])
        assert environment.pop("CHARGEHOUSE_NODE_NAME") == name
        assert environment["CHARGEHOUSE_NATS_REPLICAS"] == str(len(of_kind(services, "nats")))
        assert environment["CHARGEHOUSE_NATS_URLS"].split(",") == [
            f"nats://{server}:4222" for server in of_kind(services, "nats")
        ]
        assert environment["CHARGEHOUSE_MONITOR_LISTEN"] == f"0.0.0.0:{MONITOR}"
    for kind in ("node", "control"):
        told = [each["environment"] | {"CHARGEHOUSE_NODE_NAME": ""} for each in of_kind(services, kind).values()]
        assert all(each == told[0] for each in told), f"{kind}: settings differ"


def test_the_folder_of_all_is_mounted_by_all_that_need_it(services: dict[str, Any]) -> None:
    processes = of_kind(services, "node") | of_kind(services, "control")
    assert all(each["volumes"] == ["shared:/var/lib/chargehouse"] for each in processes.values())
    assert all("volumes" not in each for each in of_kind(services, "portal").values())


def test_nobody_starts_before_what_it_needs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            assert other in services, f"{name} waits for {other}, which is nowhere"
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["control-1"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for name in of_kind(services, "node"):
        assert services[name]["depends_on"] == {"control-1": {"condition": "service_healthy"}}, "keys are made once"


def test_the_portals_reach_neither_database_nor_bus(services: dict[str, Any]) -> None:
    for service in of_kind(services, "portal").values():
        assert service["networks"].keys() == {"doors"}
        assert "secrets" not in service
    assert services["balancer"]["networks"].keys() == {"doors"}
    trusted = services["control-1"]["environment"]["CHARGEHOUSE_CONTROL_TRUSTED_PROXIES"].split(",")
    portals = [each["networks"]["doors"]["ipv4_address"] for each in of_kind(services, "portal").values()]
    assert trusted == portals
    balancer = services["balancer"]["networks"]["doors"]["ipv4_address"]
    assert all(each["environment"]["FORWARDED_ALLOW_IPS"] == balancer for each in of_kind(services, "portal").values())


def test_what_is_used_is_declared(compose: dict[str, Any], services: dict[str, Any]) -> None:
    for what in ("volumes", "secrets", "configs"):
        used = set()
        for service in services.values():
            for each in service.get(what, []):
                used.add(each["source"] if isinstance(each, dict) else each.partition(":")[0])
        assert used == compose[what].keys(), what
    for config in compose["configs"].values():
        assert (CLUSTER / config["file"]).is_file()


def test_passwords_of_a_cluster_are_in_files_that_are_never_committed(
    compose: dict[str, Any], services: dict[str, Any], secrets_folder: Path
) -> None:
    for name, service in services.items():
        for variable in service.get("environment", {}):
            assert not variable.endswith(("PASSWORD", "SECRET_KEY", "DATABASE_URL")), f"{name}: {variable}"
    made = {f"secrets/{path.name}" for path in secrets_folder.iterdir()}
    assert made == {each["file"] for each in compose["secrets"].values()}
    assert (CLUSTER / ".gitignore").read_text("utf-8") == "secrets/\n"
    assert secrets_folder.stat().st_mode & 0o077 == 0


def test_the_secrets_fit_together_and_are_made_once(secrets_folder: Path) -> None:
    told = tomllib.loads((secrets_folder / "chargehouse.toml").read_text("utf-8"))
    assert told.keys() <= setting_names()
    settings = Settings(**told)
    password = (secrets_folder / "postgres-password").read_text("utf-8")
    assert settings.database_url == f"postgresql://chargehouse:{password}@postgres:5432/chargehouse"
    assert f'password: "{settings.nats_password}"' in (secrets_folder / "nats-authorization.conf").read_text("utf-8")
    assert len(settings.secret_key) == 44
    before = {path.name: path.read_text("utf-8") for path in secrets_folder.iterdir()}
    subprocess.run([secrets_folder.parent / "make-secrets"], check=True, capture_output=True)
    assert {path.name: path.read_text("utf-8") for path in secrets_folder.iterdir()} == before


def test_each_server_of_the_balancer_is_a_service_and_its_port(
    services: dict[str, Any], haproxy: list[tuple[str, str, list[list[str]]]]
) -> None:
    ports: dict[str, set[int]] = {}
    for name in of_kind(services, "node") | of_kind(services, "control") | of_kind(services, "portal"):
        command = services[name]["command"]
        ports[name] = {listening_port(command, flag) for flag in DOORS if flag in command}
        assert ports[name] <= set(DOORS.values())
    for kind, section, lines in haproxy:
        servers = [words for words in lines if words[0] == "server"]
        assert bool(servers) == (kind == "backend"), section
        for words in servers:
            host, _, port = words[2].partition(":")
            assert words[1] == host
            assert int(port) in ports[host], f"{section}: {words[2]}"
            assert "check" in words, f"{section}: {host} is not asked whether it is ready"
            if not host.startswith("portal"):
                assert words[words.index("port") + 1] == str(MONITOR)
        if servers:
            names = {words[1] for words in servers}
            assert names == of_kind(services, servers[0][1].rpartition("-")[0]).keys(), f"{section}: some are missing"


def test_the_balancer_listens_where_its_ports_are_published(
    services: dict[str, Any], haproxy: list[tuple[str, str, list[list[str]]]]
) -> None:
    bound = {words[1].rpartition(":")[2] for _, _, lines in haproxy for words in lines if words[0] == "bind"}
    assert {each.rpartition(":")[2] for each in services["balancer"]["ports"]} == bound
    backends = {name for kind, name, _ in haproxy if kind == "backend"}
    wanted = {words[1] for _, _, lines in haproxy for words in lines if words[0] in ("default_backend", "use_backend")}
    assert wanted == backends


def test_links_of_stations_last_and_newcomers_are_spread(haproxy: list[tuple[str, str, list[list[str]]]]) -> None:
    (nodes,) = [lines for kind, name, lines in haproxy if (kind, name) == ("backend", "nodes")]
    assert ["mode", "tcp"] in nodes
    assert ["balance", "leastconn"] in nodes
    assert ["timeout", "tunnel", "10m"] in nodes, "longer than pings of silent stations are apart"
    text = " ".join(word for words in nodes for word in words)
    assert "shutdown-sessions" not in text


def test_nodes_are_told_where_stations_are_and_believe_the_balancer_only(
    services: dict[str, Any], haproxy: list[tuple[str, str, list[list[str]]]]
) -> None:
    for _, section, lines in haproxy:
        for words in (each for each in lines if each[0] == "server"):
            assert ("send-proxy-v2" in words) == words[1].startswith("node-"), f"{section}: {words[1]}"
            assert "check-send-proxy" not in words, "the monitor does not read it"
    balancer = services["balancer"]["networks"]["doors"]["ipv4_address"]
    for name in of_kind(services, "node"):
        assert services[name]["environment"]["CHARGEHOUSE_OCPP_TRUSTED_PROXIES"] == balancer


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="no haproxy here")
def test_haproxy_takes_its_configuration(tmp_path: Path) -> None:
    done = subprocess.run(
        ["haproxy", "-c", "-f", str(CLUSTER / "haproxy.cfg")], capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    warnings = [line for line in said.splitlines() if "[WARNING]" in line and "could not resolve address" not in line]
    assert warnings == []


def test_nats_takes_its_configuration(secrets_folder: Path) -> None:
    from csms.cluster.nats_server import find_program

    folder = secrets_folder
    shutil.copy(CLUSTER / "nats.conf", folder)
    (folder / "nats-authorization.conf").rename(folder / "authorization.conf")
    (folder / "nats-routes.conf").rename(folder / "routes.conf")
    done = subprocess.run(
        [find_program(), "-t", "--config", str(folder / "nats.conf")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_roll_takes_all_processes_one_by_one(services: dict[str, Any]) -> None:
    text = (CLUSTER / "roll").read_text("utf-8")
    order = next(line for line in text.splitlines() if line.startswith("for each in")).split()[3:]
    named = [name.rstrip(";") for name in order if name != "do"]
    assert named == [*of_kind(services, "control"), *of_kind(services, "node"), *of_kind(services, "portal")]
    assert text.index("run --rm --no-deps migrate") < text.index("for each in"), "the schema first"
