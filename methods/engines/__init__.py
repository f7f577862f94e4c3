"""What methods share: supervised learning, preferences, RL, goals, soups, decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from methods.engines.decoding import best_of, mix
    from methods.engines.dpo import log_probs, remembered, train_dpo
    from methods.engines.goals import (
        Goals,
        Moments,
        WeightsToGoals,
        goals_for,
        goals_template,
        intensities,
        random_goals,
    )
    from methods.engines.grader import (
        Grader,
        annotated_labels,
        answers_to_grade,
        binned_labels,
        classes_of,
        grade,
        train_grader,
    )
    from methods.engines.pairs import (
        kept_preferences,
        labels_sd,
        logits_per_sd,
        pairs_effort,
        preferences,
        reward_differences,
    )
    from methods.engines.prompts import shown, steered
    from methods.engines.rl import train_rl
    from methods.engines.selection import nearest_answers, pareto_layers
    from methods.engines.sft import train_sft
    from methods.engines.tasks import Pose, Reward, Task
    from methods.engines.trained import adapters_apart, forget_loaded, load_trained, rank_for, rate_of, soup, souped
    from methods.engines.trainers import Memory

__getattr__, __all__ = door(__name__)
