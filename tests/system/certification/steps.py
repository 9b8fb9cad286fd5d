"""What the stories of all versions are made of."""

from __future__ import annotations

from typing import Any

from tests.kit.desk import Desk


def target(name: str) -> dict[str, Any]:
    """A CommandTarget for a station."""
    return {"station": name, "timeout": "10s"}


def named(case: str, version: str) -> str:
    """An identity of its own for each case and version."""
    return f"{case}-{version}"


async def job(desk: Desk, name: str) -> Any:
    """A job as it is now."""
    return (await desk.call("inventory.GetJob", name=name)).job


async def events(desk: Desk, name: str, kind: str) -> list[Any]:
    """What a station told of one kind, newest first."""
    return list((await desk.call("inventory.ListStationEvents", filter={"station": name, "kinds": [kind]})).events)
