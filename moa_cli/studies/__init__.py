"""Studies: questions about methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.studies.document import Study
    from moa_cli.studies.findings import InRounds
    from moa_cli.studies.outputs import STUDY_FORMATS
    from moa_cli.studies.studies import (
        STUDIES,
        answerable,
        find_study,
        later_jobs,
        make_study,
        study_contestants,
        study_name,
    )
    from moa_cli.studies.tables import study_markdown, study_table

__getattr__, __all__ = door(__name__)
