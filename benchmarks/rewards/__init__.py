"""Rewards as functions of prompts and responses: Python functions and classifiers, trained here or elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.rewards.classifier import Classifier
    from benchmarks.rewards.function import load_function
    from benchmarks.rewards.train import pair_accuracy, train_reward

__getattr__, __all__ = door(__name__)
