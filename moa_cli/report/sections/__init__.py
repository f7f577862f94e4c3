"""The sections of the report: one question, one file."""

from __future__ import annotations

from moa_cli.report.sections.answers import answers
from moa_cli.report.sections.ceiling import ceiling
from moa_cli.report.sections.control import control
from moa_cli.report.sections.corners import corners
from moa_cli.report.sections.cost import cost
from moa_cli.report.sections.differences import differences
from moa_cli.report.sections.fronts import fronts
from moa_cli.report.sections.hypervolume import hypervolume
from moa_cli.report.sections.kl import kl
from moa_cli.report.sections.language import language
from moa_cli.report.sections.over_optimisation import over_optimisation
