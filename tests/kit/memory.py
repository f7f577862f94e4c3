"""What a computation holds in memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

from torch.profiler import ProfilerActivity, profile


def peak_bytes(compute: Callable[[], Any]) -> int:
    """How many bytes of tensors were held at most, beside those from before: as torch allocates them on the CPU.

    The resident memory of a process says less: it lags behind what is freed by as much as it likes.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as told:
        compute()
    memory = [event for event in told.profiler.kineto_results.events() if event.name() == "[memory]"]
    return max(accumulate(event.nbytes() for event in sorted(memory, key=lambda event: event.start_ns())))
