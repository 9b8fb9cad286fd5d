"""Webhooks: made, delivered, tried again, given up."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from csms.domain.alarms import AlarmKind
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.ports.webhooks import Answered, DeliveryState, Webhook
from csms.services.webhooks import pause_after
from tests.kit.service_world import ADMIN, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-ALM-3")
HOOK = Webhook(0, "Ops", "https://example.org/alarms")


@pytest.fixture
def world() -> ServiceWorld:
    return ServiceWorld()


async def test_a_delivery_that_is_not_taken_is_tried_again_with_growing_pauses_for_a_day(world: ServiceWorld) -> None:
    hook = await world.webhooks.create(ADMIN, HOOK)
    began = world.time
    world.webhook_store.queue(hook.id, "alarm.raised", None, "{}", began)
    world.webhook_caller.answers = [Answered(500, "500")] * 100
    times = []
    while (due := await world.webhook_store.next_due()) is not None:
        world.time = due
        times.append(due)
        assert await world.webhooks.deliver()
    (delivery,) = world.webhook_store.sent.values()
    assert (delivery.state, delivery.error) == (DeliveryState.FAILED, "500")
    pauses = [two - one for one, two in itertools.pairwise(times)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=10), timedelta(hours=1))
    assert timedelta(hours=22) < times[-1] - began <= timedelta(hours=24)


async def test_what_is_gone_for_good_is_not_tried_again(world: ServiceWorld) -> None:
    hook = await world.webhooks.create(ADMIN, HOOK)
    world.webhook_store.queue(hook.id, "alarm.raised", None, "{}", world.time)
    world.webhook_caller.answers = [Answered(410, "gone", hopeless=True)]
    assert await world.webhooks.deliver()
    assert not await world.webhooks.deliver()
    (delivery,) = world.webhook_store.sent.values()
    assert delivery.state is DeliveryState.FAILED


async def test_a_webhook_is_tried_on_demand(world: ServiceWorld) -> None:
    hook = await world.webhooks.create(ADMIN, HOOK)
    assert (await world.webhooks.test(ADMIN, hook.id)).state is DeliveryState.DELIVERED
    world.webhook_caller.answers = [Answered(None, "Nobody there.")]
    assert (await world.webhooks.test(ADMIN, hook.id)).error == "Nobody there."
    assert not await world.webhooks.deliver()


async def test_secrets_are_long_and_renewed(world: ServiceWorld) -> None:
    hook = await world.webhooks.create(ADMIN, HOOK)
    assert len(hook.secret) > 40
    again = await world.webhooks.update(ADMIN, hook.id, HOOK, (), new_secret=True, version=None)
    assert again.secret != hook.secret
    kinds = Webhook(0, "", "", kinds=(AlarmKind.SECURITY,))
    same = await world.webhooks.update(ADMIN, hook.id, kinds, ("kinds",), new_secret=False, version=None)
    assert (same.secret, same.kinds, same.url) == (again.secret, (AlarmKind.SECURITY,), HOOK.url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org",
        "https://",
        "https://user:word@example.org",
        "https://exa mple.org",
        "x",
        "http://[",
        "https://a:99999/",
    ],
)
async def test_addresses_that_cannot_be_called_are_refused(world: ServiceWorld, url: str) -> None:
    with pytest.raises(InvalidArgument):
        await world.webhooks.create(ADMIN, Webhook(0, "Ops", url))


async def test_only_administrators_have_webhooks(world: ServiceWorld) -> None:
    with pytest.raises(PermissionDenied):
        await world.webhooks.create(SUPPORT, HOOK)
    with pytest.raises(NotFound):
        await world.webhooks.delete(ADMIN, 99)
    with pytest.raises(NotFound):
        await world.webhooks.create(ADMIN, Webhook(0, "Ops", HOOK.url, place_id=99))


def test_pauses_double_up_to_an_hour() -> None:
    assert [pause_after(n).total_seconds() for n in (1, 2, 3, 20)] == [10, 20, 40, 3600]
