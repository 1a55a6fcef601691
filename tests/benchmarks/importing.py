"""What `import jwt_guard` costs, in processes of their own."""

import statistics
import subprocess
import sys

OURS = "import jwt_guard"
# What nothing that verifies with PyJWT can do without.
LEAST = "import jwt, jwt.algorithms"

_PROGRAM = """
import time
start = time.perf_counter()
{}
print(time.perf_counter() - start)
"""


def medians(processes: int) -> dict[str, float]:
    """Return the median milliseconds of each import, taken in turns."""
    times: dict[str, list[float]] = {OURS: [], LEAST: []}
    for _ in range(processes):
        for statement, seen in times.items():
            command = [sys.executable, "-c", _PROGRAM.format(statement)]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            seen.append(float(run.stdout) * 1000)
    return {statement: statistics.median(seen) for statement, seen in times.items()}
