"""What -o writes of a study, by suffix."""

from __future__ import annotations

from collections.abc import Callable

from moa_cli.formats import Formats, as_text
from moa_cli.studies.document import Study
from moa_cli.studies.tables import study_csv, study_markdown


def _image(suffix: str) -> Callable[[Study], bytes]:
    def draw(study: Study) -> bytes:
        from moa_cli.formats import comparison_image
        from moa_cli.studies.figure import study_image

        if study.comparison:
            return comparison_image(study.comparison, suffix)
        return study_image(study, suffix)

    return draw


def _page(study: Study) -> str:
    from moa_cli.studies.page import study_html

    return study_html(study)


STUDY_FORMATS: Formats[Study] = {
    ".md": as_text(study_markdown),
    ".json": as_text(Study.to_json),
    ".csv": as_text(study_csv),
    ".html": as_text(_page),
    ".png": _image("png"),
    ".pdf": _image("pdf"),
    ".svg": _image("svg"),
}
