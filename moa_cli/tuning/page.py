"""A search to read: its trials, what was set in each, and what it brought."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rich.console import Group, RenderableType
from rich.text import Text

from moa_cli.formats import Blocks, column
from moa_cli.runs import Trial, Tuning
from moa_cli.words import amount, kl_words, setting_words, signed


def tuning_table(tuning: Tuning) -> RenderableType:
    """The trials of a search, the best first line below them."""
    told: dict[str, Callable[[Trial], str]] = {
        "trial": lambda trial: f"{trial.number}{' *' * (trial.number == tuning.best)}",
        **{name.replace("_", "\n"): partial(_setting, name) for name in tuning.searched},
        "dev\nreward": lambda trial: signed(trial.rewards),
        "dev\nscore": lambda trial: signed(trial.scores),
        "KL": lambda trial: kl_words(trial.kl),
        "FLOP": lambda trial: amount(trial.flops),
        "state": lambda trial: trial.state,
    }
    styles = ["bold" if trial.number == tuning.best else "" for trial in tuning.trials]
    columns = []
    for head, write in told.items():
        cells = [Text(write(trial), style) for trial, style in zip(tuning.trials, styles, strict=True)]
        columns.append(column(head, cells, words=head in ("trial", "state")))
    table = Blocks(tuple(columns), apart=1)
    title = Text(f"{tuning.method} on {tuning.benchmark}, seed {tuning.seed}", style="bold")
    return Group(title, table, Text(f"{_found(tuning)}\n"))


def _setting(name: str, trial: Trial) -> str:
    return setting_words(trial.config.get(name))


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
