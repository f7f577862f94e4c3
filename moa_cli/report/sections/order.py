"""What the report says of a benchmark, in this order: a title, and the section that answers to it."""

from __future__ import annotations

from collections.abc import Callable

from moa_cli.comparisons import OnBenchmark
from moa_cli.report.elements import Content, Styles
from moa_cli.report.sections.answers import answers
from moa_cli.report.sections.ceiling import ceiling
from moa_cli.report.sections.choice import choice
from moa_cli.report.sections.control import control
from moa_cli.report.sections.cost import cost
from moa_cli.report.sections.differences import differences
from moa_cli.report.sections.fronts import fronts
from moa_cli.report.sections.hypervolume import hypervolume
from moa_cli.report.sections.kl import kl
from moa_cli.report.sections.language import language
from moa_cli.report.sections.methods import methods
from moa_cli.report.sections.over_optimisation import over_optimisation
from moa_cli.report.sections.refs import refs
from moa_cli.report.sections.training import training, tuning

SECTIONS: dict[str, Callable[[OnBenchmark, Styles], Content]] = {
    "Fronts": fronts,
    "Methods": methods,
    "Hypervolume": hypervolume,
    "Who is better than whom": differences,
    "What to take": choice,
    "How close to the best possible": ceiling,
    "Does it obey": control,
    "Score and KL": kl,
    "Over-optimisation": over_optimisation,
    "Cost": cost,
    "Training": training,
    "What tuning brought": tuning,
    "Other refs": refs,
    "Collapse and language": language,
    "Answers": answers,
}
