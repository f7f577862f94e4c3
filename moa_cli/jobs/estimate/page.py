"""A dry run to read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from moa_cli.jobs.estimate.document import DryRun, JobRow, ModelRow
from moa_cli.jobs.estimate.lengths import Lengths
from moa_cli.words import amount


def dry_run_page(told: DryRun) -> str:
    """The models, the jobs with what each would take, the data, and what all take together."""
    if not told.jobs:
        return "nothing to do"
    several = len({row.benchmark for row in told.models}) > 1
    models = [(f"{row.benchmark} {row.role}" if several else row.role, *_model(row)) for row in told.models]
    jobs = [
        (row.do, _name(row), _amount(row.flops), rough_time(row.seconds), _gigabytes(row), row.path)
        for row in told.jobs
    ]
    lines = [*map(_data_line, told.data), _download_line(told), _disk_line(told), _sum_line(told), *told.notes]
    return "\n".join([*_columns(models), "", *_columns(jobs), "", *filter(None, lines)])


def _columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as lines, one cell below the other."""
    found = list(rows)
    widths = [max(map(len, column)) for column in zip(*found, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in found)
    return [line.rstrip() for line in padded]


def rough_time(seconds: float | None) -> str:
    """A time that is known roughly, in one or two digits.

    >>> rough_time(7.4), rough_time(4000), rough_time(500_000), rough_time(None)
    ('7 s', '1.1 h', '5.8 days', '?')
    """
    if seconds is None:
        return "?"
    for size, unit in ((86400 * 2, "days"), (3600, "h"), (60, "min"), (0, "s")):
        if seconds >= size:
            value = seconds / {"days": 86400, "h": 3600, "min": 60, "s": 1}[unit]
            return f"{value:.0f} {unit}" if value >= 10 or unit == "s" else f"{value:.2g} {unit}"
    return "0 s"


def _model(row: ModelRow) -> tuple[str, str]:
    """Parameters, and what a model is, or is made from, and where that is."""
    if row.place == "a function":
        return "", row.name
    count = (
        "size unknown"
        if row.parameters is None
        else f"{'about ' * row.about}{amount(row.parameters).replace('G', 'B')}"
    )
    name = Path(row.name).name if row.place == "in a local folder" else row.name
    where = row.place
    if row.place == "on the hub":
        size = "size unknown (not in the cache)"
        where = f"to download, {f'about {row.download_bytes / 1e9:.2g} GB' if row.download_bytes else size}"
    how = row.how if row.how not in ("as it is", "made here") else ""
    return count, f"{name}, {where}{f'; {how}' if how else ''}"


def _name(row: JobRow) -> str:
    return f"{row.job} x {row.times}" if row.times > 1 else row.job


def _amount(flops: float | None) -> str:
    return "? FLOP" if flops is None else f"{amount(flops)}FLOP"


def _gigabytes(row: JobRow) -> str:
    return f"{row.bytes / 1e9:.2g} GB" if row.memory else "?"


def _data_line(data: Lengths) -> str:
    if data.prompts is None:
        return ""
    how = "tokens" if data.counted else "tokens (characters / 4)"
    return (
        f"{data.benchmark}: {data.prompts:,} training prompts of {data.prompt_tokens:.0f} {how} on average, answers "
        f"of {data.answer_tokens:.0f} in the data; drawn ones are taken to have all {data.most_tokens} they may have"
    )


def _download_line(told: DryRun) -> str:
    if told.download_bytes:
        return f"to be downloaded: about {told.download_bytes / 1e9:.2g} GB of models"
    return "" if any(row.download_bytes is None for row in told.models) else "no model is downloaded"


def _disk_line(told: DryRun) -> str:
    """Only of what takes a gigabyte, or has no room."""
    if told.disk_bytes < min(1e9, told.disk_free_bytes):
        return ""
    much = ": that is too little" * (told.disk_bytes > told.disk_free_bytes)
    return (
        f"on the disk: about {told.disk_bytes / 1e9:.2g} GB of models and checkpoints, and "
        f"{told.disk_free_bytes / 1e9:.2g} GB are free{much}"
    )


def _sum_line(told: DryRun) -> str:
    workers = f"{told.workers} worker{'s' * (told.workers != 1)}"
    rate = f"{amount(told.rate)}FLOP/s a {told.device}, measured just now" if told.rate else "no rate could be measured"
    if told.seconds is None:
        return f"in all {amount(told.flops)}FLOP and what is unknown, with {workers} ({rate})"
    return f"in all {amount(told.flops)}FLOP at most: about {rough_time(told.seconds)} with {workers} ({rate})"
