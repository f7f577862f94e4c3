"""The contestants: one file per method, discovered by name; no list to edit.

A module here is a method, a folder is what methods are held to (`contract`) and what they share (`engines`). What a
method of one's own needs is here as well; training is loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from methods.contract import (
        Adapter,
        Effort,
        Method,
        Preference,
        Reinforcement,
        Run,
        Stage,
        answering_config,
        find_method,
        method_name,
        method_names,
        point_name,
        training_config,
    )
    from methods.engines import load_trained, soup, train_rl, train_sft

__getattr__, __all__ = door(__name__)
