"""A lint of the Dockerfile and of compose.yaml, for where there is no engine to build them with."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.house.deployments import PINNED, commands, unknown_flags, unknown_variables
from tests.house.tree import PACKAGES, ROOT, parsed, source_modules


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its continuation lines joined."""

    word: str
    rest: str


def instructions() -> list[Instruction]:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [Instruction(*line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def stages() -> list[list[Instruction]]:
    found: list[list[Instruction]] = []
    for instruction in instructions():
        if instruction.word == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def only(word: str) -> str:
    """The argument of the one such instruction in the last stage."""
    rests = [i.rest for i in stages()[-1] if i.word == word]
    assert len(rests) == 1, f"{word} stands {len(rests)} times in the last stage"
    return rests[0]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_the_image_is_built_in_stages_from_pinned_bases() -> None:
    assert len(stages()) >= 2
    for stage in stages():
        assert PINNED.match(stage[0].rest.split()[0]), stage[0].rest
    assert any(i.word == "COPY" and i.rest.startswith("--from=build") for i in stages()[-1])


def test_the_image_does_not_run_as_root() -> None:
    user = only("USER").split(":")[0]
    assert user.isdigit(), "a number lets an orchestrator check that it is not root"
    assert int(user) >= 1000
    words = [i.word for i in stages()[-1]]
    assert "RUN" not in words[words.index("USER") :], "what needs root is done before USER"


def test_the_image_starts_in_exec_form_so_that_signals_arrive() -> None:
    assert json.loads(only("ENTRYPOINT")) == ["chargehouse"]
    command = json.loads(only("CMD"))
    assert command[0] == "serve"
    assert unknown_flags(command) == []
    listens = dict(zip(command[1::2], command[2::2], strict=True))
    assert listens.keys() == {"--ocpp-listen", "--files-listen", "--control-listen", "--portal-listen"}
    assert {address.rpartition(":")[0] for address in listens.values()} == {"0.0.0.0"}
    ports = sorted(int(address.rpartition(":")[2]) for address in listens.values())
    assert ports == sorted(map(int, only("EXPOSE").split()))


def test_one_image_serves_all_roles() -> None:
    copied = {word for i in stages()[0] if i.word == "COPY" for word in i.rest.split()[:-1]}
    assert set(PACKAGES) <= copied
    for role in ("serve", "node", "control", "portal", "migrate", "backup", "loadtest"):
        assert role in commands(), role


def test_a_nats_server_is_needed_by_workers_of_one_machine_alone() -> None:
    users = [
        path.as_posix()
        for path in source_modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module == "csms.cluster.nats_server"
    ]
    assert users == ["csms/app/workers.py"]
    loaded = "import sys, csms.app.serve; sys.exit('csms.cluster.nats_server' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=False).returncode == 0


def test_the_image_tells_its_health_in_exec_form() -> None:
    health = only("HEALTHCHECK")
    options, command = health.split("CMD", 1)
    assert {"--interval", "--timeout", "--start-period", "--retries"} <= {o.split("=")[0] for o in options.split()}
    assert "/healthz" in json.loads(command)[-1]
    assert json.loads(command)[0] == "python", "a slim image has no curl"


def test_the_data_outlives_the_container() -> None:
    (volume,) = json.loads(only("VOLUME"))
    assert f"CHARGEHOUSE_DATA_DIR={volume}" in only("ENV")


def test_packages_in_the_image_are_those_of_the_pins() -> None:
    installs = [i.rest for i in instructions() if i.word == "RUN" and '"install"' in i.rest]
    assert any("--require-hashes" in rest and "requirements/run.txt" in rest for rest in installs)


def test_every_copied_file_exists_and_reaches_the_builder() -> None:
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")
    }
    for instruction in instructions():
        if instruction.word != "COPY" or instruction.rest.startswith("--from"):
            continue
        for source in instruction.rest.split()[:-1]:
            assert (ROOT / source).exists(), f"COPY {source}: no such file"
            assert source.split("/")[0] in let_through, f".dockerignore keeps {source} from the builder"


def test_services_are_pinned_healthy_and_start_in_order(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services.keys() == {"postgres", "chargehouse"}
    for name, service in services.items():
        assert PINNED.match(service["image"]), name
        assert service["healthcheck"]["test"][0] == "CMD", f"{name}: exec form"
        assert {"interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()
        assert service["restart"] == "unless-stopped"
    assert services["chargehouse"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["chargehouse"]["build"] == "."


def test_the_database_is_the_server_beside_it(compose: dict[str, Any]) -> None:
    address = compose["services"]["chargehouse"]["environment"]["CHARGEHOUSE_DATABASE_URL"]
    postgres = compose["services"]["postgres"]["environment"]
    assert address.startswith(f"postgresql://{postgres['POSTGRES_USER']}:${{POSTGRES_PASSWORD")
    assert address.endswith(f"@postgres:5432/{postgres['POSTGRES_DB']}")


def test_each_variable_of_the_compose_file_is_a_setting(compose: dict[str, Any]) -> None:
    assert unknown_variables(compose["services"]["chargehouse"]["environment"]) == []
    example = (ROOT / ".env.example").read_text("utf-8")
    named = [line.removeprefix("# ").partition("=")[0] for line in example.splitlines() if "=" in line]
    assert unknown_variables(named) == []


def test_every_volume_is_declared(compose: dict[str, Any]) -> None:
    used = {mount.split(":")[0] for s in compose["services"].values() for mount in s["volumes"]}
    assert used == compose["volumes"].keys()


def test_no_secret_is_written_down(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name:
                assert value.startswith("${"), f"{name} comes from .env"
    example = (ROOT / ".env.example").read_text("utf-8")
    assert "POSTGRES_PASSWORD=\n" in example
    assert ".env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_a_stop_leaves_time_to_drain(compose: dict[str, Any]) -> None:
    assert compose["services"]["chargehouse"]["stop_grace_period"] == "30s"
    assert only("STOPSIGNAL") == "SIGTERM"
