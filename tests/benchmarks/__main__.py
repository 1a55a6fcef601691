"""python -m tests.benchmarks [--quick] [--output FOLDER]: measure, print, draw.

A table of medians and ratios on standard output; `results.json` and `results.svg` in
FOLDER, if one is given.
"""

import argparse
import json
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt

from tests.benchmarks import chart, importing, libraries, scaling, servers
from tests.benchmarks.apps import Suite
from tests.benchmarks.measuring import medians
from tests.benchmarks.tokens import signers

SIZES = (600, 860, 1700)


def measure(*, quick: bool) -> dict[str, Any]:
    """Return all figures, in microseconds where nothing else is said."""
    rounds = 7 if quick else 61
    keys = signers()
    rs256, hs256 = keys["RS256"], keys["HS256"]
    suite = Suite(rs256)
    results: dict[str, Any] = {
        "machine": _machine(),
        "imports_ms": importing.medians(3 if quick else 20),
        "frameworks": medians(suite.batches(), rounds),
        "libraries": {
            f"{alg}, {size} bytes": medians(libraries.batches(signer, size), rounds)
            for alg, signer in keys.items()
            for size in (SIZES if alg == "RS256" else SIZES[1:2])
        },
        "parts": {alg: medians(libraries.parts(keys[alg]), rounds) for alg in ("HS256", "RS256")},
        "node": libraries.node(keys, rounds),
        "refusals": medians(libraries.refusals(rs256), rounds),
        "header_fields": scaling.header_fields(rs256, suite, rounds),
        "threads_per_s": scaling.threads(rs256, 1 if quick else 5, 0.1 if quick else 0.5),
        "full_cache_mib": scaling.full_cache(hs256, 128 if quick else 4096),
        "growing_cache": scaling.growing_cache(
            hs256, rounds, scaling.SIZES[:3] if quick else scaling.SIZES
        ),
        "servers": servers.under_load(rs256, 1 if quick else 15, 1 if quick else 2),
    }
    suite.close()
    return results


def _machine() -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_implementation()} "
        f"{platform.python_version()}, PyJWT {jwt.__version__}, {datetime.now(UTC):%Y-%m-%d}"
    )


def over_bare(frameworks: dict[str, float]) -> dict[str, float]:
    """Return what each contestant costs beyond the bare app of its framework."""
    return {
        name: value - frameworks[f"{name.split(':')[0]}: bare"]
        for name, value in frameworks.items()
        if not name.endswith(": bare")
    }


def table(results: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the report."""
    yield f"{results['machine']}; medians of one interleaved run, in µs"
    costs = over_bare(results["frameworks"])
    yield from _section(
        "per request over the bare app of the same framework, RS256, 860 bytes",
        costs,
        costs["ASGI: jwt_guard, hot"],
    )
    for name, figures in results["libraries"].items():
        alg, _, size = name.partition(", ")
        node: dict[str, float] = results["node"].get(alg, {}) if size.startswith("860") else {}
        in_node = {f"{library} (Node)": value for library, value in node.items()}
        yield from _section(
            f"verification, {name}", figures | in_node, figures["jwt_guard, cache off"]
        )
    for alg, figures in results["parts"].items():
        yield from _section(f"where the time goes, {alg}, 860 bytes", figures, figures["all of it"])
    yield from _section("refusals", results["refusals"], results["refusals"]["accepted"])
    yield from _section(
        "guard over the bare ASGI app, by header fields",
        results["header_fields"],
        results["header_fields"]["1"],
    )
    for name, rates in results["threads_per_s"].items():
        yield from _section(f"per second, {name}, by threads", rates, rates["1"])
    for name, figures in results["growing_cache"].items():
        yield from _section(f"a hit by entries, {name}", figures, figures["10"])
    imports = results["imports_ms"]
    yield from _section("imports, in ms", imports, imports[importing.LEAST])
    yield f"\na full cache: {results['full_cache_mib']:.1f} MiB"
    for name, figures in results["servers"].items():
        shown = ", ".join(f"{key} {value:.0f}" for key, value in figures.items())
        yield f"{name}: {shown}"
    if not results["servers"]:
        yield "servers: left out, for there is no wrk here"
    if not results["node"]:
        yield "Node: left out, for there is no npm here"


def _section(title: str, figures: dict[str, float], unit: float) -> Iterator[str]:
    yield f"\n{title}"
    for name, value in figures.items():
        yield f"  {name:<46}{value:12.2f}{value / unit:9.2f}"


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="see that it runs; no figures to quote"
    )
    parser.add_argument("--output", type=Path, help="folder for results.json and results.svg")
    options = parser.parse_args()
    # Peers warn of their own deprecations at every call, which would be measured.
    warnings.simplefilter("ignore")
    results = measure(quick=options.quick)
    sys.stdout.write("\n".join(table(results)) + "\n")
    if options.output is not None:
        (options.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        chart.draw(over_bare(results["frameworks"]), results["machine"], options.output)


if __name__ == "__main__":
    main()
