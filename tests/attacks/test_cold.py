"""Cold servers with fetched keys: whoever comes first is answered, whatever forks or greens."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.attacks.load import Load
from tests.attacks.serving import ROOT, serving
from tests.attacks.strangers import bearing
from tests.keys.provider import running

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180)]


@pytest.mark.parametrize("kind", ["gevent, preload", "gevent", "gthread", "uvicorn"])
def test_cold_crowd(kind: str, tmp_path: Path) -> None:
    """200 at once before there are keys: all 200, start after start, by a fetch a process."""
    with running() as provider:
        requests = [bearing(provider.token("1", jti=str(one))) for one in range(200)]
        for start in range(6 if "preload" in kind else 2):
            folder = tmp_path / str(start)
            folder.mkdir()
            before = len(provider.fetches)
            with serving(kind, provider, folder) as server:
                crowd = Load(server.port, requests, seconds=25, connections=200, most=200)
                assert crowd.outcome().statuses == {200: 200}
            assert len(provider.fetches) - before <= 2


def test_forks_of_a_busy_parent() -> None:
    """150 children forked while threads verify, find tenants and ask for keys all answer."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.forking"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.stdout == "150 of 150\n"
