"""What every method must do, built in or installed: this file names none of them."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import shutil
import subprocess
import sys
import textwrap
from dataclasses import FrozenInstanceError, dataclass, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from benchmarks.common.ledger import Cost, charged_to
from benchmarks.measure.evaluation import evaluate
from benchmarks.measure.front import Front
from benchmarks.models.policy import sequence_divergence
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from benchmarks.spec.places import policy_source
from methods.contract.find import find_method, method_names
from methods.contract.method import Method, Steering, method_name
from methods.contract.run import Run
from methods.contract.settings import Adapter
from methods.engines.trained import _remembered, load_trained
from moa_cli.jobs.estimate import known_of, spent_on, summed
from tests.kit.files import MY_METHOD

NAMES = method_names()
EXAMPLES = [str(MY_METHOD)]
SMALL = {
    "batch": 16, "prompts_per_step": 16, "steps": 4, "answers": 16,
    "reward_steps": 8, "reward_batch": 8, "calibration_answers": 32,
}  # fmt: skip
"""A pass over the tiny data is then several steps, of which the first has a learning rate of zero."""
BUILT_IN = [name for name in NAMES if find_method(name).__module__.startswith("methods.")]


@dataclass
class Trained:
    """A method trained on the tiny benchmark, in small batches, else by default, and what happened to files
    meanwhile."""

    method: Method
    run: Run
    outside: tuple[dict[str, str], dict[str, str]]
    """Every file of the benchmark's home and of the working folder, before and after; score caches left out."""
    working: Path

    @property
    def anything(self) -> bool:
        """Whether there is something to train: not where the starting policy is only used in another way."""
        [function] = ast.parse(textwrap.dedent(inspect.getsource(self.method.train))).body
        assert isinstance(function, ast.FunctionDef)
        return any(not isinstance(line, ast.Expr | ast.Pass) for line in function.body)

    @property
    def fresh_run(self) -> Run:
        return Run(self.run.dir, self.run.seed)


def small(name: str) -> Method:
    """The method with its default hyperparameters, but for the size of a batch."""
    cls = find_method(name)
    return cls(**{field.name: SMALL[field.name] for field in fields(cls) if field.name in SMALL})


def hashes(*folders: Path) -> dict[str, str]:
    """Every file and its content. The ruler's cache of scores and its locks are not a method's writing."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    own = [path for path in files if path.parent.name != "scores" and path.suffix != ".lock"]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in own}


@pytest.fixture(scope="module", params=[*NAMES, *EXAMPLES], ids=lambda name: Path(name).stem)
def trained(request: pytest.FixtureRequest, tiny: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = tmp_path_factory.mktemp(Path(request.param).stem)
    working, method = place / "working", small(request.param)
    working.mkdir()
    run = Run(place / "runs" / "here", 0)
    before = hashes(tiny.home, working)
    with pytest.MonkeyPatch.context() as patch, charged_to(run.cost):
        patch.chdir(working)
        method.train(tiny, run)
    return Trained(method, run, (before, hashes(tiny.home, working)), working)


def measure(tiny: Benchmark, method: Method, run: Run, folder: Path, seed: int = 0, points: int | None = None) -> Front:
    """At the first points, or all."""
    _remembered.cache_clear()  # what is on disk answers
    return evaluate(
        tiny, partial(method.policy, tiny, run), method.points(tiny)[:points], folder,
        method="m", steering=method.steering, seed=seed, cost={}, config={},
    )  # fmt: skip


def arrays(front: Front) -> list[np.ndarray]:
    return [front.rewards, front.scores, front.kl, front.tokens, front.collapsed]


# What a method is


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_its_hyperparameters(name: str) -> None:
    """A frozen dataclass that needs no argument, is hashable, and takes its fields by name only."""
    cls = find_method(name)
    assert issubclass(cls, Method)
    assert is_dataclass(cls)
    assert "__init__" in vars(cls)  # decorated itself, not only its parents
    method = cls()
    assert method == cls()
    assert hash(method) == hash(cls())
    assert method.steering in get_args(Steering)
    for field in fields(cls):
        with pytest.raises(FrozenInstanceError):
            setattr(method, field.name, None)
    with pytest.raises(TypeError):
        cls(1)  # type: ignore[call-arg]
    json.dumps({field.name: getattr(method, field.name) for field in fields(cls)})


@pytest.mark.parametrize("name", [*NAMES, *EXAMPLES])
def test_every_hyperparameter_has_a_docstring(name: str) -> None:
    """A string below the field, in the class that declares it."""
    documented: set[str] = set()
    for cls in find_method(name).__mro__[:-1]:
        assert cls.__doc__
        [node] = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        assert isinstance(node, ast.ClassDef)
        for field, after in zip(node.body, [*node.body[1:], None], strict=True):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            ):
                assert isinstance(field.target, ast.Name)
                documented.add(field.target.id)
    assert {field.name for field in fields(find_method(name))} <= documented


@pytest.mark.parametrize("name", NAMES)
def test_a_method_has_one_name(name: str) -> None:
    assert method_name(find_method(name)) == name
    assert find_method(name.replace("-", "_").upper()) is find_method(name)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_method_file_opens_with_its_source(name: str) -> None:
    """One line says what the method is; a paper has its arXiv number."""
    line = inspect.getdoc(sys.modules[find_method(name).__module__])
    assert line
    assert line.count("\n\n") <= 2
    assert "arXiv" in line or find_method(name).steering == "none"


def test_knowing_methods_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom methods import find_method, method_names\n"
        "made = [find_method(name)() for name in method_names()]\n"
        "print(*sorted({'torch', 'transformers', 'trl', 'peft', 'datasets', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# What it does


def test_only_the_run_is_written(trained: Trained) -> None:
    before, after = trained.outside
    assert after == before
    runs = trained.run.dir.parent
    strays = [
        p for p in runs.parent.rglob("*") if p not in (runs, trained.working) and trained.run.dir not in (p, *p.parents)
    ]
    assert strays == []


def test_nothing_but_results_is_left(trained: Trained) -> None:
    """No checkpoints of finished stages, nothing half-written; stages are whole models or adapters."""
    left = [p for p in trained.run.dir.rglob("*") if p.is_file()]
    assert not [p for p in left if "checkpoint" in str(p) or p.name.endswith(".partial")]
    stages = list((trained.run.dir / "policy").glob("*"))
    assert bool(stages) == trained.anything
    for stage in stages:
        assert (stage / "model.safetensors").exists() or (stage / "adapter_model.safetensors").exists()


def test_training_again_does_nothing(tiny: Benchmark, trained: Trained) -> None:
    before, cost = hashes(trained.run.dir), Cost()
    with charged_to(cost):
        trained.method.train(tiny, trained.fresh_run)
    assert hashes(trained.run.dir) == before
    assert (cost.trained_tokens, cost.generated_tokens) == (0, 0)


def test_training_moved_every_parameter(tiny: Benchmark, trained: Trained) -> None:
    """Of the policy of every weight on the grid that is not the starting policy by design."""
    if not trained.anything:
        pytest.skip("nothing is trained")
    start = tiny.prepared.policy.model.state_dict()
    for weights in trained.method.points(tiny):
        policy = trained.method.policy(tiny, trained.run, weights)
        moved = policy.model.state_dict()
        for name, value in start.items():
            here = [
                other for full, other in moved.items() if f".{full}".endswith(f".{name}")
            ]  # once in every model of a mix
            assert here, name
            assert not any(bool((other == value).all()) for other in here), name
        assert not policy.model.training


def test_training_is_charged(trained: Trained) -> None:
    cost = trained.run.cost
    if not trained.anything:
        assert cost == Cost()
    else:
        assert cost.trained_tokens > 0
        assert cost.flops > 0


def test_a_training_takes_what_was_foreseen(tiny: Benchmark, trained: Trained) -> None:
    """To a factor of two, upwards where answers end before they have all the tokens that they may have. An own method
    need not say; one that trains nothing says so."""
    known = known_of(tiny)
    efforts = trained.method.effort(tiny, known.policy.parameters)
    assert (efforts is None) == (not type(trained.method).__module__.startswith("methods."))
    if efforts is None:
        return
    cost, foreseen = trained.run.cost, summed(spent_on(effort, known) for effort in efforts)
    assert foreseen.flops / 2 <= cost.flops <= foreseen.flops * 2
    tokens = sum(effort.learned * known.tokens(own=effort.own) for effort in efforts)
    assert tokens / 2 <= cost.trained_tokens <= tokens * 2
    most = sum(effort.drawn for effort in efforts) * tiny.sampling.max_new_tokens
    assert most / 4 <= cost.generated_tokens <= most


def test_weights_steer_the_policy(tiny: Benchmark, trained: Trained) -> None:
    """The policies of e_1 and e_M differ on every prompt, or in what they make of the same model, unless the method is
    not steered. What is in the prompt differs on every prompt even where nothing was trained."""
    first, last = (trained.method.policy(tiny, trained.run, w) for w in (tiny.corners[0], tiny.corners[-1]))
    prompts = tiny.prompts("test")
    answers = first.sample(prompts, tiny.sampling, 0)
    kl = sequence_divergence(first, last, prompts, answers).kl
    steering = trained.method.steering
    if steering == "none" or (steering != "prompt" and not trained.anything):
        assert (kl == 0).all()
        assert (answers == last.sample(prompts, tiny.sampling, 0)) == (steering == "none")
    else:
        assert (kl > 1e-6).all()


def test_points_belong_to_the_simplex(tiny: Benchmark, trained: Trained) -> None:
    points = np.array(trained.method.points(tiny))
    assert points.shape == (len(points), 2)
    assert np.allclose(points.sum(axis=1), 1)
    assert len(points) == (1 if trained.method.steering == "none" else len(set(map(tuple, points.tolist()))))


def test_the_same_seed_gives_the_same_front(tiny: Benchmark, trained: Trained, tmp_path: Path) -> None:
    """Trained anew elsewhere and measured; the first run measured twice, once by a Run that only knows the folder."""
    again, other = Run(tmp_path / "again", 0), Run(tmp_path / "other", 1)
    trained.method.train(tiny, again)
    front = partial(measure, tiny, trained.method)
    first = front(trained.run, tmp_path / "front", points=3)
    reloaded, twin = front(trained.fresh_run, tmp_path / "loaded", points=1), front(again, tmp_path / "twin", points=3)
    for a, b, c in zip(arrays(first), arrays(reloaded), arrays(twin), strict=True):
        assert np.array_equal(a[:1], b)
        assert np.array_equal(a, c)
    if trained.anything:
        trained.method.train(tiny, other)
        assert not np.array_equal(first.kl[:1], front(other, tmp_path / "front-other", points=1).kl)
    assert not np.array_equal(first.scores[:1], front(trained.run, tmp_path / "seed", seed=1, points=1).scores)


def test_a_moved_run_answers_the_same(tiny: Benchmark, trained: Trained, tmp_path: Path) -> None:
    """A run is its folder: no path inside it matters."""
    prompts, w = tiny.prompts("test"), tiny.grid[1]
    expected = trained.method.policy(tiny, trained.run, w).generate(prompts, tiny.sampling, 0)
    if trained.run.dir.exists():
        shutil.copytree(trained.run.dir, tmp_path / "moved")
    moved = trained.method.policy(tiny, Run(tmp_path / "moved", 0), w)
    assert moved.generate(prompts, tiny.sampling, 0) == expected


def test_one_objective_is_enough(own_tiny: Benchmark, tiny_size: None, trained: Trained, tmp_path: Path) -> None:
    """With a single objective there is one point, and it can be trained and measured."""
    one = prepare(replace(own_tiny, objectives=own_tiny.objectives[1:], grid=(), trained_grid=())).benchmark
    run = Run(tmp_path / "run", 0)
    trained.method.train(one, run)
    front = measure(one, trained.method, run, tmp_path / "front")
    assert front.weights == ((1.0,),)
    assert np.isfinite(front.hypervolume("rewards"))


@pytest.mark.parametrize("name", [n for n in (*NAMES, *EXAMPLES) if issubclass(find_method(n), Adapter)])
def test_adapters_are_plain_peft(tiny: Benchmark, tmp_path: Path, name: str) -> None:
    """With lora_rank stages are adapters that plain transformers and peft read: the same logits as ours, and not those
    of the starting policy."""
    corner = replace(tiny, trained_grid=tiny.corners[:1])
    run, method = Run(tmp_path, 0), replace(small(name), lora_rank=2)  # type: ignore[call-arg]
    method.train(corner, run)
    policy = method.policy(corner, run, tiny.corners[0])
    ids = torch.tensor([policy.encode_prompt(tiny.prompts("test")[0])])
    start = str(policy_source(tiny))
    adapters = [path.parent for path in (run.dir / "policy").glob("*/adapter_config.json")]
    assert adapters
    with torch.no_grad():
        before = AutoModelForCausalLM.from_pretrained(start)(ids).logits
        for folder in adapters:
            plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(start), folder).eval()
            ours = load_trained(tiny, folder, fresh=True).model
            assert torch.allclose(plain(ids).logits, ours(ids).logits, atol=1e-4)
            assert (plain(ids).logits - before).abs().max() > 1e-5
            assert not list(folder.glob("model*.safetensors"))
