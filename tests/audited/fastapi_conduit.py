"""An API of articles, as RealWorld's Conduit: routers in routers, dependencies of all kinds."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, WebSocket
from pydantic import BaseModel

from jwt_guard import (
    Guard,
    Identity,
    Issuer,
    Key,
    acr,
    all_scopes,
    amr,
    any_scope,
    check,
    claim,
    issued_by,
    path_param,
    role,
    scope,
)
from jwt_guard.fastapi import GuardMiddleware, Requires, identity_of, identity_or_none, public

SECRET = "a secret of the audited apps, of no use elsewhere"
GUARD = Guard(
    Issuer("customers", audience="app", keys=Key.secret(SECRET, alg="HS256")),
    Issuer("staff", audience="app", keys=Key.secret(SECRET, alg="HS256")),
)


class Article(BaseModel):
    """What its author sends."""

    title: str = ""
    body: str = ""
    tags: tuple[str, ...] = ()


def is_confirmed(identity: Identity) -> bool:
    return identity.claims.get("email_verified") is True


def author(identity: Annotated[Identity, Requires("articles")]) -> str:
    """Return who writes, for those who may."""
    return identity.subject or "somebody"


def reader(identity: Annotated[Identity | None, Depends(identity_or_none)]) -> str:
    """Return who reads, which may be anybody."""
    return (identity.subject if identity else None) or "anybody"


Author = Annotated[str, Depends(author)]
Caller = Annotated[Identity, Depends(identity_of)]
Reader = Annotated[str, Depends(reader)]

users = APIRouter(tags=["users"])


@users.post("/users", status_code=201)
@users.post("/users/login")
@users.post("/users/password/forgotten")
@public
async def enter() -> None: ...


@users.get("/user")
@users.put("/user")
@users.get("/user/settings")
@users.put("/user/settings")
async def account(caller: Caller) -> str | None:
    return caller.subject


@users.delete("/user", dependencies=[Requires(acr(["gold"], max_age=120))])
@users.put("/user/email", dependencies=[Requires(amr("otp", "pwd"))])
async def change(caller: Caller) -> str | None:
    return caller.subject


profiles = APIRouter(prefix="/profiles/{username}", tags=["profiles"])


@profiles.get("")
@profiles.get("/articles")
@public
async def profile(username: str, who: Reader) -> list[str]:
    return [username, who]


@profiles.post("/follow")
@profiles.delete("/follow")
async def follow(username: str, caller: Caller) -> list[str | None]:
    return [username, caller.subject]


@profiles.get("/drafts", dependencies=[Requires(claim("sub") == path_param("username"))])
async def drafts(username: str) -> str:
    return username


articles = APIRouter(prefix="/articles", tags=["articles"])
article = APIRouter(prefix="/{slug}")
comments = APIRouter(prefix="/comments", tags=["comments"])


@articles.get("")
@article.get("")
@comments.get("")
@public
async def read(who: Reader) -> str:
    return who


@articles.get("/feed")
@article.post("/favorite")
@article.delete("/favorite")
async def favourites(caller: Caller) -> str | None:
    return caller.subject


@articles.post("", status_code=201)
@article.put("")
async def write(new: Article, who: Author) -> tuple[str, Article]:
    return who, new


@article.delete("")
@article.post("/publish", dependencies=[Requires(check(is_confirmed))])
async def settle(slug: str, who: Author) -> list[str]:
    return [slug, who]


@comments.post("", dependencies=[Requires("comments")])
@comments.delete("/{comment}", dependencies=[Requires(scope("comments") | role("moderator"))])
async def comment(slug: str) -> str:
    return slug


@comments.websocket("/live")
async def live(websocket: WebSocket, slug: str) -> None:
    await websocket.accept()
    await websocket.close(reason=slug)


tags = APIRouter(prefix="/tags", tags=["tags"])


@tags.get("")
@tags.get("/{tag}")
@public
async def tagged() -> list[str]:
    return []


media = APIRouter(prefix="/media", dependencies=[Requires(any_scope("media", "articles"))])


@media.get("")
@media.post("")
@media.get("/{name}")
@media.delete("/{name}", dependencies=[Requires(all_scopes("media", "media:delete"))])
async def picture(caller: Caller) -> str | None:
    return caller.subject


notifications = APIRouter(prefix="/notifications")


@notifications.get("")
@notifications.put("/{number}/read")
async def notice(caller: Caller) -> str | None:
    return caller.subject


@notifications.websocket("/live")
async def notices(
    websocket: WebSocket, caller: Annotated[Identity, Requires("notifications")]
) -> None:
    await websocket.accept()
    await websocket.close(reason=caller.subject)


moderation = APIRouter(prefix="/moderation", dependencies=[Requires(role("moderator"))])
reports = APIRouter(prefix="/reports")
admin = APIRouter(prefix="/admin", dependencies=[Requires(role("admin") & issued_by("staff"))])
accounts = APIRouter(prefix="/accounts", dependencies=[Requires("accounts")])
metrics = APIRouter(prefix="/metrics")


@moderation.get("")
@reports.get("")
@reports.get("/{number}")
@reports.post("/{number}/dismiss")
@reports.post("/{number}/remove", dependencies=[Requires("moderate")])
@admin.get("")
@admin.put("/tags/{tag}")
@admin.delete("/tags/{tag}")
@accounts.get("")
@accounts.get("/{username}")
@accounts.put("/{username}/ban")
@accounts.delete("/{username}", dependencies=[Requires(acr(max_age=300))])
@metrics.get("/daily")
@metrics.get("/monthly", dependencies=[Requires(claim("plan", {"pro", "team"}))])
async def office(caller: Caller) -> str | None:
    return caller.subject


article.include_router(comments)
articles.include_router(article)
moderation.include_router(reports)
admin.include_router(accounts)
admin.include_router(metrics, prefix="/of/{year}")
api = APIRouter(prefix="/api")
for router in (users, profiles, articles, tags, media, notifications, moderation, admin):
    api.include_router(router)

app = FastAPI(title="Conduit", redoc_url=None, swagger_ui_oauth2_redirect_url=None)
app.include_router(api)
# The next edition of the articles, for those who try it.
app.include_router(articles, prefix="/api/v2", dependencies=[Requires("beta")])
app.add_middleware(GuardMiddleware, guard=GUARD, public=["/docs", "/openapi.json"])


def forgotten() -> FastAPI:
    """Return the API, and beside it a route that nobody thought of."""
    outer = FastAPI(openapi_url=None)
    outer.mount("/conduit", app)
    outer.get("/metrics")(tagged)
    return outer
