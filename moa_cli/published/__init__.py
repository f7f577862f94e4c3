"""What the pages of the project have from its code and from its recorded results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.published.results import PAGES, Recorded, filled, read_recorded, stale
    from moa_cli.published.sources import differences, documents, schema_name, schema_text

__getattr__, __all__ = door(__name__)
