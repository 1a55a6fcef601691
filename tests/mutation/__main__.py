"""python -m tests.mutation [--sample N] [--seed N] [--files …]: try defects, report.

Each is put into a copy of the project, and the tests are run until one fails: first
those that mirror the file, then the default suite. What survives is listed, with the
reason where `equivalent.txt` has one, for instance that nothing can tell the two apart.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.workshop import Result, Workshop

ROOT = Path(__file__).parents[2]
_EQUIVALENT = Path(__file__).with_name("equivalent.txt")
# What decides: the core, and everything between a request and its answer.
GUARDING = (
    "jwt_guard/_*.py",
    "jwt_guard/_core/**/*.py",
    "jwt_guard/keys/*.py",
    "jwt_guard/hosts.py",
    "jwt_guard/asgi.py",
    "jwt_guard/wsgi.py",
    "jwt_guard/flask.py",
    "jwt_guard/starlette.py",
    "jwt_guard/fastapi.py",
)
# The tests of a sound copy have so long; with a defect, twice that.
_LIMIT = 300.0


def main() -> int:
    """Try defects as the command line says; return the exit status."""
    options = _options()
    files = sorted(
        {str(path.relative_to(ROOT)) for one in options.files for path in ROOT.glob(one)}
    )
    everything = [mutant for file in files for mutant in mutants(ROOT, file)]
    chosen = everything
    if options.sample is not None and options.sample < len(everything):
        # Any order would do, but the same seed has to mean the same defects.
        chosen = random.Random(options.seed).sample(everything, options.sample)  # noqa: S311
    sys.stdout.write(f"{len(chosen)} of {len(everything)} defects of {len(files)} files\n")
    with tempfile.TemporaryDirectory() as folder:
        results = _try_all(chosen, Path(folder), options.workers)
    reasons = _reasons()
    report = "\n".join(_report(results, reasons))
    sys.stdout.write(f"{report}\n")
    if options.output is not None:
        options.output.with_suffix(".md").write_text(f"{report}\n")
        found = [asdict(one) for one in results]
        options.output.with_suffix(".json").write_text(f"{json.dumps(found, indent=1)}\n")
    return 0 if _score(results, reasons) >= options.least else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    add = parser.add_argument
    add("--sample", type=int, metavar="N", help="how many defects; by default all there are")
    add("--seed", type=int, default=1, metavar="N", help="chooses them")
    add("--files", nargs="+", default=GUARDING, metavar="GLOB", help="where they are")
    add("--workers", type=int, default=2, metavar="N", help="runs at the same time")
    add("--least", type=float, default=0, metavar="PERCENT", help="fail if fewer are noticed")
    add("--output", type=Path, metavar="FILE", help="for FILE.md and FILE.json")
    return parser.parse_args()


def _try_all(chosen: Sequence[Mutant], folder: Path, workers: int) -> list[Result]:
    free: SimpleQueue[Workshop] = SimpleQueue()
    start = time.monotonic()
    for number in range(workers):
        free.put(Workshop(ROOT, folder / str(number), _LIMIT))
    sound = free.get()
    fate, output = sound.run_all()
    if fate != "survived":
        raise SystemExit(f"the tests fail without a defect:\n{output[-3000:]}")
    sys.stdout.write(f"without a defect: {time.monotonic() - start:.0f} s\n")
    free.put(sound)

    def try_out(mutant: Mutant) -> Result:
        workshop = free.get()
        try:
            result = workshop.try_out(mutant)
        finally:
            free.put(workshop)
        sys.stdout.write(f"{result.fate:10} {result.seconds:6.1f} s  {mutant}"[:150] + "\n")
        sys.stdout.flush()
        return result

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(try_out, chosen))


def _reasons() -> dict[str, str]:
    """Return why defects may live, by their names."""
    lines = _EQUIVALENT.read_text().splitlines()
    pairs = (line.split(" # ", 1) for line in lines if " # " in line)
    return {name.strip(): reason for name, reason in pairs}


def _counted(results: Sequence[Result], reasons: dict[str, str]) -> list[Result]:
    return [one for one in results if one.fate != "survived" or str(one.mutant) not in reasons]


def _score(results: Sequence[Result], reasons: dict[str, str]) -> float:
    counted = _counted(results, reasons)
    killed = sum(one.fate != "survived" for one in counted)
    return 100 * killed / len(counted) if counted else 100.0


def _report(results: Sequence[Result], reasons: dict[str, str]) -> Iterator[str]:
    fates = Counter(one.fate for one in results)
    yield f"\n{', '.join(f'{count} {fate}' for fate, count in fates.items())}"
    yield f"{_score(results, reasons):.1f} % of those that can be noticed are\n"
    by_file: dict[str, list[Result]] = defaultdict(list)
    for one in results:
        by_file[one.mutant.file].append(one)
    yield "| file | defects | noticed |\n|---|---|---|"
    for file, found in sorted(by_file.items()):
        yield f"| {file} | {len(found)} | {_score(found, reasons):.0f} % |"
    yield "\nSurvivors, and what only a time limit noticed:\n"
    for one in results:
        if one.fate != "killed":
            mutant, reason = one.mutant, reasons.get(str(one.mutant), "")
            yield f"* {one.fate}: `{mutant}` (line {mutant.line}) {reason}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
