"""An agent and the MCP example: it finds the provider, logs in, and calls tools."""

import asyncio
import socket
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from examples.mcp_server import create_app
from tests.interop.provider import OidcProvider, install, running

# npm may be slow.
pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Generator[OidcProvider]:
    with running(install(tmp_path_factory.mktemp("npm")), "ES256") as provider:
        yield provider


@pytest.fixture(scope="module")
def resource(provider: OidcProvider) -> Generator[str]:
    """Serve the example on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("ISSUER", provider.issuer)
            environment.setenv("RESOURCE", url)
            app = cast("Any", create_app())
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on", ws="none"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        while thread.is_alive() and not server.started:
            time.sleep(0.01)
        yield url
        server.should_exit = True
        thread.join()


class Agent:
    """What an agent remembers, and the browser of its user."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.registration: OAuthClientInformationFull | None = None
        self.asked: dict[str, str] = {}
        self._answer: dict[str, str] = {}

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.registration

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.registration = client_info

    async def browse(self, url: str) -> None:
        """Go where the provider leads; the last address has its answer."""
        self.asked = dict(parse_qsl(urlsplit(url).query))
        async with httpx2.AsyncClient(follow_redirects=True) as browser:
            response = await browser.get(url)
        self._answer = dict(parse_qsl(response.url.query.decode()))

    async def answer(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(self._answer)

    async def call(self, resource: str, mode: str, *notes: str) -> list[Any]:
        """Return what the tools answer: who is logged in, then the notes after each."""
        # The address is what counts there, not who answers.
        callback = AnyUrl(urljoin(resource, "/callback"))
        metadata = OAuthClientMetadata(redirect_uris=[callback], grant_types=["authorization_code"])
        auth = OAuthClientProvider(resource, metadata, self, self.browse, self.answer)
        async with (
            httpx2.AsyncClient(auth=auth) as http,
            Client(streamable_http_client(resource, http_client=http), mode=mode) as client,
        ):
            answers = [await client.call_tool("whoami", {})]
            answers += [await client.call_tool("add_note", {"text": text}) for text in notes]
        return [cast("dict[str, Any]", answer.structured_content)["result"] for answer in answers]


# The protocol of 2026 has no handshake, the ones before it have.
@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
def test_agent(provider: OidcProvider, resource: str, mode: str) -> None:
    """The 401 leads it to the provider; the tools see who has logged in there."""
    agent = Agent()
    # The client ends by a cancellation, after which Python 3.11 reports too few calls to
    # the thread's tracer (python/cpython#106749): coverage would miss the lines below.
    with ThreadPoolExecutor(1) as thread:
        call = agent.call(resource, mode, "milk", "bread")
        who, first, both = thread.submit(asyncio.run, call).result()
    assert who == "joe"
    assert first[-1:] == ["milk"]
    assert both[-2:] == ["milk", "bread"]
    assert agent.asked["resource"] == resource
    assert agent.asked["code_challenge_method"] == "S256"
    assert agent.registration is not None
    assert agent.registration.issuer == provider.issuer
    assert agent.tokens is not None
    assert agent.tokens.scope == "notes"


def refusal(resource: str, token: bytes | None = None) -> tuple[int, str]:
    headers = {"Authorization": token.decode()} if token is not None else {}
    response = httpx2.post(resource, headers=headers, json={})
    return response.status_code, response.headers["WWW-Authenticate"]


def test_refusals(provider: OidcProvider, resource: str) -> None:
    """No token, one for another server, one without the scope: each names the metadata."""
    origin = resource.removesuffix("/mcp")
    metadata = f'resource_metadata="{origin}/.well-known/oauth-protected-resource/mcp"'
    assert refusal(resource) == (401, f'Bearer realm="api", scope="notes", {metadata}')
    status, challenge = refusal(resource, provider.token("notes"))
    assert status == 401
    assert 'error="invalid_token"' in challenge
    assert challenge.endswith(metadata)
    status, challenge = refusal(resource, provider.token("messages:read", resource))
    assert status == 403
    assert 'scope="notes"' in challenge
    assert challenge.endswith(metadata)
