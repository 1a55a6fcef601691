"""One browser for all of these tests, and a page of another origin."""

from collections.abc import Generator

import pytest

from tests.browser.chromium import Chromium, running
from tests.browser.sites import Site, asgi_site, empty_page


@pytest.fixture(scope="session")
def chromium() -> Generator[Chromium]:
    with running() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Chromium) -> Chromium:
    """Return the browser, without a cookie."""
    chromium.forget()
    return chromium


@pytest.fixture(scope="session")
def elsewhere() -> Generator[Site]:
    """Serve empty pages of another origin."""
    with asgi_site(empty_page) as site:
        yield site
