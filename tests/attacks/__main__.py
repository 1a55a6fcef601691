"""python -m tests.attacks [--seconds 10] [--only NAME] [--server NAME]: a table; exits 1 if
good requests lose more than they may.
"""

import argparse
import sys

from tests.attacks.beside import MOST_RATIO, Row, measure
from tests.attacks.strangers import ATTACKS

_HEAD = (
    f"{'attack':<35}{'good/s':>8}{'bad/s':>7}{'p50 ms':>15}{'p99 ms':>17}{'ratio':>7}"
    f"{'CPU %':>11}{'not 200':>9}  odd answers"
)


def _line(row: Row) -> str:
    p50 = f"{row.p50[0] * 1e3:.1f} / {row.p50[1] * 1e3:.1f}"
    p99 = f"{row.p99[0] * 1e3:.1f} / {row.p99[1] * 1e3:.1f}"
    worked = f"{row.worked[0] * 100:.0f} / {row.worked[1] * 100:.0f}"
    return (
        f"{row.attack:<35}{row.good_rate:>8.0f}{row.attack_rate:>7.0f}{p50:>15}{p99:>17}"
        f"{row.p99[1] / row.p99[0]:>7.2f}{worked:>11}{sum(row.bad.values()):>9}  {row.odd or ''}"
        f"{'' if row.holds else '   <-- broken ' + str(row.bad or '')}"
    )


def main() -> int:
    """Measure as the command line says, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each side of a row")
    parser.add_argument("--only", choices=ATTACKS, action="append", help="this attack")
    parser.add_argument("--server", action="append", help="gthread, uvicorn, gunicorn, gevent")
    options = parser.parse_args()
    broken = 0
    for server in options.server or ["gthread", "uvicorn"]:
        sys.stdout.write(f"\n{server}; without / with the attack, in turns\n{_HEAD}\n")
        for row in measure(server, options.only or [*ATTACKS], options.seconds):
            sys.stdout.write(f"{_line(row)}\n")
            sys.stdout.flush()
            broken += not row.holds
    sys.stdout.write(f"\n{broken} rows over {MOST_RATIO:.0f} times, or with other answers\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
