"""The recorded results on the pages: tables of what `results/` holds, and what of it the code no longer makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from benchmarks import BadInput, load_benchmark
from benchmarks.common import plain
from benchmarks.prepare import StoredCard
from benchmarks.spec import policy_id
from methods import method_names
from moa_cli.claims import Claims, claims_markdown
from moa_cli.comparisons import Comparison, OnBenchmark, read_saved
from moa_cli.formats import comparison_markdown, volume_cell
from moa_cli.published.sources import ROOT
from moa_cli.report import verdict_sentence
from moa_cli.runs import Tuning, as_config, read_tuning, resolve
from moa_cli.studies import Study, study_markdown
from moa_cli.words import kl_words, markdown_text, number_words, setting_words, signed

RESULTS = ROOT / "results"
PAGES = ("README.md", "docs/results.md")
BENCHMARKS = ("hh-rlhf-mini", "reddit-summary-mini")
NOTHING = "Nothing is recorded by this version: `make results` does it, in hours."


@dataclass(frozen=True)
class Recorded:
    """What is recorded; None where nothing is."""

    comparison: Comparison | None
    claims: Claims | None
    tunings: tuple[Tuning, ...]
    real: tuple[tuple[Comparison, StoredCard], ...] = ()
    """On a pretrained policy, each with what its preparation found."""
    kl: Study | None = None
    """Score against KL."""


def read_recorded(folder: Path = RESULTS) -> Recorded:
    """What `make results` left. BadInput for a file that is damaged, or of an earlier version."""
    comparison, claims, kl = folder / "compare.json", folder / "claims.json", folder / "kl.json"
    return Recorded(
        read_saved(comparison) if comparison.exists() else None,
        Claims.from_json(claims.read_bytes()) if claims.exists() else None,
        tuple(read_tuning(path) for path in sorted(folder.glob("*/tuned/*.json"))),
        tuple(
            (read_saved(path), StoredCard.from_json((folder / "real" / "cards" / path.name).read_bytes()))
            for path in sorted(folder.glob("real/*.json"))
        ),
        Study.from_json(kl.read_bytes()) if kl.exists() else None,
    )


def filled(page: str, recorded: Recorded) -> str:
    """A page with what is recorded between its marks, `<!-- results: NAME -->` and `<!-- end -->`.

    KeyError for a mark that stands for nothing.
    """
    blocks = {
        "summary": _summary, "tables": _tables, "tuned": _tuned, "claims": _claims,
        "pretrained": _pretrained, "pretrained_tables": _pretrained_tables, "kl": _kl,
    }  # fmt: skip
    mark = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return mark.sub(lambda found: f"{found[1]}\n{blocks[found[2]](recorded)}\n\n{found[3]}", page)


def stale(recorded: Recorded) -> list[str]:
    """What is recorded and would be made otherwise now, or is missing, one sentence each."""
    if recorded.comparison is None:
        return ["nothing is recorded in results/"]
    found = {on.name: on for on in recorded.comparison.benchmarks}
    lines = [f"{name}: {line}" for name, on in found.items() for line in _stale(on)]
    return lines + [f"{name}: nothing is recorded" for name in BENCHMARKS if name not in found]


def _stale(on: OnBenchmark) -> Iterator[str]:
    try:
        benchmark = load_benchmark(on.name, home=RESULTS)
    except BadInput as error:
        yield error.what
        return
    told = {
        "version": (on.version, benchmark.version),
        "starting policy": (on.card.policy, policy_id(benchmark)),
        "rewards": (on.card.rewards, tuple(o.reward.id(benchmark, o.name) for o in benchmark.objectives)),
        "evaluators": (on.card.evaluators, tuple(o.evaluator.id(benchmark, o.name) for o in benchmark.objectives)),
    }
    yield from (f"its {what} is another now" for what, (then, now) in told.items() if then != now)
    rows = {row.method: row for row in on.rows}
    yield from (f"{name} is missing" for name in method_names() if name not in rows)
    for name in rows:
        if name not in method_names():
            yield f"{name} is no method any more"
    try:
        settings = resolve(["tuned"], [on.name], method_names(), data_dir=None, home=RESULTS)
    except BadInput as error:
        yield error.what
        return
    for name, method in settings.methods.items():
        if name in rows and (changed := _changed(rows[name].config, plain(as_config(method)))):
            yield f"{name} has another {', '.join(changed)} now"


def _changed(then: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """The names of settings that are others, or of which there was no word."""
    return sorted(name for name in {*then, *now} if (then.get(name), name in then) != (now.get(name), name in now))


def _summary(recorded: Recorded) -> str:
    """Of every benchmark the held-out hypervolumes from the highest to the lowest, and the verdict."""
    if recorded.comparison is None:
        return NOTHING
    return "\n\n".join(f"{_ranking(on)}\n{_verdict(on)}" for on in recorded.comparison.benchmarks)


def _ranking(on: OnBenchmark) -> str:
    volumes = (f"`{row.method}` {volume_cell(on, row, 'scores', _alone)}" for row in on.rows)
    return f"HV at {on.policies} on `{on.name}`: {', '.join(volumes)}."


def _alone(value: float, low: float, high: float, sign: str = "") -> str:
    """A value without its interval, for which a summary has no room."""
    return number_words(value, sign)


def _tables(recorded: Recorded) -> str:
    """Every benchmark's verdict, then the tables of the comparison."""
    if recorded.comparison is None:
        return NOTHING
    said = [_verdict(on) for on in recorded.comparison.benchmarks]
    old = [f"**Stale**: {markdown_text(line)}." for line in stale(recorded)]
    made = [f"```bash\n{recorded.comparison.command}\n```"] if recorded.comparison.command else []
    return "\n\n".join([*old, *made, *said, comparison_markdown(recorded.comparison).partition("\n\n")[2].strip()])


def _pretrained(recorded: Recorded) -> str:
    """Of the first comparison on a pretrained policy the volumes, how well its rewards rank, and the verdict."""
    if not recorded.real:
        return NOTHING
    comparison, stored = recorded.real[0]
    return "\n".join(f"{_ranking(on)}\n{_accuracy(stored)}\n{_verdict(on)}" for on in comparison.benchmarks)


def _pretrained_tables(recorded: Recorded) -> str:
    """Every comparison on a pretrained policy: command, how well the rewards rank, verdict and table."""
    parts = []
    for comparison, stored in recorded.real:
        parts += [f"```bash\n{comparison.command}\n```", _accuracy(stored), *map(_verdict, comparison.benchmarks)]
        parts.append(comparison_markdown(comparison).partition("\n\n")[2].strip())
    return "\n\n".join(parts) or NOTHING


def _accuracy(stored: StoredCard) -> str:
    """How many held-out pairs rewards and evaluators rank as people did."""
    of = stored.report.pair_accuracy
    told = (f"{name} {of.reward[name]:.2f} / {of.evaluator[name]:.2f}" for name in stored.card.objectives)
    return f"Held-out pairs that reward / evaluator rank as people did: {', '.join(told)}."


def _verdict(on: OnBenchmark) -> str:
    """The sentence of the report as Markdown."""
    return markdown_text(unescape(re.sub(r"<[^>]*>", "", verdict_sentence(on))))


def _tuned(recorded: Recorded) -> str:
    """What the search brought every method, on dev prompts."""
    if not recorded.tunings:
        return NOTHING
    heads = [
        "benchmark", "method", "trials", "hours", "reward", "best", "score", "best", "KL", "best", "what was found",
    ]  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|:--|:--|" + "--:|" * 8 + ":--|"]
    for tuning in recorded.tunings:
        first, best = tuning.trials[0], tuning.chosen or tuning.trials[0]
        found = {name: value for name, value in best.config.items() if first.config.get(name) != value}
        cells = [
            f"`{tuning.benchmark}`", f"`{tuning.method}`", str(len(tuning.trials)),
            f"{sum(trial.seconds for trial in tuning.trials) / 3600:.1f}",
            *map(signed, (first.rewards, best.rewards, first.scores, best.scores)),
            kl_words(first.kl), kl_words(best.kl),
            ", ".join(f"`{name} = {setting_words(value)}`" for name, value in found.items()) or "the default",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _kl(recorded: Recorded) -> str:
    """What every method gains at which KL."""
    return NOTHING if recorded.kl is None else study_markdown(recorded.kl).partition("\n\n")[2].strip()


def _claims(recorded: Recorded) -> str:
    """Every claim's verdict."""
    return NOTHING if recorded.claims is None else claims_markdown(recorded.claims).strip()
