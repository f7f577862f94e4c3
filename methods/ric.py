"""RiC, Rewards-in-Context: write the rewards to reach in the prompt (Yang et al., ICML 2024, arXiv 2402.10207)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np

from benchmarks import Answer, BadInput, Benchmark, Weights
from benchmarks.common import Answering, Range, Search, read_json, write_json
from methods import NORM, Adapter, Effort, Method, Rates, Run, Stage, Template, pareto_layers

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class RiC(Adapter, Method):
    """SFT on answers with their own rewards in the prompt: offline on the data's, then online on the policy's own.

    Offline, every training answer has its rewards written behind the prompt. Online: answer prompts under demanding
    rewards, keep the answers near the Pareto front, fine-tune on those of all rounds so far under the rewards they
    achieved.

    For policies made here, learning rates are those of LoRA on a width of 4096 (a 7B model); they grow as 1/width (Yang
    et al. 2022, muP). A whole policy takes the same ones [choice]. It is then far from the start where no rewards are
    told, 17.8 nats for a mini after the offline stage, but not where they are, as it is used: 3.1 nats, and 2.7 at a
    tenth of the rates. For pretrained policies they are used as they stand.
    """

    steering = "prompt"
    sets_kl = "learning_rate"
    pretrained_rates: ClassVar[Mapping[str, Rates]] = {
        "learning_rate": Rates(whole=2e-5, adapters=1.414e-4),
        "online_learning_rate": Rates(whole=2e-6, adapters=1e-5),
    }

    offline_epochs: Annotated[float, Range(above=0), Search(0.25, 8.0, log=True)] = 4.0
    """Passes over all training answers [choice] (paper: 0.5, in 20,000 steps of 8 on HH-RLHF's 320,000 answers).
    An embedded benchmark has 4,800 answers, so these are 1,200 steps of 16. On dev prompts of hh-rlhf-mini 450 steps
    give answers to something else, and less than the starting policy's score; data as large as the paper's need 0.5."""
    learning_rate: Annotated[float, Range(0, 1), Search(1e-5, 2e-3, log=True)] = 1.414e-4
    """Learning rate of the offline stage (paper: 1.414e-4, for adapters).
    Where a pretrained policy is trained whole and none is set, 2e-5 [choice]: usual for SFT, and it takes SmolLM2-135M
    from 2.54 to 2.30 nats a token on held-out answers of HH-RLHF, where 1e-3 takes it to 2.73.
    Cosine after a warm-up of 10 % [choice] (code: linear, no warm-up)."""
    batch: Annotated[int, Range(1)] = 16
    """Answers per step [choice] (paper: 8)."""
    rounds: Annotated[int, Range(0)] = 2
    """Number of online rounds (paper: 2)."""
    online_prompts: Annotated[int, Range(1)] = 20_000
    """Prompts answered per online round, at most all training prompts (paper: 20,000).
    Each is asked under the maximum of all rewards but one, which is drawn uniformly from its range (paper; code: which
    is the least of M uniform draws)."""
    online_epochs: Annotated[float, Range(above=0)] = 1.0
    """Passes over the answers of an online round (paper: 1, in 4,000 steps of 8 on 30,000)."""
    online_learning_rate: Annotated[float, Range(0, 1), Search(1e-6, 2e-4, log=True)] = 1e-5
    """Learning rate of the online rounds (paper: 1e-5, for adapters).
    Where a pretrained policy is trained whole and none is set, 2e-6 [choice].
    Cosine after a warm-up of 10 % [choice] (code: constant)."""
    keep: Literal["pareto", "quantile"] = "pareto"
    """Which online answers are kept: by non-dominated layers [choice], or by a quantile (code: quantile).
    "pareto" keeps the first layers until `keep_share` of the answers are in; "quantile" keeps all of which some score
    reaches its 1 - keep_share quantile, dominated answers among them."""
    keep_share: Annotated[float, Range(above=0, high=1), Search(0.05, 0.6, log=True)] = 0.3
    """Share of the online answers that are kept (code: 0.3, above the 0.7 quantile).
    Of 20,000 answers the code's rule keeps about 10,200, as one reward out of two is enough for it."""
    offline_share: Annotated[float, Range(0)] = 1.0
    """Training answers mixed into an online round, per answer kept in that round (code: 1, 10,000 to about 10,200).
    They are selected as `keep` says."""
    mapping: Annotated[Literal["l2", "linf", "linear"], Answering] = "linear"
    """How weights become desired rewards: low + s (high - low), where s follows from w (code: l2).
    s is w / ||w||_2 ("l2"), min(M w, 1) ("linf") or w ("linear").
    "linear" [choice] asks for what can be had together; "l2" asks for 71 % of both ranges at w = (.5, .5), which no
    answer reaches, and weights beyond that change little."""
    bounds: Literal["front", "normal"] = "front"
    """The range of rewards to ask for, low to high (code: normal).
    "front" [choice]: their 5 % and 95 % quantiles over the first non-dominated layers of the training answers,
    `keep_share` of them. "normal": the extremes of as many normal draws as there are training answers, some 4
    SDs to either side; there the worst reward stands for collapsed answers, and w = e_i asks for them."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Offline SFT, then the online rounds."""
        from methods import rate_of, train_sft

        answers, steer = benchmark.responses(), benchmark.prepared.reader.steer
        rewards = benchmark.rewards([a.prompt for a in answers], [a.response for a in answers])
        low, high = score_bounds(rewards, self.bounds, self.keep_share)
        write_json(run.dir / "bounds.json", {"low": low.tolist(), "high": high.tolist()})

        def tune(
            answers: Sequence[Answer], rewards: np.ndarray, name: str, epochs: float, rate: str, start: Stage | None
        ) -> None:
            writes = (partial(wrap, rewards=each) for each in rewards)
            told = [Answer(steer(a.prompt, write), a.response) for a, write in zip(answers, writes, strict=True)]
            train_sft(
                benchmark, told, run.stage(name), epochs=epochs, batch=self.batch,
                learning_rate=rate_of(self, rate, benchmark.prepared.policy), lora_rank=self.lora_rank,
                start=start,
            )  # fmt: skip

        tune(answers, rewards, "offline", self.offline_epochs, "learning_rate", None)
        collected: list[Answer] = []
        achieved = np.zeros((0, len(benchmark.objectives)))
        for number in range(1, self.rounds + 1):
            previous = run.stage("offline" if number == 1 else f"online-{number - 1}")
            kept, reached = self._online_answers(benchmark, run, previous, number, low, high)
            collected, achieved = [*collected, *kept], np.concatenate([achieved, reached])
            some = self._select(rewards, quota := round(self.offline_share * len(kept)))
            if self.keep == "quantile":  # as many as that, whichever
                some = np.random.default_rng([run.seed, number]).permutation(some)[:quota]
            mixed, told = [*collected, *(answers[i] for i in some)], np.concatenate([achieved, rewards[some]])
            tune(mixed, told, f"online-{number}", self.online_epochs, "online_learning_rate", previous)

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """The offline stage, then the rounds, where all of their answers come to an end."""
        answers, drawn = len(benchmark.responses()), min(self.online_prompts, len(benchmark.prompts("train")))
        kept = self.keep_share * drawn
        mixed = sum(number * kept + min(self.offline_share * kept, answers) for number in range(1, self.rounds + 1))
        return (
            Effort(learned=self.offline_epochs * answers, batch=self.batch, scored=answers),
            Effort(
                own=True,
                drawn=self.rounds * drawn,
                learned=self.online_epochs * mixed,
                batch=self.batch,
                scored=self.rounds * drawn,
                stages=self.rounds,
            ),
        )

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The last stage's policy, told the rewards that the weights ask for."""
        from methods import load_trained

        stage = run.stage(f"online-{self.rounds}" if self.rounds else "offline")
        rewards = desired(weights, *bounds_of(run), self.mapping)
        return load_trained(benchmark, stage.folder).steered(partial(wrap, rewards=tuple(rewards)))

    def template(self, benchmark: Benchmark, run: Run) -> Template:
        """The same rewards behind the same prompt."""
        low, high = bounds_of(run)
        return Template(after=wrap_template(low.tolist(), high.tolist(), self.mapping))

    def _online_answers(
        self, benchmark: Benchmark, run: Run, stage: Stage, number: int, low: np.ndarray, high: np.ndarray
    ) -> tuple[list[Answer], np.ndarray]:
        """Answers training prompts under demanding rewards; made once, and kept in the run for later rounds.

        Returns the answers kept, of those that came to an end, and the rewards they achieved (N, M). BadInput where
        none did.
        """

        def select() -> list[tuple[str, str, list[float]]]:
            return self._achieved(benchmark, run, stage, number, low, high)

        rows = run.keep(run.dir / f"answers-{number}.json", select)
        return [Answer(prompt, response) for prompt, response, _ in rows], np.array([row[2] for row in rows])

    def _achieved(
        self, benchmark: Benchmark, run: Run, stage: Stage, number: int, low: np.ndarray, high: np.ndarray
    ) -> list[tuple[str, str, list[float]]]:
        """Prompt, answer and rewards of the best among answers that are generated now."""
        from methods import load_trained

        generator = np.random.default_rng([run.seed, number])
        prompts = benchmark.prompts("train")
        picked = generator.permutation(len(prompts))[: self.online_prompts]
        prompts = [prompts[i] for i in picked]
        targets = demanding(len(prompts), low, high, generator)
        policy = load_trained(benchmark, stage.folder)
        told = dict(zip(prompts, targets, strict=True))
        seed = int(generator.integers(2**31))
        steer = policy.reader.steer
        asking = replace(policy, template=lambda prompt: steer(prompt, partial(wrap, rewards=told[prompt])))
        run.log(f"answers-{number}", 0, 1, {})
        answers = asking.finish(prompts, benchmark.sampling, seed)
        if not answers:
            tokens = benchmark.sampling.max_new_tokens
            raise BadInput(
                f"online round {number} of RiC has nothing to learn from: none of {len(prompts)} answers came to an "
                f"end within {tokens} tokens",
                "a round imitates the best of the policy's own answers, and cut ones would teach it never to end",
                f"-c sampling.max_new_tokens={2 * tokens}; or -c ric.rounds={number - 1}, which does without",
            )
        achieved = benchmark.rewards([a.prompt for a in answers], [a.response for a in answers])
        means = {f"reward/{name}": float(mean) for name, mean in zip(benchmark.names, achieved.mean(0), strict=True)}
        run.log(f"answers-{number}", 1, 1, means)
        best = self._select(achieved, max(1, round(self.keep_share * len(answers))))
        return [(*answers[i], achieved[i].tolist()) for i in best]

    def _select(self, rewards: np.ndarray, quota: int) -> np.ndarray:
        """Indices of the good answers among rewards (N, M); the quota is that of "pareto"."""
        if self.keep == "pareto":
            return pareto_layers(rewards, quota)
        good = (rewards >= np.quantile(rewards, 1 - self.keep_share, axis=0)).any(axis=1)
        return np.flatnonzero(good)


def wrap(prompt: str, rewards: Sequence[float]) -> str:
    """Writes rewards behind a prompt: `{prompt} <R1> 0.3 <R2> -1.2` (section 2.2).

    >>> wrap("How?", (0.3, -1.2))
    'How? <R1> 0.3 <R2> -1.2'
    """
    # adding 0.0 turns -0.0 into 0.0
    return prompt + "".join(f" <R{i}> {round(float(s), 1) + 0.0:.1f}" for i, s in enumerate(rewards, start=1))


def wrap_template(low: Sequence[float], high: Sequence[float], mapping: Literal["l2", "linf", "linear"]) -> str:
    """Jinja that writes what `wrap` does, of the rewards that `desired` has for `weights`."""
    share = {"l2": "w / (norm.squares ** 0.5)", "linf": "[weights|length * w, 1.0]|min", "linear": "w"}[mapping]
    return (
        f"{NORM if mapping == 'l2' else ''}{{% set bounds = {list(zip(low, high, strict=True))} %}}"
        "{% for w in weights %}{% set low, high = bounds[loop.index0] %} <R{{ loop.index }}> "
        f"{{{{ '%.1f'|format((low + ({share}) * (high - low))|round(1) + 0.0) }}}}{{% endfor %}}"
    )


def unwrap(text: str) -> tuple[str, tuple[float, ...]]:
    """The prompt and the rewards behind it, of a text that `wrap` wrote; the text and none of any other.

    >>> unwrap("How? <R1> 0.3 <R2> -1.2")
    ('How?', (0.3, -1.2))
    """
    start = text.rfind(" <R1> ")  # the last one is ours, whatever the prompt says
    match = re.fullmatch(r"(?: <R\d+> -?\d+\.\d)+", text[start:]) if start >= 0 else None
    if match is None:
        return text, ()
    return text[:start], tuple(float(n) for n in re.findall(r"<R\d+> (-?\d+\.\d)", match.group()))


def bounds_of(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest reward to ask for, per objective (M,), of a trained run. BadInput for a damaged file."""
    path = run.dir / "bounds.json"
    try:
        found: dict[str, list[float]] = read_json(path)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"cannot use {path}: {error}",
            "the rewards to ask for are read from it",
            f"rm -r {shlex.quote(str(run.dir))}; then the command that made it trains it again",
        ) from error
    return np.array(found["low"]), np.array(found["high"])


def score_bounds(rewards: np.ndarray, kind: Literal["front", "normal"], share: float) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest reward to ask for, per objective (M,), from the training answers' rewards (N, M)."""
    if kind == "front":
        good = rewards[pareto_layers(rewards, max(1, round(share * len(rewards))))]
        return np.quantile(good, 0.05, axis=0), np.quantile(good, 0.95, axis=0)
    extreme = NormalDist().inv_cdf(1 - 1 / (len(rewards) + 1))
    return rewards.mean(axis=0) - extreme * rewards.std(axis=0), rewards.mean(axis=0) + extreme * rewards.std(axis=0)


def desired(
    weights: Weights, low: np.ndarray, high: np.ndarray, mapping: Literal["l2", "linf", "linear"]
) -> np.ndarray:
    """Rewards to ask for (M,): low + s (high - low), where `mapping` says how s follows from w (section 2.4).

    s is w / ||w||_2 ("l2"), min(M w, 1) ("linf"), or w ("linear").
    """
    w = np.asarray(weights)
    share = {"l2": w / np.linalg.norm(w), "linf": np.minimum(len(w) * w, 1.0), "linear": w}[mapping]
    return low + share * (high - low)


def demanding(count: int, low: np.ndarray, high: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Targets (count, M) of the online rounds: all objectives at their maximum but a uniform one (section 2.3)."""
    targets = np.tile(high, (count, 1))
    spared = generator.integers(len(high), size=count)
    targets[np.arange(count), spared] = generator.uniform(low[spared], high[spared])
    return targets
