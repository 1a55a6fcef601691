"""python -m jwt_guard routes myapp:app: which routes there are, and what they ask for."""

import argparse
import sys
from collections.abc import Callable, Sequence

from .audit import Audit, audit
from .errors import ConfigurationError
from .wrap import load_app

__all__ = ["main"]

_FORMATS: dict[str, Callable[[Audit], str]] = {
    "table": Audit.as_table,
    "json": Audit.as_json,
    "markdown": Audit.as_markdown,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code.

    0: every route is guarded, or public on purpose. 1: some are not. 2: the command
    is wrong, or the app cannot be had.
    """
    parser = argparse.ArgumentParser(prog="python -m jwt_guard")
    commands = parser.add_subparsers(required=True, metavar="routes")
    routes = commands.add_parser("routes", help="show what each route of an app asks for")
    routes.add_argument("app", help="module:attribute; with () at its end, a function to call")
    routes.add_argument("--format", choices=sorted(_FORMATS), default="table")
    routes.add_argument(
        "--transparent",
        action="append",
        default=[],
        metavar="CLASS",
        help="module:class of middleware in front of the guard that answers nothing by itself",
    )
    options = parser.parse_args(arguments)
    try:
        classes = tuple(_load_class(name) for name in options.transparent)
        found = audit(load_app(options.app), transparent=classes)
    except (ConfigurationError, ImportError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(_FORMATS[options.format](found) + "\n")
    if found.unguarded:
        sys.stderr.write(f"{found.complaint}\n")
        return 1
    return 0


def _load_class(target: str) -> type:
    found = load_app(target)
    if not isinstance(found, type):
        raise ConfigurationError(f"{target} is no class")
    return found
