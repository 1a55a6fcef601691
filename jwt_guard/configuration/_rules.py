"""From tables [[rule]] to rows, and from `requires` to a requirement."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from .._core.policy.expressions import (
    acr,
    all_scopes,
    amr,
    any_scope,
    claim,
    issued_by,
    requirement,
    role,
)
from .._core.policy.requirement import Requirement
from .._core.request.table import Rule
from ..errors import ConfigurationError
from ._checks import Table, at, check, each
from ._names import TABLES


def rule(table: Table) -> Rule:
    """Make one row.

    Raises:
        ConfigurationError: With the place in the table.
    """
    check(table, TABLES["rule"])
    options = dict(table)
    if "requires" in table:
        with at("requires"):
            options["requires"] = _requirement(table["requires"])
    return Rule(**options)


def _requirement(value: str | list[str] | dict[str, Any]) -> Requirement:
    if not isinstance(value, dict):
        return all_scopes(*([value] if isinstance(value, str) else value))
    check(value, TABLES["requires"])
    parts: list[Requirement] = []
    for name, asked in value.items():
        with at(name):
            parts.append(_CONDITIONS[name](asked))
    return requirement(*parts)


def _claim(table: Table) -> Requirement:
    check(table, TABLES["claim"])
    if ("value" in table) == ("values" in table):
        raise ConfigurationError("say either value or values")
    return claim(table["path"], table["value"] if "value" in table else table["values"])


_CONDITIONS: Mapping[str, Callable[[Any], Requirement]] = {
    "all_scopes": lambda names: all_scopes(*names),
    "any_scope": lambda names: any_scope(*names),
    "role": role,
    "claim": _claim,
    "issued_by": issued_by,
    "acr": acr,
    "max_age": lambda seconds: acr(max_age=seconds),
    "amr": lambda methods: amr(*methods),
    "all": lambda parts: requirement(*each("member", parts, _requirement)),
    "any": lambda parts: reduce(Requirement.__or__, each("member", parts, _requirement)),
}
