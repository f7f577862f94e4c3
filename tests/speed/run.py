"""Speed, as ratios of things measured side by side on this machine: `make bench`. Exit code 1 where a target is missed.

    python tests/speed/run.py [command_line] [evaluation] [sampling] [training] [engines]

Every part runs in its own process on CPU, with the environment that moa gives its workers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from measure import Line

from benchmarks.models.device import ENVIRONMENT

HERE = Path(__file__).parent
PARTS = ("command_line", "evaluation", "sampling", "training", "engines")


def lines_of(part: str) -> list[Line]:
    """What one part measures. Where it fails, its stderr is shown and the exit code is 2."""
    fixed = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, str(HERE / f"{part}.py")]
    result = subprocess.run(command, env=ENVIRONMENT | os.environ | fixed, capture_output=True, text=True)
    if result.returncode:
        print(f"{result.stderr}\n{part} failed", file=sys.stderr)
        sys.exit(2)
    own = [line for line in result.stdout.splitlines() if line.startswith('{"what"')]  # libraries print, too
    return [Line(**json.loads(line)) for line in own]


def show(line: Line) -> None:
    """Two lines of at most 80 columns."""
    target = "" if line.target is None else f"{'<=' if line.at_most else '>='} {line.target:g} {line.unit}"
    print(f"{line.what:<48} {line.value:6.2f} {line.unit} {target:>9}  {line.verdict}")
    print(f"    {line.detail}", flush=True)


def main() -> int:
    """Measures the parts named, else all."""
    parts = sys.argv[1:] or list(PARTS)
    unknown = set(parts) - set(PARTS)
    if unknown:
        print(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    begin = time.perf_counter()
    lines = []
    for part in parts:
        for line in lines_of(part):
            show(line)
            lines.append(line)
    missed = sum(line.missed for line in lines)
    print(f"\n{missed} of {len(lines)} missed, {time.perf_counter() - begin:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
