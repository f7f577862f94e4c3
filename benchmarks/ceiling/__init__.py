"""The ceiling: how good any policy could be at some KL from the starting policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.ceiling.draw import draw_samples
    from benchmarks.ceiling.samples import Samples, find_samples, has_samples, samples_folder
    from benchmarks.ceiling.tilt import Ceiling, Measured, best_of, best_of_kl, gains

__getattr__, __all__ = door(__name__)
