"""Formulas: `ct.derive` against SymPy and tensorgrad on the gallery's functions.

    python -m benchmarks.derive [--family regression] [--tool catenary]

catenary reads the JAX code; for the others each function is written by hand in their language (`benchmarks/peers/`),
as far as it can be. A formula is right if it agrees with the textbook's at the entry's arguments, in any layout; it is
in matrix form if no axis index stands in it (for tensorgrad: in what its own printer without indices prints, though
that drops transposes); its length is that of `docs/gallery/length.py`, in lengths of the textbook's. Seconds are for
deriving alone, after imports. The peers come with `pip install '.[peers]'`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

import jax

from benchmarks.peers import limited
from docs.gallery.entry import Entry
from docs.gallery.length import length
from docs.gallery.outcome import Outcome, names, ours, timed
from docs.gallery.programs import gallery

Tool = Callable[[Entry], Outcome]


def peer(module: Any) -> Tool:
    """A tool whose table, derivatives, text and check are in a module of `benchmarks.peers`."""

    def run(entry: Entry) -> Outcome:
        if entry.name not in module.TABLE:
            return Outcome(trouble="not written")
        with limited():
            found, seconds, trouble = timed(lambda: module.derivatives(entry))
        if found is None:
            return Outcome(seconds=seconds, trouble=trouble)
        with limited():
            said, _, trouble = timed(lambda: (module.check(found, entry), module.printed(found)))
        wrong, text = said or (trouble, "")
        known = names(entry)
        ratio = length(text, known | module.WORDS) / length(entry.textbook, known)
        return Outcome(text, not wrong, module.matrix_form(found), ratio, seconds, wrong)

    return run


def tools() -> dict[str, Tool | None]:
    """Each tool, or None where it is not installed."""
    found: dict[str, Tool | None] = {"catenary": ours}
    for name in ("sympy", "tensorgrad"):
        try:
            importlib.import_module(name)
        except ImportError:
            found[name] = None
        else:
            found[name] = peer(importlib.import_module(f"benchmarks.peers.in_{name}"))
    return found


def row(name: str, outcomes: list[Outcome], of: int) -> str:
    """A tool's totals: a line of the table."""
    right = [o for o in outcomes if o.right]
    wrong = sum(bool(o.formula) and not o.right for o in outcomes)
    matrix = sum(o.matrix_form for o in right)
    if not right:
        return f"{name:<11} {0:>5} of {of:<3} {wrong:>5} {0:>6}"
    ratios = [o.ratio for o in right]
    numbers = f"{median(ratios):7.2f} {max(ratios):7.2f} {median(o.seconds for o in right):8.2f}"
    return f"{name:<11} {len(right):>5} of {of:<3} {wrong:>5} {matrix:>6} {numbers}"


HEAD = f"{'tool':<11} {'right':>5} {'':<6} {'wrong':>5} {'matrix':>6} {'length':>7} {'worst':>7} {'seconds':>8}"


def cell(o: Outcome) -> str:
    """What a tool made of one entry, in a few characters."""
    if o.right:
        return f"{o.ratio:5.2f}{' ' if o.matrix_form else 'i'} {o.seconds:5.2f} s"
    return "WRONG" if o.formula else "–"


def main(arguments: list[str] | None = None) -> int:
    """Print a row for each entry and the totals; the exit code is 1 if a formula of ours is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", action="append", help="only these families")
    parser.add_argument("--tool", action="append", help="only these tools")
    asked = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    entries = [(f, e) for f, es in gallery().items() for e in es if not asked.family or f in asked.family]
    chosen = {name: tool for name, tool in tools().items() if not asked.tool or name in asked.tool}
    present = {name: tool for name, tool in chosen.items() if tool}
    print(f"JAX {jax.__version__}: length in textbooks' (i: with indices) and seconds for each formula")
    print(f"{'entry':<42}" + "".join(f"{name:<16}" for name in present))
    made: dict[str, list[Outcome]] = {name: [] for name in present}
    for family, entry in entries:
        for name, tool in present.items():
            made[name].append(tool(entry))
        print(f"{family + ': ' + entry.name:<42.41}" + "".join(f"{cell(o[-1]):<16}" for o in made.values()), flush=True)
    print(f"\n{HEAD}")
    for name in chosen:
        print(row(name, made[name], len(entries)) if name in made else f"{name:<11} not installed")
    common = [n for n in range(len(entries)) if all(o[n].trouble != "not written" for o in made.values())]
    if len(made) > 1 and len(common) < len(entries):
        print(f"\nof the {len(common)} that were written in each language")
        for name, outcomes in made.items():
            print(row(name, [outcomes[n] for n in common], len(common)))
    return int(any(o.formula and not o.right for o in made.get("catenary", [])))


if __name__ == "__main__":
    sys.exit(main())
