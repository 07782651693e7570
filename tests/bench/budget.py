"""Whether the budget is kept: `python -m tests.bench.budget [--seconds 30] [--share 0.1]`.

The live screen runs in a pty of 160x48, on this machine and on a big one that is made up (tests/bench/big_machine.py,
at that share of its size), under several budgets; when it has settled, the CPU that it really took is printed beside
the budget, what painting takes included. Without a budget is what there is to save.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.big_machine import write_tree
from tests.bench.big_machine_texts import BigMachine
from tests.bench.screen import steady

BUDGETS = ("none", "5%", "2%", "1%", "0.5%")
SETTLED = 45.0
"""Seconds until it is past its start, and costs are known."""


def main() -> None:
    """Print what was taken under each budget."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--share", type=float, default=0.1)
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        write_tree(tree, BigMachine().scaled(choices.share))
        for place, options in (("this machine", []), (f"{choices.share:g} of a big machine", ["--root", str(tree)])):
            print(place)
            for budget in BUDGETS:
                command = [sys.executable, "-m", "leaktop", "--no-config", "--budget", budget, *options]
                taken = steady(command, SETTLED, choices.seconds)["cpu_percent"]
                limit = float("inf") if budget == "none" else float(budget.rstrip("%"))
                verdict = "" if budget == "none" else "   kept" if taken <= limit * 1.1 else "   EXCEEDED"
                print(f"  budget {budget:>5}   taken {taken:6.2f} %{verdict}", flush=True)


if __name__ == "__main__":
    main()
