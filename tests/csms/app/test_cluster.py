"""What a process among others is made of, and which settings fit which role."""

from __future__ import annotations

import pytest

from csms.app.cluster import BUS_GRACE_SECONDS, Cluster, NobodyElse, Role, ToldTokens, bus_settings
from csms.app.serve import check_role
from csms.config import Settings
from csms.domain.errors import FailedPrecondition
from tests.kit.actor_world import FakeTokens


class Use:
    def __init__(self) -> None:
        self.told: list[tuple[bool, str, int]] = []

    def tell(self, opened: bool, id_token: str, session_id: int) -> None:
        self.told.append((opened, id_token, session_id))


def test_tags_in_use_are_noted_here_and_told_to_the_others() -> None:
    index, use = FakeTokens(), Use()
    tokens = ToldTokens(index, use)  # type: ignore[arg-type]
    tokens.session_opened("TAG1", 5)
    assert index.in_use == {("TAG1", 5)}
    tokens.session_ended("TAG1", 5)
    assert index.in_use == set()
    assert use.told == [(True, "TAG1", 5), (False, "TAG1", 5)]


def test_several_servers_are_named_with_commas() -> None:
    found = bus_settings(Settings(nats_urls="nats://a:1, tls://b:2,", nats_user="u", nats_replicas=3))
    assert found.urls == ("nats://a:1", "tls://b:2")
    assert (found.user, found.replicas, found.prefix) == ("u", 3, "chargehouse")


@pytest.mark.parametrize(
    ("role", "settings", "word"),
    [
        (Role.ALL, Settings(nats_urls="nats://a:1"), "--workers"),
        (Role.NODE, Settings(nats_urls="nats://a:1"), "--database-url"),
        (Role.CONTROL, Settings(database_url="postgresql://x"), "--nats-urls"),
    ],
)
def test_a_role_without_what_it_needs_is_refused_with_a_sentence(role: Role, settings: Settings, word: str) -> None:
    with pytest.raises(FailedPrecondition, match=word):
        check_role(settings, role)


class AwayBus:
    """Only what health looks at."""

    away_s = 0.0


def test_who_is_cut_off_from_the_bus_says_so_after_a_moment_and_is_ready_when_it_is_back() -> None:
    bus = AwayBus()
    cluster = Cluster.__new__(Cluster)
    cluster.bus = bus  # type: ignore[assignment]
    assert cluster.troubles() == []
    bus.away_s = BUS_GRACE_SECONDS / 2  # a server of several that ended
    assert cluster.troubles() == []
    bus.away_s = 12.4
    assert cluster.troubles() == ["NATS, the bus between the nodes, has not been reached for 12 s."]
    bus.away_s = 0.0
    assert cluster.troubles() == []


def test_stations_connect_to_nodes_and_people_to_control_processes() -> None:
    assert [role for role in Role if role.has_stations] == [Role.ALL, Role.NODE]
    assert [role for role in Role if role.has_control] == [Role.ALL, Role.CONTROL]
    NobodyElse().tell("anything")
