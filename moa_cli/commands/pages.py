"""What `moa list` and `moa show` say, to read: documents as tables and pages, and those of fronts and preparations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from benchmarks import Benchmark
from benchmarks.load import option_names
from benchmarks.prepare import stored_card
from moa_cli.words import duration, kl_words, shown

LEAST = 16
"""Characters that settings get on the narrowest screen."""


SOUND = 0.05
"""Up to this share of collapsed answers, a starting policy passes without a warning."""


@dataclass(frozen=True)
class RunsTable:
    """Runs to read: a line each, their settings as far as the screen has room."""

    rows: Sequence[dict[str, Any]]

    def __rich_console__(self, console: Console, screen: ConsoleOptions) -> RenderResult:
        bare = table([{k: v for k, v in row.items() if k != "settings"} for row in self.rows])
        room = max(screen.max_width - console.measure(bare, options=screen).maximum - 3, LEAST)
        yield table([row | {"settings": _short(row["settings"], room)} for row in self.rows])


def _short(settings: Mapping[str, Any], room: int) -> str:
    """Settings as -c takes them, in so many characters.

    >>> _short({"rounds": 1, "keep": "quantile"}, 40), _short({"rounds": 1, "keep": "quantile"}, 16)
    ('rounds=1 keep=quantile', 'rounds=1 keep=q…')
    """
    words = " ".join(f"{name}={'none' if value is None else _cell(value)}" for name, value in settings.items())
    return words if len(words) <= room else f"{words[: room - 1]}…"


def table(rows: Sequence[dict[str, Any]]) -> RenderableType:
    """Rows that have the same keys."""
    if not rows:
        return Text("none", style="dim")
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for key in rows[0]:
        made.add_column(key.replace("_", " "), overflow="fold")
    for row in rows:
        made.add_row(*(Text(_cell(value)) for value in row.values()))
    return made


def front_table(document: dict[str, Any], *, whole: bool) -> RenderableType:
    """The points of a front and the range of their language; with `whole`, its hypervolume below."""
    names = document["objectives"]
    rows = [
        {"point": p["label"]}
        | {f"{n} held-out": f"{v:+.2f}" for n, v in zip(names, p["evaluator"], strict=True)}
        | {f"{n} reward": f"{v:+.2f}" for n, v in zip(names, p["reward"], strict=True)}
        | {"KL": kl_words(p["kl"]), "collapsed": f"{p['collapse']:.0%}"}
        for p in document["points"]
    ]
    title = Text(f"{document['method']} on {document['benchmark']}, seed {document['seed']}", style="bold")
    foot = f"hypervolume: held-out {document['evaluator_hypervolume']:.3f}, reward {document['hypervolume']:.3f}\n"
    return Group(title, table(rows), Text(_language_line(document["points"])), Text(foot if whole else ""))


def _language_line(points: Sequence[dict[str, Any]]) -> str:
    """Some numbers of the points' language, each as its range over them; a dash where it is unknown of any."""

    def span(name: str, shape: str) -> str:
        values = [p["language"][name] for p in points]
        return "-" if None in values else " to ".join(dict.fromkeys(f"{f(values):{shape}}" for f in (min, max)))

    return (
        f"language: perplexity {span('perplexity', '.2f')}, self-BLEU {span('self_bleu', '.2f')}, "
        f"ended {span('ended', '.0%')}"
    )


def card_table(b: Benchmark) -> RenderableType:
    """What a preparation found: one row per objective."""
    stored = stored_card(b)
    assert stored is not None
    return Group(Text(f"{b.name}@{b.version}", style="bold"), *_card(**stored))


def _card(card: Mapping[str, Any], report: Mapping[str, Any]) -> list[RenderableType]:
    """What a preparation found, as it is stored."""
    rows = []
    for m, name in enumerate(card["objectives"]):
        accuracy = [report["pair_accuracy"].get(role, {}).get(name) for role in ("reward", "evaluator")]
        rows.append(
            {
                "objective": name,
                "reward accuracy": "-" if accuracy[0] is None else f"{accuracy[0]:.3f}",
                "evaluator accuracy": "-" if accuracy[1] is None else f"{accuracy[1]:.3f}",
                "reward mean, SD": f"{card['reward_mean'][m]:.3g}, {card['reward_std'][m]:.3g}",
                "evaluator mean, SD": f"{card['evaluator_mean'][m]:.3g}, {card['evaluator_std'][m]:.3g}",
            }
        )
    collapse = report["collapse"]
    return [
        table(rows),
        Text(f"card {card['hash']}, made in {duration(report['cost'].get('seconds', 0))}"),
        Text(
            f"{collapse:.1%} of the starting policy's answers are collapsed"
            + (", and every method starts from it: -c policy=... names another\n" if collapse > SOUND else "\n"),
            style="red" if collapse > SOUND else "",
        ),
    ]


def method_page(document: dict[str, Any]) -> RenderableType:
    """A method to read."""
    parts: list[RenderableType] = [Text(document["title"], style="bold"), Text(), *_paragraphs(document["summary"])]
    parts += [Text(), Text(f"steering: {document['steering']}")]
    if any("[choice" in text for text in (document["summary"], *(h["meaning"] for h in document["hyperparameters"]))):
        parts += [Text(), Text("[choice]: ours, not a paper's")]
    for h in document["hyperparameters"]:
        default = "none" if h["default"] is None else json.dumps(h["default"])
        parts += [Text(), Text.assemble((h["name"], "bold"), f" = {default}  ", (f"({h['type']})", "dim"))]
        parts += _paragraphs(h["meaning"], indent=4)
    return Group(*parts)


def _paragraphs(text: str, indent: int = 0) -> list[RenderableType]:
    """A docstring as wide as the screen. What is indented in it, a formula, keeps its lines."""
    parts: list[RenderableType] = []
    for paragraph in re.split(r"\n\s*\n", text):
        own = len(paragraph) - len(paragraph.lstrip(" "))
        words = dedent(paragraph) if own else " ".join(paragraph.split())
        parts += [Padding.indent(Text(words), indent + own), Text()]
    return parts[:-1]


def benchmark_page(document: dict[str, Any], typed: str) -> RenderableType:
    """A benchmark to read, `typed` as this: settings, objectives, and what a preparation found."""
    options = [(name, _option(document, name)) for name in option_names()]
    parts: list[RenderableType] = [
        Text(f"{document['name']}@{document['version']}", style="bold"),
        Text(),
        _grid((name, value) for name, value in options if value),
    ]
    for objective in document["objectives"]:
        rewards = [(f"  {role}", _reward(objective[role])) for role in ("reward", "evaluator")]
        parts += [Text(), Text.assemble((objective["name"], "bold"), f"  {objective['description']}"), _grid(rewards)]
    if document["prepared"]:
        parts += [Text(), *_card(**document["prepared"])]
    else:
        parts += [Text(), Text(f"not prepared yet: moa prepare -b {typed}")]
    return Group(*parts)


def _option(document: dict[str, Any], name: str) -> str:
    """What an option of `load_benchmark` is now; nothing where the benchmark has no use for it."""
    owner, _, key = name.rpartition(".")
    if name == "objectives":
        return ", ".join(objective["name"] for objective in document["objectives"])
    if name in ("grid", "trained_grid"):
        return _points_typed(document[name])
    if owner == "reward":  # of all trained rewards, which may differ
        trained = [o["reward"] for o in document["objectives"] if o["reward"]["kind"] == "TrainedReward"]
        return ", ".join(dict.fromkeys(_cell(reward[key]) for reward in trained))
    value = document[owner][key] if owner else document[name]
    return "-" if value == [] else _cell(value)


def _grid(facts: Iterable[tuple[str, str]]) -> Table:
    """Names in bold, with what belongs to them."""
    grid = Table.grid(padding=(0, 2))
    for name, value in facts:
        grid.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    return grid


def _points_typed(weights: Sequence[Sequence[float]]) -> str:
    """Points as --weights takes them."""
    return "  ".join(",".join(f"{w:.4g}" for w in point) for point in weights)


def _reward(reward: Mapping[str, Any]) -> str:
    """A reward in words."""
    what = {
        "TrainedReward": "trained here from preference pairs",
        "FunctionReward": f"function {reward.get('function')}",
        "HubReward": f"model {reward.get('model')}",
    }
    rest = [f"{k} {_cell(v)}" for k, v in reward.items() if k not in ("kind", "function", "model") and v is not None]
    return f"{what[reward['kind']]} ({', '.join(rest)})"


def facts_page(document: dict[str, Any]) -> RenderableType:
    """A run to read: nested entries by their dotted names; rows of a log in a line each."""
    facts: list[tuple[str, str]] = []
    for name, value in document.items():
        if name == "log":
            facts += [(name, f"{r['stage']}  {r['step']}/{r['steps']}  {_measured(r)}") for r in value]
        elif isinstance(value, dict):
            facts += [(f"{name}.{key}", _cell(item)) for key, item in value.items()]
        elif name != "kind":
            facts.append((name, _cell(value)))
    return _grid(facts)


def _measured(row: dict[str, Any]) -> str:
    return shown({k: v for k, v in row.items() if k not in ("stage", "step", "steps") and isinstance(v, int | float)})


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
