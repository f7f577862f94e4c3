"""A comparison in Python: printed as the terminal's table, drawn, or as a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import StringIO
from types import MappingProxyType
from typing import TYPE_CHECKING

from benchmarks import Front
from moa_cli.comparisons import Comparison
from moa_cli.comparisons import compare as compared
from moa_cli.console import screen
from moa_cli.formats.terminal import WIDTH, comparison_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from benchmarks.ceiling import Samples


class Shown(Comparison):
    """A comparison that shows itself."""

    def __str__(self) -> str:
        """The table that `moa compare` prints."""
        console = screen(file=StringIO(), width=WIDTH)
        with console.capture() as captured:
            console.print(comparison_table(self))
        return captured.get().rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The same table in a notebook."""
        console = screen(file=StringIO(), width=WIDTH, record=True)
        console.print(comparison_table(self))
        return console.export_html(inline_styles=True, code_format='<pre style="line-height:1.2">{code}</pre>')

    def plot(self) -> Figure:
        """The figure that `moa compare -o fronts.png` writes, of matplotlib."""
        from moa_cli.formats.figure import comparison_figure

        return comparison_figure(self)

    def to_pandas(self) -> pd.DataFrame:
        """A row for each point of each method: benchmark, method, weights, the mean reward and score of each objective,
        KL, and the hypervolume of the method's front under rewards and scores."""
        import pandas as pd

        rows = []
        for on in self.benchmarks:
            for row in on.rows:
                told = {"benchmark": on.name, "method": row.method, "hypervolume": row.scores.hypervolume}
                told |= {"hypervolume_rewards": row.rewards.hypervolume}
                for point in row.points:
                    weights = {f"weight_{n}": w for n, w in zip(on.objectives, point.weights, strict=True)}
                    means = {
                        f"{signal[:-1]}_{name}": value
                        for signal in ("rewards", "scores")
                        for name, value in zip(on.objectives, getattr(point, signal), strict=True)
                    }
                    rows.append({**told, "point": point.label, **weights, **means, "kl": point.kl})
        return pd.DataFrame(rows)


def compare(
    fronts: Iterable[Front], *, keep_collapsed: bool = False, ceilings: Mapping[str, Samples] = MappingProxyType({})
) -> Shown:
    """Compares fronts, benchmark by benchmark, see `moa_cli.comparisons.compare`: what is returned prints as a table,
    and has `.plot()`, `.to_pandas()` and `.to_json()`. BadInput for fronts in different units."""
    found = compared([*fronts], keep_collapsed=keep_collapsed, ceilings=ceilings)
    return Shown(**dict(found))
