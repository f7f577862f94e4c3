"""`moa eval`."""

from __future__ import annotations

from pathlib import Path

from moa_cli.commands import options
from moa_cli.commands.common import (
    benchmark_list,
    check_runs,
    folder_names,
    method_folders,
    named_files,
    same_place,
    seed_in,
    settings_of,
    succeed,
)
from moa_cli.commands.options import (
    AsJson,
    BenchmarksOrAll,
    DataDir,
    DryRun,
    Home,
    Items,
    Jobs,
    Prepared,
    RewardTimeout,
    Verbose,
)
from moa_cli.console import out, suggest


def evaluate(
    run: options.RunFolders = None,
    pareto: options.Pareto = False,
    weights: options.OnePoint = None,
    responses: options.ResponsesFile = None,
    rescore: options.Rescore = False,
    prompts: options.Prompts = False,
    name: options.Name = None,
    column: options.ColumnNames = None,
    seed: options.OneSeed = None,
    method: options.MethodsOrAll = None,
    benchmark: BenchmarksOrAll = None,
    config: Items = None,
    prepared: Prepared = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    reward_timeout: RewardTimeout = None,
    dry_run: DryRun = False,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Measure trained runs at each weight, or score answers that are there: made elsewhere, or stored.

    \b
    moa eval --pareto
    moa eval --pareto --dry-run
    moa eval --weights 0.3,0.7 -m ric -b hh-rlhf-mini
    moa eval --prompts -b hh-rlhf-mini
    moa eval --responses answers.jsonl --name theirs
    moa eval --responses answers.csv --column prompt=question --column answer=output --seed 1
    moa eval --rescore
    """
    from benchmarks.common import to_type
    from moa_cli.commands.common import (
        Doing,
        check_mode,
        front_table,
        measure_runs,
        only_benchmark,
        score_again,
        take_in,
    )
    from moa_cli.runs import read_responses

    modes = {
        "--pareto": pareto, "--weights": weights is not None, "--responses": responses is not None,
        "--rescore": rescore, "--prompts": prompts,
    }  # fmt: skip
    beside = {"RUN": run, "--name": name is not None, "--column": column, "--seed": seed is not None}
    check_mode(modes, beside | {"--method": method, "--config": config, "--data-dir": data_dir, "--prepared": prepared})
    doing = Doing(jobs, dry_run, json)
    if responses or prompts:
        settings = settings_of(config, benchmark_list(benchmark), [], data_dir, runs)
        source, chosen = only_benchmark(settings, runs, data_dir)
        if prompts:
            out([{"prompt": prompt} for prompt in chosen.prompts("test")])
            return
        assert responses is not None
        found = read_responses(responses, chosen, columns=column or [], method=name, seed=seed_in(seed))
        fronts, outcomes = take_in(found, source, chosen, doing, prepared=prepared)
    else:
        mode = ["--rescore"] if rescore else ["--pareto"] if pareto else ["--weights", weights]
        check_runs(run or [], runs, to_type("moa", "eval", *mode))
        picked = run or [], folder_names(benchmark, runs), runs, doing
        methods, named = method_folders(method), named_files(method, benchmark)
        if rescore:
            fronts, outcomes = score_again(*picked, methods=methods, named=named)
        else:
            fronts, outcomes = measure_runs(*picked, weights, methods=methods, named=named, prepared=prepared)
    if json:
        out([front.model_dump(mode="json") for front in fronts])
    else:
        out(tuple(front_table(front, whole=weights is None) for front in fronts))
    succeed(outcomes)
    if weights is None:
        suggest(f"moa compare{same_place([], [], runs)}")
