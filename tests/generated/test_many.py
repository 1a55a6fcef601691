"""The long run over generated apps."""

import pytest

from tests.generated.test_generated import ASGI, WSGI, ask_all, faults


@pytest.mark.generated
@pytest.mark.timeout(900)
def test_many() -> None:
    """The same of a thousand apps, of which the audit says what is true of every route."""
    by_asgi = ask_all(ASGI, range(1000, 1700))
    by_wsgi = ask_all(WSGI, range(1000, 1300))
    assert faults(by_asgi) + faults(by_wsgi) == []
    assert by_asgi.requests + by_wsgi.requests >= 20_000
    assert by_asgi.reached + by_wsgi.reached >= 5_000
    assert by_asgi.audited + by_wsgi.audited >= 5_000
