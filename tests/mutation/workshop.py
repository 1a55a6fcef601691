"""A copy of the project in which one defect at a time is tried."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.mutation.mutants import Mutant

_NOT_COPIED = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", ".venv", "build", "dist")
_OPTIONS = (
    *("-x", "-q", "--no-header", "-p", "no:randomly", "-p", "no:cacheprovider"),
    # Neither says anything about the package.
    *("--ignore=tests/mutation", "--ignore=tests/benchmarks"),
)
# In a test that waits for what never comes; other tests take five seconds at most.
_SECONDS_OF_TEST = 20
_TIMED_OUT = "Timeout (>"

Fate = Literal["killed", "timed out", "hung", "survived"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a defect, and which tests were the last to run."""

    mutant: Mutant
    fate: Fate
    noticed_by: str
    seconds: float


class Workshop:
    """A folder with a copy of the project; one thread's."""

    def __init__(self, project: Path, folder: Path, limit: float) -> None:
        """Copy *project* into *folder*; no run of all tests takes *limit* seconds."""
        self._folder = folder
        self._limit = limit
        shutil.copytree(project, folder, ignore=_NOT_COPIED)

    def try_out(self, mutant: Mutant) -> Result:
        """Run the tests that mirror the file, then all others, until one fails."""
        file, start = self._folder / mutant.file, time.monotonic()
        original = file.read_bytes()
        try:
            self._write(file, mutant.applied(original))
            nearest = mirrors(self._folder, mutant.file)
            fate, output = self.run(nearest) if nearest else ("survived", "")
            if fate == "survived":
                fate, output = self.run_all()
        finally:
            self._write(file, original)
        noticed = next((line for line in output.splitlines() if line[:5] in _FAILED), "")
        return Result(mutant, fate, noticed[:200], round(time.monotonic() - start, 1))

    def _write(self, file: Path, text: bytes) -> None:
        # A defect of the same length in the same second would run its predecessor's code.
        for stale in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
            stale.unlink()
        shutil.rmtree(self._folder / ".hypothesis", ignore_errors=True)
        file.write_bytes(text)

    def run_all(self) -> tuple[Fate, str]:
        """Run the default suite, the tests that need no server first."""
        alone = sorted(str(one.relative_to(self._folder)) for one in self._alone())
        return self.run(["tests/core", *alone, "tests"])

    def _alone(self) -> Iterable[Path]:
        return (self._folder / "tests").glob("test_*.py")

    def run(self, tests: Sequence[str]) -> tuple[Fate, str]:
        """Run *tests* until one fails; say what came of it."""
        arguments = [*_OPTIONS, "--timeout", str(_SECONDS_OF_TEST), "--hypothesis-seed=0", *tests]
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=self._folder,
            env=os.environ | {"PYTHONPATH": str(self._folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=self._limit)
        except subprocess.TimeoutExpired:
            return "hung", ""
        finally:
            _end(process)
        if process.returncode == 0:
            return "survived", output
        return "timed out" if _TIMED_OUT in output else "killed", output


_FAILED = ("FAILE", "ERROR")


def _end(process: "subprocess.Popen[str]") -> None:
    """End a run with everything that it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def mirrors(root: Path, file: str) -> list[str]:
    """Return the tests that mirror a file of the package, the nearest ones first."""
    return list(_mirrors(root, Path(file)))


def _mirrors(root: Path, file: Path) -> Iterator[str]:
    names = [part.lstrip("_") for part in file.with_suffix("").parts[1:]]
    folder = Path("tests", *names[:-1])
    nearest = folder / f"test_{names[-1]}.py"
    if (root / nearest).exists():
        yield str(nearest)
    elif names[:-1] and (root / folder).is_dir():
        yield str(folder)
