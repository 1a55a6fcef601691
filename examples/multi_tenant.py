"""A FastAPI app with many tenants; each has a key of its own, and may come at run time.

mkdir -p secrets && for name in acme globex; do openssl rand -hex 32 > secrets/$name; done
export TENANT_SECRETS=secrets OPERATOR_SECRET=$(openssl rand -hex 32)
uvicorn --factory examples.multi_tenant:create_app
"""

import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Body, FastAPI

from jwt_guard import Guard, Issuer, Key, claim, issued_by, path_param
from jwt_guard.fastapi import GuardMiddleware, Requires

TENANTS = "https://login.example/"
OPERATOR = "https://operator.example/"


def found_in(folder: Path) -> Callable[[str], Issuer | None]:
    """Return what finds the issuer of a tenant, whose secret is a file in *folder*."""

    def find(name: str) -> Issuer | None:
        # The name comes out of an unverified token: compared, never made into a path.
        for file in folder.iterdir():
            if name == f"{TENANTS}{file.name}":
                key = Key.secret(file.read_text().strip(), alg="HS256")
                # A tenant signs for itself alone, whatever else it writes into the claim.
                own = {"tenant": [file.name]}
                return Issuer(name, audience="notes", keys=key, claim_values=own)
        return None

    return find


def create_app() -> FastAPI:
    folder = Path(os.environ["TENANT_SECRETS"])
    operator = Key.secret(os.environ["OPERATOR_SECRET"], alg="HS256")
    guard = Guard(Issuer(OPERATOR, audience="notes", keys=operator), issuers=found_in(folder))
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=guard)
    notes: defaultdict[str, list[str]] = defaultdict(list)

    own = claim("tenant") == path_param("tenant")
    of_tenant = APIRouter(prefix="/tenants/{tenant}", dependencies=[Requires(own)])

    @of_tenant.get("/notes")
    async def read(tenant: str) -> list[str]:
        return notes[tenant]

    @of_tenant.post("/notes", status_code=201, dependencies=[Requires("notes:write")])
    async def write(tenant: str, text: Annotated[str, Body(embed=True)]) -> None:
        notes[tenant].append(text)

    @app.get("/admin/tenants", dependencies=[Requires(issued_by(OPERATOR))])
    async def tenants() -> dict[str, int]:
        return {tenant: len(texts) for tenant, texts in notes.items()}

    app.include_router(of_tenant)
    return app
