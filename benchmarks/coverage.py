"""How often the 95 % intervals hold the truth on simulated clustered data; a few minutes on one core.

python benchmarks/coverage.py [RESAMPLES]
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from support_coverage import Design, accuracy, coverage, family_coverage, pope, seed_coverage, videohallucer


def main() -> None:
    resamples = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    designs = [
        Design(clusters=30, size=1, icc=0.0),
        Design(clusters=30, size=6, icc=0.1),
        Design(clusters=30, size=6, icc=0.1, uneven=True),
        Design(clusters=30, size=6, icc=0.4),
        Design(clusters=100, size=6, icc=0.1),
        Design(clusters=100, size=6, icc=0.4, uneven=True),
        Design(clusters=500, size=6, icc=0.1),
        Design(clusters=500, size=2, icc=0.4, uneven=True),
    ]
    figures = {
        "accuracy .05": lambda design: accuracy(design, 0.05),
        "accuracy .5": lambda design: accuracy(design, 0.5),
        "accuracy .95": lambda design: accuracy(design, 0.95),
        "f1 .86": lambda design: pope("random/f1", design, 0.85, 0.12),
        "f1 .46": lambda design: pope("random/f1", design, 0.4, 0.35),
        "precision .88": lambda design: pope("random/precision", design, 0.85, 0.12),
        "yes_ratio .49": lambda design: pope("random/yes_ratio", design, 0.85, 0.12),
        "mean f1 .86": lambda design: pope("mean/f1", design, 0.85, 0.12),
        "both .5": lambda design: videohallucer("all/both", design, 0.5, 0.7),
        "yes_difference .1": lambda design: videohallucer("all/yes_difference", design, 0.5, 0.7),
        "false_positive .7": lambda design: videohallucer("all/false_positive_ratio", design, 0.5, 0.7),
    }
    rows = []
    for design in designs:
        row = [f"{design.clusters} x {design.size}{'~' if design.uneven else ''}, icc {design.icc}"]
        row += [f"{100 * coverage(make(design), resamples=resamples, seed=1):.1f}" for make in figures.values()]
        rows.append(row)
        print(*row, flush=True)
    print(tabulate(rows, headers=["clusters x size", *figures], disable_numparse=True))
    families(resamples // 8)
    over_seeds(resamples)


def families(resamples: int) -> None:
    """How often all intervals of a family hold, and how often any of its differences is shown."""
    rows = []
    for (clusters, size, icc), family in product(
        [(30, 1, 0.0), (30, 6, 0.1), (100, 6, 0.3), (500, 6, 0.1)], (1, 8, 20)
    ):
        design = Design(clusters=clusters, size=size, icc=icc)
        row = [f"{clusters} x {size}, icc {icc}", str(family)]
        for both, only_a, only_b in ((0.7, 0.1, 0.1), (0.7, 0.02, 0.02), (0.7, 0.08, 0.14)):
            held, found = family_coverage(design, both, only_a, only_b, family=family, resamples=resamples, seed=1)
            row += [f"{100 * held:.1f}", f"{100 * found:.1f}"]
        rows.append(row)
        print(*row, flush=True)
    headers = ["clusters x size", "family", *("all hold", "any shown") * 3]
    print("Families: no difference, 20 % of units differ; no difference, 4 %; a difference of 6 points, 22 %")
    print(tabulate(rows, headers=headers, disable_numparse=True))


def over_seeds(resamples: int) -> None:
    """How often the intervals of rows with several training seeds hold the truth."""
    rows = []
    for seeds, part in product((2, 3, 5, 10), (0.1, 0.5, 0.8)):
        row = [str(seeds), f"{100 * part:.0f} %"]
        for two_kinds, family in product((False, True), (1, 2, 6)):
            held = seed_coverage(seeds, part, two_kinds=two_kinds, family=family, resamples=resamples // family, seed=1)
            row.append(f"{100 * held:.1f}")
        rows.append(row)
        print(*row, flush=True)
    headers = [
        "seeds",
        "of the variance from seeds",
        *(f"{kind}, {m}" for kind in ("normal", "two kinds") for m in (1, 2, 6)),
    ]
    print("Training seeds: families of 1, 2 and 6 differences of which all intervals hold")
    print(tabulate(rows, headers=headers, disable_numparse=True))


if __name__ == "__main__":
    main()
