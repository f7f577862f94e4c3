"""A user's table as the data of a benchmark: answers, pairs, conversations or grades, from files or the hub."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal

from benchmarks.common import BadInput, Range, Refusals, digest, hub_commit, nearest
from benchmarks.data.clean import (
    DEV_SHARE,
    distinct,
    fault,
    first_turn,
    mending,
    parted,
    report_skipped,
    warn_once,
    without,
)
from benchmarks.data.files import has_files, named_files, split_files
from benchmarks.data.formats import is_saved
from benchmarks.data.graded import Means, best, graded_pairs, mean_grades
from benchmarks.data.items import (
    DEFAULT_COLUMNS,
    FORMATS,
    Columns,
    Item,
    as_number,
    grade,
    graded_of,
    schema_of,
    texts_of,
    winner,
)
from benchmarks.data.odd import oddities
from benchmarks.data.rows import NamedFiles, Row, check_of_hub, placed_hub
from benchmarks.spec import ASSISTANT, SPLITS, Answer, PreferencePair, Split

Place = str | tuple[str, ...]
"""A path or a glob, or several."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A user's rows (the `Data` protocol); the fields are the keys of [data]."""

    format: Literal["answers", "pairs", "dialogues", "messages", "grades", "winners"]
    """What a row holds, see `FORMATS`."""
    path: Place = ""
    """A file, a glob or list of files, a saved Arrow folder, or a folder with train.*, test.* and, if it likes, dev.*;
    this, or `hub`. With both it is a local copy, whose splits are called as on the hub."""
    test_path: Place = ""
    """Files with the test rows."""
    dev_path: Place = ""
    """Files with the dev rows."""
    hub: str = ""
    """A data set's hub id."""
    config: str | None = None
    """The configuration of a data set on the hub."""
    revision: str | None = None
    train_split: str = "train"
    test_split: str = ""
    dev_split: str = ""
    """What the hub, a folder and `columns.split` call the splits. Not named, the last two are "test" and "dev" in a
    folder and in a column; on the hub there is then none."""
    test_share: Annotated[float, Range(0, 1)] = 0.1
    """Share of prompts held out, chosen by their hash, where neither rows nor files say what is test."""
    dev_share: Annotated[float, Range(0, 0.5)] = DEV_SHARE
    """Share of the training prompts on which settings are chosen and nothing is trained, likewise by their hash."""
    template: str = "{prompt}"
    """What is made of a prompt before the policy sees it."""
    columns: Columns = DEFAULT_COLUMNS
    objective: str = ""
    """The objective under which pairs are labelled, where no column says so."""
    grades: tuple[tuple[str, str], ...] = ()
    """(objective, column with the grade of a response under it)."""
    winners: tuple[tuple[str, str], ...] = ()
    """(objective, column with the index of the better of two responses under it)."""
    grade_range: tuple[Annotated[float, Range(-1000, 1000)], ...] = (1.0, 5.0)
    """The lowest and the highest grade; others are refused."""
    regrade: tuple[tuple[str, str], ...] = ()
    """(grade as it is written, what it stands for)."""
    max_prompt_chars: Annotated[int, Range(1)] = 2000
    max_response_chars: Annotated[int, Range(1)] = 2000
    known: tuple[str, ...] = ()
    """What the benchmark's objectives are called, as `columns.objective` has to say; no key of [data]."""

    def prompts(self, split: Split) -> list[str]:
        """Distinct prompts in the order of the rows."""
        return distinct(item.prompt for item in self._rows[split])

    def demonstrations(self) -> list[Answer]:
        """All answers of the training rows; of two, those that are better under an objective; of graded ones, those
        with the highest mean grade among the answers to their prompt [choice]."""
        if self.format == "grades":
            return best(self._means["train"])
        return distinct(Answer(item.prompt, text) for item in self._rows["train"] for text in item.good)

    def responses(self) -> list[Answer]:
        """All answers of the training rows."""
        return distinct(Answer(item.prompt, text) for item in self._rows["train"] for text in item.responses)

    def preference_pairs(self, objective: str, split: Split) -> list[PreferencePair]:
        """Pairs labelled under an objective; of graded answers, any two to a prompt that differ in their grade."""
        if self.format == "grades":
            return graded_pairs(self._means[split].get(objective, {}))
        said = [
            (item.prompt, item.responses, k) for item in self._rows[split] for o, k in item.better if o == objective
        ]
        return distinct(PreferencePair(prompt, texts[k], texts[1 - k]) for prompt, texts, k in said)

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        """Training answers with grades 1, 2, ..., 1 for the lowest there is; of several the mean, half of one up."""
        means = self._means["train"].get(objective, {})
        found = [(answer, math.floor(mean - self.grade_range[0] + 1.5)) for answer, mean in means.items()]
        said, left = len(set(means.values())), len({level for _, level in found})
        if said > 2 * left:
            warn_once(
                f"{self.place}: {said} different grades of {objective} become {left} where goals are whole grades: "
                "write them farther apart, or leave the objective to its rewards"
            )
        return found

    def fingerprint(self) -> str:
        """Hash of the files' content, or hub id and commit, and of how rows are read where it is said."""
        elsewhere = ("path", "test_path", "dev_path", "known")
        how = {name: value for name, value in _said(self).items() if name not in elsewhere}
        if self.hub and not self.path:
            check_of_hub(self.hub)
            if commit := hub_commit(self.hub, self.revision, "dataset"):
                how["revision"] = commit
        files = [(split, self._named_files[path]) for path, split in self.files] if self.path else []
        return digest(["table 7", how | {"columns": _said(self.columns)}, files])

    @property
    def skipped(self) -> dict[str, int]:
        """How many rows, or their labels, were not used, by reason."""
        return dict(self._read[1])

    @property
    def place(self) -> str:
        """Where the rows lie, for people."""
        return self.hub or (self.path if isinstance(self.path, str) else ", ".join(self.path))

    @property
    def is_folder(self) -> bool:
        """Whether the path is that of a folder with a file or more for each split."""
        return isinstance(self.path, str) and Path(self.path).is_dir() and not is_saved(Path(self.path))

    @cached_property
    def _named_files(self) -> NamedFiles:
        return NamedFiles()

    @cached_property
    def files(self) -> list[tuple[Path, Split | None]]:
        """Local files with their split; None where rows or prompts decide. BadInput for what is not there."""
        refusals = Refusals()
        found = [(file, split) for split, look in self._looks() for file in refusals.ask(look) or ()]
        refusals.tell(f"files of {self.place}")
        return found

    def _looks(self) -> list[tuple[Split | None, Callable[[], list[Path]]]]:
        """What finds the local files, with their split."""
        if not self.is_folder:
            named = self._named(self.path, self.dev_path, self.test_path)
            return [(split, partial(named_files, place)) for place, split in named]
        folder = Path(str(self.path))
        names: dict[Split, str] = {"train": self.train_split, "dev": self.dev_split, "test": self.test_split}
        unsaid = self.train_split == "train" and not self.test_split
        if self.hub and unsaid and not has_files(folder, self.train_split):
            return [(None, partial(named_files, str(folder)))]
        if self.hub:
            named = self._named(*names.values())
        else:
            named = [(names[s] or s, s) for s in SPLITS if s != "dev" or names[s] or has_files(folder, s)]
        return [(s, partial(split_files, folder, str(name), f"{folder}/{name}.jsonl")) for name, s in named]

    def _named(self, train: Place, dev: Place, test: Place) -> list[tuple[Place, Split | None]]:
        """Those that are named, with their splits; None for the rows of which only some are for training."""
        named: list[tuple[Place, Split | None]] = [(train, "train" if test else None), (dev, "dev"), (test, "test")]
        return [(name, split) for name, split in named if name]

    @cached_property
    def _means(self) -> dict[Split, Means]:
        return {split: mean_grades(items) for split, items in self._rows.items()}

    @property
    def _rows(self) -> dict[Split, list[Item]]:
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[dict[Split, list[Item]], Counter[str]]:
        """Items by split, and the number of skipped rows by reason."""
        skipped: Counter[str] = Counter()
        rows: dict[Split, list[Item]] = {split: [] for split in SPLITS}
        refusals, placed = Refusals(), self._placed()
        while found := refusals.ask(partial(next, placed, None)):  # what is no row ends the reading
            where, row, split = found
            for item in self._items(row, where, refusals):
                if isinstance(item, str):
                    skipped[item] += 1
                elif part := split or refusals.ask(partial(self._split, row, item.prompt, where)):
                    rows[part].append(item)
        refusals.tell(f"rows of {self.place}")
        overlaps: tuple[tuple[Split, Split], ...] = (("dev", "test"), ("train", "test"), ("train", "dev"))
        for one, other in overlaps:
            kept = without(rows[one], {item.prompt for item in rows[other]})
            if left := len(rows[one]) - len(kept):
                skipped[f"prompt also in the {other} split"] += left
            rows[one] = kept
        if not rows["dev"]:
            rows["train"], rows["dev"] = parted(rows["train"], self.dev_share)
        report_skipped(self.place, sum(map(len, rows.values())), skipped)
        if not rows["train"] or not rows["test"]:
            raise BadInput(
                f"{self.place} leaves {len(rows['train'])} training and {len(rows['test'])} test rows",
                f"a benchmark needs both; skipped were {dict(skipped) or 'none'}",
                self._way_out(rows, skipped),
            )
        used = [item for items in rows.values() for item in items]
        for odd in oddities((item.prompt, response) for item in used for response in item.responses):
            warn_once(f"{self.place}: {odd}")
        return rows, skipped + self._unknown(used)

    def _way_out(self, rows: Mapping[Split, Sequence[Item]], skipped: Counter[str]) -> str:
        """What to do where training or test has no rows."""
        missing = "test" if rows["train"] else "training"
        if skipped.total() > sum(map(len, rows.values())):
            return mending(skipped)
        if not any(rows.values()):
            return "it is empty: name another file, or one with rows in it"
        if self.columns.split:
            return f"column {self.columns.split!r} names no {missing} row: mend it, or leave data.columns.split out"
        if self.test_path or self.test_split:
            return f"name a file, or a split, with {missing} rows"
        began = {first_turn(item.prompt) for items in rows.values() for item in items}
        if len(began) < 3:
            return "what begins with the same turn lies in one split: take more different prompts, or name a test file"
        size = "larger" if missing == "test" else "smaller"
        return f"name a test file, a column for the split, or a {size} test_share"

    def _unknown(self, items: Iterable[Item]) -> Counter[str]:
        """How many labels name no objective of the benchmark, by what they say; told once."""
        said = Counter(o for item in items for o, _ in item.better if self.columns.objective and o not in self.known)
        odd = Counter(
            {f"label {o!r:.40} is no objective{nearest(o, self.known)}": n for o, n in said.items() if self.known}
        )
        for label, count in odd.items():
            warn_once(f"{self.place}: of {count:,} rows the {label}")
        return odd

    def _placed(self) -> Iterator[tuple[str, Row, Split | None]]:
        """All rows, each with its file and line and with the split of its file, if that has one."""
        labels = [column for _, column in (*self.grades, *self.winners)]
        schema = schema_of(self.format, self._called, labels)
        if self.path:
            for file, split in self.files:
                yield from ((where, row, split) for where, row in self._named_files.rows(file, schema))
            return
        for name, split in self._named(self.train_split, self.dev_split, self.test_split):
            of_hub = placed_hub(self.hub, str(name), schema, config=self.config, revision=self.revision)
            yield from ((where, row, split) for where, row in of_hub)

    @cached_property
    def _called(self) -> dict[str, str]:
        return asdict(self.columns)

    @cached_property
    def _regrade(self) -> dict[float | str, str]:
        return {as_number(written): meant for written, meant in self.regrade}

    def _items(self, row: Row, where: str, refusals: Refusals) -> Iterator[Item | str]:
        """What a row holds, or why it is skipped. Refused are labels that say something else."""
        listed, is_list, _ = self.columns.response.partition("[].")
        needed = (self.columns.objective, self.columns.split, listed if is_list else "")
        if null := [column for column in needed if column and row[column] is None]:
            yield f"{null[0]} is null"
            return
        if self.format == "grades":
            answers = graded_of(row, self.columns.response, dict(self.grades))
            if not answers:
                yield f"{listed} is empty"
            for response, cells in answers:
                texts = self._texts([row[self.columns.prompt], response])
                given = {
                    o: refusals.ask(partial(grade, *cell, where, self.grade_range, self._regrade))
                    for o, cell in cells.items()
                }
                yield self._item(texts, grades=tuple((o, g) for o, g in given.items() if g is not None))
            return
        won = {o: refusals.ask(partial(winner, column, row[column], where)) for o, column in self.winners}
        if self.format == "pairs":
            won = {row[self.columns.objective] if self.columns.objective else self.objective: 0}
        texts = self._texts([row.get(self._called[role]) for role in FORMATS[self.format]])
        yield self._item(texts, better=tuple((o, k) for o, k in won.items() if k is not None))

    def _texts(self, cells: list[Any]) -> tuple[str, ...] | str:
        return texts_of(self.format, cells, self._called, self.template)

    def _item(self, texts: tuple[str, ...] | str, **labels: tuple[tuple[str, Any], ...]) -> Item | str:
        """An item, or why it is skipped."""
        if isinstance(texts, str):
            return texts
        prompt, *responses = texts
        wrong = fault(prompt, responses, self.max_prompt_chars, self.max_response_chars)
        return wrong or Item(prompt, tuple(responses), **labels)

    def _split(self, row: Row, prompt: str, where: str) -> Split:
        if not self.columns.split:
            before, own = self.template.partition("{prompt}")[0], prompt
            if ASSISTANT in before:  # turns that all begin with tell none apart
                own = prompt.removeprefix(before)
            part = int.from_bytes(hashlib.sha256(first_turn(own).encode()).digest()[:4], "big") / 2**32
            return "test" if part < self.test_share else "train"
        said = row[self.columns.split]
        names: dict[str, Split] = {self.train_split: "train", self.dev_split or "dev": "dev"}
        names[self.test_split or "test"] = "test"
        if said not in names:
            raise BadInput(
                f"{where}, column {self.columns.split!r}: there is no split {said!r:.40}{nearest(said, names)}",
                f"it says what a row is for: {', '.join(names)}",
                "mend the rows, or set data.train_split, dev_split or test_split to what the column calls them",
            )
        return names[said]


def _said(settings: Table | Columns) -> dict[str, Any]:
    """The settings that are not the defaults: a setting that is new changes no identity where it is not used."""
    return {f.name: value for f in fields(settings) if (value := getattr(settings, f.name)) != f.default}
