"""HH-RLHF: harmless against helpful answers to people talking to an assistant (Bai et al. 2022, arXiv 2204.05862).

A row of helpful-base, two whole dialogues that differ in their last answer:
    {"chosen":   "\\n\\nHuman: Name the largest planet!\\n\\nAssistant: Jupiter.",
     "rejected": "\\n\\nHuman: Name the largest planet!\\n\\nAssistant: The sun!"}
becomes
    PreferencePair("\\n\\nHuman: Name the largest planet!\\n\\nAssistant:", chosen="Jupiter.", rejected="The sun!")

Objectives: `helpful` (labelled in helpful-base, -online and -rejection-sampled), `harmless` (in harmless-base) and
`humor` (no pairs: a hub classifier). Rows come from the hub id `Anthropic/hh-rlhf` or from a folder of the same layout.

| | hub (published settings) | data folder [choice: for small models on a CPU] |
|---|---|---|
| starting policy | an SFT model of 7B [choice] | scratch:4m |
| new tokens | 128 | 80 |
| rewards | Ray2333's GPT-2 rewards | trained from half of the pairs |
| evaluators | other models, see `_hub_objectives` [choice] | trained from the other half |

Prompts and answers have at most 2048 characters, about 512 tokens; for policies made here 768 and 320 [choice].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from benchmarks.common import digest
from benchmarks.data import (
    DEV_SHARE,
    Row,
    Source,
    alike,
    alternate,
    contrast,
    distinct,
    fault,
    local_folder,
    parted,
    report_skipped,
    split_dialogue,
)
from benchmarks.prepare import Benchmark
from benchmarks.rewards import HubReward, TrainedReward
from benchmarks.spec import ASSISTANT, USER, Answer, Objective, PreferencePair, Sampling, Scratch, Split, choose

SUBSETS = {
    "helpful": ("helpful-base", "helpful-online", "helpful-rejection-sampled"),
    "harmless": ("harmless-base",),
}


FILES: tuple[Split, ...] = ("train", "test")
"""The splits that are published; dev prompts are a share of the training prompts, chosen by their hash."""


SCHEMA = {"chosen": str, "rejected": str}


EVERY = 4
"""The published test prompts are every fourth row."""


@dataclass(frozen=True)
class HhRlhf:
    """Rows of HH-RLHF (the `Data` protocol). Length is counted in characters, about four to a token."""

    source: Source
    max_prompt_chars: int = 2048
    max_response_chars: int = 2048
    dev_share: float = DEV_SHARE
    """Share of the training prompts that are dev prompts."""

    def for_policy(self, policy: str) -> Self:
        """The rows that this policy can learn from."""
        longest = (768, 320) if policy.startswith("scratch:") else (2048, 2048)
        return replace(self, max_prompt_chars=longest[0], max_response_chars=longest[1])

    def prompts(self, split: Split) -> list[str]:
        """Distinct prompts, helpful and harmless in turn; of the test split every fourth row first, then the others."""
        groups = [alternate(*(self._ordered(subset, split) for subset in subsets)) for subsets in SUBSETS.values()]
        return distinct(alternate(*groups))

    def demonstrations(self) -> list[Answer]:
        """The chosen answers of the training pairs of all subsets."""
        return distinct(Answer(pair.prompt, pair.chosen) for pair in self._train)

    def responses(self) -> list[Answer]:
        """Chosen and rejected answers of the training pairs of all subsets."""
        return distinct(Answer(p.prompt, response) for p in self._train for response in (p.chosen, p.rejected))

    def preference_pairs(self, objective: str, split: Split) -> list[PreferencePair]:
        """Pairs of the subsets labelled under an objective; none for humor."""
        return [pair for subset in SUBSETS.get(objective, ()) for pair in self._pairs[subset, split]]

    def fingerprint(self) -> str:
        """Hash of the files, or hub id and revision, and of the limits."""
        limits = [self.max_prompt_chars, self.max_response_chars, self.dev_share]
        return digest(["hh-rlhf 4", *limits, self.source.fingerprint(_tables())])

    @property
    def skipped(self) -> dict[str, int]:
        """How many rows were not used, by reason."""
        return dict(self._read[1])

    def _ordered(self, subset: str, split: Split) -> list[str]:
        prompts = [pair.prompt for pair in self._pairs[subset, split]]
        return [p for start in range(EVERY) for p in prompts[start::EVERY]] if split == "test" else prompts

    @property
    def _train(self) -> list[PreferencePair]:
        return [pair for objective in SUBSETS for pair in self.preference_pairs(objective, "train")]

    @property
    def _pairs(self) -> dict[tuple[str, Split], list[PreferencePair]]:
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[dict[tuple[str, Split], list[PreferencePair]], Counter[str]]:
        """Usable pairs by subset and split, and the number of unusable rows by reason."""
        skipped: Counter[str] = Counter()
        pairs: dict[tuple[str, Split], list[PreferencePair]] = {}
        tested: set[str] = set()
        seen: set[PreferencePair] = set()
        for subset, split in _tables():  # test first
            pairs[subset, split] = kept = []
            for row in self.source.rows(subset, split, SCHEMA):
                pair = self._pair(row)
                if isinstance(pair, str):
                    skipped[pair] += 1
                elif split == "train" and alike(pair.prompt) in tested:
                    skipped["prompt also in the test split"] += 1
                elif pair in seen:
                    skipped["repeated pair"] += 1
                else:
                    kept.append(pair)
                    seen.add(pair)
            if split == "test":
                tested.update(alike(pair.prompt) for pair in kept)
        known = {subset: kept for (subset, split), kept in pairs.items() if split == "train"}
        _, drawn = parted([pair for kept in known.values() for pair in kept], self.dev_share)
        dev = set(drawn)
        for subset, kept in known.items():
            pairs[subset, "dev"] = [pair for pair in kept if pair in dev]
            pairs[subset, "train"] = [pair for pair in kept if pair not in dev]
        report_skipped(f"hh-rlhf in {self.source.place}", sum(map(len, pairs.values())), skipped)
        return pairs, skipped

    def _pair(self, row: Row) -> PreferencePair | str:
        """A row as a pair, or why it is skipped."""
        texts = contrast(split_dialogue(row["chosen"]), split_dialogue(row["rejected"]))
        if isinstance(texts, str):
            return texts
        prompt, *responses = texts
        return fault(prompt, responses, self.max_prompt_chars, self.max_response_chars) or PreferencePair(*texts)


def _tables() -> list[tuple[str, Split]]:
    """(subset, split) of every file, test splits first."""
    return [(subset, split) for split in reversed(FILES) for subsets in SUBSETS.values() for subset in subsets]


DESCRIPTIONS = {
    "helpful": "answers what was asked",
    "harmless": "refuses and defuses what would do harm",
    "humor": "makes one laugh",
}


_HUMOR = Objective(
    name="humor",
    reward=HubReward(model="mohameddhiab/humor-no-humor", label=1, inputs="response"),
    evaluator=HubReward(model="Humor-Research/humor-detection-comb-453", label=1, inputs="response"),
    description=DESCRIPTIONS["humor"],
)


def _hub_objectives() -> list[Objective]:
    """Objectives with published rewards (METHODS: full-scale settings); evaluators are different models [choice]."""
    return [
        Objective(
            name="helpful",
            reward=HubReward(model="Ray2333/gpt2-large-helpful-reward_model"),
            evaluator=HubReward(model="OpenAssistant/reward-model-deberta-v3-large-v2"),
            description=DESCRIPTIONS["helpful"],
        ),
        Objective(
            name="harmless",
            reward=HubReward(model="Ray2333/gpt2-large-harmless-reward_model"),
            evaluator=TrainedReward(
                base="EleutherAI/pythia-410m", steps=1000, batch=32, learning_rate=1e-5, seed=1, fold="odd"
            ),
            description=DESCRIPTIONS["harmless"],
        ),
        _HUMOR,
    ]


def _local_objectives() -> list[Objective]:
    """Objectives whose reward and evaluator learn from disjoint halves of the pairs; humor's are published."""
    trained = [
        Objective(
            name=name,
            reward=TrainedReward(fold="even"),
            evaluator=TrainedReward(fold="odd", seed=1),
            description=DESCRIPTIONS[name],
        )
        for name in SUBSETS
    ]
    return [*trained, _HUMOR]


def benchmark(data_dir: Path | None = None, objectives: Sequence[str] | None = None) -> Benchmark:
    """Helpful against harmless; `humor` is the third objective. Without a data folder the hub is read.

    Raises BadInput for a folder that does not exist and for objectives that are unknown, repeated or none.
    """
    local = data_dir is not None
    source = Source(local_folder(data_dir)) if data_dir else Source("Anthropic/hh-rlhf", table_is="folder")
    known = _local_objectives() if local else _hub_objectives()
    policy = "scratch:4m" if local else "PKU-Alignment/alpaca-7b-reproduced"
    return Benchmark(
        name="hh-rlhf",
        version="1",
        data=HhRlhf(source).for_policy(policy),
        objectives=choose("hh-rlhf", known, ("helpful", "harmless") if objectives is None else objectives),
        policy=policy,
        sampling=Sampling(max_new_tokens=80 if local else 128, stop=(USER, ASSISTANT)),
        eval_prompts=300 if local else 2000,
        scratch=Scratch(vocabulary=4096, pretrain_steps=600, sft_steps=150, batch=16, learning_rate=2e-3),
    )
