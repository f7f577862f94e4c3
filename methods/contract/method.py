"""What a method and a run are. A method is its hyperparameters and two verbs: `train` and `policy`."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmarks import Benchmark, Weights
from benchmarks.common import field_types, fit, is_answering, misfit, nearest, refuse
from methods.contract.effort import Effort
from methods.contract.run import Run
from methods.contract.template import Template

if TYPE_CHECKING:
    from benchmarks import Policy


Steering = Literal["none", "prompt", "merge", "retrain", "decode"]
"""How weights reach the policy: not at all, written into the prompt, by merging parameters, by training one policy per
weight, or by mixing several policies while decoding."""


class Settable(type):
    """The class of methods: what is set is fitted to its field's type and range, as on the command line."""

    def __call__(cls, *args: Any, **settings: Any) -> Any:
        """A method. One BadInput lists all settings that are unknown, of another type or out of range."""
        hints = field_types(cls) if settings else {}
        mistakes, fitted = list[str](), dict[str, Any]()
        for name, value in settings.items():
            try:
                fitted[name] = fit(value, hints[name])
            except KeyError:
                mistakes.append(f"{name}: there is no such setting{nearest(name, hints)}")
            except TypeError:
                mistakes.append(f"{name}: {misfit(value, hints[name])}")
        refuse(f"settings of {cls.__name__}", mistakes, f"there are: {', '.join(hints) or 'none'}")
        return super().__call__(*args, **fitted)


@dataclass(frozen=True, kw_only=True)
class Method(metaclass=Settable):
    """A multi-objective alignment method. Its dataclass fields are its hyperparameters.

    A new method is one file with one subclass: say how it is steered, train into `run`, return a policy per weight.
    A field that only `policy` reads is marked as `Answering`: the method is not trained anew for it.
    """

    steering: ClassVar[Steering]
    sets_kl: ClassVar[str | None] = None
    """The hyperparameter that sets how far training goes from the starting policy, a number; None where none does.
    What is compared at the same KL is trained with several values of it."""
    builds_on: ClassVar[str | None] = None
    """Name of a method that leaves stages of the same name and content where its hyperparameters and seed are the same.
    Such a run is not trained twice: its stages are copied, and what they cost is charged."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Trains everything the method needs into stages of `run`. A stage that is done is not trained again."""
        raise NotImplementedError

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy that answers for `weights`."""
        raise NotImplementedError

    def template(self, benchmark: Benchmark, run: Run) -> Template | None:
        """How a chat template writes weights around what is asked, where `policy` is steered by the prompt.

        None: it is not said in general, and a template knows the weights of the benchmark's grid by heart.
        """
        return None

    def points(self, benchmark: Benchmark) -> tuple[Weights, ...]:
        """The weights at which the front is measured: (K, M)."""
        M = len(benchmark.objectives)
        if self.steering == "none":
            return ((1 / M,) * M,)
        return benchmark.trained_grid if self.steering == "retrain" else benchmark.grid

    def labels(self, benchmark: Benchmark) -> tuple[str, ...]:
        """Names of the points (K), for a method whose points are settings; without any, weights name them."""
        return ()

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...] | None:
        """What a training will do, from a starting policy of so many parameters, before anything is made or loaded.

        None: nobody knows, and a dry run says so. Own code and methods that stop by themselves say the most there is.
        """
        return None

    def serving(self, benchmark: Benchmark, prompts: int) -> Effort:
        """What answering so many prompts at every point takes, and reading how far the answers are from the start."""
        answers = len(self.points(benchmark)) * prompts
        return Effort(own=True, drawn=answers, read=2 * answers, scored=answers)


def answering_config(method: Method) -> dict[str, Any]:
    """The hyperparameters that act only when a policy answers, by name; all others are of training."""
    types = field_types(type(method))
    return {name: value for name, value in asdict(method).items() if is_answering(types[name])}


def training_config(method: Method) -> dict[str, Any]:
    """The hyperparameters that training depends on, by name."""
    answering = answering_config(method)
    return {name: value for name, value in asdict(method).items() if name not in answering}


def method_name(cls: type[Method]) -> str:
    """RewardedSoups -> rewarded-soups; the name of a built-in method is that of its file."""
    module = cls.__module__.rpartition(".")[2]
    if cls.__module__.startswith("methods."):
        return module.replace("_", "-")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()


def point_name(benchmark: Benchmark, weights: Weights) -> str:
    """The name of a stage trained for `weights`: the objective's where only one counts, else like "0.25-0.75"."""
    if weights in benchmark.corners:
        return benchmark.names[benchmark.corners.index(weights)]
    return "-".join(f"{w:.6g}" for w in weights)
