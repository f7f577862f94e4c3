"""A user's table as the data of a benchmark: answers, preference pairs or dialogues, from files or the hub."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from benchmarks.common import BadInput, Range, digest
from benchmarks.data.clean import DEV_SHARE, distinct, fault, report_skipped, share_of, split_dialogue
from benchmarks.data.files import has_files, hash_file, named_files, split_files
from benchmarks.data.formats import is_saved
from benchmarks.data.rows import Row, read_hub, read_rows
from benchmarks.spec import SPLITS, Answer, PreferencePair, Split

FORMATS = {"answers": ("prompt", "response"), "pairs": ("prompt", "chosen", "rejected"), "dialogues": ("text",)}
"""What a row holds: one answer, two answers of which the first is better, or a whole dialogue in HH-RLHF's form."""


class Item(NamedTuple):
    """What is read from one row."""

    prompt: str
    response: str
    worse: str | None
    """The rejected answer of a pair."""
    objective: str
    """What the pair is labelled under."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What the columns are called.

    `objective` and `split` ("train", "dev", anything else is test) are read where named.
    """

    prompt: str = "prompt"
    response: str = "response"
    chosen: str = "chosen"
    rejected: str = "rejected"
    text: str = "text"
    objective: str = ""
    split: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A user's rows (the `Data` protocol); the fields are the keys of [data]."""

    format: Literal["answers", "pairs", "dialogues"]
    """What a row holds, see `FORMATS`."""
    path: str = ""
    """A file, or a folder with train.*, test.* and, if it likes, dev.*; this, or `hub`."""
    test_path: str = ""
    """A file with the test rows."""
    dev_path: str = ""
    """A file with the dev rows."""
    hub: str = ""
    """A data set's hub id."""
    config: str | None = None
    """The configuration of a data set on the hub."""
    revision: str | None = None
    train_split: str = "train"
    test_split: str = ""
    dev_split: str = ""
    """The hub's names for the splits."""
    test_share: Annotated[float, Range(0, 1)] = 0.1
    """Share of prompts held out, chosen by their hash, where neither rows nor files say what is test."""
    dev_share: Annotated[float, Range(0, 0.5)] = DEV_SHARE
    """Share of the training prompts on which settings are chosen and nothing is trained, likewise by their hash."""
    template: str = "{prompt}"
    """What is made of a prompt before the policy sees it."""
    columns: Columns = Columns()
    objective: str = ""
    """The objective under which pairs are labelled, where no column says so."""
    max_prompt_chars: Annotated[int, Range(1)] = 2000
    max_response_chars: Annotated[int, Range(1)] = 2000

    def prompts(self, split: Split) -> list[str]:
        """Distinct prompts in the order of the rows."""
        return distinct(item.prompt for item in self._rows[split])

    def demonstrations(self) -> list[Answer]:
        """All answers of the training rows; of pairs, the chosen one."""
        return distinct(Answer(item.prompt, item.response) for item in self._rows["train"])

    def responses(self) -> list[Answer]:
        """All answers of the training rows; of pairs, both."""
        items = self._rows["train"]
        return distinct(Answer(item.prompt, text) for item in items for text in (item.response, item.worse) if text)

    def preference_pairs(self, objective: str, split: Split) -> list[PreferencePair]:
        """Pairs labelled under an objective."""
        items = [item for item in self._rows[split] if item.worse and item.objective == objective]
        return distinct(PreferencePair(item.prompt, item.response, item.worse or "") for item in items)

    def fingerprint(self) -> str:
        """Hash of the files' content, or hub id and revision, and of how rows are read."""
        how = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("path", "test_path", "dev_path")}
        files = [] if self.hub else [hash_file(path) for path, _ in self._files]
        return digest(["table 2", how, files])

    @property
    def skipped(self) -> dict[str, int]:
        """How many rows were not used, by reason."""
        return dict(self._read[1])

    @property
    def _files(self) -> list[tuple[Path, Split | None]]:
        """Local files with their split; None where rows or prompts decide."""
        path = Path(self.path)
        if path.is_dir() and not is_saved(path):
            there = [split for split in SPLITS if split != "dev" or has_files(path, split)]
            return [(file, s) for s in there for file in split_files(path, s, layout=f"{path}/{s}.jsonl")]
        named = self._named(self.path, self.dev_path, self.test_path)
        return [(file, split) for place, split in named for file in named_files(place)]

    def _named(self, train: str, dev: str, test: str) -> list[tuple[str, Split | None]]:
        """Those that are named, with their splits; None for the rows of which only some are for training."""
        named: list[tuple[str, Split | None]] = [(train, "train" if test else None), (dev, "dev"), (test, "test")]
        return [(name, split) for name, split in named if name]

    @property
    def _rows(self) -> dict[Split, list[Item]]:
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[dict[Split, list[Item]], Counter[str]]:
        """Items by split, and the number of skipped rows by reason."""
        roles = (*FORMATS[self.format], "objective", "split")
        schema = {column: str for role in roles if (column := getattr(self.columns, role))}
        skipped: Counter[str] = Counter()
        rows: dict[Split, list[Item]] = {split: [] for split in SPLITS}
        for row, split in self._numbered(schema):
            item = self._item(row)
            if isinstance(item, str):
                skipped[item] += 1
            else:
                rows[split or self._split(row, item.prompt)].append(item)
        overlaps: tuple[tuple[Split, Split], ...] = (("dev", "test"), ("train", "test"), ("train", "dev"))
        for one, other in overlaps:
            rows[one] = _without(rows[one], rows[other], f"prompt also in the {other} split", skipped)
        if not rows["dev"]:
            drawn = share_of((item.prompt for item in rows["train"]), self.dev_share)
            rows["dev"] = [item for item in rows["train"] if item.prompt in drawn]
            rows["train"] = [item for item in rows["train"] if item.prompt not in drawn]
        report_skipped(self.hub or self.path, sum(map(len, rows.values())), skipped)
        if not rows["train"] or not rows["test"]:
            raise BadInput(
                f"{self.hub or self.path} leaves {len(rows['train'])} training and {len(rows['test'])} test rows",
                f"a benchmark needs both; skipped were {dict(skipped) or 'none'}",
                "name a test file, a column for the split, or a larger test_share",
            )
        return rows, skipped

    def _numbered(self, schema: Row) -> list[tuple[Row, Split | None]]:
        """All rows with the split of their file, if it has one."""
        if not self.hub:
            return [(row, split) for path, split in self._files for row in read_rows(path, schema)]
        return [
            (row, split)
            for name, split in self._named(self.train_split, self.dev_split, self.test_split)
            for row in read_hub(self.hub, name, schema, config=self.config, revision=self.revision)
        ]

    def _item(self, row: Row) -> Item | str:
        """What a row holds, or why it is skipped."""
        texts = [row[getattr(self.columns, role)] for role in FORMATS[self.format]]
        if self.format == "dialogues":
            answer = split_dialogue(texts[0])
            if isinstance(answer, str):
                return answer
            prompt, responses = answer.prompt, [answer.response]
        else:
            prompt = self.template.replace("{prompt}", texts[0].strip()).rstrip(" ")
            responses = [text.strip() for text in texts[1:]]
        objective = row[self.columns.objective] if self.columns.objective else self.objective
        worse = responses[1] if self.format == "pairs" else None
        wrong = fault(prompt, responses, self.max_prompt_chars, self.max_response_chars)
        return wrong or Item(prompt, responses[0], worse, objective)

    def _split(self, row: Row, prompt: str) -> Split:
        if self.columns.split:
            said = row[self.columns.split]
            return said if said in ("train", "dev") else "test"
        part = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big") / 2**32
        return "test" if part < self.test_share else "train"


def _without(items: list[Item], others: list[Item], reason: str, skipped: Counter[str]) -> list[Item]:
    """The items whose prompts are not those of the others; how many are left out is counted under the reason."""
    taken = {item.prompt for item in others}
    kept = [item for item in items if item.prompt not in taken]
    if len(kept) < len(items):
        skipped[reason] += len(items) - len(kept)
    return kept
