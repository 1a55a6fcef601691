"""The chart that the README shows."""

from importlib import import_module
from pathlib import Path


def draw(costs: dict[str, float], machine: str, folder: Path) -> None:
    """Write results.svg into *folder*: the cost of each contestant, in µs."""
    # Of the extra bench, and not needed to measure.
    mpl, plt = import_module("matplotlib"), import_module("matplotlib.pyplot")
    plt.switch_backend("svg")
    mpl.rcParams["svg.hashsalt"] = "jwt_guard"
    names = sorted(costs, key=lambda name: costs[name])
    figure, plot = plt.subplots(figsize=(9, 0.32 * len(names) + 1.2))
    colours = ["#1a7f5a" if "jwt_guard" in name else "#9aa5b1" for name in names]
    bars = plot.barh(names, [costs[name] for name in names], color=colours)
    plot.bar_label(bars, fmt=" %.1f", fontsize=8)
    plot.invert_yaxis()
    plot.set_xlabel("µs per request over the bare app of the same framework (RS256, 860 bytes)")
    plot.set_title(machine, fontsize=8, loc="left")
    plot.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(folder / "results.svg", metadata={"Date": None})
