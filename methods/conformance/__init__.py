"""What every method must do, examined on a tiny benchmark that is made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from methods.conformance.examined import Examined, Wrong, expect, in_small, train_examined
    from methods.conformance.kept import FOLDER_CHECKS
    from methods.conformance.tiny import LENGTH, a_tiny_size, tiny_benchmark
    from methods.conformance.trained import POLICY_CHECKS

__getattr__, __all__ = door(__name__)
