"""The kinds of rewards: what a user declares, and how it becomes a function of prompts and responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.rewards.function import FunctionReward
    from benchmarks.rewards.hub import HubReward, id_in_words
    from benchmarks.rewards.inputs import Reading, own_inputs
    from benchmarks.rewards.kinds import KINDS
    from benchmarks.rewards.memory import held_bytes, resident_bytes
    from benchmarks.rewards.probe import reward_probes
    from benchmarks.rewards.train import check_base, fold, pair_accuracy, tell_apart, train_reward
    from benchmarks.rewards.trained import TrainedReward

__getattr__, __all__ = door(__name__)
