"""The contestants: one file per method, discovered by name; no list to edit.

A module here is a method, a folder is what methods are held to (`contract`) and what they share (`engines`). What a
method of one's own needs is here as well; training is loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks import Answer, PreferencePair
    from methods.contract import (
        NORM,
        TAKEN,
        Adapter,
        Effort,
        Method,
        Preference,
        Rates,
        Reinforcement,
        Run,
        Stage,
        Template,
        answering_config,
        find_method,
        method_name,
        method_names,
        point_name,
        training_config,
        written,
    )
    from methods.engines import (
        Goals,
        Grader,
        Memory,
        Moments,
        Pose,
        Reward,
        Task,
        WeightsToGoals,
        adapters_apart,
        annotated_labels,
        answers_to_grade,
        best_of,
        binned_labels,
        classes_of,
        goals_for,
        goals_template,
        grade,
        intensities,
        kept_preferences,
        labels_sd,
        load_trained,
        log_probs,
        logits_per_sd,
        mix,
        nearest_answers,
        pairs_effort,
        pareto_layers,
        preferences,
        random_goals,
        rank_for,
        rate_of,
        remembered,
        reward_differences,
        shown,
        soup,
        souped,
        steered,
        train_dpo,
        train_grader,
        train_rl,
        train_sft,
    )

__getattr__, __all__ = door(__name__)
