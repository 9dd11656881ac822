"""What a check found: rows of comparisons, printed as a table."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

NEGLIGIBLE = 1e-6  # entries below it, relative to 1, are compared absolutely: 0 and a rounding error are the same


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison of one leaf: the largest difference of two arrays, relative to the largest entry.

    >>> Row("reverse and forward", "['w']", 2e-3, 1e-9).ok
    False
    """

    what: str
    leaf: str
    difference: float
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether the difference is within the tolerance; a NaN is not."""
        return self.difference <= self.tolerance


@dataclass(slots=True)
class Report:
    """The comparisons of one check, in the order they were made.

    >>> report = Report("check_derivative(f)")
    >>> report.compare("reverse and forward", {"w": np.ones(3)}, {"w": np.ones(3)}, 1e-9)
    >>> print(report)
    check_derivative(f): 1 comparison, all within tolerance
    >>> report.ok
    True
    """

    title: str
    rows: list[Row] = field(default_factory=list)

    def compare(self, what: str, ours: Any, theirs: Any, tolerance: float) -> None:
        """Add a row for each leaf of two pytrees; another structure, shape or dtype is an infinite difference."""
        trees: list[Any] = [jax.tree.structure(tree) for tree in (ours, theirs)]
        if trees[0] != trees[1]:
            self.rows.append(Row(f"{what}: {trees[0]} is not {trees[1]}", "", np.inf, tolerance))
            return
        self.rows += [Row(what + note, leaf, d, tolerance) for leaf, d, note in _differences(ours, theirs)]

    @property
    def failed(self) -> list[Row]:
        """The rows out of tolerance."""
        return [row for row in self.rows if not row.ok]

    @property
    def ok(self) -> bool:
        """Whether every row is within its tolerance."""
        return not self.failed

    def __str__(self) -> str:
        count = f"{len(self.rows)} comparison{'s' * (len(self.rows) != 1)}"
        if self.ok:
            return f"{self.title}: {count}, all within tolerance"
        lines = [f"{self.title}: {len(self.failed)} of {count} out of tolerance"]
        width = max(len(row.what) for row in self.failed)
        for row in self.failed:
            lines.append(
                f"    {row.what:{width}}  {row.leaf or '·'}  differ by {row.difference:.1e} > {row.tolerance:.0e}"
            )
        return "\n".join(lines)

    def require(self) -> "Report":
        """The report itself; raises AssertionError, with the table as its message, if a row is out of tolerance."""
        if not self.ok:
            raise AssertionError(str(self))
        return self


def _differences(ours: Any, theirs: Any) -> Iterator[tuple[str, float, str]]:
    """For each leaf its path, the largest relative difference, and a note if shape or dtype differ."""
    leaves = jax.tree_util.tree_flatten_with_path(ours)[0]
    others = jax.tree.leaves(theirs)
    largest = max([_largest(x) for x in others], default=0.0)
    for (path, a), b in zip(leaves, others, strict=True):
        name = jax.tree_util.keystr(path)
        a, b = np.asarray(a), np.asarray(b)
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            yield name, np.inf, f": {a.dtype}{list(a.shape)} is not {b.dtype}{list(b.shape)}"
            continue
        yield name, _distance(a, b, max(_largest(b), 1e-3 * largest, NEGLIGIBLE)), ""


def _largest(x: Any) -> float:
    entries = np.abs(_wide(np.asarray(x)))
    return float(np.max(entries[np.isfinite(entries)], initial=0.0))


def _wide(x: np.ndarray) -> np.ndarray:
    """In float64 or complex128; float0 (the tangent of an integer) counts as zeros."""
    if x.dtype == jax.dtypes.float0:
        return np.zeros(x.shape)
    return x.astype(np.complex128 if np.issubdtype(x.dtype, np.complexfloating) else np.float64)


def _distance(a: np.ndarray, b: np.ndarray, scale: float) -> float:
    """The largest |a − b| / scale; equal infinities and NaNs in the same places are no difference."""
    a, b = _wide(a), _wide(b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(a - b))
    return float(np.max(np.where(np.isnan(gap), np.inf, gap), initial=0.0)) / scale
