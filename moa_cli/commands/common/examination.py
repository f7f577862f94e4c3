"""What `moa check` does: examines a method as all methods are, on a tiny benchmark, or a benchmark with tiny models."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

from benchmarks import BadInput, load_benchmark
from benchmarks.common import Part, error_words, load_file
from methods import Method, find_method
from methods.contract import checked_effort
from moa_cli.commands.common.remarks import few_prompts

if TYPE_CHECKING:
    from benchmarks import Benchmark
    from methods.conformance import Examined


class Checked(Part):
    """A check, and what it found."""

    check: str
    wrong: str | None = None
    """What is wrong; None where nothing is."""
    mend: str | None = None
    """What to mend, where something is wrong."""
    note: str | None = None
    """What is to be known beside that."""


def is_benchmark_file(path: Path) -> bool:
    """Whether a file makes a benchmark; else it is one with a method. BadInput where it is neither .toml nor .py."""
    if path.suffix not in (".toml", ".py") or not path.is_file():
        raise BadInput(
            f"{path} is no file of a method or a benchmark" if path.exists() else f"there is no file {path}",
            "a method is a .py file, a benchmark a .toml or a .py file",
            "moa init method NAME or moa init benchmark FILE writes one to start from",
        )
    if path.suffix == ".toml":
        return True
    try:
        return callable(getattr(load_file(path, "a method or a benchmark"), "benchmark", None))
    except BadInput:  # which the first check says
        return False


def examine_method(path: Path, place: Path) -> Iterator[Checked]:
    """What is found of the method in a file, a check at a time; `place` is an empty folder, in which it is trained."""
    from benchmarks.prepare import prepare
    from methods.conformance import FOLDER_CHECKS, POLICY_CHECKS, a_tiny_size, in_small, tiny_benchmark, train_examined

    found = list(_tried("its class is a method", lambda: find_method(str(path))))
    yield found[0]
    if found[0].wrong:
        return
    with a_tiny_size():
        benchmark = tiny_benchmark(place / "home")
        prepare(benchmark)
        trained: list[Examined] = []
        small = lambda: in_small(find_method(str(path)))  # noqa: E731
        train = lambda: trained.append(train_examined(small(), benchmark, place / "run"))  # noqa: E731
        yield from _tried("it can be trained", train, path)
        if not trained:
            return
        for number, check in enumerate((*FOLDER_CHECKS, *POLICY_CHECKS)):
            words = inspect.getdoc(check) or ""
            [one] = _tried(words, lambda: check(trained[0], _folder(place, number)), path)  # noqa: B023
            yield one
            if check is POLICY_CHECKS[0] and one.wrong:
                yield Checked(check="the rest", note="what policies do was not examined: it gives none")
                break
        if type(trained[0].method).effort is not Method.effort:
            yield from _tried("its effort is foreseen", lambda: _foreseen(trained[0]), path)


def examine_benchmark(path: Path, place: Path) -> Iterator[Checked]:
    """What is found of the benchmark in a file, a check at a time; in the empty folder `place` it is prepared with a
    tiny policy and tiny rewards, and the starting policy is measured."""
    loaded: list[Benchmark] = []
    yield from _tried("its settings are right", lambda: loaded.append(load_benchmark(str(path), home=place / "home")))
    if not loaded:
        return
    benchmark = loaded[0]
    told: set[str | None] = set()
    for words, check in (
        ("it has prompts to learn from, to choose on, to report", _rows),
        ("no prompt is in two splits", _apart),
        ("it has answers and pairs to learn from", _answers),
        ("it reads the same twice", lambda b: _same_rows(b, load_benchmark(str(path), home=place / "home"))),
        ("its functions tell answers apart", _functions),
    ):
        [found] = _tried(words, lambda: check(benchmark))  # noqa: B023
        if found.wrong is None or found.wrong not in told:  # one cause is told once
            few = few_prompts(benchmark) if check is _rows and not found.wrong else None
            yield found.model_copy(update={"note": few or None})
        told.add(found.wrong)
    if told - {None}:
        return
    yield from _tried("tiny models learn from it, and are measured on it", lambda: _measured(benchmark, place))


def _tried(words: str, check: Callable[[], object], file: Path | None = None) -> Iterator[Checked]:
    """The outcome of a check, as one. What user's code raises is what it found; what is raised over something that the
    code in `file` returned, too."""
    from methods.conformance import Wrong

    try:
        check()
    except Wrong as wrong:
        yield Checked(check=words, wrong=wrong.what, mend=wrong.mend)
    except BadInput as bad:
        yield Checked(check=words, wrong=f"{bad.what}; {bad.why}", mend=bad.fix)
    except Exception as error:
        yield Checked(check=words, wrong=error_words(error), mend=_place(error, file))
    else:
        yield Checked(check=words)


def _place(error: Exception, file: Path | None) -> str:
    """Where an error came from: the last line of it that is neither moa's nor a library's, else the user's file."""
    frames, packages = extract_tb(error.__traceback__), Path(__file__).resolve().parents[3]
    ours = [
        *(packages / name for name in ("benchmarks", "methods", "moa_cli")),
        Path(sys.prefix),
        Path(sys.base_prefix),
    ]
    theirs = [frame for frame in frames if not any(Path(frame.filename).is_relative_to(folder) for folder in ours)]
    if file and not theirs:
        return f"look at what the methods in {file.name} return"
    last = (theirs or frames)[-1]
    return f"look at {last.filename}, line {last.lineno}: {last.line}"


def _folder(place: Path, number: int) -> Path:
    """A new folder of a check's own."""
    folder = place / f"check-{number}"
    folder.mkdir()
    return folder


def _foreseen(examined: Examined) -> None:
    """That `effort` says what the training took, to a factor of two; a method need not say."""
    from methods.conformance import expect
    from moa_cli.jobs.estimate import known_of, spent_on, summed

    known = known_of(examined.benchmark)
    efforts = checked_effort(examined.method, examined.benchmark, known.policy.parameters)
    if efforts is None:
        return
    took, foreseen = examined.run.cost.flops, summed(spent_on(effort, known) for effort in efforts).flops
    right = foreseen / 2 <= took <= foreseen * 2
    expect(right, f"effort foresees {foreseen:.2g} FLOP, training took {took:.2g}", "count what train does in effort")


def _rows(benchmark: Benchmark) -> None:
    from methods.conformance import expect

    for split in ("train", "dev", "test"):
        expect(benchmark.prompts(split), f"it has no {split} prompts", "add rows, or set test_share")


def _apart(benchmark: Benchmark) -> None:
    from methods.conformance import expect

    seen: set[str] = set()
    for split in ("train", "dev", "test"):
        prompts = benchmark.prompts(split)
        expect(len({*prompts}) == len(prompts), f"a {split} prompt is there twice", "make prompts distinct")
        both = seen & {*prompts}
        expect(not both, f"{min(both, default='')!r:.60} is in {split} and before", "split by prompt, not by row")
        seen |= {*prompts}


def _answers(benchmark: Benchmark) -> None:
    from methods.conformance import expect

    answers, known = benchmark.responses(), {*benchmark.prompts("train")}
    expect(answers and benchmark.demonstrations(), "it has no answers to learn from", "add answers or pairs")
    strange = [a.prompt for a in answers if a.prompt not in known]
    expect(
        not strange, f"an answer is to {strange[:1]}, which is no training prompt", "give train prompts' answers only"
    )
    expect(all(a.response.strip() for a in answers), "an answer is empty", "leave such rows out")


def _same_rows(benchmark: Benchmark, again: Benchmark) -> None:
    from methods.conformance import expect

    same = benchmark.data.fingerprint() == again.data.fingerprint() and benchmark.responses() == again.responses()
    expect(same, "loaded twice, it has other rows", "draw with a fixed seed, and read in a fixed order")


def _functions(benchmark: Benchmark) -> None:
    """That rewards and evaluators which are functions give the same numbers twice, and not one to all answers."""
    import numpy as np

    from benchmarks import FunctionReward
    from methods.conformance import expect

    answers = benchmark.responses()[:200]
    prompts, responses = [a.prompt for a in answers], [a.response for a in answers]
    for objective in benchmark.objectives:
        for signal in dict.fromkeys((objective.reward, objective.evaluator)):
            if isinstance(signal, FunctionReward):
                score = signal.scorer(benchmark, objective.name)
                first, second = (np.asarray(score(prompts, responses), dtype=float) for _ in range(2))
                name = signal.function
                shape = first.shape == (len(answers),) and np.isfinite(first).all()
                expect(shape, f"{name} returned no number for each answer", "return len(responses) finite numbers")
                expect(
                    np.array_equal(first, second), f"{name} gives the same answers other scores", "draw nothing in it"
                )
                mend = "look at what it counts: a reward that is always the same orders nothing"
                expect(first.std() > 0, f"{name} gives all {len(answers)} answers {first[:1]}", mend)


def _measured(benchmark: Benchmark, place: Path) -> None:
    """Prepares it with tiny models, and measures the starting policy.

    What such a policy says is noise, which a reward that is not trained may give one number throughout: the length of
    answers takes its place.
    """
    from benchmarks import TrainedReward
    from benchmarks.prepare import prepare
    from methods import Run
    from methods.conformance import LENGTH, Examined, a_tiny_size

    def tiny(signal: object) -> object:
        return replace(signal, base="tiny", steps=2, batch=4) if isinstance(signal, TrainedReward) else LENGTH

    small = replace(
        benchmark,
        policy="scratch:tiny",
        template="",
        precision="",
        eval_prompts=min(benchmark.eval_prompts, 8),
        objectives=tuple(replace(o, reward=tiny(o.reward), evaluator=tiny(o.evaluator)) for o in benchmark.objectives),  # type: ignore[arg-type]
        sampling=replace(benchmark.sampling, max_new_tokens=min(benchmark.sampling.max_new_tokens, 16)),
        scratch=replace(benchmark.scratch, vocabulary=300, pretrain_steps=4, sft_steps=2, batch=4),
        home=place / "small",
    )
    with a_tiny_size():
        prepare(small)
        nothing = Examined(find_method("sft")(), small, Run(place / "nothing", 0), place, {}, {})
        nothing.measure(nothing.run, place / "front")
