"""Press a button that sends a form and wait for the page that answers.

A notice that an earlier form left behind looks like the answer to this one, so what comes after a click must not be
waited for by a text alone: the form may still be on its way when the test asks the control API or goes elsewhere.
"""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.kit.patience import until


def press(button: Locator, *, timeout: float | None = None) -> None:
    """Press it, and go on when the page that the form leads to is there. `timeout` in milliseconds for the button to
    appear and for the page to come (the context's, if not told).

    Not for forms that are answered in place (a station's operations): these leave the page as it is, and there a test
    waits for a text that cannot have been there before.
    """
    with button.page.expect_navigation(timeout=timeout):
        button.click(timeout=timeout)


def yes(page: Page, *, stays: bool = False) -> None:
    """Answer Yes to the question that is open, and go on when the page that follows is there; `stays` says that the
    answer comes in place."""
    button = page.get_by_role("dialog").get_by_role("button", name="Yes")
    if stays:
        button.click()
    else:
        press(button)


def reload_until(page: Page, wanted: Locator) -> None:
    """Load the page again until there is what the server gets to in its own time, and no stream brings it."""

    def there() -> bool:
        if wanted.count():
            return True
        page.wait_for_timeout(250)
        page.reload()
        return False

    until(there)
