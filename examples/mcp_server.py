"""An MCP server behind the guard: agents find out by themselves where to log in.

export ISSUER=https://login.example/ RESOURCE=http://127.0.0.1:8000/mcp
uvicorn --factory examples.mcp_server:create_app
"""

import os
from collections import defaultdict
from urllib.parse import urlsplit

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from jwt_guard import Guard, Identity, Issuer, Resource
from jwt_guard.asgi import ASGIApp, GuardMiddleware, identity_of, requires


def caller(context: Context) -> Identity:
    """Return who sent this message: each is a request with a token of its own."""
    request = context.request_context.request
    # Over stdio there is none: identity_of then says that no guard is in front.
    return identity_of(request.scope if request else {})


def make_server() -> MCPServer:
    server = MCPServer("notes")
    # Only with its issuer does a subject name somebody.
    notes: defaultdict[tuple[str, str | None], list[str]] = defaultdict(list)

    @server.tool()
    def whoami(context: Context) -> str | None:
        """Return who is logged in."""
        return caller(context).subject

    @server.tool()
    def add_note(text: str, context: Context) -> list[str]:
        """Add a note, and return all of the caller's."""
        identity = caller(context)
        own = notes[identity.issuer, identity.subject]
        own.append(text)
        return own

    return server


def create_app() -> ASGIApp:
    resource = os.environ["RESOURCE"]
    # The resource is the audience: a token for another server is none for this one.
    issuer = Issuer(os.environ["ISSUER"], audience=resource, required_claims=["sub"])
    guard = Guard(issuer, resource=Resource(resource, scopes=["notes"]))
    url = urlsplit(resource)
    app = make_server().streamable_http_app(
        streamable_http_path=url.path or "/",
        # The SDK would tell sessions by their ids alone, and an id proves nothing.
        stateless_http=True,
        transport_security=TransportSecuritySettings(allowed_hosts=[url.netloc]),
    )
    return GuardMiddleware(requires("notes")(app), guard=guard)
