"""Hyperparameters that several methods share, as dataclasses to inherit from. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple

from benchmarks import Benchmark
from benchmarks.common import Range, Search
from methods.contract.effort import Effort

Optimizer = Literal["rloo", "grpo", "online-dpo", "ppo"]


class Rates(NamedTuple):
    """A learning rate of pretrained policies, where none is set."""

    whole: float
    adapters: float


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """How the policy's weights are trained."""

    pretrained_rates: ClassVar[Mapping[str, Rates]] = {}
    """By field, what its default is for a pretrained policy. A rate that is set is used as it stands; one that equals
    the default counts as not set."""

    lora_rank: Annotated[int, Range(0)] | None = None
    """Rank of LoRA on all linear layers [choice] (MORLHF: on q and v), alpha = 2 rank (papers: 64; SPO: 16).
    Dropout is .05 in supervised learning and none in RL and DPO, whose log-probabilities it would blur; the benchmark's
    settings lora.* change these, for all methods. None chooses: full fine-tuning below a billion parameters, rank 64
    from there. 0 is full fine-tuning."""

    def unset_rates(self) -> dict[str, Rates]:
        """The `pretrained_rates` of fields that are not set: they have their default."""
        defaults = {name: field.default for name, field in type(self).__dataclass_fields__.items()}
        return {name: rates for name, rates in self.pretrained_rates.items() if getattr(self, name) == defaults[name]}

    def other_rates(self, benchmark: Benchmark) -> dict[str, Rates]:
        """The fields in place of which the benchmark's starting policy is trained at a rate for pretrained ones."""
        return self.unset_rates() if benchmark.pretrained else {}


@dataclass(frozen=True, kw_only=True)
class Reinforcement(Adapter):
    """A KL-regularised RL run.

    For policies made here, learning rates are those of a width of 4096 (a 7B model) and grow as 1/width [choice] (Yang
    et al. 2022, muP): what is searched is multiplied by 4096 / width. For pretrained ones they are used as they stand.
    """

    sets_kl: ClassVar[str | None] = "kl_coef"
    pretrained_rates: ClassVar[Mapping[str, Rates]] = {"learning_rate": Rates(whole=1e-6, adapters=1e-5)}

    optimizer: Optimizer = "rloo"
    """RLOO [choice], GRPO, online DPO on the best and the worst answer to each prompt, or PPO (papers: PPO).
    RLOO: Ahmadian et al. 2024, arXiv 2402.14740. GRPO: Shao et al. 2024, arXiv 2402.03300. Online DPO: Guo et al. 2024,
    arXiv 2402.04792. PPO, as MORLHF and Rewarded Soups have it: Schulman et al. 2017, arXiv 1707.06347."""
    epochs: Annotated[float, Range(above=0), Search(0.25, 4.0, log=True)] = 1.0
    """Passes over the training prompts (Rewarded Soups, MORLHF: 1)."""
    prompts_per_step: Annotated[int, Range(1)] = 32
    """Prompts per update [choice] (MORLHF: 64 per process)."""
    samples_per_prompt: Annotated[int, Range(2)] = 4
    """Answers per prompt; each is judged against the mean of the others [choice]."""
    learning_rate: Annotated[float, Range(0, 1), Search(1e-6, 1e-4, log=True)] = 1e-5
    """AdamW, constant after warm-up (papers: 1e-5 with PPO, for adapters).
    1e-6 where a pretrained policy is trained whole and none is set (Ahmadian et al. 2024, arXiv 2402.14740)."""
    kl_coef: Annotated[float, Range(0), Search(0.02, 1.0, log=True)] = 0.2
    """Weight of the KL to the starting policy in the reward, in benchmark units [choice] (papers: 0.2, on raw rewards).
    GRPO weighs it against rewards in SDs of the answers to one prompt; for online DPO it is the beta of the loss."""
    kl_target: Annotated[float, Range(above=0)] | None = None
    """KL to the starting policy, in nats per answer, to which kl_coef is adapted after every batch (MORLHF: 3).
    By the controller of Ziegler et al. 2019 (arXiv 1909.08593, section 2.2). None leaves kl_coef as it is [choice]: it
    is then one trade-off between reward and KL for all weights, and the best policy is known, pi_0 exp(r / kl_coef).
    Not for GRPO, whose KL stands in the loss."""
    kl_horizon: Annotated[int, Range(1)] = 10_000
    """Answers after which kl_coef has changed by a fifth at most, where there is a kl_target (MORLHF: 10,000)."""
    unfinished_penalty: Annotated[float, Range(0)] = 0.0
    """Taken off the reward of an answer that does not end within the limit, in benchmark units (papers: none).
    Huang et al. 2024 (arXiv 2403.17031) give such an answer the reward -1."""
    temperature: Annotated[float, Range(above=0)] = 1.0
    """Temperature of sampling and of every log-probability alike [choice] (MORLHF: 0.7 to sample, 1 to score).
    Two temperatures bias the KL, and can make it negative."""
    ppo_epochs: Annotated[int, Range(1)] = 4
    """PPO: passes over each batch of answers (MORLHF, Rewarded Soups: 4)."""
    ppo_minibatches: Annotated[int, Range(1)] = 4
    """PPO: updates per pass, each on a part of the batch [choice] (MORLHF: 64, each on one answer).
    As many as divide the batch, where that many do not."""
    ppo_clip: Annotated[float, Range(above=0)] = 0.2
    """PPO: how far from 1 a ratio of probabilities, and how far a value from its old one, may count (MORLHF: 0.2)."""
    ppo_lambda: Annotated[float, Range(0, 1)] = 0.95
    """PPO: lambda of generalised advantage estimation, whose gamma is 1 (MORLHF: 0.95)."""
    ppo_value_coef: Annotated[float, Range(0)] = 0.1
    """PPO: weight of the value head's loss (MORLHF: 0.1)."""
    ppo_stop_kl: Annotated[float, Range(above=0)] | None = 1.5
    """PPO: nats per token from the policy that answered beyond which a batch is trained on no further (MORLHF: 1.5)."""
    ppo_whiten: Literal["advantages", "both"] = "advantages"
    """PPO: what is divided by its SD over a batch (MORLHF: the advantages).
    "both": the tokens' rewards before them too, which keep their mean, as in Ziegler et al. 2019."""

    def __post_init__(self) -> None:
        if self.optimizer == "online-dpo" and self.kl_coef <= 0:
            raise ValueError("online-dpo needs a kl_coef above 0: it is the beta of its loss")
        if self.kl_target is not None and (self.kl_coef <= 0 or self.optimizer == "grpo"):
            raise ValueError("kl_target needs a kl_coef above 0 to begin with, and another optimizer than grpo")

    def practice(self, benchmark: Benchmark, runs: int = 1, contrast: int = 1) -> Effort:
        """What so many runs do; `contrast` tasks are made of a prompt at a time.

        Of each answer the KL needs the likelihood under the reference. Online DPO reads it under the policy too before
        it learns, PPO its values besides.
        """
        per_step = max(1, self.prompts_per_step // contrast) * contrast
        steps = max(1, round(self.epochs * len(benchmark.prompts("train")) / per_step))
        answers = runs * steps * per_step * self.samples_per_prompt
        passes = self.ppo_epochs if self.optimizer == "ppo" else 1
        own = {"ppo": 2, "online-dpo": 1}.get(self.optimizer, 0)
        read = (own + (self.kl_coef > 0)) * answers
        return Effort(
            own=True, drawn=answers, learned=passes * answers, batch=per_step * self.samples_per_prompt, read=read,
            scored=answers, stages=runs,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Preference(Adapter):
    """Training on preference pairs with DPO (Rafailov et al. 2023, arXiv 2305.18290), through TRL.

    For policies made here, learning rates are those of LoRA on a width of 4096 (a 7B model): they grow as 1/width (Yang
    et al. 2022, muP), and full fine-tuning takes a tenth of them [choice]. For pretrained ones they are used as they
    stand.
    """

    sets_kl: ClassVar[str | None] = "beta"
    pretrained_rates: ClassVar[Mapping[str, Rates]] = {"learning_rate": Rates(whole=1e-6, adapters=1e-4)}

    beta: Annotated[float, Range(above=0), Search(0.01, 1.0, log=True)] = 0.1
    """Weight of the KL to the reference (papers: 0.1)."""
    epochs: Annotated[float, Range(above=0), Search(0.03, 1.0, log=True)] = 0.2
    """Passes over an objective's pairs (usual: 1 to 3); below 1 a random share of them is used at all.
    0.2 [choice]: of the 14,400 pairs of an embedded benchmark, 2,880 in 180 steps, which take a minute on one core for
    every policy.
    The fewer the steps, the more they and the learning rate decide how far a policy goes, and the less beta does."""
    batch: Annotated[int, Range(1)] = 16
    """Pairs per step [choice] (DPO: 64): a pass over a few thousand pairs is then some hundred steps."""
    learning_rate: Annotated[float, Range(0, 1), Search(1e-5, 1e-3, log=True)] = 1e-4
    """AdamW, cosine after a warm-up of 3 % [choice] (DPO: 1e-6 for all parameters, constant): usual for LoRA.
    1e-6 where a pretrained policy is trained whole and none is set."""

    def lessons(self, pairs: int, runs: int, read: int) -> Effort:
        """What so many runs on so many chosen pairs do, whose answers are read so often before."""
        steps = max(1, round(max(self.epochs, 1.0) * pairs / self.batch))
        learned, read = 2 * runs * steps * self.batch, 2 * pairs * read
        return Effort(learned=learned, batch=2 * self.batch, read=read, stages=runs)
