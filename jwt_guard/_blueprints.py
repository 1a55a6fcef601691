"""Flask: what the blueprints of an endpoint require, for the guard and the audit alike."""

from flask import Flask

from ._core.policy.requirement import Requirement, both
from .hosts import required_of


def required_by_blueprints(app: Flask, endpoint: str) -> Requirement | None:
    """Return what the blueprints of an endpoint, nested ones included, require."""
    parts = endpoint.split(".")[:-1]
    names = (".".join(parts[: length + 1]) for length in range(len(parts)))
    needed = None
    for name in names:
        needed = both(needed, required_of(app.blueprints.get(name)))
    return needed
