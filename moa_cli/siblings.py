"""Whether Python finds moa's own `benchmarks` and `methods`: a project may have packages of these names too."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path


def check_siblings() -> None:
    """ImportError, three lines, where Python finds other packages of the names of moa's own; as a command, exit code 2.

    To put moa's own in their place would break the project that they belong to, without a word.
    """
    here, taken = Path(__file__).resolve().parent.parent, {}
    for name in ("benchmarks", "methods"):
        spec = find_spec(name)
        places = [*([spec.origin] if spec.origin else spec.submodule_search_locations or [])] if spec else []
        if places:
            place = Path(places[0]).resolve()
            place = place.parent if place.name.startswith("__init__.") else place
            if place != here / name:
                taken[name] = place
    if not taken:
        return
    found, ours = (", ".join(map(str, paths)) for paths in (taken.values(), [here / name for name in taken]))
    lines = (
        f"Python finds {found} where moa needs its own {ours}",
        f"both are called {' and '.join(taken)}, and the first one that Python finds is taken",
        "rename yours, or start from another folder; in this one, moa in place of python -m moa_cli may do. "
        f"PYTHONPATH must not lead to {next(iter(taken.values())).parent}",
    )
    as_module = sys.argv[:1] == ["-m"] and ["-m", "moa_cli"] in map(list, pairwise(sys.orig_argv))
    if as_module or Path((sys.argv or [""])[0]).stem == "moa":
        print(*map(" ".join, zip(("error:", "why:", "try:"), lines, strict=True)), sep="\n", file=sys.stderr)
        raise SystemExit(2)
    raise ImportError("\n".join(lines))
