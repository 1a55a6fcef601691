"""A FastAPI app: every route guarded, the documentation public.

APP_SECRET=$(openssl rand -hex 32) uvicorn --factory examples.fastapi_app:create_app
"""

import os
from typing import Annotated

from fastapi import Depends, FastAPI

from jwt_guard import Guard, Identity, Issuer, Key, any_scope
from jwt_guard.fastapi import GuardMiddleware, Requires, identity_of


def create_app() -> FastAPI:
    app = FastAPI()
    key = Key.secret(os.environ["APP_SECRET"], alg="HS256")
    app.add_middleware(
        GuardMiddleware,
        guard=Guard(Issuer("my-app", audience="my-app", keys=key)),
        public=["/docs", "/docs/*", "/openapi.json"],
    )

    @app.get("/me")
    async def me(identity: Annotated[Identity, Depends(identity_of)]) -> dict[str, str | None]:
        return {"hello": identity.subject}

    @app.get("/messages")
    async def messages(
        identity: Annotated[Identity, Requires(any_scope("messages:read", "messages:write"))],
    ) -> list[str]:
        return sorted(identity.scopes)

    return app
