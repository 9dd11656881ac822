"""Orders once found are kept: in the process, and where ``CATENARY_CACHE_DIR`` names a folder, on disk.

The key is the digest of the program with the options, so that a kept order is the one that a search would find again.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any

from catenary._graph import digest
from catenary._local import Local
from catenary._plan.costs.cost import Work
from catenary._plan.orders.candidate import Candidate

#: Programs whose orders are kept in the process; the one not asked for the longest goes first.
MOST = 512

Found = list[Candidate]
_kept: OrderedDict[str, Found] = OrderedDict()


def kept(search: Callable[..., Found]) -> Callable[..., Found]:
    """``search(local, *options)``, made once for each program and options.

    Not kept: what a search that reports has found, for it may have been stopped; costs with names, whose scope is the
    call's.
    """
    form = signature(search)

    @wraps(search)
    def found(local: Local, *args: Any, **kwargs: Any) -> Found:
        options = form.bind(local, *args, **kwargs)
        options.apply_defaults()
        if options.arguments.get("report") is not None:
            return search(local, *args, **kwargs)
        key = digest([local.fingerprint(), *options.args[1:]])
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
        path = _path(key)
        result = (path and _read(path, len(local.nodes))) or None
        if result is None:
            result = search(local, *args, **kwargs)
            if not all(isinstance(c.cost, int | float) for c in result):
                return result
            if path:
                _write(path, result)
        _kept[key] = result
        while len(_kept) > MOST:
            _kept.popitem(last=False)
        return result

    return found


def forget() -> None:
    """Drop what the process keeps; what is on disk stays."""
    _kept.clear()


def _path(key: str) -> Path | None:
    folder = os.environ.get("CATENARY_CACHE_DIR")
    return Path(folder).expanduser() / f"{key}.json" if folder else None


def _write(path: Path, found: Sequence[Candidate]) -> None:
    """Whole or not at all, whatever other processes do; a folder that cannot be written keeps nothing."""
    rows = [[c.name, c.order, c.cost, sorted(c.pushed), c.rank, c.work] for c in found]
    part = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(rows), encoding="utf-8")
        part.replace(path)
    except OSError:
        return


def _read(path: Path, nodes: int) -> Found | None:
    """What was kept on disk; None where there is nothing, or nothing that fits."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        found = [
            Candidate(name, tuple(order), cost, frozenset(pushed), rank, Work(*work))
            for name, order, cost, pushed, rank, work in rows
        ]
    except (OSError, ValueError, TypeError):
        return None
    return found if all(sorted(c.order) == list(range(nodes)) for c in found) else None
