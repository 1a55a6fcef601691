"""A shop with a blog: blueprints in blueprints, class-based views, static files."""

from flask import Blueprint, Flask, request
from flask.views import MethodView

from jwt_guard import (
    Guard,
    Identity,
    Issuer,
    Key,
    acr,
    amr,
    any_scope,
    check,
    claim,
    issued_by,
    path_param,
    role,
    scope,
)
from jwt_guard.flask import FlaskGuard, public, requires

SECRET = "a secret of the audited apps, of no use elsewhere"
GUARD = Guard(
    Issuer("customers", audience="app", keys=Key.secret(SECRET, alg="HS256")),
    Issuer("staff", audience="app", keys=Key.secret(SECRET, alg="HS256")),
)


def page() -> str:
    return f"<h1>{request.endpoint}</h1>"


def is_adult(identity: Identity) -> bool:
    age: object = identity.claims.get("age")
    return isinstance(age, int) and age >= 18


class Group(MethodView):
    """All of a kind: list them, add one."""

    def get(self, **_: object) -> str:
        return page()

    @requires("write")
    def post(self, **_: object) -> tuple[str, int]:
        return page(), 201


class Item(MethodView):
    """One of a kind: who writes changes it, who has a second factor deletes it."""

    def get(self, **_: object) -> str:
        return page()

    @requires("write")
    def put(self, **_: object) -> str:
        return page()

    @requires(scope("write") & amr("otp"))
    def delete(self, **_: object) -> tuple[str, int]:
        return page(), 204


def resource(blueprint: Blueprint, name: str) -> None:
    """Give a kind of things its addresses."""
    blueprint.add_url_rule(f"/{name}/", view_func=Group.as_view(name))
    blueprint.add_url_rule(f"/{name}/<int:number>", view_func=Item.as_view(f"{name}_item"))


site = Blueprint("site", __name__)


@site.get("/")
@site.get("/about")
@site.get("/search")
@site.route("/contact", methods=["GET", "POST"])
@public
def information() -> str:
    return page()


@site.get("/newsletter")
@site.post("/newsletter")
def newsletter() -> str:
    return page()


catalogue = Blueprint("catalogue", __name__, url_prefix="/shop")


@catalogue.get("/")
@catalogue.get("/<category>")
@catalogue.get("/<category>/<int:product>")
@catalogue.get("/<category>/<int:product>/reviews")
@public
def browse(**_: object) -> str:
    return page()


@catalogue.post("/<category>/<int:product>/reviews")
@requires("reviews")
def review(**_: object) -> str:
    return page()


@catalogue.get("/wholesale/prices")
@requires(claim("plan", {"pro", "team"}))
def prices() -> str:
    return page()


basket = Blueprint("basket", __name__, url_prefix="/basket")


@basket.get("/")
@basket.post("/<int:product>")
@basket.delete("/<int:product>")
def content(**_: object) -> str:
    return page()


@basket.post("/checkout")
@requires(acr(["gold", "silver"], max_age=300))
def checkout() -> str:
    return page()


account = requires("account")(Blueprint("account", __name__, url_prefix="/account"))
orders = Blueprint("orders", __name__, url_prefix="/orders")
resource(account, "addresses")


@account.route("/", methods=["GET", "POST"])
def profile() -> str:
    return page()


@account.get("/<customer>/wishlist")
@requires(claim("sub") == path_param("customer"))
def wishlist(**_: object) -> str:
    return page()


@orders.get("/")
@orders.get("/<int:order>")
@orders.get("/<int:order>/invoice.pdf")
def order(**_: object) -> str:
    return page()


@orders.post("/<int:order>/wine")
@requires(check(is_adult))
def wine(**_: object) -> str:
    return page()


blog = Blueprint("blog", __name__, url_prefix="/blog")
editing = requires(any_scope("blog", "admin") | role("editor"))(Blueprint("editing", __name__))
resource(editing, "posts")
resource(editing, "comments")


@blog.get("/")
@blog.get("/feed.xml")
@blog.get("/<int:year>/<slug>")
@public
def read(**_: object) -> str:
    return page()


admin = Blueprint(
    "admin", __name__, url_prefix="/admin", static_folder=".", static_url_path="/static"
)
stock = requires("stock")(Blueprint("stock", __name__, url_prefix="/stock"))
requires(role("clerk") & issued_by("staff"))(admin)
resource(admin, "products")
resource(admin, "discounts")
resource(admin, "users")
resource(stock, "deliveries")


@admin.get("/")
@stock.get("/<int:product>")
@stock.post("/<int:product>")
def office(**_: object) -> str:
    return page()


NESTED = {account: [orders], blog: [editing], admin: [stock]}
for outer, nested in NESTED.items():
    for inner in nested:
        outer.register_blueprint(inner)

app = Flask(__name__, static_folder=".", static_url_path="/static")
FlaskGuard(app, guard=GUARD, public=["static"])
for blueprint in (site, catalogue, basket, *NESTED):
    app.register_blueprint(blueprint)
