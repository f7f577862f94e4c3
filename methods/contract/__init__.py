"""What a method is, how it is found, and what may be wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from methods.contract.arguments import in_range
    from methods.contract.docstrings import CHOICE, Described, attribute_docstrings, declarers, own_fields, unmarked
    from methods.contract.effort import Effort
    from methods.contract.find import find_method, method_names, written
    from methods.contract.method import (
        Method,
        answering_config,
        method_name,
        point_name,
        training_config,
    )
    from methods.contract.mistakes import TAKEN
    from methods.contract.run import Run, Stage
    from methods.contract.said import checked_effort, checked_points, checked_serving
    from methods.contract.settings import Adapter, Optimizer, Preference, Rates, Reinforcement
    from methods.contract.template import NORM, Template

__getattr__, __all__ = door(__name__)
