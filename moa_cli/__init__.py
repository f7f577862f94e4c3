"""Runs the contest between methods and reports it. What is named here is moa's public interface (docs/methods.md).

Names are loaded when first used: `import moa_cli` alone imports neither torch nor numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moa_cli.siblings import check_siblings

check_siblings()  # before anything is taken from them

import os  # noqa: E402

from benchmarks.common.door import door  # noqa: E402
from benchmarks.models import ENVIRONMENT  # noqa: E402

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)  # before torch is imported, as in workers

if TYPE_CHECKING:
    from benchmarks import Answer, BadInput, Benchmark, Front, Policy, PreferencePair, Weights, load_benchmark
    from benchmarks.common import Answering, Choices, Range, Search, kept, read_json, write_json, write_text
    from benchmarks.models import tagged
    from benchmarks.spec import LARGE, model_mistake
    from methods import (
        NORM,
        Adapter,
        Effort,
        Goals,
        Grader,
        Memory,
        Method,
        Moments,
        Pose,
        Preference,
        Rates,
        Reinforcement,
        Reward,
        Run,
        Stage,
        Task,
        Template,
        WeightsToGoals,
        annotated_labels,
        answers_to_grade,
        best_of,
        binned_labels,
        classes_of,
        find_method,
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
        point_name,
        preferences,
        random_goals,
        rank_for,
        rate_of,
        remembered,
        reward_differences,
        shown,
        soup,
        steered,
        train_dpo,
        train_grader,
        train_rl,
        train_sft,
    )
    from moa_cli.formats import compare
    from moa_cli.jobs.python import evaluate, train

_load, __all__ = door(__name__)


def __getattr__(name: str) -> Any:
    """A name when it is first used; `__version__`, too, which takes reading what is installed."""
    if name != "__version__":
        return _load(name)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("moa-cli")
    except PackageNotFoundError:  # a checkout that is not installed
        return "unknown"
