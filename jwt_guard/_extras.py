"""PEP 508: what has to be installed beside the package, said in a sentence."""

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def extra(name: str) -> Generator[None]:
    """Name the extra to install where the framework *name* is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(
            f"jwt_guard.{name} needs {name}, which is not installed; "
            f"pip install 'jwt-guard[{name}]'",
            name=name,
        ) from None
