"""The official JSON schemas of OCPP, for whatever somebody says."""

from __future__ import annotations

import functools
import importlib.resources
import json

import jsonschema_rs

_FOLDERS = {"1.6": "v16", "2.0.1": "v201", "2.1": "v21"}


def check(version: str, action: str, payload: object, kind: str = "Request") -> None:
    """Raises jsonschema_rs.ValidationError when it is not what the version's schema wants of the action."""
    _schema(version, action if version == "1.6" and kind == "Request" else f"{action}{kind}").validate(payload)


@functools.cache
def _schema(version: str, name: str) -> jsonschema_rs.Validator:
    folder = importlib.resources.files("ocpp") / _FOLDERS[version] / "schemas"
    return jsonschema_rs.validator_for(json.loads((folder / f"{name}.json").read_text("utf-8-sig")))
