"""What rewards hold in memory."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.models import SMALL, size_of
from benchmarks.rewards.hub import HubReward
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec import SIGNALS, SIZES, Description, Signal


def resident_bytes(benchmark: Description, signals: Iterable[Signal] = SIGNALS) -> int:
    """Bytes of the models under these signals, which stay open in a process that scores: each once.

    They are held in float32, large published ones that came in 16 bits in these (`keep_halves`). Those that are made
    from scratch, and those whose size is not known, count as nothing.
    """
    sources = dict.fromkeys((o.name, o.source(signal)) for o in benchmark.objectives for signal in signals)
    bases = [reward.base for _, reward in sources if isinstance(reward, TrainedReward) and reward.base not in SIZES]
    bases = [benchmark.policy if base == "policy" else base for base in bases]
    trained = [size_of(base) for base in bases if not base.startswith("scratch:")]
    published = [size_of(model) for model in dict.fromkeys(r.model for _, r in sources if isinstance(r, HubReward))]
    held = [4 * found[0].parameters for found in trained if found]
    return sum([*held, *(held_bytes(found[0].parameters, found[1]) for found in published if found)])


def held_bytes(parameters: int, stored: int) -> int:
    """Bytes that a published classifier is held in, by the bytes of its files."""
    return (2 if parameters >= SMALL and stored < 3 * parameters else 4) * parameters
