"""What this machine has: memory, and how fast it multiplies matrices."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from contextlib import suppress
from typing import Literal, NamedTuple

from benchmarks.models import there_is

Device = Literal["CPU core", "GPU"]


class Machine(NamedTuple):
    """A device of this machine, of which a worker has one or more."""

    device: Device
    memory: int
    """Bytes: of the smallest GPU, else of all cores together."""
    rate: float
    """Floating-point operations a second of one device: matrices of fp32 on a core, of bf16 on a GPU; 0 where it could
    not be measured."""


CPU = """
import time, numpy
a = numpy.random.default_rng(0).random((384, 384), dtype=numpy.float32)
best, end = 9.0, time.perf_counter() + 0.3
while time.perf_counter() < end:
    begin = time.perf_counter(); a @ a; best = min(best, time.perf_counter() - begin)
print(2 * 384**3 / best)
"""
"""On one core; the best of many is what it does undisturbed."""


GPU = """
import time, torch
kind = "cuda" if torch.cuda.is_available() else "mps"
a = torch.randn(4096, 4096, device=kind, dtype=torch.bfloat16 if kind == "cuda" else torch.float32)
wait = getattr(torch, kind).synchronize
best, end = 9.0, time.perf_counter() + 0.5
while time.perf_counter() < end:
    wait(); begin = time.perf_counter(); a @ a; wait(); best = min(best, time.perf_counter() - begin)
print(2 * 4096**3 / best)
"""


ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


def machine(gpus: tuple[str, ...], *, timed: bool) -> Machine:
    """This machine. Only if `timed` its rate is measured, in a process of its own: libraries keep what they took."""
    apple = (platform.system(), platform.machine()) == ("Darwin", "arm64")
    device: Device = "GPU" if gpus or apple else "CPU core"
    memory = _gpu_memory() if gpus else 0
    return Machine(device, memory or there_is(), _rate(device) if timed else 0.0)


def _rate(device: Device) -> float:
    code, threads = (GPU, {}) if device == "GPU" else (CPU, ONE_THREAD)
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        environment = {**os.environ, **threads}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment, check=True
        )
        return float(done.stdout)
    return 0.0


def _gpu_memory() -> int:
    """Bytes of the smallest GPU, 0 where nobody says."""
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
        return min(int(line) for line in done.stdout.split()) * 2**20
    return 0
