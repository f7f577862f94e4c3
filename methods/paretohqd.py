"""ParetoHqD: imitate the best answers in the direction of a preference (Gu et al., AAAI 2026, arXiv 2504.16628)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np

from benchmarks import Answer, BadInput, Benchmark, Weights
from benchmarks.common import Range, Search
from benchmarks.spec import LARGE
from methods import Adapter, Effort, Method, Run, Stage, nearest_answers, pareto_layers, point_name

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class ParetoHqD(Adapter, Method):
    """Two short SFT stages per w, on the training answers and then on those of a few first-stage policies.

    Each time they imitate the answers near the Pareto front that lie nearest to the preference direction of w.

    Learning rates are for a width of 4096 (a 7B model) and grow as 1/width for narrower ones (Yang et al. 2022, muP).
    """

    steering = "retrain"
    sets_kl = "steps"

    answers: Annotated[int, Range(1), Search(25, 400, log=True)] = 100
    """k, training answers that a first stage imitates; a second stage imitates k / 2 (paper: 100)."""
    pool: Annotated[int, Range(1)] = 15
    """How many answers to select from, as a multiple of those to be selected [choice].
    Non-dominated layers are peeled off until they hold so many; with a fixed few layers nearly every w selects the same
    answers. But no more than a twentieth of all answers or, where that is too few to choose from, twice those to be
    selected [choice]: how good an answer is along the direction of w is up to the layers alone, and most of a few
    thousand answers are not near the Pareto front."""
    steps: Annotated[int, Range(1), Search(10, 400, log=True)] | None = None
    """Steps of a first stage; a second stage takes as many (paper: 200, 16 passes over k and 32 over k / 2).
    None chooses: 200 from a billion parameters on, and 4 passes over the answers below [choice], as small policies are
    trained whole and soon know a hundred answers by heart."""
    batch: Annotated[int, Range(1)] = 8
    """Answers per step (paper: 8)."""
    learning_rate: Annotated[float, Range(0, 1), Search(1e-6, 3e-4, log=True)] | None = None
    """Learning rate of AdamW, cosine; None chooses by what is trained [choice].
    1.414e-4 for adapters (arXiv 2402.10207), 1e-5 where the whole policy is trained. At the former, a small policy
    knows its hundred answers by heart after 50 steps and gives them to every prompt."""
    prompts: Annotated[int, Range(1)] = 10_000
    """Training prompts that the first-stage policies of w = e_i and of equal weights answer (paper: 10,000).
    Each answers all of these prompts, which are at most all there are."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """First stages for every w and for the representatives, their answers, second stages for every w."""
        wanted = [run.stage(f"second-{point_name(benchmark, w)}") for w in self.points(benchmark)]
        if all(stage.done for stage in wanted):
            return
        equal = (1 / len(benchmark.objectives),) * len(benchmark.objectives)
        representatives = dict.fromkeys([*benchmark.corners, equal])
        first = {
            w: run.stage(f"first-{point_name(benchmark, w)}")
            for w in dict.fromkeys([*self.points(benchmark), *representatives])
        }
        self._imitate(benchmark, run, "training answers", benchmark.responses(), self.answers, first, {})
        made = self._augmentation(benchmark, run, {w: first[w] for w in representatives})
        second = dict(zip(self.points(benchmark), wanted, strict=True))
        self._imitate(benchmark, run, "own answers", made, max(1, self.answers // 2), second, first)

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """First stages, the answers of some of them where all come to an end, second stages."""
        M, prompts = len(benchmark.objectives), min(self.prompts, len(benchmark.prompts("train")))
        representatives = {*benchmark.corners, (1 / M,) * M}
        drawn, points = len(representatives) * prompts, self.points(benchmark)

        def lessons(count: int, stages: int) -> Effort:
            steps = max(1, round(self._steps(count, parameters)))
            return Effort(learned=stages * steps * self.batch, batch=self.batch, stages=stages)

        first = lessons(self.answers, len({*points, *representatives}))
        second = lessons(max(1, self.answers // 2), len(points))
        return (
            replace(first, scored=len(benchmark.responses())),
            replace(second, own=True, drawn=drawn, scored=drawn),
        )

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy of the second stage."""
        from methods import load_trained

        return load_trained(benchmark, run.stage(f"second-{point_name(benchmark, weights)}").folder)

    def _steps(self, count: int, parameters: int) -> float:
        """Steps of a stage that imitates so many answers, of a policy of so many parameters."""
        return self.steps or (200 if parameters >= LARGE else 4 * count / self.batch)

    def _imitate(
        self,
        benchmark: Benchmark,
        run: Run,
        name: str,
        answers: Sequence[Answer],
        count: int,
        stages: dict[Weights, Stage],
        start: dict[Weights, Stage],
    ) -> None:
        """One SFT per w, on the `count` answers that suit it, from the stages in `start` or the starting policy.

        The rewards of all answers are kept in the run under `name`, for weights that are asked for later.
        """
        from methods import rank_for, remembered, train_sft

        distinct = list(dict.fromkeys(answers))
        rewards = remembered(
            run,
            f"rewards on {name}",
            lambda: benchmark.rewards([a.prompt for a in distinct], [a.response for a in distinct]),
        )
        front = pareto_layers(rewards, min(self.pool * count, max(2 * count, len(distinct) // 20)))
        policy = benchmark.prepared.policy
        steps = self._steps(count, policy.parameters)
        own = 1.414e-4 if rank_for(policy, self.lora_rank) else 1e-5
        rate = own if self.learning_rate is None else self.learning_rate
        for weights, stage in stages.items():
            chosen = [distinct[i] for i in nearest_answers(rewards, front, weights, count)]
            train_sft(
                benchmark, chosen, stage, epochs=steps * self.batch / len(chosen), batch=self.batch,
                learning_rate=rate, lora_rank=self.lora_rank,
                start=start[weights] if start else None,
            )  # fmt: skip

    def _augmentation(self, benchmark: Benchmark, run: Run, stages: dict[Weights, Stage]) -> list[Answer]:
        """What these policies answer to the same training prompts, as far as it comes to an end; made once, and kept in
        the run for weights that are asked for later.

        Where no answer of one of them does, those of the others are taken; BadInput where none does at all.
        """
        rows = run.keep(run.dir / "answers.json", lambda: self._answered(benchmark, run, stages))
        return [Answer(prompt, response) for prompt, response in rows]

    def _answered(self, benchmark: Benchmark, run: Run, stages: dict[Weights, Stage]) -> list[Answer]:
        """The same, made now."""
        from methods import load_trained

        generator = np.random.default_rng(run.seed)
        prompts = benchmark.prompts("train")
        prompts = [prompts[i] for i in generator.permutation(len(prompts))[: self.prompts]]
        answers: list[Answer] = []
        for number, stage in enumerate(stages.values()):
            run.log("answers", number, len(stages), {})
            policy = load_trained(benchmark, stage.folder)
            answers += policy.finish(prompts, benchmark.sampling, int(generator.integers(2**31)))
        run.log("answers", len(stages), len(stages), {})
        if not answers:
            tokens = benchmark.sampling.max_new_tokens
            raise BadInput(
                f"the second stages of ParetoHqD have nothing to imitate: none of {len(stages) * len(prompts)} answers "
                f"of the first ones came to an end within {tokens} tokens",
                "a second stage imitates whole answers, and cut ones would teach it never to end",
                f"-c sampling.max_new_tokens={2 * tokens}; or more -c paretohqd.steps, which teach stages to end",
            )
        return answers
