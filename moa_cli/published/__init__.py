"""What the pages of the project have from its code and from its recorded results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.published.results import filled, read_recorded, stale
    from moa_cli.published.sources import pages

__getattr__, __all__ = door(__name__)
