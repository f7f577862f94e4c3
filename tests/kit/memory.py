"""What a computation holds in memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes(compute: Callable[[], Any]) -> int:
    """How much more memory than before this process held while it computed, at most. Skips where nobody counts that."""
    if not CLEAR.exists():
        pytest.skip("only Linux tells the peak of a process")
    gc.collect()
    CLEAR.write_text("5")  # the peak is what is there now
    before = _status("VmRSS")
    compute()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    return next(int(line.split()[1]) * 1024 for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
