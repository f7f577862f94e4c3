"""Reddit TL;DR: summaries that people prefer against summaries that stay true to the post (Stiennon et al. 2020).

A row of the comparisons (arXiv 2009.01325), one post, two summaries and the index of the better one:
    {"info": {"id": "1x", "subreddit": "pets", "title": "My cat", "post": "My cat is afraid\\nof the vacuum ..."},
     "summaries": [{"text": " I have a cat."}, {"text": " Cat fears vacuum."}], "choice": 1}
becomes
    PreferencePair("### Instruction: Generate a one-sentence summary of this post. ### Input: My cat is afraid of the "
                   "vacuum ... ### Response:", chosen="Cat fears vacuum.", rejected="I have a cat.")

The published prompt holds the post alone, on one line [choice: as its template is], so the rows that lack subreddit
and title are as good as the others and are kept. Posts have 100 to 1200 characters.

Objectives: `preference` (overall, from the comparisons), `faithful` and `coverage` (from the ratings 1..7 of accuracy
and coverage in `axis`: of two summaries of one post, the one rated higher on average is chosen), `quality` (a general
reward model of the hub). Rows come from the hub id `openai/summarize_from_feedback` or from a folder with `comparisons`
and, where present, `axis` and `posts` (the authors' own summaries, which join the demonstrations). On the hub only the
comparisons are read, so `coverage` needs a folder.

| | hub (published settings) | data folder [choice: for small models on a CPU] |
|---|---|---|
| starting policy | an SFT model of 7B [choice] | scratch:4m |
| test prompts | the first 2,000 posts of the validation split | the first 300 |
| rewards | hub classifiers | trained from half of the pairs |
| evaluators | other models, see `_hub_objectives` [choice] | trained from the other half |
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.common import digest
from benchmarks.data import (
    DEV_SHARE,
    Row,
    Source,
    alike,
    distinct,
    fault,
    graded_pairs,
    local_folder,
    report_skipped,
    share_of,
)
from benchmarks.prepare import Benchmark
from benchmarks.rewards import HubReward, TrainedReward
from benchmarks.spec import Answer, Objective, PreferencePair, Sampling, Scratch, Split, choose

TEMPLATE = "### Instruction: Generate a one-sentence summary of this post. ### Input: {post} ### Response:"


FILES: dict[Split, dict[str, str]] = {
    "train": {"comparisons": "train", "axis": "train", "posts": "train"},
    "test": {"comparisons": "validation", "axis": "validation", "posts": "test"},
}
"""What the folders call our splits. Dev posts are a share of the training posts, chosen by their hash."""


OPTIONAL = ("axis", "posts")
"""Tables that a folder may lack; of the hub they are not read."""


SCHEMAS: dict[str, Any] = {
    "comparisons": {"info": {"id": str, "post": str | None}, "summaries": [{"text": str}], "choice": int},
    "axis": {"prompt": str, "summary": str, "ratings": {"accuracy": int | None, "coverage": int | None}},
    "posts": {"post": str, "summary": str},
}


AXES = {"faithful": "accuracy", "coverage": "coverage"}
"""The rating behind an objective."""


@dataclass
class _Rows:
    """What is read from one split."""

    comparisons: list[PreferencePair] = field(default_factory=list)
    own: list[Answer] = field(default_factory=list)
    """The authors' own summaries."""
    ratings: dict[Answer, list[dict[str, int | None]]] = field(default_factory=lambda: defaultdict(list))
    """All ratings of a summary."""

    def add(self, table: str, texts: tuple[str, ...], row: Row) -> None:
        """Keeps a row, given its prompt and summaries."""
        if table == "comparisons":
            self.comparisons.append(PreferencePair(*texts))
        elif table == "axis":
            self.ratings[Answer(*texts)].append(row["ratings"])
        else:
            self.own.append(Answer(*texts))

    @property
    def prompts(self) -> list[str]:
        """Distinct prompts, those of the comparisons first."""
        return distinct(row.prompt for rows in (self.comparisons, self.ratings, self.own) for row in rows)

    def parted(self, prompts: Collection[str]) -> tuple[_Rows, _Rows]:
        """The rows of other prompts, and those of these and of what is alike."""
        taken = set(map(alike, prompts))
        parts = _Rows(), _Rows()
        for pair in self.comparisons:
            parts[alike(pair.prompt) in taken].comparisons.append(pair)
        for answer in self.own:
            parts[alike(answer.prompt) in taken].own.append(answer)
        for answer, ratings in self.ratings.items():
            parts[alike(answer.prompt) in taken].ratings[answer] = ratings
        return parts


@dataclass(frozen=True)
class RedditSummary:
    """Rows of TL;DR (the `Data` protocol)."""

    source: Source
    min_post_chars: int = 100
    max_post_chars: int = 1200
    max_response_chars: int = 400
    dev_share: float = DEV_SHARE
    """Share of the training prompts that are dev prompts."""

    def prompts(self, split: Split) -> list[str]:
        """Distinct prompts in the order of the files."""
        return self._splits[split].prompts

    def demonstrations(self) -> list[Answer]:
        """The preferred summaries, and the authors' own."""
        rows = self._splits["train"]
        return distinct([*(Answer(pair.prompt, pair.chosen) for pair in rows.comparisons), *rows.own])

    def responses(self) -> list[Answer]:
        """All summaries."""
        rows = self._splits["train"]
        compared = [Answer(p.prompt, response) for p in rows.comparisons for response in (p.chosen, p.rejected)]
        return distinct([*compared, *rows.own, *rows.ratings])

    def preference_pairs(self, objective: str, split: Split) -> list[PreferencePair]:
        """Comparisons (`preference`, `quality`) or all pairs that were rated differently (`faithful`, `coverage`)."""
        if objective not in AXES:
            return self._splits[split].comparisons if objective in ("preference", "quality") else []
        return graded_pairs(self._rated(objective, split))

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        """Training summaries with their mean rating, rounded to a grade 1..7, half of one up; none for what was not
        rated."""
        if objective not in AXES:
            return []
        return [(answer, math.floor(rating + 0.5)) for answer, rating in self._rated(objective, "train").items()]

    def fingerprint(self) -> str:
        """Hash of the files, or hub id and revision, and of the limits."""
        files = [(table, stem) for stems in FILES.values() for table, stem in stems.items()]
        limits = [self.min_post_chars, self.max_post_chars, self.max_response_chars, self.dev_share]
        return digest(["reddit-summary 4", *limits, self.source.fingerprint(files, OPTIONAL)])

    @property
    def skipped(self) -> dict[str, int]:
        """How many rows were not used, by reason."""
        return dict(self._read[1])

    def _rated(self, objective: str, split: Split) -> dict[Answer, float]:
        """Mean rating of each summary that was rated under an objective."""
        rated = {}
        for answer, ratings in self._splits[split].ratings.items():
            if given := [r for rating in ratings if (r := rating[AXES[objective]]) is not None]:
                rated[answer] = mean(given)
        return rated

    @property
    def _splits(self) -> dict[Split, _Rows]:
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[dict[Split, _Rows], Counter[str]]:
        """The rows of all splits, and the number of unusable rows by reason."""
        skipped: Counter[str] = Counter()
        splits: dict[Split, _Rows] = {"test": _Rows(), "train": _Rows()}
        tested: set[str] = set()
        kept = 0
        for split, rows in splits.items():
            seen: set[tuple[str, ...]] = set()
            for table, row in self._tables(split):
                texts = self._texts(table, row)
                if isinstance(texts, str):
                    skipped[texts] += 1
                elif split == "train" and alike(texts[0]) in tested:
                    skipped["post also in the test split"] += 1
                elif table == "comparisons" and texts in seen:
                    skipped["repeated comparison"] += 1
                else:
                    rows.add(table, texts, row)
                    seen.add(texts)
                    kept += 1
            tested.update(map(alike, rows.prompts))
        dev = share_of(splits["train"].prompts, self.dev_share)
        splits["train"], splits["dev"] = splits["train"].parted(dev)
        report_skipped(f"reddit-summary in {self.source.place}", kept, skipped)
        return splits, skipped

    def _tables(self, split: Split) -> Iterator[tuple[str, Row]]:
        """All rows of a split, each with the name of its table. Only the comparisons must be there."""
        local = isinstance(self.source.place, Path)
        for table, stem in FILES[split].items():
            if table not in OPTIONAL or (local and self.source.has(table)):
                yield from ((table, row) for row in self.source.rows(table, stem, SCHEMAS[table]))

    def _texts(self, table: str, row: Row) -> tuple[str, ...] | str:
        """A row's prompt and summaries (of a comparison, the better one first), or why it is skipped."""
        if table == "comparisons":
            summaries = [summary["text"].strip() for summary in row["summaries"]]
            if len(summaries) != 2 or row["choice"] not in (0, 1):
                return "not a choice between two"
            post = row["info"]["post"]
            summaries = [summaries[row["choice"]], summaries[1 - row["choice"]]]
        else:
            post = post_of(row["prompt"]) if table == "axis" else row["post"]
            summaries = [row["summary"].strip()]
        if post is None:
            return "no post"
        post = " ".join(post.split())
        if not self.min_post_chars <= len(post) <= self.max_post_chars:
            return f"post not of {self.min_post_chars} to {self.max_post_chars} characters"
        prompt = TEMPLATE.format(post=post)
        return fault(prompt, summaries, len(prompt), self.max_response_chars) or (prompt, *summaries)


def post_of(prompt: str) -> str | None:
    """The post in a prompt of `axis`, whose subreddit and title may be missing.

    >>> post_of("SUBREDDIT: r/pets\\nTITLE: My cat\\nPOST: My cat is afraid.\\nTL;DR:")
    'My cat is afraid.'
    """
    _, found, post = f"\n{prompt}".partition("\nPOST: ")
    return post.removesuffix("\nTL;DR:") if found else None


DESCRIPTIONS = {
    "preference": "the summary people prefer",
    "faithful": "nothing that the post does not say",
    "coverage": "what matters in the post",
    "quality": "a good answer to the instruction",
}


_QUALITY = Objective(
    name="quality",
    reward=HubReward(model="OpenAssistant/reward-model-deberta-v3-large-v2"),
    evaluator=HubReward(model="OpenAssistant/reward-model-electra-large-discriminator"),
    description=DESCRIPTIONS["quality"],
)


def _hub_objectives() -> list[Objective]:
    """The published rewards (METHODS: full-scale settings); the evaluators are different models [choice].

    The first two see the whole prompt where their papers show them the post alone [choice].
    """
    return [
        Objective(
            name="preference",
            reward=HubReward(model="Tristan/gpt2_reward_summarization", inputs="{response} {bos} {prompt}"),
            evaluator=TrainedReward(
                base="EleutherAI/pythia-410m", steps=1000, batch=32, learning_rate=1e-5, seed=1, fold="odd"
            ),
            description=DESCRIPTIONS["preference"],
        ),
        Objective(
            name="faithful",
            reward=HubReward(model="CogComp/bart-faithful-summary-detector", label=1, inputs="pair-reversed"),
            evaluator=HubReward(model="cross-encoder/nli-deberta-v3-base", label=1),
            description=DESCRIPTIONS["faithful"],
        ),
        _QUALITY,
    ]


def _local_objectives() -> list[Objective]:
    """Reward and evaluator are trained from disjoint halves of the pairs."""
    trained = [
        Objective(
            name=name,
            reward=TrainedReward(fold="even"),
            evaluator=TrainedReward(fold="odd", seed=1),
            description=DESCRIPTIONS[name],
        )
        for name in ("preference", "faithful", "coverage")
    ]
    return [*trained, _QUALITY]


def benchmark(data_dir: Path | None = None, objectives: Sequence[str] | None = None) -> Benchmark:
    """Preferred against faithful summaries. Without a data folder the hub is read.

    Raises BadInput for a folder that does not exist and for objectives that are unknown, repeated or none.
    """
    local = data_dir is not None
    hub = Source("openai/summarize_from_feedback", revision="refs/convert/parquet")  # its main branch is a script
    known = _local_objectives() if local else _hub_objectives()
    return Benchmark(
        name="reddit-summary",
        version="1",
        data=RedditSummary(Source(local_folder(data_dir)) if data_dir else hub),
        objectives=choose("reddit-summary", known, ("preference", "faithful") if objectives is None else objectives),
        policy="scratch:4m" if local else "PKU-Alignment/alpaca-7b-reproduced",
        sampling=Sampling(max_new_tokens=48, stop=("###",)),
        eval_prompts=300 if local else 2000,
        scratch=Scratch(vocabulary=4096, pretrain_steps=500, sft_steps=150, batch=16, learning_rate=2e-3),
    )
