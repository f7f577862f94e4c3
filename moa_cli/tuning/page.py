"""A search to read: its trials, what was set in each, and what it brought."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moa_cli.runs import Trial, Tuning
from moa_cli.words import amount, kl_words, setting_words, signed


def tuning_table(tuning: Tuning) -> RenderableType:
    """The trials of a search, the best first line below them."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("trial", *tuning.searched, "dev reward", "dev score", "KL", "FLOP", "state"):
        table.add_column(name.replace("_", " "), overflow="fold")
    for trial in tuning.trials:
        mark = " *" if trial.number == tuning.best else ""
        settings = [setting_words(trial.config.get(name)) for name in tuning.searched]
        numbers = [signed(trial.rewards), signed(trial.scores), kl_words(trial.kl), amount(trial.flops)]
        row = [f"{trial.number}{mark}", *settings, *numbers, trial.state]
        table.add_row(*map(Text, row), style="bold" if mark else None)
    title = Text(f"{tuning.method} on {tuning.benchmark}, seed {tuning.seed}", style="bold")
    return Group(title, table, Text(f"{_found(tuning)}\n"))


def _found(tuning: Tuning) -> str:
    by = "training rewards" if tuning.on == "rewards" else "EVALUATORS, which are not held out from this choice"
    capped = "" if tuning.max_kl is None else f", KL at most {tuning.max_kl:g}"
    how = f"utility on {tuning.prompts} dev prompts, chosen by the {by}{capped}"
    if tuning.chosen is None:
        return f"no trial can be the best; {how}"
    first, best = tuning.trials[0], tuning.chosen
    if best.number == 0:
        return f"*: none of {len(tuning.trials)} trials is better than the default; {how}"
    return f"*: the best of {len(tuning.trials)} trials{_gain(tuning, first, best)}; {how}"


def _gain(tuning: Tuning, first: Trial, best: Trial) -> str:
    if first.state != "fine":
        return f" (the default: {first.state})"
    before, after = tuning.value(first), tuning.value(best)
    return "" if before is None or after is None else f", {after - before:+.2f} against the default"
