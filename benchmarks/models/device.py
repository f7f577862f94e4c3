"""How moa uses the hardware: environment, threads, precision. The only place that touches torch's global state."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from contextlib import suppress
from functools import cache

ENVIRONMENT = {
    "GOMP_SPINCOUNT": "1000",  # two spinning OpenMP processes on the same cores collapse a hundredfold
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",  # one compiled kernel per shape adds up to gigabytes
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "MALLOC_MMAP_THRESHOLD_": "67108864",  # read when a process starts: of use to workers only
    "MALLOC_TRIM_THRESHOLD_": "268435456",
}
"""Set before torch is imported; a variable that the user has set wins."""


def soften_warnings() -> None:
    """No warning is an error, whatever PYTHONWARNINGS says: libraries warn of what they will rename one day, and no
    training ends for that."""
    if any(action == "error" for action, *_ in warnings.filters):
        kept = [("default" if action == "error" else action, *rest) for action, *rest in warnings.filters]
        warnings.resetwarnings()
        warnings.filters[:] = kept  # type: ignore[index]


@cache
def setup(threads: int | None = None) -> str:
    """Prepares this process once; returns the device, "cuda", "mps" or "cpu".

    On a CPU a process computes with `threads` threads. Small policies use one: the bits of a sum depend on how it is
    split, and two one-thread processes get more done than one process with two.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    soften_warnings()
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    if threads:
        torch.set_num_threads(threads)
    if medium_is_exact():
        torch.set_float32_matmul_precision("medium")
    # torch warns that it cannot pin memory, accelerate that it found no GPU: neither is news here
    warnings.filterwarnings("ignore", message=".*pin_memory.*")
    return "cpu"


_workers = 1


def share_memory(workers: int) -> None:
    """Says that so many processes like this one use the memory of the machine, or of a GPU."""
    global _workers
    _workers = max(1, workers)


def room() -> int:
    """Bytes that a job of this process may plan with: its share of what the machine has, or its GPU."""
    from benchmarks.models.memory import USABLE, there_is  # the command line waits for this file, to ask for help too

    whole = there_is()
    if setup() == "cuda":
        import torch

        whole = torch.cuda.get_device_properties(0).total_memory
    return int(USABLE * whole) // _workers


def release() -> None:
    """Gives memory that is no longer used back to the system, between two jobs of a process."""
    gc.collect()  # trainers refer to themselves
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL("libc.so.6").malloc_trim(0)


@cache
def medium_is_exact() -> bool:
    """Whether "medium" matmuls are full fp32 on this CPU, measured once in 5 ms.

    They are with oneDNN and without AMX, and about 2x faster.
    """
    import torch

    previous = torch.get_float32_matmul_precision()
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, 256, generator=generator) for _ in range(2))
    torch.set_float32_matmul_precision("medium")
    product = a @ b
    torch.set_float32_matmul_precision(previous)
    exact = a.double() @ b.double()
    return bool((product - exact).abs().max() / exact.abs().max() < 1e-5)


def attention(device: str) -> str:
    """The attention implementation for a device: "eager" where a CPU has oneDNN matmuls, else "sdpa".

    With these matmuls the CPU's flash kernel gets five times slower.
    """
    return "eager" if device == "cpu" and medium_is_exact() else "sdpa"
