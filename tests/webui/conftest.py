"""One portal per test module, and browsers that are signed in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.portal_client import Browser, Portal, running_portal


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """The portal over a believable installation."""
    with running_portal() as portal:
        yield portal


@pytest.fixture
def admin(portal: Portal) -> Browser:
    """An administrator's browser."""
    return portal.browser(signed_in="admin@example.org")


@pytest.fixture
def support(portal: Portal) -> Browser:
    """A supporter's browser."""
    return portal.browser(signed_in="support@example.org")
