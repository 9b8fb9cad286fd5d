"""A lint of the Helm chart. With helm at hand it renders it; without, it looks at what can be seen unrendered."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.house.deployments import CHART, environment_names, setting_names, unknown_flags

# What a template holds beside text: {{ … }}.
ACTION = re.compile(r"{{-?\s*(.*?)\s*-?}}", re.DOTALL)
OPENING = re.compile(r"^(if|range|with|define|block)\b")
MINIMAL = {"secretName": "chargehouse", "nats": {"urls": ["nats://nats-0.nats:4222"]}}
EVERYTHING: dict[str, Any] = {
    **MINIMAL,
    "settings": {"portal_public_url": "https://portal.example.com", "meter_value_days": 400, "message_log": False},
    "node": {
        "tls": {"enabled": True, "secretName": "ocpp-tls"},
        "autoscaling": {"enabled": True},
        "podAnnotations": {"a": "b"},
        "trustedProxies": "192.0.2.7,10.1.0.0/16",
        "service": {"annotations": {"a": "b"}, "loadBalancerSourceRanges": ["192.0.2.0/24"]},
    },
    "control": {"tls": {"secretName": "control-tls"}, "trustedProxies": "10.42.0.0/16"},
    "portal": {
        "autoscaling": {"enabled": True},
        "trustedProxies": "192.0.2.1",
        "ingress": {"enabled": True, "host": "portal.example.com", "className": "nginx", "tlsSecretName": "portal"},
    },
    "serviceMonitor": {"enabled": True},
    "networkPolicy": {"monitorFrom": [{"podSelector": {}}], "controlFrom": [{"podSelector": {}}]},
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
}


def templates() -> list[Path]:
    return sorted((CHART / "templates").iterdir())


def actions(path: Path) -> list[str]:
    """What is between the braces, without comments."""
    found = [match.strip() for match in ACTION.findall(path.read_text("utf-8"))]
    return [each for each in found if not each.startswith("/*")]


def merged(values: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """As helm merges a file of values over the chart's."""
    result = dict(values)
    for name, each in over.items():
        both = isinstance(each, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], each) if both else each
    return result


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    loaded = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_the_chart_says_what_it_is() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["apiVersion"] == "v2"
    assert chart["name"] == CHART.name
    project = re.search(r'^version = "(.*)"', (CHART.parents[2] / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert project is not None
    assert chart["appVersion"] == project[1]


@pytest.mark.parametrize("given", [MINIMAL, EVERYTHING], ids=["minimal", "everything"])
def test_values_are_what_the_schema_allows(
    values: dict[str, Any], schema: dict[str, Any], given: dict[str, Any]
) -> None:
    assert jsonschema_rs.meta.is_valid(schema)
    jsonschema_rs.validate(schema, merged(values, given))


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": {"tag": "latest"}},
        {"nats": {"urls": ["nats://user:secret@nats:4222"]}},
        {"settings": {"database_url": "postgresql://x"}},
        {"settings": {"smtp_password": "x"}},
        {"settings": {"ocpp_listen": ":9100"}},
        {"node": {"replica": 3}},
    ],
    ids=str,
)
def test_what_would_go_wrong_is_refused(values: dict[str, Any], schema: dict[str, Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, merged(values, merged(MINIMAL, wrong)))


def test_the_schema_knows_each_value(values: dict[str, Any], schema: dict[str, Any]) -> None:
    def missing(told: dict[str, Any], allowed: dict[str, Any], path: str) -> list[str]:
        found = []
        for name, each in told.items():
            known = allowed.get("properties", {})
            if name not in known:
                found.append(f"{path}{name}")
            elif isinstance(each, dict) and "properties" in known[name]:
                found += missing(each, known[name], f"{path}{name}.")
        return found

    assert missing(values, schema, "") == []


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_the_braces_of_a_template_balance(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("{{") == len(ACTION.findall(text))
    depth = 0
    for action in actions(path):
        depth += 1 if OPENING.match(action) else -1 if action == "end" else 0
        assert depth >= 0, f"an end too many: {action}"
        assert action.count("(") == action.count(")"), action
        assert action.count('"') % 2 == 0, action
    assert depth == 0, "an end is missing"


def test_what_is_included_is_defined_and_used() -> None:
    texts = [action for path in templates() for action in actions(path)]
    defined = {match for each in texts for match in re.findall(r'^define "([^"]+)"', each)}
    included = {match for each in texts for match in re.findall(r'include "([^"]+)"', each)}
    assert included == defined


def test_each_value_that_a_template_reads_is_in_the_values(values: dict[str, Any]) -> None:
    unknown = []
    for path in templates():
        for action in actions(path):
            for dotted in re.findall(r"\.Values\.([\w.]+)", action):
                here: Any = values
                for word in dotted.split("."):
                    if here is values.get("settings"):
                        assert word in setting_names()
                        break
                    if not isinstance(here, dict) or word not in here:
                        unknown.append(f"{path.name}: {dotted}")
                        break
                    here = here[word]
    assert unknown == []


def test_each_setting_of_the_chart_exists(values: dict[str, Any]) -> None:
    assert values["settings"].keys() <= setting_names()
    commented = re.findall(r"^  # (\w+): ", (CHART / "values.yaml").read_text("utf-8"), re.MULTILINE)
    assert {name for name in commented if name not in ("charging",)} <= setting_names()
    for path in templates():
        text = path.read_text("utf-8")
        named = set(re.findall(r"CHARGEHOUSE_[A-Z_]+[A-Z]", text))
        assert named <= environment_names(), path.name
        for arguments in re.findall(r"^\s+args: (\[.*\])$", text, re.MULTILINE):
            assert unknown_flags(json.loads(arguments)) == [], path.name


def test_a_drain_is_over_before_a_pod_is_killed(values: dict[str, Any]) -> None:
    for part in ("node", "control"):
        told = values[part]
        needed = told["preStopSeconds"] + values["settings"]["drain_timeout"] + 10
        assert told["terminationGracePeriodSeconds"] >= needed, part


def test_no_template_pins_an_image_or_holds_a_password() -> None:
    for path in templates():
        text = path.read_text("utf-8")
        assert "kind: Secret" not in text, "passwords are in a Secret that people make"
        for image in re.findall(r"^\s*image: (.*)$", text, re.MULTILINE):
            assert 'include "chargehouse.image"' in image


@pytest.mark.skipif(shutil.which("helm") is None, reason="no helm here")
@pytest.mark.parametrize("given", [MINIMAL, EVERYTHING], ids=["minimal", "everything"])
def test_helm_renders_the_chart(tmp_path: Path, given: dict[str, Any]) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(given))
    for command in (["lint", "--strict", str(CHART)], ["template", "release", str(CHART)]):
        done = subprocess.run(
            ["helm", *command, "--values", str(file)], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert all(each["kind"] for each in yaml.safe_load_all(done.stdout) if each)
