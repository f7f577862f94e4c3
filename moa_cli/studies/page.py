"""A study as one HTML file that needs nothing else: its figure and its tables."""

from __future__ import annotations

from moa_cli.report import html_page, report_html
from moa_cli.report.elements import PAGE, Html, called, el, html_table, inline, join
from moa_cli.studies.document import Study
from moa_cli.studies.figure import study_figure
from moa_cli.studies.tables import NOTE, cells, title


def study_html(study: Study) -> str:
    """The page of a study; where it compared configurations, the report of their comparison."""
    if study.comparison:
        return report_html(study.comparison)
    tables = [
        html_table(" · ".join(on.facts(one.title)), [*one.columns], cells(one), "words")
        for on in study.benchmarks
        for one in on.tables
    ]
    names = join(map(called, study.methods), ", ")
    drawn = el("figure", inline(study_figure(study, PAGE), "The curves of the tables below."))
    note = el("p", NOTE, class_="note")
    failed = [el("p", line, class_="warning") for line in study.failed]
    heading: list[Html | str] = [f"{study.study} of ", names]
    return html_page(title(study), el("header", el("h1", *heading), *failed, note), el("main", drawn, *tables))
