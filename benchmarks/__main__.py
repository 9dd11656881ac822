"""All benchmarks, one after the other: `python -m benchmarks`. The exit code is 1 if any row falls short."""

import sys

from benchmarks import derive, gradient, order, planning, sparse, structure

if __name__ == "__main__":
    sys.exit(max([part.main([]) for part in (gradient, structure, sparse, order, planning, derive)]))
