"""The ruler: benchmarks, their rewards and units, the measurement of a policy as a front, indicators and statistics.

Names are loaded when first used: `import benchmarks` alone imports neither torch nor transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks._batching import by_length, pad_right
    from benchmarks._benchmark import (
        Answer,
        Benchmark,
        FunctionReward,
        HubReward,
        Objective,
        PreferencePair,
        Sampling,
        Scratch,
        TrainedReward,
        Weights,
        default_grid,
        digest,
        plain,
        simplex_grid,
    )
    from benchmarks._card import Card
    from benchmarks._ceiling import Ceiling, Measured, best_of, efficiencies
    from benchmarks._check import benchmark_names, refuse, size_mistake
    from benchmarks._collapse import collapse_reasons, collapsed
    from benchmarks._cost import Cost, charge, charged_to
    from benchmarks._data import nearest, read_rows
    from benchmarks._errors import BadInput, NotPermitted, not_permitted
    from benchmarks._evaluate import evaluate
    from benchmarks._front import Front, known
    from benchmarks._front_files import FRONT_SCHEMA, has_point, read_answers, read_front
    from benchmarks._indicators import (
        attainment,
        epsilon,
        expected_utility,
        hypervolume,
        igd_plus,
        kendall_tau,
        pareto,
        spearman,
    )
    from benchmarks._load import load_benchmark, option_names
    from benchmarks._lock import is_locked, locked, whole_folder, write_text
    from benchmarks._log import Log, silent
    from benchmarks._policy import (
        ANSWERS_AT_ONCE,
        Divergence,
        Policy,
        load_policy,
        sequence_divergence,
        sequence_log_probs,
    )
    from benchmarks._pool import draw_samples
    from benchmarks._prepare import Prepared, is_prepared, missing_parts, prepare, prepare_part
    from benchmarks._python import load_file
    from benchmarks._sampler import cut, cut_tokens, sample_tokens
    from benchmarks._samples import Samples, find_samples, read_samples, samples_folder
    from benchmarks._scoring import Given, rescore, score_given
    from benchmarks._significance import dominance, holm, permutation_test, pseudo_values
    from benchmarks._stats import Bootstrap, Interval, bootstrap_hypervolume, bootstrap_means
    from benchmarks._tags import tagged
    from benchmarks._torch import ENVIRONMENT, release, setup
    from benchmarks._trainer import (
        Progress,
        Training,
        passes,
        run_trainer,
        supervised,
        trainer_arguments,
        training_mode,
    )
    from benchmarks._types import Range, fit, settable, type_words

_HOMES = {
    "_batching": "by_length pad_right",
    "_benchmark": (
        "Answer Benchmark FunctionReward HubReward Objective PreferencePair Sampling Scratch TrainedReward Weights "
        "default_grid digest plain simplex_grid"
    ),
    "_card": "Card",
    "_ceiling": "Ceiling Measured best_of efficiencies",
    "_check": "benchmark_names refuse size_mistake",
    "_collapse": "collapse_reasons collapsed",
    "_cost": "Cost charge charged_to",
    "_data": "nearest read_rows",
    "_errors": "BadInput NotPermitted not_permitted",
    "_evaluate": "evaluate",
    "_front": "Front known",
    "_front_files": "FRONT_SCHEMA has_point read_answers read_front",
    "_indicators": "attainment epsilon expected_utility hypervolume igd_plus kendall_tau pareto spearman",
    "_load": "load_benchmark option_names",
    "_log": "Log silent",
    "_lock": "is_locked locked whole_folder write_text",
    "_policy": "ANSWERS_AT_ONCE Divergence Policy load_policy sequence_divergence sequence_log_probs",
    "_pool": "draw_samples",
    "_prepare": "Prepared is_prepared missing_parts prepare prepare_part",
    "_python": "load_file",
    "_samples": "Samples find_samples read_samples samples_folder",
    "_sampler": "cut cut_tokens sample_tokens",
    "_scoring": "Given rescore score_given",
    "_significance": "dominance holm permutation_test pseudo_values",
    "_stats": "Bootstrap Interval bootstrap_hypervolume bootstrap_means",
    "_tags": "tagged",
    "_types": "Range fit settable type_words",
    "_torch": "ENVIRONMENT release setup",
    "_trainer": "Progress Training passes run_trainer supervised trainer_arguments training_mode",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'benchmarks' has no attribute {name!r}")
    return getattr(import_module(f"benchmarks.{_HOME[name]}"), name)
