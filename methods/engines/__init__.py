"""What methods share: supervised learning, preferences, RL, goals, soups, decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from methods.engines.decoding import best_of, mixture
    from methods.engines.dpo import log_probs, remembered, train_dpo
    from methods.engines.goals import (
        Goals,
        Moments,
        WeightsToGoals,
        achieved,
        asked,
        asked_for,
        goal_rewards,
        intensities,
        pooled,
        random_goals,
        told,
    )
    from methods.engines.grader import (
        HELD_OUT,
        Grader,
        annotated_labels,
        binned_labels,
        classes_of,
        load_grader,
        train_grader,
    )
    from methods.engines.pairs import choosing, logits_per_sd, preferences, reward_differences
    from methods.engines.rl import Pose, Task, maximise, train_rl
    from methods.engines.selection import nearest, pareto_layers
    from methods.engines.sft import train_sft
    from methods.engines.trained import is_large, load_trained, rank_for, rate_of, soup

__getattr__, __all__ = door(__name__)
