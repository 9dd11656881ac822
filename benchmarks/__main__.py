"""All benchmarks, one after the other: `python -m benchmarks`. The exit code is 1 if any row falls short."""

import sys

from benchmarks import cost, derive, gradient, order, planning, products, sparse, structure

if __name__ == "__main__":
    sys.exit(max([part.main([]) for part in (gradient, structure, sparse, products, order, cost, planning, derive)]))
