"""What rewards hold in memory."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.models import size_of
from benchmarks.rewards.hub import HubReward
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec import SIGNALS, SIZES, Description, Signal


def resident_bytes(benchmark: Description, signals: Iterable[Signal] = SIGNALS) -> int:
    """Bytes of the models under these signals, which stay open in a process that scores: each once, in float32.

    Those that are made from scratch, and those whose size is not known, count as nothing.
    """
    sources = [o.source(signal) for o in benchmark.objectives for signal in signals]
    trained = [reward.base for reward in sources if isinstance(reward, TrainedReward) and reward.base not in SIZES]
    models = dict.fromkeys(reward.model for reward in sources if isinstance(reward, HubReward))
    bases = [benchmark.policy if base == "policy" else base for base in trained]
    known = (size_of(model) for model in (*models, *bases) if not model.startswith("scratch:"))
    return sum(4 * found[0].parameters for found in known if found)
